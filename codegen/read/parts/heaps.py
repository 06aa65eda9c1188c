"""Looks at the global heaps of an HDF5 file, where its long strings stand, before the HDF5 library does.

HDF5 1.14 steps from object to object in a heap by their sizes, and never ends at a free space of size 0,
which a damaged file may have (`H5HG__cache_heap_deserialize` in H5HGcache.c). Layout: section III.E of the
HDF5 File Format Specification.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from codegen.errors import UnreadableFile

_SIGNATURE = b"GCOL\x01\0\0\0"
_OBJECT = struct.Struct("<HHIQ")
_SIZE = struct.Struct("<Q")
# A heap holds the strings of a few attributes; Keras writes them before and after the arrays.
_MAX_HEAP = 2**28
_SEARCHED = 2**26


def check_heaps(file: BinaryIO) -> None:
    """Refuse a file with a heap whose objects lead nowhere; its first and its last 64 MB are searched.

    Raises:
        UnreadableFile: It has one.
    """
    size = file.seek(0, io.SEEK_END)
    for start in sorted({0, max(size - _SEARCHED, 0)}):
        file.seek(start)
        part = file.read(_SEARCHED)
        place = part.find(_SIGNATURE)
        while place >= 0:
            if not _ends(part, place):
                raise UnreadableFile("the file is damaged (its strings have no end); save the model again")
            place = part.find(_SIGNATURE, place + 1)
    file.seek(0)


def _ends(part: bytes, place: int) -> bool:
    """Whether going from object to object leads to the end of the heap, or out of what was read."""
    body = place + len(_SIGNATURE)
    if body + _SIZE.size > len(part):
        return True
    end = place + min(_SIZE.unpack_from(part, body)[0], _MAX_HEAP)
    place = body + _SIZE.size
    while place + _OBJECT.size <= min(end, len(part)):
        index, _, _, size = _OBJECT.unpack_from(part, place)
        # A free space counts its own header, an object does not, and is filled up to 8 bytes.
        step = size if index == 0 else _OBJECT.size + (size + 7) // 8 * 8
        if step == 0 or step >= 2**63:
            return False
        place += step
    return True
