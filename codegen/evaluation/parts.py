"""What source says of Keras beside layers and functions: initialisers, activations, registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from codegen.evaluation import layers, libraries
from codegen.evaluation.layers import Initial, Initializer
from codegen.evaluation.meaning.values import Function, Library, Method, NotEvaluated, StaticShape
from codegen.evaluation.objects import Class, Instance, Layer, Transparent, WeightVariable
from codegen.graph import Value

#: Says that a function is not one of these.
NOT_HERE = object()

#: Modules of Keras whose classes matter in training alone.
_TRAINING = frozenset({"initializers", "regularizers", "constraints"})
_REGISTERS = frozenset({"register_keras_serializable", "keras_export"})
_DECORATORS = frozenset({"function", "autograph.experimental.do_not_convert", "recompute_grad"})
#: Settings that decide how a layer computes, not what.
_SETTINGS = {
    "backend.backend": "tensorflow",
    "config.backend": "tensorflow",
    "config.is_flash_attention_enabled": None,
}


def attribute(owner: Library, name: str, generation: int) -> Any:
    """What is no dotted name: a version, a constant; None if it is one."""
    if owner.path == "tensorflow" and name == "__version__":
        return "2.15.0"
    if owner.path == "keras" and name == "__version__":
        return {1: "1.2.2", 2: "2.15.0", 3: "3.15.0"}[generation]
    return libraries.constant(f"{owner.path}.{name}")


def call(world: Any, function: Library, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call something of Keras that is no operation; `NOT_HERE` if it is one."""
    root, _, rest = function.path.partition(".")
    module, _, name = rest.rpartition(".")
    if root in libraries.ROOTS:
        return libraries.call(function, args, kwargs)
    if root == "tensorflow":
        return _tensorflow(rest, args, kwargs)
    if root != "keras":
        return NOT_HERE
    part = module.partition(".")[0]
    if name in _REGISTERS:
        return Transparent()
    if part in _TRAINING:
        return _training(name, args, kwargs)
    if part == "activations":
        return _activation(world, name, args)
    if part in ("layers", "models", "") and name[:1].isupper():
        return _layer(name, args, kwargs)
    if name in ("deserialize", "deserialize_keras_object") and args:
        return _deserialized(world, args[0])
    if name in ("serialize", "serialize_keras_object") and args:
        return args[0]
    if part == "layers" and name == "Input":
        return Layer("", "InputLayer")
    if rest in _SETTINGS:
        return _SETTINGS[rest]
    if rest == "backend.get_keras_mask" and isinstance(args[0], Value):
        return world.builder.mask(args[0])
    if rest in ("backend.name_scope", "name_scope", "ops.name_scope"):
        return Method(None, "name_scope")
    return NOT_HERE


def _tensorflow(rest: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    bare = rest.removeprefix("compat.v1.")
    name = bare.rpartition(".")[2]
    if bare in _DECORATORS:
        return args[0] if args and isinstance(args[0], (Function, Class)) else Transparent()
    if name.endswith("_initializer") or bare.startswith("initializers."):
        return Initializer(_INITIALIZERS.get(name, name), kwargs)
    if bare == "Variable":
        return _variable(args, kwargs)
    if bare == "TensorShape" and args:
        return StaticShape(args[0]) if isinstance(args[0], (list, tuple)) else args[0]
    if bare == "random_normal_initializer":
        return Initializer("RandomNormal", kwargs)
    return NOT_HERE


_INITIALIZERS = {
    "constant_initializer": "Constant",
    "ones_initializer": "Ones",
    "random_normal_initializer": "RandomNormal",
    "random_uniform_initializer": "RandomUniform",
    "truncated_normal_initializer": "TruncatedNormal",
    "zeros_initializer": "Zeros",
}


def _training(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if name in ("get", "serialize", "deserialize"):
        return args[0] if args else kwargs.get("identifier")
    first = {"Constant": "value", "L1": "l1", "L2": "l2", "l1": "l1", "l2": "l2"}.get(name)
    config = {**({first: args[0]} if first and args else {}), **kwargs}
    return Initializer(name, config)


def _activation(world: Any, name: str, args: Sequence[Any]) -> Any:
    if name not in ("get", "serialize", "deserialize"):
        return NOT_HERE
    value = args[0] if args else None
    if value is None:
        return Library("keras.activations.linear")
    if name == "serialize" and isinstance(value, Library):
        return value.path.rpartition(".")[2]
    if isinstance(value, Mapping):
        value = value.get("config") if value.get("class_name") == "function" else value
    if isinstance(value, Mapping):
        return _deserialized(world, value)
    if isinstance(value, str):
        own = world.author.function(world, value)
        return own if own is not None else Library(f"keras.activations.{value}")
    if isinstance(value, (Function, Library, Instance, Layer)):
        return value
    raise NotEvaluated("asks for an activation that is none")


def _layer(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if name in ("Input", "InputLayer"):
        return Layer("", "InputLayer")
    if name in layers.PLAIN:
        raise NotEvaluated(f"makes a model of layers in its code (keras.{name})")
    if name == "Variable":
        return _variable(args, kwargs)
    return layers.keras_layer(name, args, kwargs)


def _deserialized(world: Any, value: Any) -> Any:
    """An object of its serialised form."""
    if isinstance(value, (Layer, Instance, Function, Library, Initializer)) or value is None:
        return value
    if isinstance(value, str):
        return _activation(world, "get", [value])
    if isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
        return _of_entry(world, value)
    raise NotEvaluated("makes an object of a form that is not known")


def _of_entry(world: Any, entry: Mapping[str, Any]) -> Any:
    """The object of a serialised form: of a class of the source, or of Keras."""
    name = str(entry["class_name"]).rpartition(">")[2]
    config = entry.get("config")
    config = dict(config) if isinstance(config, Mapping) else {}
    made = world.author.function(world, name)
    if made is not None:
        return world.call(world.attribute(made, "from_config"), [config], {})
    module = str(entry.get("module") or "")
    if module.partition(".")[2].startswith(tuple(_TRAINING)):
        return Initializer(name, config)
    spec = world.author.read(entry, str(config.get("name") or name))
    return Layer(spec.name, spec.class_name, config, spec=spec)


def _variable(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    given = {**dict(zip(("initial_value", "trainable"), args, strict=False)), **kwargs}
    start: Any = given.get("initial_value", given.get("initializer"))
    if isinstance(start, Initial):
        shape: tuple[int, ...] = start.shape
    elif isinstance(start, Value):
        shape = layers.sizes(start.shape)
    elif isinstance(start, Initializer) or callable(start):
        shape = layers.sizes(given.get("shape") or ())
    else:
        shape = np.shape(start)
    name = given.get("name")
    return WeightVariable(
        name if isinstance(name, str) else "Variable",
        shape,
        str(given.get("dtype") or "float32"),
        given.get("trainable") is not False,
        layers.initializer(start.initializer) if isinstance(start, Initial) else None,
    )
