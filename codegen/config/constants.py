"""Constants of a config (arrays, slices, tuples, ...) as plain Python values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from codegen.config.dialects.lambdas import PYTHON_CODE
from codegen.errors import MalformedConfig, shorten

Convert = Callable[[Any], Any]


def is_object(value: object) -> bool:
    """Whether this is a serialised object: `{"class_name", "config", ...}`."""
    return isinstance(value, Mapping) and isinstance(value.get("class_name"), str) and "config" in value


def decoded(value: Any, convert: Convert) -> Any:
    """`value` with Python values for their JSON forms, at any depth.

    Arrays become nested lists, `__slice__` a slice, `__ellipsis__` Ellipsis, functions their name,
    lambdas "<lambda>".

    Args:
        value: Part of a config.
        convert: Is offered every list and object first; returns NotImplemented for those that it leaves.
    """
    if isinstance(value, (list, tuple)):
        result = convert(value)
        return [decoded(item, convert) for item in value] if result is NotImplemented else result
    if not isinstance(value, Mapping):
        return value
    result = convert(value)
    if result is not NotImplemented:
        return result
    name = value.get("class_name")
    if isinstance(name, str) and name in FORMS:
        return FORMS[name](value, convert)
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    return {key: decoded(item, convert) for key, item in value.items()}


def _inner(value: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = value.get("config", value)
    if not isinstance(inner, Mapping):
        raise MalformedConfig(f"the constant {shorten(value)} lacks its value")
    return inner


def _value(value: Mapping[str, Any], convert: Convert) -> Any:
    inner = _inner(value)
    if "value" not in inner:
        raise MalformedConfig(f"the constant {shorten(value)} lacks its value")
    return decoded(inner["value"], convert)


def _slice(value: Mapping[str, Any], convert: Convert) -> slice:
    inner = _inner(value)
    return slice(*(decoded(inner.get(part), convert) for part in ("start", "stop", "step")))


def _items(value: Mapping[str, Any], convert: Convert) -> Any:
    return decoded(value.get("items"), convert)


def _function(value: Mapping[str, Any], _convert: Convert) -> str:
    name = value.get("config")
    if not isinstance(name, str):
        raise MalformedConfig(f"the function {shorten(value)} lacks its name")
    return name


#: Forms that say which array, slice, ... they are in `class_name`.
FORMS: Mapping[str, Callable[[Mapping[str, Any], Convert], Any]] = {
    "__numpy__": _value,
    "__tensor__": _value,
    "__bytes__": _value,
    "__ellipsis__": lambda _value, _convert: Ellipsis,
    "__slice__": _slice,
    "__tuple__": _items,
    "TensorShape": _items,
    "function": _function,
    "__lambda__": lambda _value, _convert: PYTHON_CODE,
}
