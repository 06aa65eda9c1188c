"""Images (N, C, H, W) in another size, as TensorFlow 1 resizes: by pixels' corners."""

from __future__ import annotations

import torch
from torch import Tensor

from codegen.runtime.images.resizing import resample


def resize_cubic_corners(x: Tensor, size: list[int], align_corners: bool) -> Tensor:
    """Bicubic, positions between pixels rounded to 1/1024, edges repeated."""
    weights: list[Tensor] = []
    for i in range(2):
        position = corner_positions(x.shape[2 + i], size[i], align_corners, x.device)
        low = position.floor()
        position = low + ((position - low) * 1024).round() / 1024
        pixel = torch.arange(-2, x.shape[2 + i] + 2, device=x.device)
        d = (pixel - position[:, None]).abs()
        near = (1.25 * d - 2.25) * d * d + 1
        far = ((-0.75 * d + 3.75) * d - 6) * d + 3
        weight = torch.where(d < 1, near, far) * (d < 2)
        inside = weight[:, 2:-2].clone()
        inside[:, 0] += weight[:, :2].sum(dim=1)
        inside[:, -1] += weight[:, -2:].sum(dim=1)
        weights.append(inside)
    return resample(x, weights)


def resize_nearest_aligned(x: Tensor, size: list[int]) -> Tensor:
    """The nearest pixels, where the outer ones of both images lie on each other."""
    for i in range(2):
        position = corner_positions(x.shape[2 + i], size[i], True, x.device)
        index = (position + 0.5).long().clamp(max=x.shape[2 + i] - 1)
        x = x.index_select(2 + i, index)
    return x


def corner_positions(size_in: int, size_out: int, align_corners: bool, device: torch.device) -> Tensor:
    """Where each new pixel lies among the old ones."""
    scale = size_in / size_out
    if align_corners and size_out > 1:
        scale = (size_in - 1) / (size_out - 1)
    return torch.arange(size_out, device=device) * torch.tensor(scale, device=device)
