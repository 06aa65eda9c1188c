"""A file of tensors that was opened: names, dtypes, shapes, and the numbers in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from codegen.tensors.dtypes import Dtype

_PIECE = 2 * 2**20


@dataclass(frozen=True)
class SavedTensor:
    """One tensor of a file; nothing is read until it is asked for.

    Attributes:
        path: The file.
        start: Where its first element stands in the file, in bytes.
        dtype: Of the elements.
        shape: Its sizes.
        stride: How many elements lie between neighbours along each axis.
    """

    path: Path
    start: int
    dtype: Dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    def read(self) -> NDArray[Any]:
        """The whole tensor, bfloat16 as float32."""
        parts = [self.dtype.decode(piece) for piece in self.pieces()]
        return np.concatenate(parts or [self.dtype.decode(b"")]).reshape(self.shape)

    def pieces(self) -> Iterator[memoryview]:
        """The bytes in C order, about two megabytes at a time."""
        if self.elements == 0:
            return
        if self.stride == contiguous(self.shape):
            left = self.elements * self.dtype.itemsize
            with self.path.open("rb") as file:
                file.seek(self.start)
                while left and (piece := file.read(min(left, _PIECE))):
                    left -= len(piece)
                    yield memoryview(piece)
            return
        span = 1 + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        flat = np.memmap(self.path, self.dtype.numpy, "r", self.start, (span,))
        steps = tuple(step * self.dtype.itemsize for step in self.stride)
        rows = as_strided(flat, self.shape, steps, writeable=False).reshape(-1, *self.shape[1:])
        count = max(1, _PIECE // max(1, rows[0].nbytes))
        for start in range(0, len(rows), count):
            yield np.ascontiguousarray(rows[start : start + count]).reshape(-1).view(np.uint8).data


@dataclass(frozen=True)
class TensorFile:
    """What a file of tensors holds.

    Attributes:
        tensors: By name, in the file's order.
        origin: Digests of the files that k2t-gen made it of, by their names; None if it did not, or if the
            file was saved again since.
    """

    tensors: Mapping[str, SavedTensor]
    origin: Mapping[str, str] | None


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor whose elements lie one after the other, as torch counts them."""
    return tuple(math.prod(max(size, 1) for size in shape[axis + 1 :]) for axis in range(len(shape)))
