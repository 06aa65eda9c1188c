"""Reading parts of a tensor at computed positions, for each sample its own."""

from __future__ import annotations

import torch
from torch import Tensor


def gather_rows(x: Tensor, indices: Tensor, batch_dims: int) -> Tensor:
    """Elements along the dim behind the batch dims, at each sample's own positions.

    Args:
        x: (*batch, size, ...).
        indices: Integers, (*batch, ...).
        batch_dims: How many dims are the batch.
    """
    rows = x.flatten(0, batch_dims - 1)
    places = indices.flatten(0, batch_dims - 1)
    sample = torch.arange(rows.shape[0], device=x.device)
    sample = sample.reshape([-1] + [1] * (places.dim() - 1))
    parts = rows[sample, places]
    return parts.reshape(x.shape[:batch_dims] + parts.shape[1:])


def gather_blocks(x: Tensor, indices: Tensor, batch_dims: int) -> Tensor:
    """The parts of each sample at positions along its first dims.

    Args:
        x: (*batch, ...).
        indices: Integers, (*batch, ..., k): positions along k dims behind the batch.
        batch_dims: How many dims are the batch.
    """
    rows = x.flatten(0, batch_dims - 1)
    places = indices.flatten(0, batch_dims - 1)
    sample = torch.arange(rows.shape[0], device=x.device)
    sample = sample.reshape([-1] + [1] * (places.dim() - 1)).expand_as(places[..., :1])
    index = torch.cat([sample, places], dim=-1)
    parts = rows[index.unbind(-1)]
    return parts.reshape(x.shape[:batch_dims] + parts.shape[1:])


def take_block(x: Tensor, starts: Tensor, sizes: list[int]) -> Tensor:
    """The block of these sizes that begins at `starts`, (dims of `x`,)."""
    for dim, size in enumerate(sizes):
        index = starts[dim] + torch.arange(size, device=x.device)
        x = x.index_select(dim, index)
    return x


def reverse_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """The first steps of each sample in reverse order.

    Args:
        x: (N, steps, ...).
        lengths: How many steps of each sample, (N,).
    """
    steps = torch.arange(x.shape[1], device=x.device).expand(x.shape[0], -1)
    ends = lengths.long().unsqueeze(1)
    index = torch.where(steps < ends, ends - 1 - steps, steps)
    return x[torch.arange(x.shape[0], device=x.device).unsqueeze(1), index]
