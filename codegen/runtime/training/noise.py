"""Noise while training that torch has no module for."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gaussian_noise(x: Tensor, std: float) -> Tensor:
    """`x` plus normally distributed noise."""
    return x + std * torch.randn_like(x)


def gaussian_dropout(x: Tensor, p: float) -> Tensor:
    """`x` times normally distributed noise around 1, with the variance of a dropout."""
    return x * (1 + math.sqrt(p / (1 - p)) * torch.randn_like(x))


def shared_dropout(x: Tensor, p: float, dims: list[int], rank: int) -> Tensor:
    """`x` without random slices along `dims`, the rest scaled up."""
    return x * F.dropout(x.new_ones(shared_shape(x, dims, rank)), p)


def shared_alpha_dropout(x: Tensor, p: float, dims: list[int], rank: int) -> Tensor:
    """Dropout of slices along `dims` that keeps mean and variance of SELU's outputs."""
    kept = torch.rand(shared_shape(x, dims, rank), device=x.device) >= p
    floor = -1.7580993408473766  # what a SELU yields far below zero
    scale = 1 / math.sqrt((1 - p) * (1 + p * floor**2))
    return scale * (torch.where(kept, x, floor) - floor * p)


def shared_shape(x: Tensor, dims: list[int], rank: int) -> list[int]:
    """The shape of `x`, which has `rank` dims, with size 1 at `dims`."""
    return [1 if dim in dims else x.shape[dim] for dim in range(rank)]


class SharedDropout(nn.Module):
    """Drops slices along some dims while training.

    Args:
        p: Share of what is dropped.
        dims: Along these, all elements are dropped or none.
        rank: How many dims there are.
    """

    def __init__(self, p: float, dims: list[int], rank: int = 3) -> None:
        super().__init__()
        self.p = p
        self.dims = dims
        self.rank = rank

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return shared_dropout(x, self.p, self.dims, self.rank) if self.training else x


class SharedAlphaDropout(SharedDropout):
    """Drops slices while training, keeps mean and variance of SELU's outputs.

    Args:
        p: See `SharedDropout`.
        dims: See `SharedDropout`.
        rank: See `SharedDropout`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return shared_alpha_dropout(x, self.p, self.dims, self.rank) if self.training else x


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
