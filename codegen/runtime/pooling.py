"""Pooling that says where it found what it takes, or adds to it before."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def max_pool_with_argmax(
    x: Tensor,
    kernel_size: list[int],
    stride: list[int],
    pads: list[int],
    with_batch: bool,
) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and its place in an image (H, W, C).

    Args:
        x: (N, C, H, W).
        kernel_size: Height and width of the window.
        stride: Steps between windows.
        pads: As `F.pad` takes them.
        with_batch: Whether places count through all images.
    """
    channels, height, width = x.shape[1:]
    padded = F.pad(x, pads, value=float("-inf"))
    y, index = F.max_pool2d(padded, kernel_size, stride, return_indices=True)
    row, column = index // padded.shape[3] - pads[2], index % padded.shape[3] - pads[0]
    channel = torch.arange(channels, device=x.device)[:, None, None]
    place = (row * width + column) * channels + channel
    if with_batch:
        sample = torch.arange(x.shape[0], device=x.device)[:, None, None, None]
        place = place + sample * (height * width * channels)
    return y, place


def pyramid_pool(x: Tensor, bins: list[tuple[int, int]]) -> Tensor:
    """The means of the parts of each image, (N, C, H, W) -> (N, C, parts).

    Args:
        x: Rows and columns that do not divide evenly are left out.
        bins: Into how many rows and columns of parts the images are cut, one way after the other.
    """
    parts: list[Tensor] = []
    for rows, columns in bins:
        height, width = x.shape[2] // rows * rows, x.shape[3] // columns * columns
        cut = x[:, :, :height, :width]
        parts.append(F.adaptive_avg_pool2d(cut, (rows, columns)).flatten(2))
    return torch.cat(parts, dim=2)


def dilate(x: Tensor, kernel: Tensor, stride: list[int], gaps: list[int], pads: list[int]) -> Tensor:
    """Grayscale dilation: the largest sum of each window and the kernel.

    Args:
        x: (N, C, H, W).
        kernel: (height, width, C).
        stride: Steps between windows.
        gaps: Steps between the elements of a window.
        pads: As `F.pad` takes them; what is padded is never the largest.
    """
    x = F.pad(x, pads, value=float("-inf"))
    height = (x.shape[2] - 1 - (kernel.shape[0] - 1) * gaps[0]) // stride[0] + 1
    width = (x.shape[3] - 1 - (kernel.shape[1] - 1) * gaps[1]) // stride[1] + 1
    sums: list[Tensor] = []
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = x[:, :, i * gaps[0] :: stride[0], j * gaps[1] :: stride[1]]
            sums.append(rows[:, :, :height, :width] + kernel[i, j][:, None, None])
    return torch.stack(sums).amax(dim=0)
