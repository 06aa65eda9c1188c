"""Weights: which stored array is which variable."""

from codegen.weights.binding import bind

__all__ = ["bind"]
