"""Normalisations that torch does not have."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def unit_normalize(x: Tensor, dims: list[int], eps: float = 1e-12) -> Tensor:
    """`x` divided by its Euclidean norm over `dims`."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=dims, keepdim=True)
    return x / norm.clamp(min=eps)


def variance_scale(x: Tensor, weight: Tensor, dims: list[int], eps: float) -> Tensor:
    """`x` divided by its standard deviation over `dims`, but not centred.

    Args:
        x: Any shape.
        weight: Scale, broadcasts against `x`.
        dims: What the variance is taken over.
        eps: Added to the variance.
    """
    variance = x.var(dim=dims, correction=0, keepdim=True)
    return x * torch.rsqrt(variance + eps) * weight


def sample_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Keras 1's sample-wise batch normalisation, over the last dim.

    Unlike `F.layer_norm` it adds `eps` to the variance and to its root.
    """
    centred = x - x.mean(dim=-1, keepdim=True)
    deviation = torch.sqrt(x.var(dim=-1, correction=0, keepdim=True) + eps)
    return weight * centred / (deviation + eps) + bias


def deviation_norm(x: Tensor, dims: list[int], eps: float) -> Tensor:
    """`x` centred over `dims` and divided by its standard deviation plus `eps`."""
    centred = x - x.mean(dim=dims, keepdim=True)
    return centred / (x.std(dim=dims, correction=0, keepdim=True) + eps)


def masked_group_norm(x: Tensor, mask: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Group normalisation by the statistics of what is not masked.

    Args:
        x: (N, C, ...).
        mask: bool, broadcasts against `x`; False where an element does not count.
        norm: Tells the groups, the epsilon, the weight and the bias.
    """
    groups = torch.unflatten(x, 1, (norm.num_groups, -1)).flatten(2)
    kept = torch.unflatten(mask.expand_as(x), 1, (norm.num_groups, -1)).flatten(2)
    count = kept.sum(dim=2, keepdim=True).clamp(min=1)
    mean = (groups * kept).sum(dim=2, keepdim=True) / count
    centred = groups - mean
    variance = (centred**2 * kept).sum(dim=2, keepdim=True) / count
    y = (centred * torch.rsqrt(variance + norm.eps)).reshape(x.shape)
    if norm.weight is None:
        return y
    shape = [-1] + [1] * (x.dim() - 2)
    return y * norm.weight.reshape(shape) + norm.bias.reshape(shape)
