"""The little of Python's pickle format that `.pt` files need, written and read without running anything.

A pickle is a program for a stack machine. Here the program is read as data: `pickletools` splits it into
opcodes, those that build plain data are followed, and a call yields a `Call` that nobody makes.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from codegen.errors import UnreadableFile, shorten

_MARK = object()


class PickleWriter:
    """Writes plain data, names of a module and calls of them, in protocol 2 as torch does."""

    def __init__(self) -> None:
        self._parts = [b"\x80\x02"]

    def end(self) -> bytes:
        """The whole pickle."""
        return b"".join([*self._parts, b"."])

    def value(self, value: Any) -> None:
        """Write None, a truth value, a number, a string, or a tuple, list or dictionary of such."""
        if value is None or isinstance(value, bool):
            self._parts.append({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif isinstance(value, int):
            self._parts.append(_whole_number(value))
        elif isinstance(value, float):
            self._parts.append(b"G" + struct.pack(">d", value))
        elif isinstance(value, str):
            text = value.encode()
            self._parts.append(b"X" + struct.pack("<I", len(text)) + text)
        elif isinstance(value, (tuple, list)):
            with self._between(b"(", b"t") if isinstance(value, tuple) else self._between(b"](", b"e"):
                for part in value:
                    self.value(part)
        elif value == {}:
            self._parts.append(b"}")
        elif isinstance(value, dict):
            with self.dictionary():
                for part in (part for pair in value.items() for part in pair):
                    self.value(part)
        else:
            raise TypeError(f"{value!r} is not plain")

    def name(self, module: str, name: str) -> None:
        """Write what stands for a name of a module."""
        self._parts.append(f"c{module}\n{name}\n".encode())

    @contextmanager
    def dictionary(self) -> Iterator[None]:
        """Make a dictionary of the keys and values that are written in the block, in turn."""
        with self._between(b"}(", b"u"):
            yield

    @contextmanager
    def call(self) -> Iterator[None]:
        """Call what was written last with what is written in the block."""
        with self._between(b"(", b"tR"):
            yield

    @contextmanager
    def persistent(self) -> Iterator[None]:
        """Refer to something outside the pickle by what is written in the block."""
        with self._between(b"(", b"tQ"):
            yield

    @contextmanager
    def _between(self, start: bytes, end: bytes) -> Iterator[None]:
        self._parts.append(start)
        yield
        self._parts.append(end)


def _whole_number(value: int) -> bytes:
    if 0 <= value < 2**8:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


# -------------------------------------------------------------------- reading


@dataclass(frozen=True)
class Name:
    """A name of a module, which is not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Reference:
    """What the pickle refers to by a persistent id."""

    key: Any


@dataclass(frozen=True)
class Call:
    """A call of a name, which is not made."""

    function: Name
    arguments: tuple[Any, ...]


def read_pickle(data: bytes) -> Any:
    """The value of a pickle: plain data, `Name`, `Reference` and `Call`.

    Dictionaries of `collections.OrderedDict` are plain ones; state that is set on an object is dropped.

    Raises:
        UnreadableFile: It builds anything else, or is damaged.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            step = _STEPS.get(opcode.name)
            if step is None:
                raise UnreadableFile(f"its pickle does more than hold tensors (opcode {opcode.name})")
            step(machine, argument)
        (value,) = machine.stack
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableFile(f"its pickle is damaged ({shorten(str(error), 100)})") from error
    return value


class _Machine:
    """The stack and the memo of a pickle's program."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark where a value belongs")
        return value

    def since_mark(self) -> list[Any]:
        """Take everything down to the topmost mark, and the mark."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def take(self, count: int) -> tuple[Any, ...]:
        """Take the topmost values, in the order in which they were put there."""
        return tuple([self.pop() for _ in range(count)][::-1])

    def call(self) -> None:
        function, arguments = self.take(2)
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise TypeError("what is called is no name")
        if function == Name("collections", "OrderedDict"):
            self.push(dict(*arguments))
        else:
            self.push(Call(function, arguments))

    def set_items(self, pairs: Sequence[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(pairs) % 2:
            raise TypeError("items of what is no dictionary")
        target.update(zip(pairs[::2], pairs[1::2], strict=True))

    def append(self, values: Sequence[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("appending to what is no list")
        self.stack[-1].extend(values)

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a name that is no string")
        self.push(Name(module, name))


def _pushed(value: Callable[[Any], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.push(value(argument))


def _collected(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(machine.take(count))


def _remembered(machine: _Machine, number: Any) -> None:
    machine.memo[len(machine.memo) if number is None else number] = machine.stack[-1]


def _nothing(_machine: _Machine, _argument: Any) -> None:
    """Of no matter: the protocol, and where frames begin."""


_STEPS: Mapping[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    **dict.fromkeys(
        ("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        _pushed(lambda argument: argument),
    ),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _remembered),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, number: machine.push(machine.memo[number])),
    "NONE": _pushed(lambda _: None),
    "NEWTRUE": _pushed(lambda _: True),
    "NEWFALSE": _pushed(lambda _: False),
    "MARK": _pushed(lambda _: _MARK),
    "EMPTY_DICT": _pushed(lambda _: {}),
    "EMPTY_LIST": _pushed(lambda _: []),
    "EMPTY_TUPLE": _pushed(lambda _: ()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": _collected(1),
    "TUPLE2": _collected(2),
    "TUPLE3": _collected(3),
    "GLOBAL": lambda machine, argument: machine.name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take(2)),
    "REDUCE": lambda machine, _: machine.call(),
    "BINPERSID": lambda machine, _: machine.push(Reference(machine.pop())),
    "BUILD": lambda machine, _: (machine.pop(), None)[1],
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "APPEND": lambda machine, _: machine.append(machine.take(1)),
    "APPENDS": lambda machine, _: machine.append(machine.since_mark()),
}
