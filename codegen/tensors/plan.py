"""What a file of tensors is to hold: names, and the recipes that make the numbers, in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import WeightMismatch
from codegen.graph.recipe import Leaf, Weight
from codegen.model.saved_model import StoredTensor
from codegen.tensors.dtypes import Dtype, dtype_of

#: Name, recipe and torch dtype ("float32") of each tensor, in order.
State = Iterable[tuple[str, Weight, str]]

_PIECE = 2 * 2**20


@dataclass(frozen=True)
class Storage:
    """The numbers of one recipe, which several tensors may share."""

    weight: Weight
    dtype: Dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensors."""
        return self.weight.shape

    @property
    def elements(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of all numbers."""
        return self.elements * self.dtype.itemsize

    def pieces(self) -> Iterator[memoryview]:
        """The bytes, piece by piece, so that a transposed array is never copied as a whole.

        Raises:
            WeightMismatch: An array has another shape than its file said.
        """
        weight = self.weight
        if weight.step == "reshape" and weight.shape[:1] == weight.inputs[0].shape[:1]:
            weight = weight.inputs[0]  # the order of the elements is the same
        with np.errstate(all="ignore"):  # whatever numbers a file holds
            array = weight.evaluate(_read)
            if array.shape != weight.shape:
                raise WeightMismatch(f"a weight should have shape {weight.shape}, but has {array.shape}")
            if array.size == 0:
                return
            if array.ndim == 0:
                array = array.reshape(1)
            rows = max(1, _PIECE // max(1, array[0].nbytes))
            for start in range(0, len(array), rows):
                yield self.dtype.encode(array[start : start + rows])


@dataclass(frozen=True)
class Plan:
    """The storages that a file is to hold, and which of them each tensor is, in the order of the state."""

    storages: tuple[Storage, ...]
    tensors: Mapping[str, int]


def plan(state: State) -> Plan:
    """What a file for this state holds: one storage for each recipe that is given under several names.

    Raises:
        ConversionError: A dtype is none that files can have.
        ValueError: Two tensors have the same name.
    """
    numbers: dict[object, int] = {}
    tensors: dict[str, int] = {}
    parts: list[Storage] = []
    for name, weight, dtype in state:
        if name in tensors:
            raise ValueError(f"two tensors are called {name!r}")
        # two constants that happen to be equal are not the same weight
        key: object = (weight, dtype) if weight.leaves() else name
        tensors[name] = numbers.setdefault(key, len(parts))
        if tensors[name] == len(parts):
            parts.append(Storage(weight, dtype_of(dtype)))
    return Plan(tuple(parts), tensors)


def _read(leaf: Leaf) -> NDArray[Any]:
    if not isinstance(leaf, StoredTensor):
        raise TypeError(f"{leaf} is not bound to a stored tensor")
    return leaf.read()
