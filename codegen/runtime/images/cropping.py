"""Boxes cut out of images and resized."""

from __future__ import annotations

import torch
from torch import Tensor


def crop_and_resize(
    x: Tensor,
    boxes: Tensor,
    which: Tensor,
    size: list[int],
    method: str,
    fill: float,
) -> Tensor:
    """Boxes of images in one size.

    Args:
        x: (N, H, W, C).
        boxes: (boxes, 4): top, left, bottom, right, with 0 and 1 at the outer pixels.
        which: The image of each box, (boxes,).
        size: Height and width of the results.
        method: "bilinear" or "nearest".
        fill: What is outside of an image.
    """
    places: list[Tensor] = []
    inside: list[Tensor] = []
    for dim in range(2):
        last = x.shape[dim + 1] - 1
        low, high = boxes[:, dim, None] * last, boxes[:, dim + 2, None] * last
        steps = torch.arange(size[dim], device=x.device)
        step = (high - low) / (size[dim] - 1) if size[dim] > 1 else 0 * low
        place = low + steps * step if size[dim] > 1 else 0.5 * (low + high)
        places.append(place)
        inside.append((place >= 0) & (place <= last))
    kept = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)
    sample = which.long()[:, None, None]
    if method == "nearest":
        rows, columns = [(place + 0.5).floor().long() for place in places]
        rows = rows.clamp(0, x.shape[1] - 1).unsqueeze(2)
        columns = columns.clamp(0, x.shape[2] - 1).unsqueeze(1)
        found = x[sample, rows, columns]
    else:
        found = x.new_zeros([boxes.shape[0], size[0], size[1], x.shape[3]])
        for row in range(2):
            for column in range(2):
                row_place = places[0].floor() + row
                column_place = places[1].floor() + column
                weight = (1 - (places[0] - row_place).abs()).unsqueeze(2)
                weight = weight * (1 - (places[1] - column_place).abs()).unsqueeze(1)
                rows = row_place.long().clamp(0, x.shape[1] - 1).unsqueeze(2)
                columns = column_place.long().clamp(0, x.shape[2] - 1).unsqueeze(1)
                found = found + x[sample, rows, columns] * weight.unsqueeze(3)
    return torch.where(kept.unsqueeze(3), found, torch.full_like(found, fill))
