"""Reductions of rows by segment, and ranks of elements."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_reduce(x: Tensor, ids: Tensor, count: int, reduce: str, empty: float) -> Tensor:
    """Combine the rows that belong to the same segment.

    Args:
        x: (N, ...).
        ids: The segment of each row, (N,); rows with a negative one are left out.
        count: Number of segments.
        reduce: "sum", "prod", "amax" or "amin".
        empty: What a segment without rows holds.
    """
    rows = torch.where(ids < 0, count, ids).long()
    rows = rows.reshape([-1] + [1] * (x.dim() - 1)).expand_as(x)
    out = x.new_full([count + 1, *list(x.shape[1:])], empty)
    return out.scatter_reduce(0, rows, x, reduce, include_self=False)[:count]


def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Whether fewer than `k` classes are more probable than the target.

    Args:
        targets: Class numbers, (N,); never in the top if out of range.
        predictions: (N, classes); rows with infinite numbers or NaN count as wrong.
        k: How many classes are the top.
    """
    classes = predictions.shape[-1]
    known = (targets >= 0) & (targets < classes)
    own = predictions.gather(1, targets.long().clamp(0, classes - 1).unsqueeze(1))
    above = (predictions > own).sum(dim=1)
    return known & (above < k) & predictions.isfinite().all(dim=1)


def unique(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The different elements of (N,), in the order in which they come.

    Returns:
        The elements; where each element of `x` is among them, (N,); how often each is.
    """
    values, places, counts = torch.unique(x, return_inverse=True, return_counts=True)
    steps = torch.arange(x.shape[0], device=x.device)
    first = torch.full_like(counts, x.shape[0])
    order = first.scatter_reduce(0, places, steps, "amin").argsort()
    return values[order], order.argsort()[places], counts[order]
