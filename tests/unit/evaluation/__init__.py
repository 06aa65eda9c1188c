"""Tests of compiled functions: reading them, and evaluating them."""
