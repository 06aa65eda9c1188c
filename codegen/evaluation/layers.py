"""Layers that the author's source makes, holds and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from codegen.evaluation.author import Author
from codegen.evaluation.meaning import operators
from codegen.evaluation.meaning.values import Function, Library, NotEvaluated, StaticShape, Unknown
from codegen.evaluation.objects import Class, Instance, Layer, WeightVariable, held, layer_of
from codegen.evaluation.signatures import POSITIONAL
from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.model.nested import instances
from codegen.model.packages import KERAS, SOURCE
from codegen.model.spec import CallSpec, LayerSpec, ModelSpec, TensorRef
from codegen.model.words import TRAINING_SUFFIXES, default_name

#: Arguments of every layer's constructor.
COMMON = frozenset(
    {"name", "trainable", "dtype", "dynamic", "autocast", "input_shape", "batch_input_shape", "batch_size"}
    | {"input_dim", "activity_regularizer", "build_config"}
)
#: Classes of Keras that hold nothing of their own.
PLAIN = frozenset({"Layer", "Model", "Functional", "Network", "Container"})


def base_class(path: str) -> str:
    """The class of Keras that a dotted path names; "" if it is no layer."""
    root, _, rest = path.partition(".")
    name = rest.rpartition(".")[2]
    if root != "keras" or not name[:1].isupper():
        return ""
    part = rest.partition(".")[0]
    if part in ("layers", "models", "engine") or name in ("Layer", "Model", "Sequential"):
        return name
    return ""


# -------------------------------------------------------------------- making


def keras_layer(class_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Layer:
    """`keras.layers.Name(*args, **kwargs)`."""
    options = named_options(class_name, args, kwargs)
    layer = Layer("", class_name)
    take_common(layer, options, class_name)
    layer.options = options
    return layer


def named_options(class_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the constructor of a class of Keras by name."""
    names: tuple[str, ...] = POSITIONAL.get(class_name, ())
    if class_name == "Sequential":
        names = ("layers", "trainable", "name")
    if len(args) > len(names):
        raise NotEvaluated(f"makes the layer {class_name} with {len(args)} arguments without names")
    return {**dict(zip(names, args, strict=False)), **kwargs}


def take_common(layer: Layer, options: dict[str, Any], base: str) -> None:
    """Take out what every layer's constructor knows; `base` is Keras' class."""
    for name in COMMON & options.keys():
        if name == "input_dim" and base.endswith("Embedding"):
            continue
        value = options.pop(name)
        if name == "name" and isinstance(value, str):
            layer.name = value
        elif name == "trainable" and isinstance(value, bool):
            layer.trainable = value
        elif name == "dtype" and value is not None:
            layer.dtype = value


