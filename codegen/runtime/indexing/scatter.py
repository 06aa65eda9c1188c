"""Writing into parts of a tensor, without changing it in place."""

from __future__ import annotations

import torch
from torch import Tensor


def scatter_add(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """A copy of `x` with `updates` added at `indices`; several at one place add up.

    Args:
        x: Any shape.
        indices: Integers, (..., k): positions along the first k dims of `x`.
        updates: (..., rest of the shape of `x`).
    """
    positions = indices.long().unbind(-1)
    return x.index_put(positions, updates, accumulate=True)


def scatter_reduce(x: Tensor, indices: Tensor, updates: Tensor, reduce: str) -> Tensor:
    """A copy of `x` with `updates` combined into it at `indices`.

    Args:
        x: Any shape.
        indices: Integers, (..., k): positions along the first k dims of `x`.
        updates: (..., rest of the shape of `x`).
        reduce: "prod", "amin" or "amax".
    """
    depth = indices.shape[-1]
    flat = x.flatten(0, depth - 1)
    rows = torch.zeros_like(indices[..., 0], dtype=torch.long)
    for dim in range(depth):
        rows = rows * x.shape[dim] + indices[..., dim].long() % x.shape[dim]
    updates = updates.reshape(-1, *flat.shape[1:])
    rows = rows.reshape(-1, *([1] * (flat.dim() - 1))).expand_as(updates)
    return flat.scatter_reduce(0, rows, updates, reduce).reshape(x.shape)


def update_block(x: Tensor, starts: list[int], updates: Tensor) -> Tensor:
    """`x` with `updates` as its block from `starts` on, which stays within `x`."""
    result = x.clone()
    block = result
    for dim, start in enumerate(starts):
        size = updates.shape[dim]
        block = block.narrow(dim, max(min(start, x.shape[dim] - size), 0), size)
    block.copy_(updates)
    return result


def update_block_at(x: Tensor, starts: Tensor, updates: Tensor) -> Tensor:
    """The same with `starts` as a tensor, (dims of `x`,); the block stays within `x`."""
    index: list[Tensor | None] = []
    for dim, size in enumerate(updates.shape):
        first = starts[dim].long().clamp(0, x.shape[dim] - size)
        steps = first + torch.arange(size, device=x.device)
        index.append(steps.reshape([-1] + [1] * (x.dim() - 1 - dim)))
    return x.index_put(index, updates)
