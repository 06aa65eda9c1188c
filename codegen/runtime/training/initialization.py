"""Initialisers that torch lacks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def variance_scaling_(weight: Tensor, scale: float, mode: str) -> None:
    """Fill (outputs, inputs, ...) with truncated normals of variance scale / fan."""
    fan_in, fan_out = weight[0].numel(), weight[:, 0].numel()
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    # Cut off at two deviations, a normal distribution has a deviation of 0.88.
    std = math.sqrt(scale / fans[mode]) / 0.87962566103423978
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def orthogonal_in_half_(weight: Tensor, gain: float = 1.0) -> None:
    """`nn.init.orthogonal_` for half precision, which torch lacks it for."""
    wide = nn.init.orthogonal_(torch.empty_like(weight, dtype=torch.float32), gain)
    with torch.no_grad():
        weight.copy_(wide)
