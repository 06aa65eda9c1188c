"""Whether a call's arguments are those that a layer function takes: if not, the file is to blame."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from codegen.lowering.binder import LayerFunction
from codegen.lowering.emitter import Emitter


def check_count(e: Emitter, function: LayerFunction, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse a call with more or fewer arguments than the function takes.

    Raises:
        MalformedConfig: There are too many, or one is missing.
    """
    if len(args) > len(function.call_names) and not function.takes_any_args:
        e.malformed(f"it is called with {len(args)} arguments, but takes {len(function.call_names)}")
    missing = [name for name in function.required_names[len(args) :] if name not in kwargs]
    if missing:
        e.malformed(f"it is called without {', '.join(map(repr, missing))}")


def check_types(e: Emitter, function: LayerFunction, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse a call with something else than the function takes, where it says what that is.

    Raises:
        MalformedConfig: An argument does not fit its annotation.
    """
    for name, argument in _named(function, args, kwargs):
        is_default = argument is None and name not in function.required_names
        if not is_default and not fits(argument, function.types.get(name, Any)):
            e.malformed(f"it is called with a {type(argument).__name__} as {name!r}, which it does not take")


def _named(
    function: LayerFunction, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    names = list(function.call_names)
    if function.takes_any_args:
        names += [function.rest_name] * (len(args) - len(names))
    yield from zip(names, args, strict=False)
    yield from kwargs.items()


def fits(argument: object, expected: Any) -> bool:
    """Whether an argument is of the annotated type; what an annotation leaves open fits."""
    origin, parts = typing.get_origin(expected), typing.get_args(expected)
    if origin is Annotated:
        return fits(argument, parts[0])
    if origin in (typing.Union, types.UnionType):
        return any(fits(argument, part) for part in parts)
    if origin is Literal:
        return argument in parts
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(argument, Mapping) and all(fits(item, parts[-1]) for item in argument.values())
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(argument, (list, tuple)) and all(fits(item, parts[0]) for item in argument)
    if expected is None:
        return argument is None
    if expected is bool:
        return isinstance(argument, int) and argument in (0, 1)
    if expected is float:
        return isinstance(argument, (int, float))
    return expected is Any or not isinstance(expected, type) or isinstance(argument, expected)
