"""The conditional random field of keras-contrib: chains of labels of low energies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def with_boundaries(energy: Tensor, left: Tensor, right: Tensor, mask: Tensor | None) -> Tensor:
    """The energies with those of being first and last added.

    With a mask keras-contrib adds `right` where a kept step comes next, not where a chain ends.

    Args:
        energy: (N, T, labels).
        left: (labels,).
        right: (labels,).
        mask: (N, T), bool.
    """
    if mask is None:
        ends = torch.zeros_like(energy)
        ends[:, 0] += left
        ends[:, -1] += right
        return energy + ends
    before, after = F.pad(mask, (1, -1)), F.pad(mask, (-1, 1))
    first, next_first = mask & ~before, after & ~mask
    return energy + first[..., None] * left + next_first[..., None] * right


def _masked(energy: Tensor, chain: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The energies of the steps, and of the passages to the next: (T, 1 or N, labels, labels)."""
    if mask is None:
        return energy, chain.expand(energy.shape[1], 1, -1, -1)
    both = (mask & F.pad(mask, (-1, 1))).T[:, :, None, None]
    return energy * mask[..., None], chain * both


def best_path(energy: Tensor, chain: Tensor, mask: Tensor | None = None) -> Tensor:
    """The labels of least energy, (N, T): keras-contrib's `viterbi_decoding`.

    Args:
        energy: (N, T, labels), of each label at each step.
        chain: (labels, labels), of each label behind each other.
        mask: (N, T), bool.
    """
    energy, passages = _masked(energy, chain, mask)
    least, tables = torch.zeros_like(energy[:, 0]), []
    for step, passage in zip(energy.unbind(1), passages, strict=True):
        least, table = ((step + least)[:, :, None] + passage).min(dim=1)
        tables.append(table)
    label, path = tables[-1][:, :1], []
    for table in reversed(tables):
        label = table.gather(1, label)
        path.append(label)
    return torch.cat(path[::-1], dim=1)


def label_probabilities(energy: Tensor, chain: Tensor, mask: Tensor | None = None) -> Tensor:
    """How likely each label is at each step: keras-contrib's `get_marginal_prob`.

    Args:
        energy: (N, T, labels), of each label at each step.
        chain: (labels, labels), of each label behind each other, taken alike in both directions.
        mask: (N, T), bool.
    """
    forward = _log_sums(energy, chain, mask)
    backward = _log_sums(energy.flip(1), chain, None if mask is None else mask.flip(1)).flip(1)
    if mask is not None:
        energy = energy * mask[..., None]
    sides = F.pad(forward, (0, 0, 1, -1)) + F.pad(backward, (0, 0, -1, 1))
    return F.softmax(-(sides + energy), dim=2)


def _log_sums(energy: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """Logarithms of the sums over all chains up to each step, (N, T, labels)."""
    energy, passages = _masked(energy, chain, mask)
    total, sums = torch.zeros_like(energy[:, 0]), []
    for step, passage in zip(energy.unbind(1), passages, strict=True):
        total = torch.logsumexp(-((step - total)[:, :, None] + passage), dim=1)
        sums.append(total)
    return torch.stack(sums, dim=1)
