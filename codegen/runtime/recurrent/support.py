"""Masks, state and dropout around torch's own recurrent layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)


class RecurrentState(nn.Module):
    """What a stateful recurrent layer remembers from one call to the next.

    Args:
        count: Number of state tensors.
        shape: Shape of each, with the batch.
    """

    values: Tensor

    def __init__(self, count: int, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(count, *shape, dtype=dtype))

    def forward(self) -> Tensor:
        """The state after the last call, (count, *shape)."""
        return self.values

    def keep(self, states: list[Tensor]) -> None:
        """Remember the states for the next call, without their history of gradients."""
        self.values = torch.stack(states).detach()

    def reset_states(self) -> None:
        """Begin the next call with zeros."""
        self.values = torch.zeros_like(self.values)


class VariationalDropout(nn.Module):
    """Dropout that drops the same features at all steps.

    Args:
        p: Rate.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop features of `x`, (N, T, F)."""
        if not self.training:
            return x
        return x * F.dropout(torch.ones_like(x[:, :1]), self.p)


def compact_steps(x: Tensor, mask: Tensor) -> Tensor:
    """Move the unmasked steps of each row to the front, in order.

    Keras carries the state over masked steps, wherever they are: a recurrent layer of
    torch does the same if it meets them last.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), False where a step is skipped.
    """
    steps = torch.arange(mask.shape[1], device=mask.device)
    order = torch.where(mask, steps, steps + mask.shape[1]).argsort(dim=1)
    return take_steps(x, order)


def spread_steps(x: Tensor, mask: Tensor, zero_masked: bool = False) -> Tensor:
    """Put outputs for what `compact_steps` made back to the steps that they belong to.

    A masked step has the output of the last unmasked step before it, or zeros if there
    is none.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), as given to `compact_steps`.
        zero_masked: Whether all masked steps have zeros instead.
    """
    source = mask.int().cumsum(dim=1) - 1
    keep = mask if zero_masked else source >= 0
    x = take_steps(x, source.clamp(min=0))
    return torch.where(keep.unsqueeze(-1), x, 0.0)


def last_step(x: Tensor, mask: Tensor) -> Tensor:
    """The last output for what `compact_steps` made; zeros where all steps are masked.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), as given to `compact_steps`.
    """
    last = mask.sum(dim=1, keepdim=True) - 1
    x = take_steps(x, last.clamp(min=0)).squeeze(1)
    return torch.where(last >= 0, x, 0.0)


def take_steps(x: Tensor, steps: Tensor) -> Tensor:
    """Steps of each row: (N, T, F) and their numbers, (N, S) -> (N, S, F)."""
    rows = torch.arange(x.shape[0], device=x.device).unsqueeze(1)
    return x[rows, steps]


def pack_unmasked(x: Tensor, mask: Tensor) -> PackedSequence:
    """Pack the unmasked steps of each row, to get the states after the last of them.

    Args:
        x: (N, T, F).
        mask: bool, (N, T); a fully masked row keeps one step.
    """
    lengths = mask.sum(dim=1).clamp(min=1).cpu()
    x = compact_steps(x, mask)
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def unpack(packed: PackedSequence, mask: Tensor) -> Tensor:
    """Outputs for what `pack_unmasked` made as (N, T, F), the unmasked steps first."""
    steps = mask.shape[1]
    return pad_packed_sequence(packed, batch_first=True, total_length=steps)[0]
