"""The instructions of a code object as one version of Python numbers and packs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codegen.bytecode.opcodes import CACHES, HAVE_ARGUMENT, OPCODES, Version
from codegen.bytecode.unmarshal import BadCode, Code, Layout


@dataclass(frozen=True)
class Word:
    """One instruction.

    Attributes:
        name: CPython's name.
        arg: Its argument, 0 if it has none.
        start: Where it begins, its extended arguments before it included.
        end: Where the next one begins.
    """

    name: str
    arg: int
    start: int
    end: int


def decode(code: Code, version: Version) -> list[Word]:
    """The instructions in their order.

    Raises:
        BadCode: The version has no such instructions.
    """
    words = _words_2(code.code) if version < (3, 6) else _pairs(code.code)
    names, caches = OPCODES[version], CACHES.get(version, {})
    decoded: list[Word] = []
    extended, start = 0, None
    left = 0  # caches that must follow
    for number, arg, at, end in words:
        name = names.get(number)
        if name is None:
            raise BadCode(f"no instruction {number}")
        if left or name == "CACHE":
            if not left or name != "CACHE":
                raise BadCode("a cache in the wrong place")
            left -= 1
            decoded[-1] = Word(decoded[-1].name, decoded[-1].arg, decoded[-1].start, end)
            continue
        arg |= extended
        start = at if start is None else start
        if name == "EXTENDED_ARG":
            extended = arg << (16 if version < (3, 6) else 8)
            if extended >= 2**31:
                raise BadCode("an argument of more than 31 bits")
            continue
        decoded.append(Word(name, arg, start, end))
        extended, start, left = 0, None, caches.get(name, 0)
    if left or start is not None or not decoded:
        raise BadCode("the code ends within an instruction")
    _check_signs(code, version, {word.name for word in decoded})
    return decoded


def _check_signs(code: Code, version: Version, names: set[str]) -> None:
    """See that what numbers of instructions do not tell does not speak against a version."""
    # A list was extended by the number that 3.8 has for the way into a `finally`, whose end must follow.
    if "CALL_FINALLY" in names and "END_FINALLY" not in names:
        raise BadCode("no end of a finally")
    # The table of lines of 3.10: its steps through the code add up to all of it.
    spans_all = len(code.lines) % 2 == 0 and sum(code.lines[::2]) == len(code.code)
    if code.layout is Layout.PYTHON_3_8 and spans_all != (version == (3, 10)):
        raise BadCode("lines of another version")


def _words_2(code: bytes) -> Iterator[tuple[int, int, int, int]]:
    at = 0
    while at < len(code):
        number, start = code[at], at
        at += 3 if number >= HAVE_ARGUMENT else 1
        if at > len(code):
            raise BadCode("the code ends within an instruction")
        arg = code[start + 1] | code[start + 2] << 8 if number >= HAVE_ARGUMENT else 0
        yield number, arg, start, at


def _pairs(code: bytes) -> Iterator[tuple[int, int, int, int]]:
    if len(code) % 2:
        raise BadCode("the code ends within an instruction")
    for at in range(0, len(code), 2):
        yield code[at], code[at + 1], at, at + 2


def target(word: Word, version: Version) -> int | None:
    """Where a jump goes, None for what is no jump."""
    unit = 2 if version >= (3, 10) else 1
    if "JUMP" in word.name and "BACKWARD" in word.name:
        return word.end - word.arg * unit
    if word.name in _RELATIVE or ("JUMP" in word.name and version >= (3, 11)):
        return word.end + word.arg * unit
    if "JUMP" in word.name or word.name == "CONTINUE_LOOP":
        return word.arg * unit
    return None


#: Jumps that say how far; since 3.11 all do.
_RELATIVE = frozenset(
    {"FOR_ITER", "JUMP_FORWARD", "SETUP_LOOP", "SETUP_EXCEPT", "SETUP_FINALLY", "SETUP_WITH", "CALL_FINALLY"}
    | {"SEND", "SETUP_ASYNC_WITH"}
)
