"""Tests against real Keras: live, or by outputs that old versions stored in tests/fixtures."""
