"""Mutations of bytes, whatever they mean."""

from __future__ import annotations

from random import Random

from tests.support.mutate.kinds import mutation

_ODD = (b"\0", b"\xff", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\xff" * 8, b"'\"\n", b"{", b"]")


@mutation("bytes")
def overwrite(data: bytes, rng: Random) -> bytes:
    """Some bytes become others."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        place = rng.randrange(len(data))
        new = rng.choice((*_ODD, rng.randbytes(1), rng.randbytes(4)))
        changed[place : place + len(new)] = new
    return bytes(changed[: len(data)])


@mutation("bytes")
def flip_bit(data: bytes, rng: Random) -> bytes:
    """One bit is wrong."""
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@mutation("bytes")
def cut(data: bytes, rng: Random) -> bytes:
    """A download that broke off, or lost a part."""
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:start] if rng.random() < 0.5 else data[:start] + data[end:]


@mutation("bytes")
def repeat(data: bytes, rng: Random) -> bytes:
    """A part stands twice, or in another's place."""
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    part = data[start : min(end, start + 4096)]
    place = rng.randrange(len(data))
    rest = place + (len(part) if rng.random() < 0.5 else 0)
    return data[:place] + part + data[rest:]
