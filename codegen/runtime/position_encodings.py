"""Sines and cosines of positions, which attention turns queries and keys by or adds to images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class GridRotation(nn.Module):
    """Turns pairs of channels by angles that grow with the rows and columns of patches, as in EVA-02.

    Args:
        channels: Of the input.
        size: Rows and columns of patches.
        num_heads: Heads that the channels are made of, which are turned alike.
        reach: How many rows and columns the angles count, however many there are; 0 for each.
        class_token: Whether a class token stands in front of the patches.
        registers: Register tokens behind the patches, a square number.
        temperature: Of the wave lengths.
        register_reach: The same for the registers.
        register_temperature: The same for the registers.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        num_heads: int = 1,
        reach: int = 16,
        class_token: bool = True,
        registers: int = 0,
        temperature: float = 1e4,
        register_reach: int = 14,
        register_temperature: float = 100.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        width = channels // num_heads // 2
        angles = grid_angles(size, width, reach, temperature)
        if class_token:
            angles = torch.cat([torch.zeros(1, angles.shape[1]), angles])
        if registers:
            side = math.isqrt(registers)
            more = grid_angles((side, side), width, register_reach, register_temperature)
            angles = torch.cat([angles, more])
        angles = angles.repeat(1, num_heads)
        self.register_buffer("cos", angles.cos().to(dtype), persistent=False)
        self.register_buffer("sin", angles.sin().to(dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., tokens, channels) -> the same shape."""
        first, second = torch.unflatten(x, -1, (-1, 2)).unbind(-1)
        turned = torch.stack([-second, first], dim=-1).flatten(-2)
        return x * self.cos + turned * self.sin


def grid_angles(size: tuple[int, int], channels: int, reach: int, temperature: float) -> Tensor:
    """(height * width, 2 * channels): angles for the rows, then for the columns, each of them twice."""
    rates = temperature ** -(torch.arange(0, channels, 2) / channels)
    rows, columns = (torch.arange(n) * (reach / n if reach > 0 else 1) for n in size)
    of_rows = (rows.unsqueeze(1) * rates).repeat_interleave(2, dim=1)
    of_columns = (columns.unsqueeze(1) * rates).repeat_interleave(2, dim=1)
    height, width = size
    return torch.cat([of_rows.repeat_interleave(width, dim=0), of_columns.repeat(height, 1)], dim=1)


class FourierPositions(nn.Module):
    """Adds to an image a linear layer of sines and cosines of its rows and columns, as in EdgeNeXt.

    Args:
        channels: Of the image.
        size: Its height and width.
        num_features: Sines and cosines for each axis.
        temperature: Of the wave lengths.
        dtype: Of the parameters.
    """

    features: Tensor

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        num_features: int,
        temperature: float = 1e4,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(2 * num_features, channels, dtype=dtype)
        rates = temperature ** -(torch.arange(0, num_features, 2) / num_features)
        waves = []
        for n in size:
            angles = 2 * math.pi * torch.arange(1, n + 1).unsqueeze(1) / (n + 1e-6) * rates
            waves.append(torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1))
        height, width = size
        rows = waves[0].unsqueeze(1).expand(-1, width, -1)
        columns = waves[1].unsqueeze(0).expand(height, -1, -1)
        self.register_buffer("features", torch.cat([rows, columns], dim=-1).to(dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, channels) -> the same shape."""
        y: Tensor = self.projection(self.features)
        return x + y


def rotate_halves(x: Tensor, temperature: float) -> Tensor:
    """Pairs of channels turned by angles that grow with the step, as in Llama.

    Args:
        x: (..., T, heads, 2, C), the pairs on the last dim but one.
        temperature: Of the wave lengths.
    """
    steps, channels = x.shape[-4], x.shape[-1]
    rates = temperature ** -(torch.arange(channels, device=x.device) / channels)
    angles = torch.arange(steps, device=x.device).unsqueeze(1) * rates
    cos, sin = angles.cos().to(x.dtype).unsqueeze(1), angles.sin().to(x.dtype).unsqueeze(1)
    left, right = x.unbind(-2)
    return torch.stack([left * cos - right * sin, right * cos + left * sin], dim=-2)


def time_step_embedding(steps: Tensor, half: int, period: int) -> Tensor:
    """(N,) -> (N, 2 * half): cosines, then sines of time steps at growing wave lengths."""
    rates = torch.exp(-math.log(period) * torch.arange(half, device=steps.device) / half)
    angles = steps.unsqueeze(-1) * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class ShiftedWindowMask(nn.Module):
    """Keeps apart, in windows of a shifted image, what the shift has brought together, as in Swin.

    Args:
        size: Height and width of the image.
        window: Height and width of the windows.
        shift: By how much the image is shifted.
    """

    mask: Tensor

    def __init__(self, size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]) -> None:
        super().__init__()
        borders = [
            torch.arange(n).ge(n - k).int() + torch.arange(n).ge(n - s)
            for n, k, s in zip(size, window, shift, strict=True)
        ]
        regions = borders[0].unsqueeze(1) * 3 + borders[1]
        parts = regions.unfold(0, window[0], window[0]).unfold(1, window[1], window[1])
        parts = parts.reshape(-1, window[0] * window[1])
        differ = parts.unsqueeze(1) != parts.unsqueeze(2)
        self.register_buffer("mask", differ.float() * -100, persistent=False)

    def forward(self, scores: Tensor) -> Tensor:
        """(N * windows, heads, T, T) -> the same shape."""
        windows = torch.unflatten(scores, 0, (-1, len(self.mask)))
        return (windows + self.mask.to(scores.dtype).unsqueeze(1)).flatten(0, 1)


def rotary(
    x: Tensor, wavelength: float = 1e4, dim: int = 1, scale: float = 1.0, period: int | None = None
) -> Tensor:
    """Pairs of features, half the last dim apart, turned by angles that grow with the position (RoPE).

    Args:
        x: (..., features).
        wavelength: Of the slowest pair.
        dim: That of the positions.
        scale: What the angles are divided by.
        period: Features that the wave lengths count; those of `x` if not given.
    """
    size = x.shape[-1]
    rates = wavelength ** -(torch.arange(0, size, 2, device=x.device) / (period or size)) / scale
    angles = torch.arange(x.shape[dim], device=x.device).unsqueeze(1) * rates
    shape = [1] * x.dim()
    shape[dim], shape[-1] = x.shape[dim], size
    angles = torch.cat([angles, angles], dim=1).view(shape)
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat([-second, first], dim=-1)
    return x * angles.cos().to(x.dtype) + turned * angles.sin().to(x.dtype)


def sine_positions(x: Tensor, wavelength: float, first: int = 0) -> Tensor:
    """(..., T, C) -> the same shape: sines and cosines of the positions in turns, whatever stands there."""
    channels = torch.arange(x.shape[-1], device=x.device)
    rates = wavelength ** -(2 * (channels // 2) / x.shape[-1])
    angles = torch.arange(first, first + x.shape[-2], device=x.device).unsqueeze(1) * rates
    waves = torch.where(channels % 2 == 0, angles.sin(), angles.cos())
    return waves.to(x.dtype).expand_as(x)
