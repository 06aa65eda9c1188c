"""Helpers that work on images."""
