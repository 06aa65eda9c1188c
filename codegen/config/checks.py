"""Typed access to JSON: a value of the wrong kind is a MalformedConfig that names the layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from codegen.errors import ConversionError, MalformedConfig, one_line, shorten


@contextmanager
def naming(what: str, name: str) -> Iterator[None]:
    """Let errors from within say `what` they are about, unless they say the `name` already."""
    try:
        yield
    except ConversionError as error:
        if one_line(repr(name)) in str(error):
            raise
        raise MalformedConfig(f"{what}: {error}") from error


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """`value`, which must be an object with string keys."""
    if not isinstance(value, Mapping):
        raise MalformedConfig(f"{what} should be an object, but is {shorten(value)}")
    return value


def listing(value: object, what: str) -> list[Any]:
    """`value`, which must be a list."""
    if not isinstance(value, (list, tuple)):
        raise MalformedConfig(f"{what} should be a list, but is {shorten(value)}")
    return list(value)


def text(value: object, what: str) -> str:
    """`value`, which must be a non-empty string."""
    if not isinstance(value, str) or not value:
        raise MalformedConfig(f"{what} should be a name, but is {shorten(value)}")
    return value


def flag(value: object, what: str) -> bool:
    """`value`, which must be true or false; old files may have 0 and 1."""
    if value not in (0, 1) or not isinstance(value, (bool, int)):
        raise MalformedConfig(f"{what} should be true or false, but is {shorten(value)}")
    return bool(value)


def is_int(value: object) -> bool:
    """Whether `value` is an integer and no bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def shape(value: object, what: str) -> list[int | None]:
    """`value`, which must be a list of sizes with None for unknown ones."""
    sizes = listing(value, what)
    if not all(size is None or (is_int(size) and size >= 0) for size in sizes):
        raise MalformedConfig(f"{what} should be a list of sizes, but is {shorten(value)}")
    return sizes
