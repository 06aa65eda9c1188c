"""Compares a file of tensors with what recipes yield: by numbers, not by bytes, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from codegen.tensors.dtypes import Dtype
from codegen.tensors.file import SavedTensor, TensorFile
from codegen.tensors.plan import State, Storage, plan


@dataclass(frozen=True)
class Difference:
    """How one tensor of a file is not what it should be.

    Attributes:
        name: Its key.
        kind: What differs; "surplus" if nothing should be there.
        found: Its dtype and shape in the file; "" if it is missing.
        expected: The dtype and shape that it should have; "" if it is surplus.
        count: How many numbers differ, where these are compared.
        total: How many numbers there are.
        largest: The largest difference of two numbers; infinite where one of them is not finite.
    """

    name: str
    kind: Literal["missing", "surplus", "dtype", "shape", "numbers"]
    found: str = ""
    expected: str = ""
    count: int = 0
    total: int = 0
    largest: float = 0.0

    def __str__(self) -> str:
        if self.kind == "numbers":
            numbers = f"{self.count:,} of {self.total:,} numbers differ"
            return f"{self.name}: {numbers}, by {self.largest:.3g} at most"
        if self.kind in ("missing", "surplus"):
            return f"{self.name} is {self.kind}"
        return f"{self.name} is {self.found} instead of {self.expected}"


def differences(state: State, file: TensorFile) -> Iterator[Difference]:
    """What differs between a file and the tensors that should be in it; no more than one array is held.

    -0.0 equals 0.0, and what is no number equals what is none.

    Raises:
        UnreadableFile: The file of the model is damaged.
        WeightMismatch: An array of it has another shape than it said.
    """
    contents = plan(state)
    sharing: dict[int, list[str]] = {}
    for name, number in contents.tensors.items():
        sharing.setdefault(number, []).append(name)
    for number, names in sharing.items():
        storage = contents.storages[number]
        comparable = []
        for name in names:
            if name not in file.tensors:
                yield Difference(name, "missing", expected=_form(storage))
            elif _form(file.tensors[name]) != _form(storage):
                kind: Literal["dtype", "shape"] = (
                    "dtype" if file.tensors[name].shape == storage.shape else "shape"
                )
                yield Difference(name, kind, _form(file.tensors[name]), _form(storage))
            else:
                comparable.append(name)
        yield from _numbers(storage, comparable, [file.tensors[name] for name in comparable])
    for name in file.tensors.keys() - contents.tensors.keys():
        yield Difference(name, "surplus", found=_form(file.tensors[name]))


def _form(tensor: SavedTensor | Storage) -> str:
    return f"{tensor.dtype.name} {tensor.shape}"


def _numbers(storage: Storage, names: Sequence[str], tensors: Sequence[SavedTensor]) -> Iterator[Difference]:
    """Compare tensors of the right form with the one storage that they should be."""
    if not names:
        return
    counts, largest = [0] * len(names), [0.0] * len(names)
    streams = [_Stream(tensor.pieces()) for tensor in tensors]
    for piece in storage.pieces():
        for number, stream in enumerate(streams):
            found = stream.read(len(piece))
            if found != piece:
                count, distance = _distance(storage.dtype, piece, found)
                counts[number] += count
                largest[number] = max(largest[number], distance)
    for name, count, distance in zip(names, counts, largest, strict=True):
        if count:
            yield Difference(
                name, "numbers", _form(storage), _form(storage), count, storage.elements, distance
            )


def _distance(dtype: Dtype, expected: memoryview, found: bytes) -> tuple[int, float]:
    """How many numbers of two pieces differ, and by how much at most."""
    one, other = dtype.decode(expected), dtype.decode(found)
    differ = (one != other) & ~(np.isnan(one) & np.isnan(other))
    if not differ.any():
        return 0, 0.0
    wide = np.complex128 if one.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        distances = np.abs(one[differ].astype(wide) - other[differ].astype(wide))
    return int(differ.sum()), float(np.where(np.isnan(distances), np.inf, distances).max())


class _Stream:
    """Pieces of any sizes, read in pieces of other sizes."""

    def __init__(self, pieces: Iterator[memoryview]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int) -> bytes:
        parts, missing = [self._rest], size - len(self._rest)
        while missing > 0 and (piece := next(self._pieces, None)) is not None:
            parts.append(bytes(piece))
            missing -= len(piece)
        joined = b"".join(parts)
        self._rest = joined[size:]
        return joined[:size]
