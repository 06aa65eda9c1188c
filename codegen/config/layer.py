"""One saved layer as a LayerSpec: class, options, sublayers, whatever the dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codegen.config import checks
from codegen.config.constants import FORMS, decoded, is_object
from codegen.config.context import Context, shared_number
from codegen.config.dialects import classes, keras1, keras2
from codegen.config.dialects.draft import Draft
from codegen.config.dialects.lambdas import PYTHON_CODE, lambda_layer
from codegen.config.dialects.masks import STATEFUL, mask_rules
from codegen.config.dialects.official import owner
from codegen.config.dialects.origin import Origin
from codegen.config.dialects.policies import policy_name
from codegen.config.dialects.quirks import quirks_of
from codegen.config.written import written_class, written_layer
from codegen.errors import CONFIG_FAULTS, MalformedConfig, shorten
from codegen.model.packages import ACTIVATION, CUSTOM, KERAS, OPS, SOURCE
from codegen.model.python_code import SourceObject
from codegen.model.saved_model import LayerWeights, StoredTensor
from codegen.model.spec import CallSpec, LayerSpec, Untold
from codegen.model.words import TRAINING_SUFFIXES, default_name

_ACTIVATIONS = frozenset({"activation", "recurrent_activation"})
_SUBLAYERS = frozenset({"layer", "cell", "cells", "forward_layer", "backward_layer", "layers"})

# Layers of Keras that hold layers and are no models.
_HOLD_LAYERS = frozenset({"Merge", "Pipeline"})
_SEQUENTIAL_KEYS = frozenset({"name", "trainable", "dtype", "layers", "build_input_shape"})

#: Keys of a layer's config that are said elsewhere in its LayerSpec, or in its model's InputLayer.
_ELSEWHERE = ("name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_shape", "input_dtype")

_UNTOLD_FORMAT = Untold(
    "that is the image data format of the session that saved the model, which the file does not tell; "
    "build the model with a data_format in this call, and save it again"
)


def weights_by_layer(weights: object) -> Mapping[str, Sequence[StoredTensor]]:
    """The arrays of a file by top-level layer, where the file has them so."""
    return weights.groups if isinstance(weights, LayerWeights) else {}


def is_model(entry: Mapping[str, Any]) -> bool:
    """Whether a serialised layer is a Functional or Sequential model, of whatever class."""
    config = entry.get("config")
    if isinstance(config, list):
        return True
    if not isinstance(config, Mapping):
        return False
    if "layers" in config and ("input_layers" in config or "output_layers" in config):
        return True
    name, _ = classes.class_and_package(entry, str(entry.get("class_name")))
    return name in ("Sequential", "Functional", "Model") or _is_sequential(name, config)


def _is_sequential(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether a class of the user's own is a Sequential, which lists its input first or says its shape."""
    layers = config.get("layers")
    if class_name in _HOLD_LAYERS or not isinstance(layers, list) or not layers:
        return False
    if not config.keys() <= _SEQUENTIAL_KEYS or not all(is_object(layer) for layer in layers):
        return False
    first = layers[0]
    says_shape = isinstance(first["config"], Mapping) and "batch_input_shape" in first["config"]
    return "build_input_shape" in config or first["class_name"] == "InputLayer" or says_shape


def layer_name(entry: Mapping[str, Any]) -> str | None:
    """The name of a serialised layer; in a graph it can differ from its config's."""
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
    return name if isinstance(name, str) and name else None


