"""Hue and saturation of images."""

from __future__ import annotations

import torch
from torch import Tensor

from codegen.runtime.images.conversions import hsv_to_rgb, rgb_to_hsv


def adjust_saturation(x: Tensor, factor: float, dim: int) -> Tensor:
    """Images in red, green, blue with their saturation multiplied, at most 1."""
    hue, saturation, value = rgb_to_hsv(x, dim).unbind(dim)
    saturation = (saturation * factor).clamp(0, 1)
    return hsv_to_rgb(torch.stack([hue, saturation, value], dim), dim)


def adjust_hue(x: Tensor, delta: float, dim: int) -> Tensor:
    """Images in red, green, blue with their hue turned, 1 being a full turn."""
    hue, saturation, value = rgb_to_hsv(x, dim).unbind(dim)
    return hsv_to_rgb(torch.stack([(hue + delta) % 1, saturation, value], dim), dim)
