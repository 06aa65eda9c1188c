"""The conditional random field of TensorFlow Addons: chains of tags of high scores."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def boundary_scores(mask: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """What the first and the last of the kept steps add to the scores, (N, T, tags).

    Args:
        mask: (N, T), bool; False where a step does not count.
        left: (tags,).
        right: (tags,).
    """
    first = mask & ~F.pad(mask, (1, -1))
    last = mask & ~F.pad(mask, (-1, 1))
    return first.unsqueeze(-1) * left + last.unsqueeze(-1) * right


def viterbi_decode(scores: Tensor, transitions: Tensor, lengths: Tensor) -> Tensor:
    """The tags of the chain of the highest score, (N, T), zero behind its end.

    Args:
        scores: (N, T, tags), of each tag at each step.
        transitions: (tags, tags), of each tag followed by each.
        lengths: (N,), of the chains.
    """
    steps = torch.arange(scores.shape[1], device=scores.device)
    stay = torch.arange(scores.shape[2], device=scores.device)
    best, sources = scores[:, 0], []
    for step in range(1, scores.shape[1]):
        total, source = (best.unsqueeze(2) + transitions).max(dim=1)
        inside = (lengths > step).unsqueeze(1)
        best = torch.where(inside, total + scores[:, step], best)
        sources.append(torch.where(inside, source, stay))
    tags = [best.argmax(dim=1, keepdim=True)]
    for source in reversed(sources):
        tags.append(source.gather(1, tags[-1]))
    kept = steps < lengths.clamp(min=1).unsqueeze(1)
    return torch.cat(tags[::-1], dim=1) * kept
