"""dtype policies as names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from codegen.errors import ConversionError, MalformedConfig, shorten

_DEFAULT = "float32"


def policy_name(value: object, what: str, layer: str = "") -> str:
    """The name of a dtype policy: `float32`, `mixed_float16`, `int8_from_float32`, ...

    Args:
        value: Absent (None), a name, or a serialised policy of any Keras.
        what: What it is, for messages.
        layer: The layer's name, by which a map of policies finds its own.

    Raises:
        ConversionError: It is no policy, or a map that tells parts of the layer apart.
    """
    if value is None or value in ("_infer", "infer"):
        return _DEFAULT
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        config = value.get("config")
        if isinstance(config, Mapping):
            return _from_config(config, what, layer)
    raise MalformedConfig(f"{what} should be a policy or a name, but is {shorten(value)}")


def _from_config(config: Mapping[str, Any], what: str, layer: str) -> str:
    if isinstance(config.get("policy_map"), Mapping):
        return _from_map(config["policy_map"], policy_name(config.get("default_policy"), what), what, layer)
    if isinstance(config.get("mode"), str):
        source = config.get("source_name")
        history = config.get("amax_history_length")
        mode = config["mode"] if history is None else f"{config['mode']}/{history}"
        return f"{mode}_from_{source if isinstance(source, str) else _DEFAULT}"
    return policy_name(config.get("name"), what)


def _from_map(policies: Mapping[str, Any], default: str, what: str, layer: str) -> str:
    """Port of `DTypePolicyMap.__getitem__`, without patterns and without parts of a layer."""
    own = policy_name(policies.get(layer), what) if layer in policies else default
    for path, policy in policies.items():
        is_elsewhere = re.fullmatch(r"[\w/-]+", path) and layer not in path.split("/")
        if not is_elsewhere and path != layer and policy_name(policy, what) != own:
            raise ConversionError(f"layer {layer!r}: its map of dtype policies has one for {shorten(path)}")
    return own


def input_dtype(policy: str) -> str:
    """The dtype of an InputLayer that stands before a first layer of this policy."""
    source = policy.rpartition("_from_")[2]
    return _DEFAULT if source.startswith("mixed_") else source
