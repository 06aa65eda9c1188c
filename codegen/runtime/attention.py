"""Attention as Keras computes it."""

from __future__ import annotations

import torch
from torch import Tensor


def attention_bias(mask: Tensor, scores: Tensor, least: float = -1e38) -> Tensor:
    """What is added to attention scores: a huge penalty where `mask` is False.

    The result has the dtype of `scores`. A row without True is left with equal scores.

    Args:
        mask: bool, broadcasts against the scores.
        scores: Tells the dtype.
        least: The penalty; no more than float16 can hold, where that is the dtype.
    """
    if scores.dtype == torch.float16:
        least = max(least, -3e4)
    return torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, least)


def causal_mask(query: Tensor, value: Tensor) -> Tensor:
    """The mask (T, S) that is True where the value's step is no later than the query's.

    Args:
        query: (N, T, ...).
        value: (N, S, ...).
    """
    size = (query.shape[1], value.shape[1])
    return torch.ones(size, dtype=torch.bool, device=query.device).tril()


def window_mask(query: Tensor, value: Tensor, window: int) -> Tensor:
    """The mask (T, S) that is True where the steps are less than `window` apart.

    Args:
        query: (N, T, ...).
        value: (N, S, ...).
        window: Size of the window, the step itself included.
    """
    size = (query.shape[1], value.shape[1])
    band = torch.ones(size, dtype=torch.bool, device=query.device)
    return band.tril(window - 1).triu(1 - window)
