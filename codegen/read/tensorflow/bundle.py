"""The tensors of a checkpoint: an index, and files of raw data; one tensor is read at a time.

Format: `tensor_bundle.proto` and `tensor_bundle.cc` of TensorFlow.
"""

from __future__ import annotations

import glob
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import UnreadableFile, shorten
from codegen.model.saved_model import StoredTensor
from codegen.read.parts.damage import reading
from codegen.read.parts.pointers import refuse_pointer
from codegen.read.tensorflow.checksum import masked_crc32c
from codegen.read.tensorflow.table import read_table
from codegen.read.tensorflow.wire import fields, signed, submessages, varint

_HEADER = b""
_MAX_SHARDS = 99_999  # what the five digits of their names can say
_MAX_RANK = 32
_MAX_STRING = 2**31 - 1  # as for every protocol buffer
_STRING = 7

#: The numbers of `types.proto` that weights may have.
_DTYPES: Mapping[int, str] = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 8: "complex64",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128", 19: "float16",
    22: "uint32", 23: "uint64",
}  # fmt: skip


@dataclass(frozen=True)
class _Entry:
    """What the index says of a tensor."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    slices: tuple[memoryview, ...]


@dataclass(frozen=True)
class Bundle:
    """The tensors under a prefix: `PREFIX.index` and `PREFIX.data-00000-of-00001`.

    Attributes:
        prefix: Path without the suffixes.
        entries: What the index holds, by key.
        shards: Number of files of data.
    """

    prefix: Path
    entries: Mapping[bytes, memoryview]
    shards: int

    def __contains__(self, key: str) -> bool:
        return key.encode() in self.entries

    def has_numbers(self, key: str) -> bool:
        """Whether there is such a tensor, and of numbers."""
        return key in self and self._entry(key.encode(), shorten(key)).dtype in _DTYPES

    def tensor(self, key: str, name: str) -> StoredTensor:
        """A tensor of numbers; its data stay where they are.

        Raises:
            UnreadableFile: It is missing, or what the index says of it cannot be.
        """
        entry = self._entry(key.encode(), shorten(key))
        if entry.dtype not in _DTYPES:
            raise UnreadableFile(
                f"tensor {shorten(key)} is of type {entry.dtype}, not of numbers; save it again"
            )
        dtype = _DTYPES[entry.dtype]
        parts = [(entry, tuple(slice(0, size) for size in entry.shape))]
        if entry.slices:
            parts = list(self._parts(key, entry))
            if sum(math.prod(part.shape) for part, _ in parts) != math.prod(entry.shape):
                raise UnreadableFile(f"the slices of tensor {shorten(key)} do not make it; save it again")
        for part, _ in parts:
            self._check_data(part, shorten(key))
        read = partial(self._read, parts, entry.shape, dtype, shorten(key))
        return StoredTensor(key, name, entry.shape, dtype, read)

    def string(self, key: str) -> bytes:
        """A scalar string; UnreadableFile if it is missing, none or damaged."""
        entry = self._entry(key.encode(), shorten(key))
        if entry.dtype != _STRING or entry.shape or entry.slices or entry.size > _MAX_STRING:
            raise UnreadableFile(f"{shorten(key)} is no string; save it again")
        self._check_size(entry, shorten(key))
        data = memoryview(self._bytes(entry))
        length, at = varint(data, 0)
        text = data[at + 4 :]
        # The checksum is that of the length as a word, of the length's own checksum, and of the text.
        head = (length & 0xFFFFFFFF).to_bytes(4, "little") + bytes(data[at : at + 4])
        if length != len(text) or masked_crc32c(head, text) != entry.checksum:
            raise UnreadableFile(f"{shorten(key)} is damaged (its checksum does not fit); copy it again")
        return bytes(text)

    # ---------------------------------------------------------------- what the index says

    def _entry(self, key: bytes, where: str) -> _Entry:
        if key not in self.entries:
            raise UnreadableFile(f"the index has no tensor {where}; save it again")
        numbers = dict.fromkeys((1, 3, 4, 5, 6), 0)
        shape: tuple[int, ...] = ()
        slices: list[memoryview] = []
        for field, value in fields(self.entries[key]):
            if field == 2 and isinstance(value, memoryview):
                shape = _shape(value, where)
            elif field == 7 and isinstance(value, memoryview):
                slices.append(value)
            elif field in numbers and isinstance(value, int):
                numbers[field] = value
        entry = _Entry(
            numbers[1], shape, numbers[3], signed(numbers[4]), signed(numbers[5]), numbers[6], tuple(slices)
        )
        if entry.shard >= self.shards or entry.offset < 0 or entry.size < 0:
            raise UnreadableFile(f"tensor {where} lies nowhere in the files of data; copy them again")
        return entry

    def _parts(self, key: str, whole: _Entry) -> Iterator[tuple[_Entry, tuple[slice, ...]]]:
        """The pieces into which a tensor is cut, and where each belongs."""
        for message in whole.slices:
            extents = [_extent(extent, shorten(key)) for extent in submessages(message, 1)]
            if len(extents) != len(whole.shape):
                raise UnreadableFile(f"tensor {shorten(key)} has a slice of another rank; save it again")
            place = tuple(
                slice(start, size if length is None else start + length)
                for (start, length), size in zip(extents, whole.shape, strict=True)
            )
            if any(part.stop > size for part, size in zip(place, whole.shape, strict=True)):
                raise UnreadableFile(f"tensor {shorten(key)} has a slice beyond its end; save it again")
            entry = self._entry(_slice_key(key, extents), shorten(f"{key} (a slice)"))
            if entry.shape != tuple(part.stop - part.start for part in place) or entry.dtype != whole.dtype:
                raise UnreadableFile(f"tensor {shorten(key)} has a slice of another shape; save it again")
            yield entry, place

    def _check_data(self, entry: _Entry, where: str) -> None:
        declared = math.prod(entry.shape) * _itemsize(_DTYPES[entry.dtype])
        if declared != entry.size:
            raise UnreadableFile(
                f"tensor {where} of shape {shorten(entry.shape)} should have {declared} bytes, "
                f"but the index says {entry.size}; copy it again"
            )
        self._check_size(entry, where)

    def _check_size(self, entry: _Entry, where: str) -> None:
        """Refuse data that are not there, before memory is taken for them."""
        path = self._shard(entry.shard)
        if not path.is_file():
            raise UnreadableFile(f"{shorten(path.name)} is missing; copy all files of the model")
        if entry.offset + entry.size > path.stat().st_size:
            with path.open("rb") as file:
                refuse_pointer(file.read(64))
            raise UnreadableFile(
                f"{shorten(path.name)} is cut off: it ends before tensor {where}; copy it again"
            )

    # ---------------------------------------------------------------- data

    def _shard(self, number: int) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.data-{number:05d}-of-{self.shards:05d}")

    def _bytes(self, entry: _Entry) -> bytes:
        with self._shard(entry.shard).open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        if len(data) != entry.size:
            raise UnreadableFile(f"{shorten(file.name)} is cut off; copy it again")
        return data

    def _read(
        self,
        parts: list[tuple[_Entry, tuple[slice, ...]]],
        shape: tuple[int, ...],
        dtype: str,
        where: str,
    ) -> NDArray[Any]:
        with reading(shorten(str(self.prefix), 200)):
            if len(parts) == 1 and parts[0][0].shape == shape:
                return self._array(parts[0][0], dtype, where)
            whole = np.zeros(shape, "float32" if dtype == "bfloat16" else dtype)
            for entry, place in parts:
                whole[place] = self._array(entry, dtype, where)
            return whole

    def _array(self, entry: _Entry, dtype: str, where: str) -> NDArray[Any]:
        data = self._bytes(entry)
        if masked_crc32c(data) != entry.checksum:
            raise UnreadableFile(f"tensor {where} is damaged (its checksum does not fit); copy it again")
        if dtype == "bfloat16":  # the upper half of a float32
            return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(entry.shape)
        little = np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))
        return little.astype(dtype, copy=False).reshape(entry.shape)


def bundle_files(prefix: Path) -> tuple[Path, ...]:
    """The index of the tensors under a prefix, and the files of data."""
    data = sorted(prefix.parent.glob(f"{glob.escape(prefix.name)}.data-*-of-*"))
    return (prefix.with_name(f"{prefix.name}.index"), *data)


def open_bundle(prefix: Path) -> Bundle:
    """Read the index of the tensors under a prefix.

    Raises:
        UnreadableFile: It is damaged, or of a kind that no PC writes.
    """
    entries = read_table(prefix.with_name(f"{prefix.name}.index"))
    if _HEADER not in entries:
        raise UnreadableFile("the index has no header; copy it again")
    header = dict(fields(entries[_HEADER]))
    shards, big_endian = header.get(1, 0), header.get(2, 0)
    if big_endian:
        raise UnreadableFile(
            "it was written on a big-endian machine; load the weights there and save them as .h5"
        )
    if not isinstance(shards, int) or not 0 < shards <= _MAX_SHARDS:
        raise UnreadableFile(f"the index speaks of {shorten(shards)} files of data; copy it again")
    return Bundle(prefix, entries, shards)


def _itemsize(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _shape(message: memoryview, where: str) -> tuple[int, ...]:
    sizes: list[int] = []
    for field, value in fields(message):
        if field == 3 and value:
            raise UnreadableFile(f"tensor {where} has no known shape; save it again")
        if field == 2 and isinstance(value, memoryview):
            size = dict(fields(value)).get(1, 0)
            sizes.append(signed(size) if isinstance(size, int) else -1)
    if len(sizes) > _MAX_RANK or any(size < 0 for size in sizes):
        raise UnreadableFile(f"tensor {where} has the shape {shorten(sizes)}; copy it again")
    return tuple(sizes)


def _extent(message: memoryview, where: str) -> tuple[int, int | None]:
    """Start and length of a slice along one axis; no length means all."""
    found = dict(fields(message))
    start, length = found.get(1, 0), found.get(2)
    if not isinstance(start, int) or isinstance(length, memoryview):
        raise UnreadableFile(f"tensor {where} has a damaged slice; copy it again")
    if signed(start) < 0 or (length is not None and signed(length) < 0):
        raise UnreadableFile(f"tensor {where} has a slice of a negative place; copy it again")
    return start, length


def _slice_key(name: str, extents: list[tuple[int, int | None]]) -> bytes:
    """Under which key the data of a slice stand (`EncodeTensorNameSlice`)."""
    # A name's zero bytes and ones are escaped there; names of Keras have none.
    key = _ordered(0) + name.encode() + b"\0\1" + _ordered(len(extents))
    for start, length in extents:
        key += _ordered_signed(start) + _ordered_signed(-1 if length is None else length)
    return key


def _ordered(number: int) -> bytes:
    """`OrderedCode::WriteNumIncreasing`: the number of bytes, then the bytes."""
    size = (number.bit_length() + 7) // 8
    return bytes([size]) + number.to_bytes(size, "big")


def _ordered_signed(number: int) -> bytes:
    """`OrderedCode::WriteSignedNumIncreasing`: ones that tell the number of bytes, then the number."""
    magnitude = ~number if number < 0 else number
    size = magnitude.bit_length() // 7 + 1
    bits = 8 * size
    header = ((1 << size) - 1) << (bits - size)
    code = header | magnitude if number >= 0 else (~(header | magnitude)) & ((1 << bits) - 1)
    return code.to_bytes(size, "big")
