"""Colours, patches and similarity of images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def rgb_to_hsv(x: Tensor, dim: int) -> Tensor:
    """Hue, saturation and value, from 0 to 1, of red, green and blue along `dim`."""
    red, green, blue = x.unbind(dim)
    value = x.amax(dim=dim)
    spread = value - x.amin(dim=dim)
    sixth = 1 / (6 * spread)
    hue = torch.where(green == value, sixth * (blue - red) + 1 / 3, sixth * (red - green) + 2 / 3)
    hue = torch.where(red == value, sixth * (green - blue), hue)
    hue = torch.where(spread > 0, hue, 0.0)
    hue = torch.where(hue < 0, hue + 1, hue)
    saturation = torch.where(value > 0, spread / value, 0.0)
    return torch.stack((hue, saturation, value), dim=dim)


def hsv_to_rgb(x: Tensor, dim: int) -> Tensor:
    """Red, green and blue of hue, saturation and value along `dim`."""
    hue, saturation, value = x.unbind(dim)
    sixths = 6 * hue
    red = ((sixths - 3).abs() - 1).clamp(0, 1)
    green = (2 - (sixths - 2).abs()).clamp(0, 1)
    blue = (2 - (sixths - 4).abs()).clamp(0, 1)
    parts = [(1 - saturation + saturation * part) * value for part in (red, green, blue)]
    return torch.stack(parts, dim=dim)


def extract_patches(x: Tensor, size: list[int], stride: list[int], dilation: list[int]) -> Tensor:
    """Windows of an image as vectors.

    Args:
        x: (N, C, *spatial).
        size: Of the windows, per spatial dim.
        stride: Distance between the beginnings of two windows.
        dilation: Distance between two elements of a window.

    Returns:
        (N, *number of windows, elements of a window * C), the channels last.
    """
    for i in range(len(size)):
        extent = (size[i] - 1) * dilation[i] + 1
        x = x.unfold(2 + i, extent, stride[i])[..., :: dilation[i]]
    return x.movedim(1, -1).flatten(len(size) + 1)


def structural_similarity(x: Tensor, y: Tensor, kernel: Tensor, c1: float, c2: float) -> Tensor:
    """Mean structural similarity (SSIM) of each pair of images.

    Args:
        x: (N, C, H, W).
        y: The same.
        kernel: Weights of a window's elements, (height, width).
        c1: Keeps the comparison of means from dividing by zero.
        c2: The same for variances.
    """
    images = torch.stack((x, y, x * x, y * y, x * y))
    means = F.conv2d(images.reshape(-1, 1, *x.shape[2:]), kernel[None, None])
    means = means.reshape(5, *x.shape[:2], *means.shape[2:])
    mean_x, mean_y, square_x, square_y, product = means.unbind()
    covariance = product - mean_x * mean_y
    variances = square_x - mean_x.square() + square_y - mean_y.square()
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x.square() + mean_y.square() + c1) * (variances + c2)
    similarity = above / below
    return similarity.mean(dim=(1, 2, 3))
