"""torch's dtypes: what each is called in files, and its numbers as bytes and back, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import ConversionError, shorten


@dataclass(frozen=True)
class Dtype:
    """A dtype that files of tensors can have.

    Attributes:
        name: torch's, without "torch.".
        storage: The class that stands for it in a `.pt` file.
        numpy: Its elements as numpy has them; for "bfloat16", which numpy lacks, their bits.
    """

    name: str
    storage: str
    numpy: np.dtype[Any]

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(self.numpy.itemsize)

    def encode(self, array: NDArray[Any]) -> memoryview:
        """The numbers of an array as bytes, little endian, in C order; rounded as torch rounds them."""
        if self.name == "bfloat16":
            array = _to_bfloat16(array)
        elif self.name == "float16" and array.dtype != np.float16:
            array = array.astype(np.float32)  # torch goes by float32, where numpy rounds at once
        native = np.asarray(array, self.numpy, order="C").reshape(-1)
        return native.view(np.uint8).data

    def decode(self, data: bytes | memoryview) -> NDArray[Any]:
        """The numbers, (n,); bfloat16 as float32, which holds it exactly."""
        elements = np.frombuffer(data, self.numpy)
        if self.name == "bfloat16":
            return (elements.astype(np.uint32) << 16).view(np.float32)
        return elements


def _to_bfloat16(array: NDArray[Any]) -> NDArray[np.uint16]:
    """The upper halves of float32 numbers, rounded to nearest, ties to even; what is no number stays none."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    is_nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(is_nan, (bits >> 16) | 0x40, rounded).astype(np.uint16)


def _table(*rows: tuple[str, str, str]) -> Mapping[str, Dtype]:
    return {name: Dtype(name, storage, np.dtype(code)) for name, storage, code in rows}


DTYPES = _table(
    ("float64", "DoubleStorage", "<f8"),
    ("float32", "FloatStorage", "<f4"),
    ("float16", "HalfStorage", "<f2"),
    ("bfloat16", "BFloat16Storage", "<u2"),
    ("int64", "LongStorage", "<i8"),
    ("int32", "IntStorage", "<i4"),
    ("int16", "ShortStorage", "<i2"),
    ("int8", "CharStorage", "i1"),
    ("uint8", "ByteStorage", "u1"),
    ("bool", "BoolStorage", "?"),
    ("complex64", "ComplexFloatStorage", "<c8"),
    ("complex128", "ComplexDoubleStorage", "<c16"),
)


def dtype_of(name: str) -> Dtype:
    """The dtype that torch calls by this name.

    Raises:
        ConversionError: Files cannot have it.
    """
    if name not in DTYPES:
        raise ConversionError(f"weights of dtype {shorten(name)} cannot be saved")
    return DTYPES[name]
