"""Layers that run over time, and the wrappers around them."""
