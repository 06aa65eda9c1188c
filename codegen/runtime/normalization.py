"""Normalisations that torch does not have."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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


def stretch_norm(
    x: Tensor, num_groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """keras-contrib's group normalisation, whose groups are stretches of each sample's elements in order.

    Args:
        x: (N, ..., C).
        num_groups: Number of stretches, into as many of which the weights are cut.
        weight: (C,); None for ones.
        bias: (C,); None for zeros.
        eps: Added to the variance.
    """
    y = F.group_norm(x.flatten(1), num_groups, eps=eps)
    y = torch.unflatten(y, 1, (num_groups, -1, x.shape[-1] // num_groups))
    if weight is not None:
        y = y * weight.reshape(num_groups, 1, -1)
    if bias is not None:
        y = y + bias.reshape(num_groups, 1, -1)
    return y.reshape(x.shape)


def filter_response_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float | Tensor) -> Tensor:
    """Each channel divided by its root mean square, scaled and shifted.

    Args:
        x: (N, C, H, W).
        weight: (C, 1, 1).
        bias: (C, 1, 1).
        eps: Added to the mean square.
    """
    mean = x.square().mean(dim=(2, 3), keepdim=True)
    return x * torch.rsqrt(mean + eps) * weight + bias


def masked_group_norm(
    x: Tensor,
    mask: Tensor,
    num_groups: int,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """Group normalisation by the statistics of what is not masked.

    Args:
        x: (N, C, ...).
        mask: bool, broadcasts against `x`; False where an element does not count.
        num_groups: Number of groups of channels.
        weight: (C,); None for ones.
        bias: (C,); None for zeros.
        eps: Added to the variance.
    """
    groups = torch.unflatten(x, 1, (num_groups, -1)).flatten(2)
    kept = torch.unflatten(mask.expand_as(x), 1, (num_groups, -1)).flatten(2)
    count = kept.sum(dim=2, keepdim=True).clamp(min=1)
    centred = groups - (groups * kept).sum(dim=2, keepdim=True) / count
    variance = (centred**2 * kept).sum(dim=2, keepdim=True) / count
    y = (centred * torch.rsqrt(variance + eps)).reshape(x.shape)
    shape = [-1] + [1] * (x.dim() - 2)
    if weight is not None:
        y = y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)
