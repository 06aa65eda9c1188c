"""Keras' constraints: `constraints.py` of Keras 3 and 2, which are the same."""

from __future__ import annotations

from torch import Tensor


def max_norm_(weight: Tensor, limit: float, dim: tuple[int, ...]) -> None:
    """Scale what is longer than the limit along `dim`."""
    norm = weight.square().sum(dim, keepdim=True).sqrt()
    weight.mul_(norm.clamp(max=limit) / (1e-7 + norm))


def unit_norm_(weight: Tensor, dim: tuple[int, ...]) -> None:
    """Scale to length 1 along `dim`."""
    weight.div_(1e-7 + weight.square().sum(dim, keepdim=True).sqrt())


def min_max_norm_(weight: Tensor, low: float, high: float, rate: float, dim: tuple[int, ...]) -> None:
    """Move the length along `dim` towards the bounds that it is beyond."""
    norm = weight.square().sum(dim, keepdim=True).sqrt()
    weight.mul_((rate * norm.clamp(low, high) + (1 - rate) * norm) / (1e-7 + norm))


def non_negative_(weight: Tensor) -> None:
    """Replace what is below zero by zero."""
    weight.clamp_(min=0)
