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

    def __init__(
        self, count: int, shape: tuple[int, ...], dtype: torch.dtype | None = None
    ) -> None:
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


def pack_unmasked(x: Tensor, mask: Tensor) -> PackedSequence:
    """Move the unmasked steps of each row to the front, in order, and pack them.

    Keras carries the state over masked steps, wherever they are: a recurrent layer of
    torch does the same if it never sees them. A fully masked row keeps one step.

    Args:
        x: (N, T, F).
        mask: bool, (N, T), False where a step is skipped.
    """
    order = mask.int().argsort(dim=1, descending=True, stable=True)
    x = x.take_along_dim(order.unsqueeze(-1), dim=1)
    lengths = mask.sum(dim=1).clamp(min=1).cpu()
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def unpack_unmasked(
    packed: PackedSequence, mask: Tensor, zero_masked: bool = False
) -> Tensor:
    """Put outputs for what `pack_unmasked` made back to the steps that they belong to.

    A masked step has the output of the last unmasked step before it, or zeros if there
    is none or if `zero_masked`.

    Args:
        packed: Outputs of a recurrent layer.
        mask: bool, (N, T), as given to `pack_unmasked`.
        zero_masked: Whether all masked steps have zeros.

    Returns:
        (N, T, H).
    """
    steps = mask.shape[1]
    x, _ = pad_packed_sequence(packed, batch_first=True, total_length=steps)
    source = mask.int().cumsum(dim=1) - 1
    x = x.take_along_dim(source.clamp(min=0).unsqueeze(-1), dim=1)
    keep = mask if zero_masked else source >= 0
    return torch.where(keep.unsqueeze(-1), x, 0.0)
