"""Tests of what verifies conversions."""
