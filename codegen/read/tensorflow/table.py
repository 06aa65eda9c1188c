"""The index of a checkpoint: a table of sorted keys, as LevelDB lays it out.

Format: `table_format.txt`, `format.cc` and `block.cc` in `tensorflow/core/lib/io`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from codegen.errors import UnreadableFile
from codegen.read.parts.pointers import refuse_pointer
from codegen.read.tensorflow.checksum import masked_crc32c
from codegen.read.tensorflow.wire import varint

_FOOTER = 48
_MAGIC = 0xDB4775248B80FB57
_MAX_BYTES = 64 * 2**20
_TRAILER = struct.Struct("<BI")


def is_table(data: bytes) -> bool:
    """Whether these last bytes of a file are the footer of a table."""
    return len(data) >= _FOOTER and int.from_bytes(data[-8:], "little") == _MAGIC


def read_table(path: Path) -> dict[bytes, memoryview]:
    """All entries, in the order of their keys.

    Raises:
        UnreadableFile: It is no such table, cut off, damaged or compressed.
    """
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise UnreadableFile(f"the index has {size >> 20} MB; the limit is 64 MB")
    data = memoryview(path.read_bytes())
    refuse_pointer(bytes(data[:64]))
    if not is_table(bytes(data[-_FOOTER:])):
        raise UnreadableFile("this is no index of a checkpoint, or it is cut off; copy it again")
    footer = data[-_FOOTER:-8]
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    entries: dict[bytes, memoryview] = {}
    previous = b""
    for _, value in _entries(_block(data, index)):
        for key, entry in _entries(_block(data, _handle(value, 0)[0])):
            if key <= previous and entries:
                raise UnreadableFile("the keys of the index are not in order; copy it again")
            previous = key
            entries[key] = entry
    return entries


def _handle(data: memoryview, at: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and the place behind them."""
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


def _block(data: memoryview, handle: tuple[int, int]) -> memoryview:
    offset, size = handle
    end = offset + size
    if end + _TRAILER.size > len(data):
        raise UnreadableFile("the index is cut off or damaged; copy it again")
    compression, checksum = _TRAILER.unpack_from(data, end)
    if masked_crc32c(data[offset : end + 1]) != checksum:
        raise UnreadableFile("the index is damaged (a checksum does not fit); copy it again")
    if compression:
        raise UnreadableFile(
            "the index is compressed, as TensorFlow itself never writes it; "
            "load the weights in TensorFlow and save them again"
        )
    return data[offset:end]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys, each given by what it shares with the one before it and its rest, and values."""
    restarts = int.from_bytes(block[-4:], "little") if len(block) >= 4 else 0
    end = len(block) - 4 * (restarts + 1)
    if not restarts or end < 0:
        raise UnreadableFile("a block of the index is damaged; copy it again")
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        unshared, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or unshared + size > end - at:
            raise UnreadableFile("an entry of the index is damaged; copy it again")
        key = key[:shared] + bytes(block[at : at + unshared])
        at += unshared
        yield key, block[at : at + size]
        at += size
