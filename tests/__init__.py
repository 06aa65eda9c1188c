"""Tests of k2t-gen."""
