"""Mutations of zip archives: their members and their directory."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from random import Random

from tests.support.mutate.code import mutated_code
from tests.support.mutate.kinds import mutated, mutation
from tests.support.mutate.tree_of_json import mutated_json

_NAMES = (
    "config.json",
    "model.weights.h5",
    "metadata.json",
    "../config.json",
    "/abs",
    "a\\b",
    "a" * 10_000,
    "",
    "x/",
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
Members = list[tuple[str, bytes]]


def _members(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _packed(members: Members, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings(action="ignore"):
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@mutation("json", ".keras", weight=8)
def change_config(data: bytes, rng: Random) -> bytes:
    """The architecture is another."""
    changed = [(n, mutated_json(c, rng).encode() if n == "config.json" else c) for n, c in _members(data)]
    return _packed(changed)


@mutation("code", ".keras")
def change_code(data: bytes, rng: Random) -> bytes:
    """The bytecode of a Lambda is damaged."""
    return _packed(
        [(n, mutated_code(c.decode(), rng).encode() if n == "config.json" else c) for n, c in _members(data)]
    )


@mutation("member", ".keras", weight=6)
def change_member(data: bytes, rng: Random) -> bytes:
    """One member is changed as a file of its own would be."""
    _, changed = mutated(dict(_members(data)), rng)
    return _packed(list(changed.items()), rng.choice(_METHODS))


@mutation("zip", ".keras", weight=2)
def change_members(data: bytes, rng: Random) -> bytes:
    """Members are missing, called otherwise, or there twice."""
    members = _members(data)
    place = rng.randrange(len(members))
    name, content = members[place]
    choice = rng.randrange(4)
    if choice == 0:
        del members[place]
    elif choice == 1:
        members[place] = rng.choice(_NAMES), content
    elif choice == 2:
        members.append(
            (rng.choice((name.replace("/", "\\"), f"./{name}", name.upper())), content[: rng.randrange(99)])
        )
    else:
        members[place] = name, members[place - 1][1]
    return _packed(members, rng.choice(_METHODS))


@mutation("zip", ".keras", weight=3)
def change_directory(data: bytes, rng: Random) -> bytes:
    """The central directory, or the header of a member, lies about sizes, places, flags or methods."""
    changed = bytearray(data)
    heads = [
        i for i in range(len(data) - 46) if data[i : i + 4] in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    ]
    place = rng.choice(heads) + 4 + 2 * rng.randrange(20)
    struct.pack_into("<H", changed, place, rng.choice((0, 1, 8, 12, 14, 99, 0xFFFF, rng.randrange(0x10000))))
    return bytes(changed)
