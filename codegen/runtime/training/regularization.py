"""Regularisers that are more than one expression."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def mean_similarity(x: Tensor) -> Tensor:
    """Mean absolute cosine between any two rows of a matrix."""
    x = F.normalize(x, dim=1)
    cosines = (x @ x.T).abs()
    others = cosines.sum() - cosines.diagonal().sum()
    return others / (len(x) * (len(x) - 1))