def init_layer(instance: Instance, base: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """`super().__init__(*args, **kwargs)` of Keras' own class."""
    layer = instance.layer
    assert layer is not None
    if base in PLAIN:
        options = dict(zip(("name",) if base == "Model" else (), args, strict=False)) | dict(kwargs)
        if len(args) > len(options):
            raise NotEvaluated("calls the constructor of Keras' Layer with arguments without names")
        take_common(layer, options, base)
        return  # of others Keras knows nothing: get_config() saved them
    options = named_options(base, args, kwargs)
    take_common(layer, options, base)
    layer.options = options


def add_weight(
    layer: Layer, author: Author, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> WeightVariable:
    """`self.add_weight(...)`, in the signature of any Keras."""
    first_is_name = author.generation < 3 or (bool(args) and isinstance(args[0], str))
    names = ("name", "shape", "dtype", "initializer") if first_is_name else ("shape", "initializer", "dtype")
    if author.generation == 3 and first_is_name:
        names = ("name", "shape", "initializer")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if "shape" in given and isinstance(given["shape"], str) and isinstance(given.get("name"), (tuple, list)):
        given["shape"], given["name"] = given["name"], given["shape"]
    shape = sizes(given.get("shape") or ())
    name = given.get("name")
    trainable = given.get("trainable")
    made = WeightVariable(
        name if isinstance(name, str) and name else f"variable_{len(layer.weights)}",
        shape,
        str(given.get("dtype") or "float32"),
        trainable is not False,
        initializer(given.get("initializer")),
    )
    layer.weights.append(made)
    return made


def sizes(shape: Any) -> tuple[int, ...]:
    """The shape of a weight."""
    found = [shape] if isinstance(shape, (int, np.integer)) else list(shape)
    if not all(isinstance(size, (int, np.integer)) for size in found):
        raise NotEvaluated(f"makes a weight of the shape {tuple(found)}, which is open")
    operators.check_elements(float(np.prod([float(size) for size in found] or [1.0])) / 1000)
    return tuple(int(size) for size in found)


def initializer(value: Any) -> Any:
    """An initialiser as a config has it; None if it is of no kind that we know."""
    if isinstance(value, str):
        return value
    if isinstance(value, Initializer):
        return {"class_name": value.name, "config": dict(value.config)}
    return None


class Initializer:
    """An initialiser, regulariser or constraint of Keras: it matters in training alone."""

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        self.name, self.config = name, config


class Initial:
    """What an initialiser makes: numbers that are not in the file, of a known shape."""

    def __init__(self, made_by: Initializer, shape: tuple[int, ...]) -> None:
        self.initializer, self.shape = made_by, shape


def initial(made_by: Initializer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Initial:
    """What an initialiser makes when it is called."""
    return Initial(made_by, sizes(args[0] if args else kwargs.get("shape") or ()))


# -------------------------------------------------------------------- specs


def spec_of(author: Author, layer: Layer) -> LayerSpec:
    """What the lowering knows of a layer."""
    if layer.spec is None:
        layer.spec = _spec(author, layer)
    return layer.spec


def _spec(author: Author, layer: Layer) -> LayerSpec:
    name = layer.name or layer.attribute.replace("/", "_") or default_name(layer.class_name)
    if layer.instance is not None:
        config: dict[str, Any] = {"made": layer.instance}
        return LayerSpec(
            name, layer.class_name, config, trainable=layer.trainable, dtype=_dtype(layer), package=SOURCE
        )
    if layer.class_name == "Sequential":
        return sequential(author, layer, name)
    return keras_spec(author, layer, layer.class_name, name)


def keras_spec(author: Author, layer: Layer, class_name: str, name: str) -> LayerSpec:
    """The spec of a layer of Keras, as the file's version means these options."""
    plain: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for key, value in layer.options.items():
        converted = _option(author, key, value)
        (parts if _holds_spec(converted) else plain)[key] = converted
    config = {**_defaults(author, class_name), **plain, "name": name, "trainable": layer.trainable}
    if layer.dtype is not None:
        config["dtype"] = layer.dtype
    spec = author.read({"class_name": class_name, "module": "keras.layers", "config": config}, name)
    return replace(spec, config={**spec.config, **parts})


def _defaults(author: Author, class_name: str) -> dict[str, Any]:
    """What older versions take where nothing is said."""
    if author.generation < 3 and class_name in ("GRU", "GRUCell"):
        activation = {"recurrent_activation": "hard_sigmoid"} if author.versions.tensorflow == "1" else {}
        return {"reset_after": author.versions.tensorflow == "2", **activation}
    is_old = author.versions.tensorflow == "1" and class_name in ("LSTM", "LSTMCell")
    if author.generation < 3 and (is_old or class_name == "ConvLSTM2D"):
        return {"recurrent_activation": "hard_sigmoid"}
    return {}


def _dtype(layer: Layer) -> str:
    return layer.dtype if isinstance(layer.dtype, str) else "float32"


def _holds_spec(value: Any) -> bool:
    return isinstance(value, LayerSpec) or (
        isinstance(value, list) and any(isinstance(item, LayerSpec) for item in value)
    )


def _option(author: Author, key: str, value: Any) -> Any:
    """An option as a config has it."""
    part = layer_of(value)
    if part is not None:
        return spec_of(author, part)
    if isinstance(value, Initializer):
        return initializer(value)
    if key.endswith(TRAINING_SUFFIXES):
        return value if isinstance(value, (str, type(None), dict)) else None
    if isinstance(value, Function):
        name = value.routine.name
        return LayerSpec(name, name, {"function": value}, package=SOURCE)
    if isinstance(value, Library):
        root, _, rest = value.path.partition(".")
        if root in ("keras", "tensorflow"):
            return rest.rpartition(".")[2]
    if isinstance(value, (list, tuple)):
        return [_option(author, key, item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Unknown):
        raise NotEvaluated(f"uses {value.name}, which is not in the file")
    if isinstance(value, (Value, WeightVariable, Class)):
        raise NotEvaluated(f"makes a layer of Keras with something else than options ({key})")
    return value


def sequential(author: Author, layer: Layer, name: str) -> LayerSpec:
    """A Sequential as a model of its own."""
    parts = [part for part in (layer_of(item) for item in members(layer)) if part is not None]
    parts = [part for part in parts if part.class_name != "InputLayer"]
    first = LayerSpec("input", "InputLayer", {})
    specs = [first]
    last = TensorRef("input")
    for part in parts:
        wanted = part.name or default_name(part.class_name)
        names = [spec.name for spec in specs]
        unique, number = wanted, 1
        while unique in names:
            unique, number = f"{wanted}_{number}", number + 1
        part.name = unique
        specs.append(replace(spec_of(author, part), name=unique, calls=(CallSpec((last,)),)))
        last = TensorRef(unique)
    model = ModelSpec(name, "Sequential", tuple(specs), ("input",), (last,), layer.trainable)
    return LayerSpec(name, "Sequential", trainable=layer.trainable, model=model, package=KERAS)


def members(layer: Layer) -> list[Any]:
    """What a Sequential holds."""
    found = layer.options.setdefault("layers", [])
    if found is None:
        found = layer.options["layers"] = []
    return list(found)


# -------------------------------------------------------------------- places


def adopt(author: Author, layer: Layer) -> None:
    """Let a layer of the author's hold the layers among its attributes, and know its weights' names."""
    assert layer.instance is not None
    attributes = layer.instance.attributes
    for name, value in attributes.items():
        _label(value, name)
    found: dict[Layer, list[str]] = {}
    for path, part in held(attributes):
        if part is not layer and part.parent is None:
            found.setdefault(part, []).append(path)
    for part, paths in sorted(found.items(), key=lambda item: _tracked(author, layer, *item)):
        part.parent = layer
        layer.parts.append(part)
        part.attribute = min(paths, key=_walk_key)
        if layer.builder is not None:
            place(author, part)


def _walk_key(path: str) -> str:
    """Keras visits attributes by name, private ones last."""
    return f"~{path}" if path.startswith("_") else path


def _tracked(author: Author, layer: Layer, part: Layer, paths: Sequence[str]) -> int:
    """When Keras takes note of a layer: those of lists with the list, in Keras 3 one by one."""
    moments = []
    for path in paths:
        time = layer.times.get(path.partition("/")[0], 0)
        moments.append(max(time, part.made) if author.generation == 3 and "/" in path else time)
    return min(moments)


def _label(value: Any, name: str) -> None:
    if isinstance(value, WeightVariable):
        value.label = value.label or name
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _label(item, f"{name}_{index}")


def place(author: Author, layer: Layer) -> Builder | None:
    """The builder of a layer that another one holds; None if nobody does."""
    if layer.builder is None and layer.parent is not None:
        outer = place(author, layer.parent)
        if outer is not None:
            inner = outer.sublayer(layer.attribute, spec_of(author, layer))
            inner.label = layer.attribute.replace("/container", "").replace("/", "_")
            layer.builder = inner
            if layer.instance is not None:
                adopt(author, layer)
    return layer.builder


def declare(layer: Layer) -> None:
    """Say which weights a layer of the author's has."""
    b = layer.builder
    assert b is not None
    names: set[str] = {known.name for known in layer.weights if known.weight is not None}
    for variable in layer.weights:
        if variable.weight is None:
            name, number = variable.name, 1
            while name in names:
                name, number = f"{variable.name}_{number}", number + 1
            names.add(name)
            variable.weight = b.weight(
                name, variable.shape, trainable=variable.trainable, initializer=variable.initializer
            )


def shape_of(value: Any) -> Any:
    """The shapes of tensors, as `build` gets them."""
    if isinstance(value, Value):
        return StaticShape(value.shape)
    if isinstance(value, (list, tuple)):
        return [shape_of(item) for item in value]
    if isinstance(value, Mapping):
        return {key: shape_of(item) for key, item in value.items()}
    return None


def has_tensors(value: Any) -> bool:
    """Whether a tensor is in an argument."""
    return next(instances(value, Value), None) is not None
