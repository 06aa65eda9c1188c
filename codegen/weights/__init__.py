"""Weights: which stored array is which variable, and the file of torch tensors."""

from codegen.weights.binding import bind
from codegen.weights.state_dict import write_state_dict

__all__ = ["bind", "write_state_dict"]
