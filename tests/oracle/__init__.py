"""Tests against real Keras."""
