"""Writes a state dict as a `.pt` file that `torch.load(weights_only=True)` reads, as a stream."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codegen.graph.recipe import Weight
from codegen.tensors.file import contiguous
from codegen.tensors.pickled import PickleWriter
from codegen.tensors.plan import Plan, State, plan
from codegen.tensors.whole import whole_file

# torch wants the archive's entries in one folder and maps storages straight from the file.
ROOT = "archive"
#: The record that tells what a file was made of; torch does not look at it.
ORIGIN = "k2t-gen.json"
_ALIGNMENT = 64
_LOCAL_HEADER = 30
_ZIP64_EXTRA = 20


def write_state_dict(path: Path, state: State, origin: Callable[[], Mapping[str, str]] | None = None) -> None:
    """Write `{name: tensor}` as a `.pt` file, identical to the byte on every run.

    The leaves of the recipes are stored tensors. A recipe that is given under several names (with
    the same dtype) is one storage that its tensors share. The file appears only when it is whole.

    Args:
        path: The file; its folder exists.
        state: The tensors.
        origin: What they were made of, for `TensorFile.origin`: digests by the names of files. It is called
            when the numbers are written.

    Raises:
        ConversionError: The file cannot be written.
        WeightMismatch: An array has another shape than its file said.
    """
    contents = plan(state)
    writer = PickleWriter()
    with writer.dictionary():
        for name, number in contents.tensors.items():
            writer.value(name)
            _tensor(writer, contents, number)
    _write(path, contents, writer.end(), origin)


def write_optimizer_state(
    path: Path, state: Sequence[Mapping[str, tuple[Weight, str]]], groups: Sequence[Mapping[str, Any]]
) -> None:
    """Write what `load_state_dict` of an optimizer takes, as `write_state_dict` writes.

    Args:
        path: The file; its folder exists.
        state: Recipe and torch dtype of each tensor of each parameter, in the order of the parameters.
        groups: The options of the groups of parameters.

    Raises:
        ConversionError: The file cannot be written.
        WeightMismatch: An array has another shape than its file said.
    """
    parts = list(enumerate(state))
    contents = plan((f"{index}/{key}", *recipe) for index, part in parts for key, recipe in part.items())
    writer = PickleWriter()
    with writer.dictionary():
        writer.value("state")
        with writer.dictionary():
            for index, part in parts:
                writer.value(index)
                with writer.dictionary():
                    for key in part:
                        writer.value(key)
                        _tensor(writer, contents, contents.tensors[f"{index}/{key}"])
        writer.value("param_groups")
        writer.value([dict(group) for group in groups])
    _write(path, contents, writer.end(), None)


def _write(
    path: Path, contents: Plan, pickled: bytes, origin: Callable[[], Mapping[str, str]] | None
) -> None:
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _record(archive, "data.pkl", len(pickled), [memoryview(pickled)])
        _record(archive, "byteorder", 6, [memoryview(b"little")])
        for number, storage in enumerate(contents.storages):
            _record(archive, f"data/{number}", storage.size, storage.pieces())
        if origin is not None:
            text = json.dumps(dict(origin()), sort_keys=True).encode()
            _record(archive, ORIGIN, len(text), [memoryview(text)])
        _record(archive, "version", 2, [memoryview(b"3\n")])


def _tensor(writer: PickleWriter, contents: Plan, number: int) -> None:
    """A tensor as torch pickles one: it is a whole storage."""
    storage = contents.storages[number]
    writer.name("torch._utils", "_rebuild_tensor_v2")
    with writer.call():
        with writer.persistent():
            writer.value("storage")
            writer.name("torch", storage.dtype.storage)
            writer.value(str(number))
            writer.value("cpu")
            writer.value(storage.elements)
        writer.value(0)
        writer.value(storage.shape)
        writer.value(contiguous(storage.shape))
        writer.value(value=False)
        writer.value({})


def _record(archive: zipfile.ZipFile, name: str, size: int, parts: Iterable[memoryview]) -> None:
    """Add an entry whose data begins at a multiple of 64 bytes, without a time stamp."""
    info = zipfile.ZipInfo(f"{ROOT}/{name}", (1980, 1, 1, 0, 0, 0))
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
