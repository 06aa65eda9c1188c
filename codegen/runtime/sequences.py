"""Decoding and overlapping sequences."""

from __future__ import annotations

import torch
from torch import Tensor


def ctc_greedy_decode(x: Tensor, lengths: Tensor, blank: int, merge_repeated: bool) -> tuple[Tensor, Tensor]:
    """The most probable class of each step, without blanks.

    Args:
        x: Scores of the classes, (N, steps, classes).
        lengths: How many steps of each sample count, (N,).
        blank: The class that stands for none.
        merge_repeated: Whether a class that follows itself counts once.

    Returns:
        Classes, int32 (1, N, steps), filled up with -1; minus the sum of the chosen
        scores, (N, 1).
    """
    scores, classes = x.max(dim=-1)
    steps = torch.arange(x.shape[1], device=x.device)
    inside = steps < lengths.unsqueeze(-1)
    kept = inside & (classes != blank)
    if merge_repeated:
        kept[:, 1:] &= classes[:, 1:] != classes[:, :-1]
    order = kept.logical_not().int().argsort(dim=-1, stable=True)
    paths = classes.masked_fill(~kept, -1).gather(1, order).int()
    return paths.unsqueeze(0), -(scores * inside).sum(dim=-1, keepdim=True)


def overlap_add(frames: Tensor, step: int) -> Tensor:
    """Frames laid over each other, each `step` elements behind the last, and summed.

    Args:
        frames: (..., count, length).
        step: Distance between the beginnings of two frames.
    """
    count, length = frames.shape[-2:]
    index = torch.arange(length, device=frames.device)
    index = (torch.arange(count, device=frames.device) * step).unsqueeze(-1) + index
    out = frames.new_zeros([*frames.shape[:-2], (count - 1) * step + length])
    return out.index_add(-1, index.flatten(), frames.flatten(-2))
