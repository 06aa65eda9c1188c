"""A strict reader of marshalled code objects, in the four layouts that Python 2.7 and 3.4 to 3.14 write.

What may stand there is in CPython's `Python/marshal.c`. Python's own `marshal` is no alternative: it reads
the layout of one version, and hostile bytes crash it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class BadCode(ValueError):
    """The bytes are no code object of a known layout."""


class Layout(Enum):
    """What a code object consists of, by the first version that writes it so."""

    PYTHON_2 = (2, 7)
    PYTHON_3_4 = (3, 4)
    PYTHON_3_8 = (3, 8)
    PYTHON_3_11 = (3, 11)


@dataclass(frozen=True)
class Code:
    """A code object as it is stored.

    Attributes:
        layout: How it was written.
        counts: Numbers of its positional, positional-only and keyword-only parameters.
        flags: `co_flags`.
        code: Its instructions.
        consts: Constants, code objects among them.
        names: Of globals, attributes and modules.
        locals: Of parameters, then of other local variables; since 3.11 of all that functions see.
        cells: Of variables that inner functions see.
        free: Of variables of outer functions, sorted.
        name: Its name; "<lambda>" for a lambda.
        line: The line at which it begins.
        lines: The table of lines.
    """

    layout: Layout
    counts: tuple[int, int, int]
    flags: int
    code: bytes
    consts: tuple[Any, ...]
    names: tuple[str, ...]
    locals: tuple[str, ...]
    cells: tuple[str, ...]
    free: tuple[str, ...]
    name: str
    line: int
    lines: bytes


_MAX_OBJECTS, _MAX_DEPTH, _MAX_DIGITS = 20_000, 40, 20
_REFERENCED = 0x80
# Kinds of the variables of a code object since 3.11.
_CELL, _FREE = 0x40, 0x80


def unmarshal(data: bytes, layout: Layout) -> Code:
    """Read one code object that takes up all of `data`.

    Raises:
        BadCode: It is none in this layout.
    """
    reader = _Reader(data, layout)
    found = reader.object(0)
    if not isinstance(found, Code) or reader.position != len(data):
        raise BadCode("no code object")
    return found


class _Reader:
    def __init__(self, data: bytes, layout: Layout) -> None:
        self._data, self._layout = data, layout
        self._references: list[tuple[Any, int] | None] = []  # with their sizes; None: not read to the end
        self._interned: list[str] = []
        self._objects = 0
        self.position = 0

    def _bytes(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self.position:
            raise BadCode("a length beyond the end")
        start, self.position = self.position, self.position + count
        return self._data[start : self.position]

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _int(self) -> int:
        number: int = struct.unpack("<i", self._bytes(4))[0]
        return number

    def object(self, depth: int) -> Any:
        """Read one object of any kind."""
        before = self._objects
        self._grow(1)
        if depth > _MAX_DEPTH:
            raise BadCode("too deep")
        kind = self._byte()
        slot = None
        if kind & _REFERENCED:
            if self._layout is Layout.PYTHON_2:
                raise BadCode("a reference in Python 2")
            slot, kind = len(self._references), kind & ~_REFERENCED
            self._references.append(None)
        found = self._content(chr(kind), depth)
        if slot is not None:
            self._references[slot] = found, self._objects - before
        return found

    def _grow(self, count: int) -> None:
        """Count objects, those that are referred to each time: few bytes can stand for endless nests."""
        self._objects += count
        if self._objects > _MAX_OBJECTS:
            raise BadCode("too many objects")

    def _content(self, kind: str, depth: int) -> Any:
        if kind in _SINGLETONS:
            return _SINGLETONS[kind]
        table = _ATOMS_2 if self._layout is Layout.PYTHON_2 else _ATOMS_3
        if kind in table:
            return table[kind](self)
        if kind == "c":
            return self._code(depth + 1)
        if kind in "([":
            return tuple(self.object(depth + 1) for _ in range(self._count(self._int())))
        if self._layout is not Layout.PYTHON_2 and kind == ")":
            return tuple(self.object(depth + 1) for _ in range(self._byte()))
        if kind in "<>":
            return frozenset(self._hashable(depth) for _ in range(self._count(self._int())))
        if kind == ":" and self._layout is Layout.PYTHON_3_11:
            return slice(*(self.object(depth + 1) for _ in range(3)))
        raise BadCode("an unknown type")

    def _count(self, count: int) -> int:
        if not 0 <= count <= len(self._data) - self.position:  # each takes a byte at least
            raise BadCode("a length beyond the end")
        return count

    def _hashable(self, depth: int) -> Any:
        item = self.object(depth + 1)
        try:
            hash(item)
        except TypeError as error:
            raise BadCode("no element of a set") from error
        return item

    # ------------------------------------------------------------------ atoms

    def short(self) -> int:
        """A whole number of 32 bits."""
        return self._int()

    def wide(self) -> int:
        """A whole number of 64 bits."""
        number: int = struct.unpack("<q", self._bytes(8))[0]
        return number

    def long(self) -> int:
        """A whole number of any size, in digits of 15 bits."""
        count = self._int()
        if abs(count) > _MAX_DIGITS:
            raise BadCode("a number of more than 300 bits")
        digits = struct.unpack(f"<{abs(count)}h", self._bytes(2 * abs(count)))
        if any(digit < 0 for digit in digits) or (digits and digits[-1] == 0):
            raise BadCode("no digit")
        number = sum(int(digit) << 15 * place for place, digit in enumerate(digits))
        return -number if count < 0 else number

    def real(self) -> float:
        """A number in binary."""
        number: float = struct.unpack("<d", self._bytes(8))[0]
        return number

    def real_text(self) -> float:
        """A number in decimals."""
        try:
            return float(self._bytes(self._byte()).decode("ascii"))
        except ValueError as error:
            raise BadCode("no number") from error

    def complex(self) -> complex:
        """A complex number in binary."""
        return complex(self.real(), self.real())

    def data(self) -> bytes:
        """Bytes."""
        return self._bytes(self._int())

    def text(self) -> str:
        """Text in UTF-8."""
        return _decoded(self._bytes(self._int()), "utf-8")

    def ascii(self) -> str:
        """Text of ASCII alone."""
        return _decoded(self._bytes(self._int()), "ascii")

    def short_ascii(self) -> str:
        """The same of fewer than 256 characters."""
        return _decoded(self._bytes(self._byte()), "ascii")

    def text_2(self) -> str:
        """A `str` of Python 2."""
        return _decoded(self._bytes(self._int()), "latin-1")

    def interned_2(self) -> str:
        """A `str` of Python 2 that others refer to."""
        self._interned.append(self.text_2())
        return self._interned[-1]

    def string_reference(self) -> str:
        """One of these again."""
        number = self._int()
        if not 0 <= number < len(self._interned):
            raise BadCode("a reference to nothing")
        return self._interned[number]

    def reference(self) -> Any:
        """An object again that was read before."""
        number = self._int()
        known = self._references[number] if 0 <= number < len(self._references) else None
        if known is None:
            raise BadCode("a reference to nothing")
        self._grow(known[1])
        return known[0]

    # ------------------------------------------------------------------ code objects

    def _code(self, depth: int) -> Code:
        layout = self._layout
        positional = self._int()
        positional_only = self._int() if layout in (Layout.PYTHON_3_8, Layout.PYTHON_3_11) else 0
        keyword_only = 0 if layout is Layout.PYTHON_2 else self._int()
        local_count = None if layout is Layout.PYTHON_3_11 else self._int()
        self._int()  # size of the stack
        flags = self._int()
        code = self._code_bytes(depth)
        consts, names = self._of(tuple, depth), self._names(depth)
        if layout is Layout.PYTHON_3_11:
            variables, kinds = self._names(depth), self._of(bytes, depth)
            if len(variables) != len(kinds):
                raise BadCode("variables without kinds")
            cells = tuple(name for name, kind in zip(variables, kinds, strict=True) if kind & _CELL)
            free = tuple(name for name, kind in zip(variables, kinds, strict=True) if kind & _FREE)
        else:
            variables, free, cells = (self._names(depth) for _ in range(3))
        self._of(str, depth)  # the file
        name = self._of(str, depth)
        if layout is Layout.PYTHON_3_11:
            self._of(str, depth)  # the qualified name
        line = self._int()
        lines = self._code_bytes(depth)
        if layout is Layout.PYTHON_3_11:
            self._of(bytes, depth)  # where exceptions go
        counts = (positional, positional_only, keyword_only)
        parameters = positional + keyword_only + bool(flags & 0x04) + bool(flags & 0x08)
        if min(counts) < 0 or positional_only > positional or parameters > len(variables):
            raise BadCode("more parameters than variables")
        if local_count is not None and local_count != len(variables):
            raise BadCode("the wrong number of variables")
        return Code(layout, counts, flags, code, consts, names, variables, cells, free, name, line, lines)

    def _of(self, kind: type, depth: int) -> Any:
        found = self.object(depth)
        if type(found) is not kind:
            raise BadCode(f"no {kind.__name__} where one must be")
        return found

    def _code_bytes(self, depth: int) -> bytes:
        if self._layout is not Layout.PYTHON_2:
            found: bytes = self._of(bytes, depth)
            return found
        text: str = self._of(str, depth)
        return text.encode("latin-1")

    def _names(self, depth: int) -> tuple[str, ...]:
        names: tuple[str, ...] = self._of(tuple, depth)
        if not all(type(name) is str and _is_name(name) for name in names):
            raise BadCode("a name that is no name")
        return names


def _is_name(name: str) -> bool:
    """Whether it is an identifier, dotted for modules; the parameters that compilers make are numbers."""
    return all(part.isidentifier() or part.isdecimal() or not part for part in name.split("."))


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadCode("no text") from error


_SINGLETONS: dict[str, Any] = {"N": None, "F": False, "T": True, ".": ...}
_NUMBERS: dict[str, Callable[[_Reader], Any]] = {
    "i": _Reader.short,
    "I": _Reader.wide,
    "l": _Reader.long,
    "g": _Reader.real,
    "f": _Reader.real_text,
    "y": _Reader.complex,
}
_ATOMS_2: dict[str, Callable[[_Reader], Any]] = {
    **_NUMBERS,
    "s": _Reader.text_2,
    "t": _Reader.interned_2,
    "R": _Reader.string_reference,
    "u": _Reader.text,
}
_ATOMS_3: dict[str, Callable[[_Reader], Any]] = {
    **_NUMBERS,
    "s": _Reader.data,
    "t": _Reader.text,
    "u": _Reader.text,
    "a": _Reader.ascii,
    "A": _Reader.ascii,
    "z": _Reader.short_ascii,
    "Z": _Reader.short_ascii,
    "r": _Reader.reference,
}
