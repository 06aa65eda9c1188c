"""The weights of two models, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.difference.facts import LayerChange, Status, TensorChange


@dataclass(frozen=True)
class Tensor:
    """One array; nothing is read until `read` is called."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Layer:
    """A layer with weights.

    Attributes:
        path: Its name, with those of the models that it is in.
        kind: Its class; "" if that is not known.
        tensors: By their names in it.
    """

    path: str
    kind: str
    tensors: dict[str, Tensor]

    @property
    def structure(self) -> tuple[Any, ...]:
        """Equal for layers that may be the same under another name."""
        return (self.kind, *((name, tensor.shape) for name, tensor in self.tensors.items()))


def layer_changes(before: Sequence[Layer], after: Sequence[Layer]) -> tuple[LayerChange, ...]:
    """Each layer of two models, in the order of the second, those that are gone where they were.

    Layers are the same by their names; of those that are left, the ones of equal structure in the same order
    are taken for renamed: Keras numbers its names through a session.
    """
    pairs = _pairs(before, after)
    return tuple(_layer(one, other) for one, other in pairs)


def _pairs(before: Sequence[Layer], after: Sequence[Layer]) -> list[tuple[Layer | None, Layer | None]]:
    olds, news = {layer.path: layer for layer in before}, {layer.path: layer for layer in after}
    same = {path: path for path in news if path in olds}
    left_old = [layer for layer in before if layer.path not in news]
    left_new = [layer for layer in after if layer.path not in olds]
    matcher = SequenceMatcher(
        None, [layer.structure for layer in left_old], [layer.structure for layer in left_new], autojunk=False
    )
    for block in matcher.get_matching_blocks():
        for i in range(block.size):
            same[left_new[block.b + i].path] = left_old[block.a + i].path
    pairs: list[tuple[Layer | None, Layer | None]] = [
        (olds[same[layer.path]] if layer.path in same else None, layer) for layer in after
    ]
    kept = set(same.values())
    for position, layer in enumerate(before):
        if layer.path not in kept:
            earlier = {one.path for one in before[:position]}
            places = [i for i, (old, _) in enumerate(pairs) if old is not None and old.path in earlier]
            pairs.insert(places[-1] + 1 if places else 0, (layer, None))
    return pairs


def _layer(before: Layer | None, after: Layer | None) -> LayerChange:
    tensors = tuple(_tensors(before.tensors if before else {}, after.tensors if after else {}))
    one, other = before or after, after or before
    assert one is not None and other is not None
    return LayerChange(
        path=one.path,
        renamed=other.path if other.path != one.path else "",
        status=_status([tensor.status for tensor in tensors]),
        largest=max((t.largest for t in tensors if t.largest is not None), default=None),
        relative=max((t.relative for t in tensors if t.relative is not None), default=None),
        tensors=tensors,
    )


def _status(found: list[Status]) -> Status:
    if len(set(found)) == 1:
        return found[0]
    return "reshaped" if "reshaped" in found else "changed"


def _tensors(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Iterator[TensorChange]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield TensorChange(name, "new", None, after[name].shape)
        elif new is None:
            yield TensorChange(name, "gone", old.shape, None)
        elif old.shape != new.shape:
            yield TensorChange(name, "reshaped", old.shape, new.shape)
        else:
            largest, relative = distance(old.read(), new.read())
            status: Status = "changed" if largest else "equal"
            yield TensorChange(name, status, old.shape, new.shape, largest, relative)


def distance(before: NDArray[Any], after: NDArray[Any]) -> tuple[float, float]:
    """The largest absolute difference of two arrays of one shape, and its norm over that of the first.

    What is no number in both is equal; both figures are infinite if only one of two numbers is finite.
    """
    if np.array_equal(before, after):
        return 0.0, 0.0
    kind = np.complex128 if np.iscomplexobj(before) or np.iscomplexobj(after) else np.float64
    x, y = before.astype(kind).ravel(), after.astype(kind).ravel()
    differ = ~((x == y) | (np.isnan(x) & np.isnan(y)))
    if not differ.any():
        return 0.0, 0.0
    if not (np.isfinite(x[differ]).all() and np.isfinite(y[differ]).all()):
        return math.inf, math.inf
    apart = np.abs(y[differ] - x[differ])
    norm = float(np.linalg.norm(x[np.isfinite(x)]))
    return float(apart.max()), float(np.linalg.norm(apart)) / norm if norm else math.inf
