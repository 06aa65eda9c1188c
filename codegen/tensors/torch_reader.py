"""Reads the tensors of a `.pt` file that `torch.save` or k2t-gen wrote; nothing in it is run."""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from codegen.errors import UnreadableFile, shorten
from codegen.read.parts.damage import reading
from codegen.tensors.dtypes import DTYPES, Dtype
from codegen.tensors.file import SavedTensor, TensorFile
from codegen.tensors.pickled import Call, Name, Reference, read_pickle
from codegen.tensors.torch_writer import ORIGIN

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_MAX_PICKLE = 256 * 2**20
_STORAGES = {dtype.storage: dtype for dtype in DTYPES.values()}
_TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Name("torch._utils", "_rebuild_parameter")


def read_state_dict(path: Path) -> TensorFile:
    """What a `.pt` file holds: a dictionary of tensors, as `torch.save(model.state_dict(), path)` writes it.

    Raises:
        UnreadableFile: It is damaged, or holds anything else; the message begins with its name.
    """
    with reading(path.name), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise UnreadableFile(
                "this is no file of torch 1.6 or later; load it with torch.load() and save it again"
            )
        with zipfile.ZipFile(file) as archive:
            return _Archive(path, file, archive).contents()


@dataclass(frozen=True)
class _Archive:
    """The zip archive; its entries stand in one folder."""

    path: Path
    file: BinaryIO
    archive: zipfile.ZipFile

    def contents(self) -> TensorFile:
        roots = [name[: -len("data.pkl")] for name in self.archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1 or f"{roots[0]}constants.pkl" in self.archive.namelist():
            raise UnreadableFile(
                "this archive is no state dict; save one with torch.save(model.state_dict())"
            )
        (root,) = roots
        if self._small(f"{root}byteorder") not in (None, b"little"):
            raise UnreadableFile("it was saved on a big-endian machine; save it again on a usual one")
        saved = read_pickle(self._small(f"{root}data.pkl") or b"")
        if not isinstance(saved, dict):
            raise UnreadableFile("it holds no dictionary; save model.state_dict()")
        tensors = {name: self._tensor(root, name, value) for name, value in saved.items()}
        return TensorFile(tensors, self._origin(root))

    def _small(self, name: str) -> bytes | None:
        if name not in self.archive.NameToInfo:
            return None
        if self.archive.getinfo(name).file_size > _MAX_PICKLE:
            raise UnreadableFile(f"its {shorten(name)} is larger than {_MAX_PICKLE >> 20} MB")
        return self.archive.read(name)

    def _origin(self, root: str) -> Mapping[str, str] | None:
        text = self._small(f"{root}{ORIGIN}")
        if text is None:
            return None
        origin = json.loads(text)
        if not isinstance(origin, dict) or not all(isinstance(digest, str) for digest in origin.values()):
            raise UnreadableFile(f"its {ORIGIN} says nothing that k2t-gen writes")
        return origin

    def _tensor(self, root: str, name: Any, value: Any) -> SavedTensor:
        if isinstance(value, Call) and value.function == _PARAMETER and value.arguments:
            value = value.arguments[0]
        if not isinstance(name, str) or not isinstance(value, Call) or value.function != _TENSOR:
            found = str(value.function) if isinstance(value, Call) else type(value).__name__
            raise UnreadableFile(
                f"its entry {shorten(name)} is no tensor but {shorten(found)}; save model.state_dict() alone"
            )
        reference, offset, shape, stride, *_ = value.arguments
        dtype, start, count = self._storage(root, reference)
        sizes = (offset, *shape, *stride)
        if len(shape) != len(stride) or not all(type(size) is int and size >= 0 for size in sizes):
            raise UnreadableFile(f"its tensor {shorten(name)} has an impossible shape")
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        if 0 not in shape and last >= count:
            raise UnreadableFile(f"its tensor {shorten(name)} goes beyond its numbers")
        if math.prod(shape) > count:
            raise UnreadableFile(f"its tensor {shorten(name)} repeats its numbers; save tensor.clone()")
        return SavedTensor(self.path, start + offset * dtype.itemsize, dtype, tuple(shape), tuple(stride))

    def _storage(self, root: str, reference: Any) -> tuple[Dtype, int, int]:
        """The dtype of a storage, where it begins in the file, and how many elements it has."""
        if not isinstance(reference, Reference):
            raise UnreadableFile("it holds a tensor without numbers")
        _, kind, key, _, count = reference.key
        if not isinstance(kind, Name) or kind.module != "torch" or kind.name not in _STORAGES:
            raise UnreadableFile(f"it holds numbers of {shorten(str(kind))}, which is not known")
        dtype = _STORAGES[kind.name]
        info = self.archive.getinfo(f"{root}data/{key}")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != count * dtype.itemsize:
            raise UnreadableFile(f"its {shorten(info.filename)} is packed, or of another size than it says")
        self.file.seek(info.header_offset)
        _, name_size, extra_size = _LOCAL_HEADER.unpack(self.file.read(_LOCAL_HEADER.size))
        start = info.header_offset + _LOCAL_HEADER.size + name_size + extra_size
        if start + info.file_size > self.path.stat().st_size:
            raise UnreadableFile(f"its {shorten(info.filename)} is truncated")
        return dtype, start, count
