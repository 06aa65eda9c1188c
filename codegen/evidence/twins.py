"""Which tensor of a source is which Keras layer's output: found by its numbers, kept through edits by hand.

Two runs in float64 of what is the same mathematics agree to twelve digits, so a tensor of the generated
source that has a layer's numbers is that layer's output, however the passes and the blocks wrote it. In a
source that was edited, the step that corresponds to it is found by aligning what the two sources do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from codegen.evidence.measure import difference
from codegen.evidence.trace import Event, Fingerprint

Array = NDArray[Any]
Key = TypeVar("Key")

#: Relative difference within which two runs in float64 did the same.
SAME = 1e-9

#: More axes are put in no other order than Keras'.
_MAX_RANK = 6

#: No more events are looked at for one layer.
_MAX_CANDIDATES = 12

#: Longer runs of steps that differ are aligned from both ends only.
_MAX_ALIGNED = 3000


@dataclass(frozen=True)
class Twin:
    """The event that yields a layer's output, and the order of its axes: `dims` brings them into Keras'."""

    event: int
    dims: tuple[int, ...]

    def arrange(self, stored: Array, shape: tuple[int, ...]) -> Array | None:
        """The event's tensor in Keras' order and shape; None if it does not fit."""
        return arranged(stored, self.dims, shape)


def arranged(stored: Array, dims: tuple[int, ...], shape: tuple[int, ...]) -> Array | None:
    """An array with its axes reordered, then as `shape`; None if it does not fit."""
    if stored.ndim != len(dims) or stored.size != math.prod(shape):
        return None
    return stored.transpose(dims).reshape(shape)


def candidates(
    events: Sequence[Event], wanted: Mapping[Key, Array], tolerance: float
) -> dict[Key, list[int]]:
    """The events that may yield each of the wanted arrays, by what does not depend on the order of axes."""
    import torch

    by_size: dict[int, list[int]] = {}
    for number, event in enumerate(events):
        by_size.setdefault(event.print.size, []).append(number)
    found: dict[Key, list[int]] = {}
    for key, array in wanted.items():
        print_ = Fingerprint.of(torch.from_numpy(np.asarray(array)))
        alike = (n for n in by_size.get(array.size, ()) if events[n].print.is_like(print_, tolerance))
        found[key] = list(itertools.islice(alike, _MAX_CANDIDATES))
    return found


def match(
    wanted: Mapping[Key, Array],
    possible: Mapping[Key, Sequence[int]],
    tensors: Mapping[int, Array],
    tolerance: float,
    orders: Callable[[Key, Array], Iterable[tuple[int, ...]]],
) -> dict[Key, Twin]:
    """The twin of each wanted array that has one.

    Layers whose numbers are those of the same events (what a ReLU leaves as it is, dropout at inference)
    have them in their order; the last one has the last.

    Args:
        wanted: Layers' outputs.
        possible: From `candidates`.
        tensors: Those events' tensors.
        tolerance: Relative.
        orders: The orders of axes that are allowed for a stored tensor.
    """
    groups: dict[tuple[int, ...], list[tuple[Key, list[Twin]]]] = {}
    for key, array in wanted.items():
        fitting = (_fit(n, tensors[n], array, tolerance, orders(key, tensors[n])) for n in possible[key])
        found = [twin for twin in fitting if twin is not None]
        groups.setdefault(tuple(twin.event for twin in found), []).append((key, found))
    twins: dict[Key, Twin] = {}
    for events, group in groups.items():
        for place, (key, found) in enumerate(group if events else ()):
            is_last = place == len(group) - 1
            twins[key] = found[-1] if is_last else found[min(place, len(found) - 1)]
    return twins


def _fit(
    event: int, stored: Array, wanted: Array, tolerance: float, orders: Iterable[tuple[int, ...]]
) -> Twin | None:
    for dims in orders:
        array = arranged(stored, dims, wanted.shape)
        if array is not None and difference(array, wanted).relative <= tolerance:
            return Twin(event, dims)
    return None


def all_orders(stored: Array) -> Iterator[tuple[int, ...]]:
    """Every order of a tensor's axes, the likeliest first: as it is, channels last, channels first."""
    rank = stored.ndim
    axes = tuple(range(rank))
    if rank > _MAX_RANK:
        yield axes
        return
    likely = [axes]
    if rank > 2:
        likely += [(0, *axes[2:], 1), (0, rank - 1, *axes[1:-1])]
    yield from dict.fromkeys((*likely, *itertools.permutations(axes)))


def align(before: Sequence[Event], after: Sequence[Event]) -> Callable[[int], int | None]:
    """From the events of one source to those of another, which may do some steps otherwise.

    A step that was replaced corresponds to what stands in its place, one that is gone to what its reader
    reads now.
    """
    old, new = [event.key for event in before], [event.key for event in after]
    front = next(
        (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    limit = min(len(old), len(new)) - front
    back = next((i for i in range(limit) if old[-1 - i] != new[-1 - i]), limit)
    inner_old, inner_new = old[front : len(old) - back], new[front : len(new) - back]
    if max(len(inner_old), len(inner_new)) > _MAX_ALIGNED:
        codes = [("replace", 0, len(inner_old), 0, len(inner_new))]
    else:
        codes = list(SequenceMatcher(None, inner_old, inner_new, autojunk=False).get_opcodes())

    def aligned(number: int) -> int | None:
        if number < front:
            return number
        if number >= len(old) - back:
            return number - len(old) + len(new)
        place = number - front
        for tag, i1, i2, j1, j2 in codes:
            if i1 <= place < i2:
                there = j1 + place - i1 if tag == "equal" or i2 - i1 == j2 - j1 else j2 - (i2 - place)
                there = max(there, j1 - 1) + front
                return there if there >= 0 else None
        return None

    return aligned
