"""Loudness."""

from __future__ import annotations

from torch import Tensor


def to_decibels(power: Tensor, least: float, span: float) -> Tensor:
    """Decibels, at most `span` below the loudest; powers below `least` count as that."""
    level = 10 * power.clamp(min=least).log10()
    return level.clamp(min=level.max() - span)
