"""The InputLayers of a model, saved or implied by the first layer of a Sequential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.errors import MalformedConfig
from codegen.spec import checks
from codegen.spec.constants import constant, is_object
from codegen.spec.dtypes import input_dtype, policy_name
from codegen.spec.model import LayerSpec, ModelSpec

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
    options = {"batch_shape": shape}
    options.update((key, True) for key in ("sparse", "ragged", "optional") if config.get(key) is True)
    dtype = input_dtype(policy_name(config.get("input_dtype") or config.get("dtype"), f"layer {name!r}"))
    return LayerSpec(name, "InputLayer", options, dtype=dtype)


def implied_input(first: Config, first_spec: LayerSpec, model: Config, name: str) -> LayerSpec:
    """The InputLayer that a Sequential's first layer implies.

    Args:
        first: The first layer, as saved.
        first_spec: The same, parsed.
        model: The Sequential, as saved.
        name: For the InputLayer.

    Raises:
        MalformedConfig: Nothing says what goes into the model.
    """
    config = first.get("config")
    config = config if isinstance(config, Mapping) else {}
    if first_spec.model is not None:
        template = _only_input(first_spec.model)
        return LayerSpec(name, "InputLayer", {"batch_shape": template.config["batch_shape"]}, dtype=template.dtype)
    shape = _stated_shape(config, first_spec.name) or _counted_shape(config, first_spec) or _wrapped_shape(first_spec, config)
    shape = shape or _build_shape(model, first, first_spec.name)
    if shape is None:
        raise MalformedConfig(
            f"layer {first_spec.name!r}: the Sequential model nowhere says the shape of its input; "
            "build it with an Input(shape=...) and save it again"
        )
    saved_dtype = config.get("input_dtype")
    dtype = input_dtype(policy_name(saved_dtype, name) if saved_dtype else first_spec.dtype)
    return LayerSpec(name, "InputLayer", {"batch_shape": shape}, dtype=dtype)


def _only_input(model: ModelSpec) -> LayerSpec:
    if len(model.inputs) != 1:
        raise MalformedConfig(f"layer {model.name!r}: a Sequential begins with a model of {len(model.inputs)} inputs")
    return model.layer(model.inputs[0])


def _shape(value: Any, name: str) -> list[int | None]:
    return checks.shape(constant(value, lambda _: NotImplemented), f"layer {name!r}: the shape of the input")


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
        return [None, *(length if isinstance(length, list) else [length])] if "input_length" in config else None
    if not checks.is_int(config.get("input_dim")):
        return None
    inner = [length] if "input_length" in config else []
    return _shape([None, *inner, config["input_dim"]], spec.name)


def _wrapped_shape(spec: LayerSpec, config: Config) -> list[int | None] | None:
    """What a Bidirectional's inner layer says of its input, which is also the wrapper's."""
    inner = config.get("layer")
    sublayer = spec.config.get("layer")
    if spec.class_name != "Bidirectional" or not is_object(inner) or not isinstance(sublayer, LayerSpec):
        return None
    inner_config = inner["config"] if isinstance(inner["config"], Mapping) else {}
    return _stated_shape(inner_config, spec.name) or _counted_shape(inner_config, sublayer)


def _build_shape(model: Config, first: Config, name: str) -> list[int | None] | None:
    """The shape with which the model, or its first layer, was built."""
    config = model.get("config")
    places = [config if isinstance(config, Mapping) else {}, model.get("build_config"), first.get("build_config")]
    for place in places:
        for key in ("build_input_shape", "batch_input_shape", "input_shape"):
            if isinstance(place, Mapping) and isinstance(place.get(key), (list, Mapping)):
                shape = constant(place[key], lambda _: NotImplemented)
                if isinstance(shape, list) and not any(isinstance(size, (list, Mapping)) for size in shape):
                    return _shape(shape, name)
    return None
