"""What a Python function of a model works with, beside numbers, texts, collections and tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from codegen.bytecode.routine import Routine


class NotEvaluated(Exception):
    """What stands in the way of evaluating a function, in words that follow its name: "calls open()".

    Attributes:
        place: The file and the line of the source, where there is one.
    """

    place: tuple[str, int] | None = None


def refuse(reason: str) -> NoReturn:
    """Give up.

    Raises:
        NotEvaluated: Always.
    """
    raise NotEvaluated(reason)


@dataclass(frozen=True)
class Library:
    """A module of a library, or something in it, by its path: `tensorflow.nn.relu`. Nothing is imported."""

    path: str

    def __getitem__(self, name: str) -> Library:
        return Library(f"{self.path}.{name}")


@dataclass(frozen=True)
class Builtin:
    """A function of Python's own."""

    name: str


@dataclass(frozen=True)
class Unknown:
    """A name of the author's module, whose value the file does not hold; refused when it is used."""

    name: str


@dataclass
class Box:
    """A variable that functions share."""

    value: Any = None
    is_set: bool = False


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the file: its code, and what it was made with.

    Attributes:
        namespace: Where it looks global names up; None if only its bytecode is known.
    """

    routine: Routine
    defaults: Sequence[Any] = ()
    keyword_defaults: Mapping[str, Any] = field(default_factory=dict)
    closure: Sequence[Box] = ()
    namespace: Any = None


@dataclass(frozen=True, eq=False)
class Method:
    """A method of a value."""

    owner: Any
    name: str


@dataclass(frozen=True)
class Leave:
    """What is called at the end of a `with`."""


@dataclass(frozen=True)
class Nothing:
    """A local variable that is not set."""


class StaticShape(tuple[int | None, ...]):
    """A tensor's shape as far as it is known: `x.shape`."""

    __slots__ = ()


class Fields(tuple[Any, ...]):
    """A result whose parts have names: `tf.nn.top_k(x).values`."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerObject:
    """A layer that the function makes: its class and options."""

    class_name: str
    config: Mapping[str, Any]


class Cursor:
    """An iterator."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items, self._position = items, 0

    def has_more(self) -> bool:
        """Whether an item is left."""
        return self._position < len(self._items)

    def next(self) -> Any:
        """The next item."""
        self._position += 1
        return self._items[self._position - 1]

    def rest(self) -> list[Any]:
        """All items that are left."""
        items = list(self._items[self._position :])
        self._position = len(self._items)
        return items