def read_layer(
    entry: Mapping[str, Any], name: str, context: Context, calls: Sequence[CallSpec] = ()
) -> LayerSpec:
    """Parse one layer, op or nested model.

    Args:
        entry: `{"class_name", "config", ...}` as saved.
        name: Its name in its model.
        context: Of the model.
        calls: Its calls, if it is a layer of a graph.

    Raises:
        MalformedConfig: The entry is no layer, or an option is not what its layer's writer could have saved.
    """
    class_name = checks.text(entry.get("class_name"), f"layer {name!r}: the class name")
    inner = context.inside(name)
    written = written_class(entry, class_name, context)
    if written is not None and not (written.is_packaged and _is_known(entry, class_name, context, written)):
        return written_layer(entry, name, written, inner, calls)
    if is_model(entry):
        model = inner.parse_model(entry, name, inner)
        saved_class = classes.class_and_package(entry, class_name)[0]
        return LayerSpec(
            name,
            model.class_name,
            calls=tuple(calls),
            trainable=model.trainable,
            model=model,
            saved_class="" if saved_class == model.class_name else saved_class,
            shared=shared_number(entry),
        )
    config = checks.mapping(entry.get("config"), f"layer {name!r}: the config of {class_name}")
    try:
        with checks.naming(f"layer {name!r}: {class_name}", name):
            return _layer(entry, name, class_name, config, inner, calls)
    except CONFIG_FAULTS as fault:
        raise MalformedConfig(
            f"layer {name!r}: the config of {class_name} is damaged ({type(fault).__name__}: {fault})"
        ) from fault


def _is_known(entry: Mapping[str, Any], class_name: str, context: Context, written: SourceObject) -> bool:
    """Whether there is a layer function for a class: a package's, or Keras' own if that can be meant."""
    name, package = classes.class_and_package(entry, class_name)
    config = entry["config"]
    package, doubt = owner(entry, name, package, config, context.origin)
    is_told = package != CUSTOM and not (package == KERAS and doubt)
    if not is_told or (package, classes.without_alias(name)) not in context.sources.known:
        return False
    if package == KERAS:
        context.sources.passed_over[written.module.file, written.name] = None
    return True


def _layer(
    entry: Mapping[str, Any],
    name: str,
    class_name: str,
    config: Mapping[str, Any],
    context: Context,
    calls: Sequence[CallSpec],
) -> LayerSpec:
    origin = context.origin
    class_name, package = classes.class_and_package(entry, class_name)
    if package.startswith(OPS):
        options = {key: _plain(value, context) for key, value in config.items() if key != "name"}
        _tell_format(options, origin)
        quirks = quirks_of(class_name, package, options, origin)
        return LayerSpec(name, class_name, options, tuple(calls), package=package, quirks=quirks)
    package, doubt = owner(entry, class_name, package, config, origin)
    trainable = config.get("trainable")
    draft = Draft(
        name,
        class_name,
        package,
        dict(config),
        origin,
        origin.stored,
        context.weight_shape,
        context.has_weight_of_shape,
        context.written,
    )
    _normalise(draft)
    dtype = draft.config.get("dtype")
    constants = draft.config.pop("num_constants", None) or 0
    options = {
        key: _option(key, value, context) for key, value in draft.config.items() if key not in _ELSEWHERE
    }
    _tell_format(options, origin)
    return LayerSpec(
        name,
        draft.class_name,
        options,
        tuple(_canonical_call(call, draft, constants) for call in calls),
        trainable=trainable is None or checks.flag(trainable, "trainable"),
        dtype=policy_name(dtype, "dtype", name),
        package=package,
        stored=draft.stored,
        quirks=draft.quirks,
        saved_class="" if class_name == draft.class_name else class_name,
        shared=shared_number(entry),
        doubt=doubt,
    )


def _tell_format(options: dict[str, Any], origin: Origin) -> None:
    """Say which `data_format` null is."""
    if "data_format" in options and options["data_format"] is None:
        options["data_format"] = origin.data_format or _UNTOLD_FORMAT


def _normalise(draft: Draft) -> None:
    """Bring class name and options into Keras 3's words."""
    if draft.package == KERAS and draft.class_name == "Lambda":
        lambda_layer(draft)
        for key in ("function", "mask"):
            if isinstance(draft.config.get(key), str):
                draft.config[key] = draft.find_source(draft.config[key]) or draft.config[key]
        draft.quirks = quirks_of("Lambda", KERAS, draft.config, draft.origin)
        return
    if draft.class_name not in ("Embedding", "EmbeddingBag") and draft.origin.generation < 3:
        draft.config.pop("input_dim", None)
    is_keras, origin = draft.package == KERAS, draft.origin
    if is_keras and origin.generation == 1:
        keras1.to_keras2(draft)
    if is_keras:
        draft.class_name = classes.without_alias(draft.class_name)
    config = {**draft.config, "name": draft.name}
    draft.quirks = quirks_of(draft.class_name, draft.package, config, origin)
    if is_keras and origin.generation < 3:
        keras2.to_keras3(draft)
    if draft.package == "tcn":
        keras2.to_keras_tcn(draft)


