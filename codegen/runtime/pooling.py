"""Pooling that says where it found what it takes."""

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
