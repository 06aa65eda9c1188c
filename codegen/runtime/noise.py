"""Noise while training that torch has no module for."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def gaussian_noise(x: Tensor, std: float) -> Tensor:
    """`x` plus normally distributed noise."""
    return x + std * torch.randn_like(x)


def gaussian_dropout(x: Tensor, p: float) -> Tensor:
    """`x` times normally distributed noise around 1, with the variance of a dropout."""
    return x * (1 + math.sqrt(p / (1 - p)) * torch.randn_like(x))


class GaussianNoise(nn.Module):
    """Adds normally distributed noise while training.

    Args:
        std: Its standard deviation.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return gaussian_noise(x, self.std) if self.training else x


class GaussianDropout(nn.Module):
    """Multiplies by normally distributed noise around 1 while training.

    Args:
        p: The share that a `nn.Dropout` with the same variance would drop.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return gaussian_dropout(x, self.p) if self.training else x