def _canonical_call(call: CallSpec, draft: Draft, constants: int) -> CallSpec:
    """Recurrent states and options that Keras 3 takes with a call become keyword arguments.

    Keras 1 and 2 pass their states, and then their constants, behind the input.
    """
    args, kwargs = list(call.args), {**call.kwargs, **draft.call_options}
    is_stateful = draft.class_name in STATEFUL and draft.package == KERAS
    if is_stateful and args and isinstance(args[0], list) and draft.origin.generation < 3:
        inputs, *states = args[0]
        if constants:
            kwargs["constants"] = states[-constants:]
            states = states[:-constants]
        if states:
            kwargs["initial_state"] = states
        args = [inputs]
    return CallSpec(tuple(args), kwargs, mask_rules(draft, args, kwargs))


# -------------------------------------------------------------------- options


def _option(key: str, value: Any, context: Context) -> Any:
    if key in _ACTIVATIONS:
        return _activation(value, context)
    if key.endswith(TRAINING_SUFFIXES):
        return _training_object(value)
    if key in _SUBLAYERS:
        if isinstance(value, list):
            return [_sublayer(key, item, context) for item in value]
        if is_object(value):
            return _sublayer(key, value, context)
    return _plain(value, context)


def _plain(value: Any, context: Context) -> Any:
    def convert(item: Any) -> Any:
        if not is_object(item):
            return NotImplemented
        module, name = item.get("module"), item["class_name"]
        if name.endswith(("Policy", "DTypePolicyMap")):
            return policy_name(item, name)
        if isinstance(module, str) and (module == "keras" or ".layers." in f"{module}."):
            return _sublayer(name, item, context)
        if name in FORMS:
            return NotImplemented
        return {"class_name": name, "config": _plain(item["config"], context)}

    return decoded(value, convert)


def _sublayer(key: str, value: Any, context: Context) -> LayerSpec:
    entry = checks.mapping(value, f"the layer under {key!r}")
    name = layer_name(entry) or default_name(str(entry.get("class_name")))
    return read_layer(entry, name, context)


def _activation(value: Any, context: Context) -> Any:
    """An activation's name, or the LayerSpec of a whole layer."""
    if value is None:
        return "linear"
    if is_object(value) and value["class_name"] not in ("function", "__lambda__"):
        if value["config"]:
            return _sublayer("activation", value, context)
        value = value["class_name"]
    name = decoded(value, lambda _: NotImplemented)
    if isinstance(name, list):
        return PYTHON_CODE
    if not isinstance(name, str):
        raise MalformedConfig(f"an activation should be a name or a layer, but is {shorten(value)}")
    written = context.written(name.rpartition(">")[2])
    if written is not None and not (written.is_packaged and (ACTIVATION, name) in context.sources.known):
        quirks = quirks_of("Lambda", KERAS, {"name": name}, context.origin)
        return LayerSpec(name, name, {"definition": written}, package=SOURCE, quirks=quirks)
    quirks = quirks_of(name, ACTIVATION, {}, context.origin)
    if quirks:
        return LayerSpec(name, name, package=ACTIVATION, quirks=quirks)
    return "softmax" if name == "softmax_v2" else name


def _training_object(value: Any) -> Any:
    """An initialiser, regulariser or constraint: a name, or `{"class_name", "config"}`."""
    if is_object(value) and value["class_name"] == "function":
        return value["config"]
    if is_object(value):
        return {"class_name": value["class_name"], "config": value["config"]}
    return value
