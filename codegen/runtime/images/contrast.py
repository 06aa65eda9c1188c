"""Contrast of images, as Keras' preprocessing layers change it."""

from __future__ import annotations

import torch
from torch import Tensor

from codegen.runtime.images.padding_modes import pad_dim


def auto_contrast(x: Tensor, dims: list[int], low: float = 0.0, high: float = 255.0) -> Tensor:
    """Stretch each channel of each image to the whole range; constant ones stay.

    Args:
        x: Images.
        dims: Those of height and width.
        low: Where the range of values begins.
        high: Where it ends.
    """
    y = (x - low) / (high - low) * 255
    darkest = y.amin(dim=dims, keepdim=True)
    scale = 255 / (y.amax(dim=dims, keepdim=True) - darkest)
    y = (y * scale - darkest * scale).clamp(0, 255) / 255 * (high - low) + low
    return torch.where(y.isnan(), x, y)


def equalize_tiles(x: Tensor, grid: list[int], clip_limit: float) -> Tensor:
    """Contrast limited adaptive histogram equalisation.

    Args:
        x: (N, C, H, W), values from 0 to 255.
        grid: Number of tiles from top to bottom and from left to right.
        clip_limit: How far above the mean a bin of a histogram may be; 0 for no limit.
    """
    n, c, height, width = x.shape
    rows, columns = grid
    h, w = -(-height // rows), -(-width // columns)
    pixels = pad_dim(x, 2, 0, h * rows - height, "symmetric")
    pixels = pad_dim(pixels, 3, 0, w * columns - width, "symmetric").clamp(0, 255).long()

    tiles = pixels.reshape(n, c, rows, h, columns, w).transpose(3, 4).flatten(4)
    counts = x.new_zeros(n, c, rows, columns, 256)
    counts = counts.scatter_add(4, tiles, torch.ones_like(tiles, dtype=x.dtype))
    if clip_limit > 0:
        clipped = counts.clamp(max=clip_limit * (h * w) / 256)
        counts = clipped + (counts - clipped).sum(dim=4, keepdim=True) / 256
    total = counts.cumsum(dim=4)
    least = total.amin(dim=4, keepdim=True)
    rest = h * w - least
    levels = ((total - least) * 255 / rest.where(rest != 0, 1.0)).clamp(0, 255)

    # Each pixel's level is blended from those of the four tiles around it.
    y = (torch.arange(h * rows, device=x.device) - h / 2) / h
    top, y_share = y.floor(), (y - y.floor())[:, None]
    x_ = (torch.arange(w * columns, device=x.device) - w / 2) / w
    left, x_share = x_.floor(), x_ - x_.floor()
    found: list[Tensor] = []
    for tile_y in (top, top + 1):
        for tile_x in (left, left + 1):
            row = tile_y.clamp(0, rows - 1).long()[:, None]
            column = tile_x.clamp(0, columns - 1).long()
            index = (row * columns + column) * 256 + pixels
            found.append(levels.flatten(2).gather(2, index.flatten(2)).view(index.shape))
    upper = found[0] * (1 - x_share) + found[1] * x_share
    lower = found[2] * (1 - x_share) + found[3] * x_share
    return (upper * (1 - y_share) + lower * y_share)[:, :, :height, :width]
