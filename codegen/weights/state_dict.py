"""Writes a state_dict that `torch.load(weights_only=True)` reads, one tensor in memory at a time."""

from __future__ import annotations

import math
import os
import pickle
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from codegen.errors import ConversionError, WeightMismatch
from codegen.graph.recipe import Leaf, Weight
from codegen.model.saved_model import StoredTensor

# torch wants the archive's entries in one folder and maps storages straight from the file.
_ROOT = "archive"
_ALIGNMENT = 64
_LOCAL_HEADER = 30
_ZIP64_EXTRA = 20
_CHUNK = 2 * 2**20


@dataclass(frozen=True)
class _Storage:
    """One record of the archive: the elements of one recipe."""

    key: str
    weight: Weight
    dtype: Any

    @property
    def elements(self) -> int:
        return math.prod(self.weight.shape)

    @property
    def size(self) -> int:
        return self.elements * int(self.dtype.itemsize)


@dataclass(frozen=True)
class _Tensor:
    """A whole storage as a tensor; pickled as torch pickles one."""

    storage: _Storage

    def __reduce__(self) -> tuple[Any, ...]:
        from torch._utils import _rebuild_tensor_v2

        shape = tuple(self.storage.weight.shape)
        stride = tuple(math.prod(max(size, 1) for size in shape[axis + 1 :]) for axis in range(len(shape)))
        return _rebuild_tensor_v2, (self.storage, 0, shape, stride, False, {})


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        if not isinstance(obj, _Storage):
            return None
        return ("storage", _storage_class(obj.dtype), obj.key, "cpu", obj.elements)


def write_state_dict(path: Path, tensors: Iterable[tuple[str, Weight, str]]) -> None:
    """Write `{name: tensor}` as a `.pt` file, identical to the byte on every run.

    The leaves of the recipes are stored tensors. A recipe that is given under several names (with
    the same dtype) is one storage that its tensors share. The file appears only when it is whole.

    Args:
        path: The file; its folder exists.
        tensors: Name, recipe and torch dtype ("float32") of each entry, in order.

    Raises:
        ConversionError: The file cannot be written.
        WeightMismatch: An array has another shape than its file said.
    """
    entries, storages = _plan(tensors)
    stream = BytesIO()
    _Pickler(stream, protocol=2).dump(entries)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            _write_archive(file, stream.getvalue(), storages)
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:  # from HDF5, not from the file system
            raise
        raise ConversionError(f"{path.name} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _plan(tensors: Iterable[tuple[str, Weight, str]]) -> tuple[dict[str, _Tensor], list[_Storage]]:
    import torch

    entries: dict[str, _Tensor] = {}
    storages: list[_Storage] = []
    shared: dict[tuple[Weight, str], _Storage] = {}
    for name, weight, dtype in tensors:
        if name in entries:
            raise ValueError(f"two tensors are called {name!r}")
        storage = shared.get((weight, dtype))
        if storage is None:
            storage = _Storage(str(len(storages)), weight, getattr(torch, dtype))
            storages.append(storage)
            if weight.leaves():  # two constants that happen to be equal are not the same weight
                shared[weight, dtype] = storage
        entries[name] = _Tensor(storage)
    return entries, storages


def _write_archive(file: BinaryIO, pickled: bytes, storages: list[_Storage]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _record(archive, "data.pkl", len(pickled), [memoryview(pickled)])
        _record(archive, "byteorder", 6, [memoryview(b"little")])
        for storage in storages:
            _record(archive, f"data/{storage.key}", storage.size, _chunks(storage))
        _record(archive, "version", 2, [memoryview(b"3\n")])


def _record(archive: zipfile.ZipFile, name: str, size: int, parts: Iterable[memoryview]) -> None:
    """Add an entry whose data begins at a multiple of 64 bytes, without a time stamp."""
    info = zipfile.ZipInfo(f"{_ROOT}/{name}", (1980, 1, 1, 0, 0, 0))
    info.create_system = 0
    info.file_size = size
    big = size * 1.05 > zipfile.ZIP64_LIMIT  # zipfile's own rule
    assert archive.fp is not None
    start = archive.fp.tell() + _LOCAL_HEADER + len(info.filename) + 4 + (_ZIP64_EXTRA if big else 0)
    padding = -start % _ALIGNMENT
    # torch's own name for this field; readers skip fields that they do not know.
    info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    with archive.open(info, "w", force_zip64=big) as entry:
        for part in parts:
            entry.write(part)


def _chunks(storage: _Storage) -> Iterator[memoryview]:
    """The storage's bytes, in pieces, so that a transposed array is never copied as a whole."""
    weight = storage.weight
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
    rows = max(1, _CHUNK // max(1, array[0].nbytes))
    for start in range(0, len(array), rows):
        yield _bytes(array[start : start + rows], storage.dtype)


def _bytes(array: NDArray[Any], dtype: Any) -> memoryview:
    """The array's bytes, little endian, converted to a torch dtype."""
    import torch

    native = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    if not native.flags.writeable:
        native = native.copy()  # torch warns of read-only memory
    kind = f"{native.dtype.kind}{native.dtype.itemsize}"  # of C types of one size, the one that torch knows
    tensor = torch.from_numpy(np.ascontiguousarray(native).view(kind)).to(dtype).reshape(-1)
    return tensor.view(torch.uint8).numpy().data


def _read(leaf: Leaf) -> NDArray[Any]:
    if not isinstance(leaf, StoredTensor):
        raise TypeError(f"{leaf} is not bound to a stored tensor")
    return leaf.read()


def _storage_class(dtype: Any) -> Any:
    import torch

    names = {
        torch.float64: "DoubleStorage",
        torch.float32: "FloatStorage",
        torch.float16: "HalfStorage",
        torch.bfloat16: "BFloat16Storage",
        torch.int64: "LongStorage",
        torch.int32: "IntStorage",
        torch.int16: "ShortStorage",
        torch.int8: "CharStorage",
        torch.uint8: "ByteStorage",
        torch.bool: "BoolStorage",
        torch.complex64: "ComplexFloatStorage",
        torch.complex128: "ComplexDoubleStorage",
    }
    if dtype not in names:
        raise ConversionError(f"weights of dtype {dtype} cannot be saved")
    return getattr(torch, names[dtype])
