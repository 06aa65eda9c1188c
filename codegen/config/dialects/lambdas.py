"""What the config of a layer says that holds a Python function; the function itself is only decoded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from codegen.config.dialects.draft import Draft
from codegen.errors import MalformedConfig
from codegen.model.python_code import CompiledFunction, StoredList
from codegen.model.spec import Constant

#: What stands for Python code where no function is evaluated.
PYTHON_CODE = "<lambda>"


def lambda_layer(draft: Draft, key: str = "function") -> None:
    """A Lambda of any generation: the functions that it holds, or their names.

    Args:
        draft: The layer, rewritten in place.
        key: Where the function stands: `mode` in a Merge of Keras 1.
    """
    config = draft.config
    kept = {"function": _function(config.get(key), config.get(f"{key}_type"))}
    kept |= {option: config[option] for option in ("arguments", "dtype") if config.get(option)}
    for option in ("output_shape", "mask"):
        value, kind = config.get(option), config.get(f"{option}_type", "raw")
        if value is not None:
            holds_code = kind != "raw" or isinstance(value, Mapping)
            kept[option] = _function(value, kind) if holds_code else value
    draft.config = kept


def _function(function: Any, kind: Any) -> CompiledFunction | str:
    """A function by its name, or compiled: `[code, defaults, closure]`, or the code alone (Keras 1.0)."""
    if isinstance(function, Mapping) and function.get("class_name") == "function":
        function = function.get("config")
    if isinstance(function, Mapping) and function.get("class_name") == "__lambda__":
        function = function.get("config")
    if isinstance(function, Mapping):
        parts = [function.get(part) for part in ("code", "defaults", "closure")]
    elif isinstance(function, str) and kind != "lambda":
        return function
    else:
        parts = function if isinstance(function, list) else [function, None, None]
    code, defaults, closure = parts if len(parts) == 3 else (None, None, None)
    if not isinstance(code, str):
        raise MalformedConfig("the function of a Lambda is neither code nor a name; save the model again")
    return CompiledFunction(_bytes(code), _values(defaults), _values(closure))


def _bytes(code: str) -> bytes:
    """Base64, or from before Keras 2.1.3 the bytes as a text of that many characters."""
    try:
        return base64.b64decode("".join(code.split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    try:
        return code.encode("raw_unicode_escape")
    except UnicodeEncodeError:
        return b""


def _values(stored: Any) -> tuple[Any, ...]:
    return tuple(map(_value, stored)) if isinstance(stored, (list, tuple)) else ()


def _value(stored: Any) -> Any:
    """A constant; arrays keep their dtype where a file tells it."""
    if isinstance(stored, list):
        return StoredList(map(_value, stored))
    if not isinstance(stored, Mapping):
        return stored
    inner = stored.get("config", stored)
    kind = stored.get("class_name")
    if kind in ("__numpy__", "__tensor__") and isinstance(inner, Mapping):
        return Constant(inner.get("value"), str(inner.get("dtype")))
    if stored.get("type") == "ndarray":
        return _value(stored.get("value"))
    if kind == "__tuple__":
        return tuple(map(_value, stored.get("items", ())))
    return {key: _value(item) for key, item in stored.items()}
