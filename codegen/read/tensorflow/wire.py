"""The wire format of protocol buffers: the fields of a message, each length held against its buffer.

Format: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

from codegen.errors import UnreadableFile

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The numbers and values of a message's fields, in order: integers unsigned, all else as bytes.

    Raises:
        UnreadableFile: It is no message, or it is cut off.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = varint(message, at)
        elif kind == _FIXED32:
            size = 4
        elif kind == _FIXED64:
            size = 8
        else:
            raise UnreadableFile(f"the data are damaged (a field is of type {kind}); copy the file again")
        if size > end - at:
            raise UnreadableFile("the data are cut off; copy the file again")
        part = message[at : at + size]
        yield tag >> 3, part if kind == _BYTES else int.from_bytes(part, "little")
        at += size


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number of variable length at this place, and the place behind it.

    Raises:
        UnreadableFile: The data end within it, or it is longer than 64 bits.
    """
    value = 0
    for position in range(_LONGEST_VARINT):
        if at + position >= len(data):
            raise UnreadableFile("the data are cut off; copy the file again")
        byte = data[at + position]
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + position + 1
    raise UnreadableFile("the data are damaged (a number is longer than 64 bits); copy the file again")


def submessages(message: memoryview, number: int) -> Iterator[memoryview]:
    """The messages, strings or byte strings in field `number`."""
    return (value for field, value in fields(message) if field == number and isinstance(value, memoryview))


def submessage(message: memoryview, number: int) -> memoryview | None:
    """The first message, string or byte string in field `number`."""
    return next(submessages(message, number), None)


def signed(value: int) -> int:
    """An int64 as it was before it was written without its sign."""
    return value - (1 << 64) if value >> 63 else value


def text(value: int | memoryview) -> str:
    """A string field; UnreadableFile if it is none."""
    try:
        return str(memoryview(value), "utf-8")  # type: ignore[arg-type]  # a number is no string: TypeError
    except (TypeError, UnicodeDecodeError):
        raise UnreadableFile(
            "the data are damaged (no string stands where one belongs); copy the file again"
        ) from None
