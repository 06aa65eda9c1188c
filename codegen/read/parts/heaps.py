"""Looks at the global heaps of an HDF5 file, where its long strings stand, before the HDF5 library does.

HDF5 1.14 steps from object to object in a heap by their sizes, and never ends at a free space of size 0,
which a damaged file may have (`H5HG__cache_heap_deserialize` in H5HGcache.c). Layout: section III.E of the
HDF5 File Format Specification.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from codegen.errors import UnreadableFile

_SIGNATURE = b"GCOL\x01\0\0\0"
_OBJECT = struct.Struct("<HHIQ")
_SIZE = struct.Struct("<Q")
# Keras writes strings before and after the arrays.
_SEARCHED = 2**26
_WINDOW = 2**20


def check_heaps(file: BinaryIO) -> None:
    """Refuse a file with a heap whose objects lead nowhere; its first and its last 64 MB are searched.

    Raises:
        UnreadableFile: It has one.
    """
    size = file.seek(0, io.SEEK_END)
    for place in _places(file, size):
        if not _ends(file, place, size):
            raise UnreadableFile("the file is damaged (its strings have no end); save the model again")
    file.seek(0)


def _places(file: BinaryIO, size: int) -> Iterator[int]:
    """Where heaps begin, found a window at a time; windows overlap by what a signature needs."""
    last = max(size - _SEARCHED, min(size, _SEARCHED))
    for start, stop in ((0, min(size, _SEARCHED)), (last, size)):
        for window in range(start, stop, _WINDOW):
            file.seek(window)
            part = file.read(_WINDOW + len(_SIGNATURE) - 1)
            place = part.find(_SIGNATURE)
            while place >= 0:
                yield window + place
                place = part.find(_SIGNATURE, place + 1)


def _ends(file: BinaryIO, heap: int, size: int) -> bool:
    """Whether going from object to object leads to the end of the heap, or of the file."""
    place = heap + len(_SIGNATURE)
    if place + _SIZE.size > size:
        return True
    file.seek(place)
    end = min(heap + _SIZE.unpack(file.read(_SIZE.size))[0], size)
    place += _SIZE.size
    while place + _OBJECT.size <= end:
        file.seek(place)
        index, _, _, length = _OBJECT.unpack(file.read(_OBJECT.size))
        # A free space counts its own header, an object does not, and is filled up to 8 bytes.
        step = length if index == 0 else _OBJECT.size + (length + 7) // 8 * 8
        if step == 0 or step >= 2**63:
            return False
        place += step
    return True
