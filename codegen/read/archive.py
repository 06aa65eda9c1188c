"""`.keras` archives: members are read in place, nothing is extracted by name."""

from __future__ import annotations

import io
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from codegen.errors import UnreadableFile, shorten
from codegen.read.parts import architecture
from codegen.read.parts.damage import reading

_LOCAL_HEADER = struct.Struct("<4s22xHH")
# Real weights hardly shrink: what grows more than this is a bomb, as Keras' own reader says too.
_MAX_EXPANSION = 100
_SMALL = 2**26


class Archive:
    """A zip file whose members have forward slashes in their names, whoever wrote it."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._file = stack.enter_context(path.open("rb"))
        self._zip = stack.enter_context(zipfile.ZipFile(self._file))
        self._members = {info.filename.replace("\\", "/"): info for info in self._zip.infolist()}

    @property
    def names(self) -> list[str]:
        """Names of the members, folders left out."""
        return [name for name in self._members if not name.endswith("/")]

    def read(self, name: str) -> bytes:
        """Return a small member's content; UnreadableFile if it has more than 256 MB."""
        info = self._member(name)
        if info.file_size > architecture.MAX_BYTES:
            raise UnreadableFile(f"its {shorten(name)} has {info.file_size >> 20} MB; the limit is 256 MB")
        return self._zip.read(info)

    def open(self, name: str, stack: ExitStack) -> BinaryIO:
        """Open a large member: a window on the archive, or a temporary file if it is compressed."""
        info = self._member(name)
        if info.compress_type == zipfile.ZIP_STORED:
            return cast(BinaryIO, io.BufferedReader(self._window(info)))
        if info.file_size > _SMALL and info.file_size > _MAX_EXPANSION * info.compress_size:
            raise UnreadableFile(
                f"its {shorten(name)} would grow from {info.compress_size} to {info.file_size} bytes; "
                "that is no Keras model"
            )
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        with self._zip.open(info) as packed:
            shutil.copyfileobj(packed, copy, 2**20)
        return copy

    def _member(self, name: str) -> zipfile.ZipInfo:
        info = self._members[name]
        if info.flag_bits & 1:
            raise UnreadableFile("the archive is encrypted; unpack it with its password and zip it without")
        return info

    def _window(self, info: zipfile.ZipInfo) -> _Window:
        self._file.seek(info.header_offset)
        signature, name_size, extra_size = _LOCAL_HEADER.unpack(self._file.read(_LOCAL_HEADER.size))
        if signature != b"PK\x03\x04" or info.compress_size != info.file_size:
            raise zipfile.BadZipFile(f"bad header of {info.filename!r}")
        start = info.header_offset + _LOCAL_HEADER.size + name_size + extra_size
        return _Window(self._file, start, info.file_size)


class _Window(io.RawIOBase):
    """A part of a file as a file: `size` bytes from `start`."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer
        view = memoryview(buffer)[: max(self._size - self._position, 0)]
        self._file.seek(self._start + self._position)
        count = cast(io.BufferedReader, self._file).readinto(view)
        self._position += count
        return count


class Assets(Mapping[str, bytes]):
    """The files in an archive's `assets` folder, by their path in it; read when asked for."""

    def __init__(self, archive: Archive, source: str) -> None:
        self._archive, self._source = archive, source
        self._names = {
            name.removeprefix("assets/"): name for name in archive.names if name.startswith("assets/")
        }

    def __getitem__(self, name: str) -> bytes:
        member = self._names[name]
        with reading(self._source):
            return self._archive.read(member)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
