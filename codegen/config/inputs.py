"""The InputLayers of a model, saved or implied by the first layer of a Sequential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from codegen.config import checks
from codegen.config.constants import decoded
from codegen.config.dialects.policies import input_dtype, policy_name
from codegen.errors import MalformedConfig
from codegen.model.spec import LayerSpec, ModelSpec

Config = Mapping[str, Any]


def input_layer(entry: Config, name: str) -> LayerSpec:
    """A saved InputLayer.

    Raises:
        MalformedConfig: It has no shape.
    """
    config = checks.mapping(entry.get("config"), f"layer {name!r}: the config of InputLayer")
    shape = _stated_shape(config, name)
    if shape is None:
        raise MalformedConfig(f"layer {name!r}: the InputLayer does not say its shape; save the model again")
    options: dict[str, Any] = {"batch_shape": shape}
    options.update((key, True) for key in ("sparse", "ragged", "optional") if config.get(key) is True)
    dtype = _dtype(config.get("input_dtype") or config.get("dtype"), name)
    return LayerSpec(name, "InputLayer", options, dtype=dtype)


def implied_input(
    first: Config, first_spec: LayerSpec, model: Config, name: str, *, nested: bool
) -> LayerSpec:
    """The InputLayer that a Sequential's first layer implies.

    Within another model it may have no shape: that of the tensor with which the Sequential is called.

    Args:
        first: The first layer, as saved.
        first_spec: The same, parsed.
        model: The Sequential, as saved.
        name: For the InputLayer.
        nested: Whether the Sequential is part of another model.

    Raises:
        MalformedConfig: Nothing says what goes into the model.
    """
    config = first.get("config")
    config = config if isinstance(config, Mapping) else {}
    inner = None if first_spec.model is None else _only_input(first_spec.model)
    if inner is not None and "batch_shape" in inner.config:
        return replace(inner, name=name)
    shape = (
        _stated_shape(config, first_spec.name)
        or _counted_shape(config, first_spec)
        or _wrapped_shape(first_spec, config)
        or _build_shape(model, first, first_spec.name)
    )
    if shape is None:
        if nested:
            return LayerSpec(name, "InputLayer")
        raise MalformedConfig(
            f"layer {first_spec.name!r}: the Sequential model nowhere says the shape of its input; "
            "build it with an Input(shape=...) and save it again"
        )
    dtype = _dtype(config.get("input_dtype") or first_spec.dtype, first_spec.name)
    return LayerSpec(name, "InputLayer", {"batch_shape": shape}, dtype=dtype)


def _dtype(saved: Any, name: str) -> str:
    return input_dtype(policy_name(saved, f"layer {name!r}: its dtype"))


def _only_input(model: ModelSpec) -> LayerSpec:
    if len(model.inputs) != 1:
        count = len(model.inputs)
        raise MalformedConfig(f"layer {model.name!r}: a Sequential begins with a model of {count} inputs")
    return model.layer(model.inputs[0])


def _shape(value: Any, name: str) -> list[int | None]:
    what = f"layer {name!r}: the shape of the input"
    with checks.naming(what, name):
        return checks.shape(decoded(value, lambda _: NotImplemented), what)


def _stated_shape(config: Config, name: str) -> list[int | None] | None:
    for key in ("batch_shape", "batch_input_shape"):
        if config.get(key) is not None:
            return _shape(config[key], name)
    for key in ("shape", "input_shape"):
        if config.get(key) is not None:
            return [None, *_shape(config[key], name)]
    return None


def _counted_shape(config: Config, spec: LayerSpec) -> list[int | None] | None:
    """From `input_dim` and `input_length`, the short forms of Keras 1."""
    length = config.get("input_length")
    if spec.class_name == "Embedding":
        if "input_length" not in config:
            return None
        return _shape([None, *(length if isinstance(length, list) else [length])], spec.name)
    if not checks.is_int(config.get("input_dim")):
        return None
    inner = [length] if "input_length" in config else []
    return _shape([None, *inner, config["input_dim"]], spec.name)


def _wrapped_shape(spec: LayerSpec, config: Config) -> list[int | None] | None:
    """What a Bidirectional's inner layer says of its input, which is also the wrapper's."""
    inner, sublayer = config.get("layer"), spec.config.get("layer")
    if spec.class_name != "Bidirectional" or not isinstance(sublayer, LayerSpec):
        return None
    inner = checks.mapping(inner, f"layer {spec.name!r}: its layer")
    inner_config = checks.mapping(inner.get("config"), f"layer {spec.name!r}: the config of its layer")
    return _stated_shape(inner_config, spec.name) or _counted_shape(inner_config, sublayer)


def _build_shape(model: Config, first: Config, name: str) -> list[int | None] | None:
    """The shape with which the model, or its first layer, was built."""
    config = model.get("config")
    for place in (config, model.get("build_config"), first.get("build_config")):
        for key in ("build_input_shape", "batch_input_shape", "input_shape"):
            if isinstance(place, Mapping) and isinstance(place.get(key), (list, Mapping)):
                shape = decoded(place[key], lambda _: NotImplemented)
                if isinstance(shape, list) and not any(isinstance(size, (list, Mapping)) for size in shape):
                    return _shape(shape, name)
    return None
