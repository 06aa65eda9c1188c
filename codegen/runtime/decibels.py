"""Loudness."""

from __future__ import annotations

from torch import Tensor


def to_decibels(power: Tensor, least: float, span: float) -> Tensor:
    """Decibels, at most `span` below the loudest; no power is below `least`."""
    level = 10 * power.clamp(min=least).log10()
    return level.clamp(min=level.max() - span)
