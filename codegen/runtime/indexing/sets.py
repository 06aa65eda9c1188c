"""Different values of a tensor, and orders that are only partly sorted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def unique_values(x: Tensor, dim: int, in_order: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The different slices of `x` along `dim`.

    Args:
        x: Any shape.
        dim: Along which dim.
        in_order: Whether the slices are sorted, or stand in the order in which they
            first occur.

    Returns:
        The slices.
        Where each first occurs.
        Which one each slice of `x` is.
        How often each occurs.
    """
    found: tuple[Tensor, Tensor, Tensor] = torch.unique(
        x, sorted=True, return_inverse=True, return_counts=True, dim=dim
    )
    values, inverse, counts = found
    places = torch.arange(len(inverse), device=x.device)
    first = torch.full_like(counts, len(inverse))
    first = first.scatter_reduce(0, inverse, places, "amin")
    if not in_order:
        order = first.argsort()
        values, first, counts = (
            values.index_select(dim, order),
            first[order],
            counts[order],
        )
        inverse = order.argsort()[inverse]
    return values, first, inverse, counts


def fixed_length(x: Tensor, dim: int, size: int, fill: float) -> Tensor:
    """`x` cut off, or filled up at its end, to `size` elements along `dim`."""
    missing = size - x.shape[dim]
    pads = [0, 0] * (x.dim() - 1 - dim) + [0, missing]
    return F.pad(x, pads, value=fill)


def argpartition(x: Tensor, kth: int) -> Tensor:
    """An order of the last dim that puts the `kth` smallest integer in its place.

    As Keras on TensorFlow makes it: the smallest in ascending order, then the others in
    descending order, for which the smallest count as 0.
    """
    size = x.shape[-1]
    count = min(max(kth, 0), size - 1) + 1
    low = x.sort(dim=-1, stable=True).indices[..., :count]
    chosen = F.one_hot(low, size).sum(dim=0).nonzero().unbind(-1)
    rest = x.index_put(chosen, x.new_zeros(()))
    high = rest.sort(dim=-1, descending=True, stable=True).indices[..., : size - count]
    return torch.cat((low, high), dim=-1).int()


def bincount_rows(x: Tensor, weights: Tensor, minlength: int) -> Tensor:
    """The sum of the weights of each number from 0 on, row by row.

    Args:
        x: Integers, (..., n).
        weights: Of the same shape, or one for all.
        minlength: Least length of a result; otherwise up to the largest number.
    """
    size = max(int(x.max()) + 1, minlength)
    out = weights.new_zeros([*x.shape[:-1], size])
    return out.scatter_add(-1, x.long(), weights.expand_as(x))
