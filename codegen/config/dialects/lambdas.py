"""What the config of a layer says that holds a Python function; never its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.config.dialects.draft import Draft

#: What stands for Python code, which is never run.
PYTHON_CODE = "<lambda>"


def lambda_layer(draft: Draft, key: str = "function") -> None:
    """A Lambda of any generation: what it calls by name, or "<lambda>".

    Args:
        draft: The layer, rewritten in place.
        key: Where the function stands: `mode` in a Merge of Keras 1.
    """
    config = draft.config
    kept = {"function": _function_name(config.get(key), config.get(f"{key}_type"))}
    kept |= {option: config[option] for option in ("arguments", "dtype") if config.get(option)}
    for option in ("output_shape", "mask"):
        value, kind = config.get(option), config.get(f"{option}_type", "raw")
        if value is not None:
            kept[option] = value if kind == "raw" and not isinstance(value, Mapping) else PYTHON_CODE
    draft.config = kept


def _function_name(function: Any, kind: Any) -> str:
    if isinstance(function, Mapping) and function.get("class_name") == "function":
        function = function.get("config")
    return function if isinstance(function, str) and kind != "lambda" else PYTHON_CODE
