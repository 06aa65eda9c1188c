"""dtype policies as names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.errors import MalformedConfig, shorten

_DEFAULT = "float32"


def policy_name(value: object, what: str) -> str:
    """The name of a dtype policy: `float32`, `mixed_float16`, `int8_from_float32`, ...

    Args:
        value: Absent (None), a name, or a serialised policy of any Keras.
        what: What it is, for messages.

    Raises:
        MalformedConfig: It is no policy.
    """
    if value is None or value in ("_infer", "infer"):
        return _DEFAULT
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        config = value.get("config")
        if isinstance(config, Mapping):
            return _from_config(config, what)
    raise MalformedConfig(f"{what} should be a policy or a name, but is {shorten(value)}")


def _from_config(config: Mapping[str, Any], what: str) -> str:
    if "policy_map" in config:
        return policy_name(config.get("default_policy"), what)
    if isinstance(config.get("mode"), str):
        source = config.get("source_name")
        history = config.get("amax_history_length")
        mode = config["mode"] if history is None else f"{config['mode']}/{history}"
        return f"{mode}_from_{source if isinstance(source, str) else _DEFAULT}"
    return policy_name(config.get("name"), what)


def input_dtype(policy: str) -> str:
    """The dtype of an InputLayer that stands before a first layer of this policy."""
    source = policy.rpartition("_from_")[2]
    return _DEFAULT if source.startswith("mixed_") else source
