"""Arguments of calls and expressions: values, modules and numbers inside tuples, lists, dicts and slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def instances(argument: Any, kind: type[T]) -> Iterator[T]:
    """All instances of `kind` inside an argument, depth first; dicts in Keras' order, that of their keys."""
    if isinstance(argument, kind):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for part in argument:
            yield from instances(part, kind)
    elif isinstance(argument, Mapping):
        for key in sorted(argument):
            yield from instances(argument[key], kind)
    elif isinstance(argument, slice):
        yield from instances((argument.start, argument.stop, argument.step), kind)


def map_nested(function: Callable[[Any], Any], argument: Any) -> Any:
    """The same argument with each part that holds no others replaced by what the function makes of it."""
    if isinstance(argument, (tuple, list)):
        return type(argument)(map_nested(function, part) for part in argument)
    if isinstance(argument, Mapping):
        return {key: map_nested(function, part) for key, part in argument.items()}
    if isinstance(argument, slice):
        return slice(*map_nested(function, (argument.start, argument.stop, argument.step)))
    return function(argument)
