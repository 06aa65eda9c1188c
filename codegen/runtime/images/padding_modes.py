"""Padding by copies of the tensor itself, along any dim and by any amount."""

from __future__ import annotations

import torch
from torch import Tensor


def pad_dim(x: Tensor, dim: int, low: int, high: int, mode: str) -> Tensor:
    """Pad one dim as numpy does.

    Args:
        x: Any shape; the dim must not be empty.
        dim: Which dim.
        low: How much before.
        high: How much behind.
        mode: "edge" repeats the border, "reflect" mirrors at it, "symmetric" does both.
    """
    size = x.shape[dim]
    index = torch.arange(-low, size + high, device=x.device)
    if mode == "reflect":
        period = max(2 * size - 2, 1)
        index = index % period
        index = torch.minimum(index, period - index)
    elif mode == "symmetric":
        index = index % (2 * size)
        index = torch.minimum(index, 2 * size - 1 - index)
    return x.index_select(dim, index.clamp(0, size - 1))
