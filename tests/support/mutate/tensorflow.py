"""Mutations of TensorFlow's containers: protocol buffers, and the tables of checkpoints."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any

from codegen.read.tensorflow import bundle, table
from codegen.read.tensorflow.wire import fields, varint
from tests.support import tensorflow_files as files
from tests.support.mutate.kinds import mutation
from tests.support.mutate.tree_of_json import mutated_json

_NUMBERS = (0, 1, 2, 7, 99, 127, 2**20, 2**31, 2**32 - 1, 2**62, -1, -(2**63))
_TEXTS = (b"", b"\xff", b"..", b"/", b"layer-0", b"kernel", b"VARIABLE_VALUE", b"\0" * 40, b"a" * 10_000)


class _Fits(int):
    """A checksum that fits whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def without_checksums() -> None:
    """Let every checksum fit, so that mutants get further than to it."""
    for module in (bundle, table):
        setattr(module, "masked_crc32c", lambda *_: _Fits())  # noqa: B010 - mypy wants no assignment to it


def _decoded(data: bytes) -> files.Message:
    decoded: files.Message = []
    for number, value in fields(memoryview(data)):
        decoded.append((number, value if isinstance(value, int) else bytes(value)))
    if not decoded:
        raise ValueError("nothing to change")
    return decoded


def mutated_message(data: bytes, rng: Random) -> bytes:
    """A field of a message, or of one inside it, is another, missing or there twice."""
    message = _decoded(data)
    place = rng.randrange(len(message))
    number, value = message[place]
    if isinstance(value, bytes) and value[:1] == b"{":
        message[place] = number, mutated_json(value.decode(), rng).encode()
        return files.message(message)
    if isinstance(value, bytes) and len(value) > 2 and rng.random() < 0.85:
        try:
            message[place] = number, mutated_message(value, rng)
            return files.message(message)
        except Exception:  # it is text
            pass
    choice = rng.randrange(6)
    if choice == 0:
        del message[place]
    elif choice == 1:
        message.insert(rng.randrange(len(message)), message[place])
    elif choice == 2:
        message[place] = rng.choice((number + 1, 1, 2, 5, 7)), value
    elif choice == 3:
        message[place] = number, rng.choice(message)[1]
    elif isinstance(value, int):
        message[place] = number, rng.choice((*_NUMBERS, value + 1, rng.randrange(64)))
    else:
        message[place] = number, rng.choice((*_TEXTS, value[: rng.randrange(len(value) + 1)], value * 2))
    return files.message(message)


@mutation("protobuf", ".pb", weight=12)
def change_message(data: bytes, rng: Random) -> bytes:
    """What a SavedModel says of itself or of its layers is another."""
    return mutated_message(data, rng)


@mutation("index", ".index", weight=12)
def change_index(data: bytes, rng: Random) -> bytes:
    """The index of a checkpoint says otherwise where its tensors are."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        entries = [(key, bytes(value)) for key, value in table.read_table(Path(file.name)).items()]
    place = rng.randrange(len(entries))
    key, value = entries[place]
    choice = rng.randrange(8)
    if choice == 0:
        del entries[place]
    elif choice == 1:
        entries[place] = key + rng.choice((b"x", b"\0", b"\xff")), value
    elif choice == 2:
        entries[place] = key, entries[rng.randrange(len(entries))][1]
    else:
        entries[place] = key, mutated_message(value, rng)
    return files.table([entries], rng.choice((0, 0, 0, 0, 0, 0, 0, 1)))


@mutation("table", ".index", weight=4)
def change_table(data: bytes, rng: Random) -> bytes:
    """Lengths of keys and values, restarts and handles lie."""
    changed = bytearray(data)
    places = range(len(data) - 60) if rng.random() < 0.7 else range(len(data) - 60, len(data) - 8)
    changed[rng.choice(places)] = rng.choice((0, 1, 2, 16, 0x7F, 0x80, 0xFF))
    return bytes(changed)


@mutation("objects", ".data-00000-of-00001", weight=12)
def change_objects(data: bytes, rng: Random) -> bytes:
    """Edges of the graph of objects, which stands first, lead elsewhere or have other names."""
    size, at = varint(memoryview(data), 0)
    start, end = at + 4, at + 4 + size
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 4, 16))):
        inner, stop = start, end
        found: list[tuple[int, int, Any]] = []
        for _ in range(rng.choice((1, 2, 2, 2, 3))):
            found = _places(memoryview(changed)[inner:stop]) or found
            begin, length, value = rng.choice(found)
            inner, stop = inner + begin, inner + begin + length
            if isinstance(value, int) or not length:
                break
        for place in range(inner, stop):
            if changed[place] < 0x80 and rng.random() < 0.3:
                changed[place] = rng.randrange(0x80)
    return bytes(changed)


def _places(message: memoryview) -> list[tuple[int, int, Any]]:
    """Where the values of a message stand: start, length and value."""
    found: list[tuple[int, int, Any]] = []
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        start = at
        if tag & 7 == 0:
            value, at = varint(message, at)
            found.append((start, at - start, value))
        elif tag & 7 == 2:
            size, at = varint(message, at)
            found.append((at, size, message[at : at + size]))
            at += size
        else:
            at += 4 if tag & 7 == 5 else 8
    return found
