"""Capsules of keras-contrib."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def dynamic_routing(votes: Tensor, routings: int) -> Tensor:
    """The sum of the votes for each capsule, weighed by how well each agrees with the sum before.

    Args:
        votes: (N, inputs, capsules, features).
        routings: Number of sums.

    Returns:
        (N, capsules, features)
    """
    scores = torch.zeros_like(votes[..., 0])
    for _ in range(routings - 1):
        y = torch.einsum("nic,nicf->ncf", F.softmax(scores, dim=2), votes)
        scores = torch.einsum("ncf,nicf->nic", F.normalize(y, dim=2, eps=1e-6), votes)
    return torch.einsum("nic,nicf->ncf", F.softmax(scores, dim=2), votes)


def squash(x: Tensor) -> Tensor:
    """Vectors on the last dim, shortened to less than 1 in length."""
    length = x.square().sum(dim=-1, keepdim=True) + 1e-7
    return torch.sqrt(length) / (0.5 + length) * x
