"""CRC-32C, as TensorFlow writes it beside what it stores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
# Long data are cut into pieces, a power of two, whose checksums are computed side by side.
_PIECES = 16384
_SHORT = 2 * _PIECES

Words = NDArray[np.uint32]


def masked_crc32c(data: bytes | memoryview, more: bytes | memoryview = b"") -> int:
    """The checksum of `data` and `more`, masked as LevelDB and TensorFlow do (`crc32c::Mask`)."""
    crc = _update(_update(0xFFFFFFFF, data), more) ^ 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _update(state: int, data: bytes | memoryview) -> int:
    if len(data) >= _SHORT:
        length = len(data) // _PIECES
        state = _by_pieces(state, np.frombuffer(data, np.uint8, length * _PIECES).reshape(_PIECES, length))
        data = memoryview(data)[length * _PIECES :]
    _, table = _table()
    for byte in bytes(data):
        state = table[(state ^ byte) & 0xFF] ^ state >> 8
    return state


def _by_pieces(state: int, pieces: NDArray[np.uint8]) -> int:
    """The state after all rows: each row's own, then neighbours are joined until one is left."""
    table, _ = _table()
    states = np.zeros(len(pieces), np.uint32)
    states[0] = state
    for column in np.ascontiguousarray(pieces.T):
        states = table[(states ^ column) & 0xFF] ^ states >> 8
    zeros = _zero_bytes(pieces.shape[1])
    while len(states) > 1:
        states = _apply(zeros, states[::2]) ^ states[1::2]
        zeros = _apply(zeros, zeros)
    return int(states[0])


@cache
def _table() -> tuple[Words, list[int]]:
    """What each byte does to a state of zero, as an array and as a list."""
    states = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        states = np.where(states & 1, states >> 1 ^ _POLYNOMIAL, states >> 1).astype(np.uint32)
    return states, states.tolist()


def _zero_bytes(count: int) -> Words:
    """What `count` bytes of zero do to a state: its images of the 32 bits."""
    table, _ = _table()
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    step = table[result & 0xFF] ^ result >> 8
    while count:
        if count & 1:
            result = _apply(step, result)
        step = _apply(step, step)
        count >>= 1
    return result


def _apply(images: Words, states: Words) -> Words:
    """A linear map of states, given by its images of the 32 bits."""
    result = np.zeros_like(states)
    for bit in range(32):
        chosen: Any = -(states >> np.uint32(bit) & np.uint32(1))
        result ^= chosen & images[bit]
    return result
