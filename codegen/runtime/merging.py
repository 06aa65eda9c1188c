"""Merging of tensors where torch has no function for it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def masked_choice(
    x: Tensor, y: Tensor, x_mask: Tensor | None, y_mask: Tensor | None, largest: bool
) -> Tensor:
    """Element-wise maximum or minimum, where an element that is masked does not count.

    Args:
        x: First tensor, (N, T, ...).
        y: Second tensor.
        x_mask: Where `x` counts, bool, broadcasts against `x`; None for everywhere.
        y_mask: The same for `y`.
        largest: Whether the maximum is wanted.
    """
    if y_mask is not None:
        y = torch.where(y_mask, y, x)
    if x_mask is not None:
        x = torch.where(x_mask, x, y)
    return torch.maximum(x, y) if largest else torch.minimum(x, y)


def batch_dot(x: Tensor, y: Tensor, normalize: bool = False) -> Tensor:
    """Dot products within each sample, over the last dim of both tensors.

    Args:
        x: (N, A..., D).
        y: (N, B..., D).
        normalize: Whether to divide by the Euclidean norms first (cosine proximity).

    Returns:
        (N, A..., B...); (N, 1) if both are (N, D).
    """
    if normalize:
        x, y = F.normalize(x, dim=-1), F.normalize(y, dim=-1)
    if x.dim() == 2 and y.dim() == 2:
        return (x * y).sum(dim=-1, keepdim=True)
    dots = x.flatten(1, -2) if x.dim() > 2 else x.unsqueeze(1)
    others = y.flatten(1, -2) if y.dim() > 2 else y.unsqueeze(1)
    return (dots @ others.mT).reshape(x.shape[:-1] + y.shape[1:-1])


def relu_weighted_sum(xs: list[Tensor], gain: Tensor) -> Tensor:
    """The sum of tensors, each times its share of the weights that are above zero.

    Args:
        xs: Tensors of one shape.
        gain: A weight for each.
    """
    weights = F.relu(gain)
    weights = weights / weights.sum()
    return torch.stack([x * weight for x, weight in zip(xs, weights.unbind(), strict=True)]).sum(dim=0)
