"""What the author's classes inherit from Keras, and calls of what the source defines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegen.evaluation import inherited as keras
from codegen.evaluation import layers
from codegen.evaluation.calling import call_layer, single
from codegen.evaluation.classes import library_base, member
from codegen.evaluation.layers import PLAIN, base_class
from codegen.evaluation.libraries import FUNCTION_TYPES
from codegen.evaluation.meaning import builtins
from codegen.evaluation.meaning.values import Function, Library, NotEvaluated, StaticShape, Unknown
from codegen.evaluation.objects import (
    BaseMethod,
    BoundMethod,
    Class,
    Instance,
    Layer,
    LayerMethod,
    Super,
    WeightVariable,
    Wrapped,
    layer_of,
)
from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.model.words import default_name

#: Functions of Python that only source may call.
SOURCE_NAMES = frozenset(
    {"super", "getattr", "hasattr", "property", "staticmethod", "classmethod", "callable"}
)
SOURCE_NAMES |= {"isinstance", "issubclass", "type", "setattr", "object"}


def weight_value(b: Builder, variable: WeightVariable) -> Value:
    """A weight as a tensor of a graph."""
    label = variable.label or variable.name
    module = (b.parameter if variable.trainable else b.buffer)(label, variable.weight)
    template = "weight" if variable.shape or not variable.trainable else "weight.squeeze()"
    value = b.op(template, shape=variable.shape, dtype=b.dtype, weight=module)
    value.layer = label
    return value


# -------------------------------------------------------------------- calls


def call_object(world: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a class, an object, a layer or an inherited method."""
    if isinstance(function, Class):
        return instantiate(world, function, args, kwargs)
    if isinstance(function, Layer):
        return _call_layer(world, function, args, kwargs)
    if isinstance(function, Instance):
        if function.layer is not None and member(world, function.cls, "__call__") is None:
            return _call_layer(world, function.layer, args, kwargs)
        method = member(world, function.cls, "__call__")
        if isinstance(method, Function):
            return world.call(BoundMethod(function, method), args, kwargs)
        raise NotEvaluated(f"calls an object of {function.cls.name}, which is no function")
    if isinstance(function, LayerMethod):
        return _layer_method(world, function, args, kwargs)
    if isinstance(function, Wrapped) and function.kind == "from_config":
        return instantiate(world, function.function, [], dict(args[0]))
    assert isinstance(function, BaseMethod)
    return inherited(world, function.owner, function.name, args, kwargs)


def _layer_method(world: Any, method: LayerMethod, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    layer, name = method.layer, method.name
    if name in ("call", "__call__"):
        return _call_layer(world, layer, args, kwargs)
    if name == "add":
        layers.members(layer)
        layer.options["layers"].append(args[0])
    elif name == "build":
        layer.built = True
    elif name == "compute_output_shape":
        return keras.output_shape(world, layer, args)
    elif name == "get_initial_state":
        return _zeros(world, layer, args[0] if args else next(iter(kwargs.values()), None))
    elif name != "set_weights":
        raise NotEvaluated(f"calls {name}() of a {layer.class_name}")
    return None


def _zeros(world: Any, layer: Layer, x: Any) -> list[Any]:
    """The states before the first step of a layer of one cell."""
    units, count = layer.options.get("units"), {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}.get(layer.class_name)
    if count is None or not isinstance(x, Value):
        raise NotEvaluated(f"asks a {layer.class_name} for its initial state")
    size = world.item(world.call(Library("tensorflow.shape"), [x], {}), 0)
    return [world.call(Library("tensorflow.zeros"), [[size, units]], {}) for _ in range(count)]


def _call_layer(world: Any, layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    args = [world.ready(arg) for arg in args]
    kwargs = {name: world.ready(value) for name, value in kwargs.items()}
    if world.builder.graph is world.author.constants:
        return layers.shape_of(args[0]) if args else None
    return call_layer(world, layer, args, kwargs)


def instantiate(world: Any, cls: Class, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Instance:
    """`Class(*args, **kwargs)`."""
    made = Instance(cls)
    path = library_base(cls)
    if base_class(path):
        made.layer = Layer("", cls.name, instance=made)
    elif path.startswith(("keras.initializers", "keras.regularizers", "keras.constraints")):
        return made
    inner = world.constants(made.layer)
    init = member(world, cls, "__init__")
    if init is not None:
        inner.call(BoundMethod(made, init), args, kwargs)
    elif made.layer is not None:
        layers.init_layer(made, base_class(path), args, kwargs)
    elif args or kwargs:
        raise NotEvaluated(f"makes an object of {cls.name} with arguments that it does not take")
    return made


def call(world: Any, instance: Instance, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`call` of Keras' own class, with the weights as the author's class has them."""
    layer = instance.layer
    assert layer is not None
    base = base_class(library_base(instance.cls))
    if base in PLAIN:
        raise NotEvaluated(f"calls call() of Keras' {base}")
    b = world.builder
    if base == "Sequential":
        x = args[0]
        for part in layers.members(layer):
            x = world.call(part, [x], {})
        return x
    spec = layers.keras_spec(world.author, layer, base, b.spec.name)
    name = default_name(base)
    inner = replace(b, spec=replace(spec, name=b.spec.name), label=name, owner=(*b.owner, name))
    return single(b.lower(inner, [world.ready(arg) for arg in args], dict(kwargs)))


# -------------------------------------------------------------------- inherited methods


def inherited(
    world: Any, instance: Instance, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """A method of Keras' own class, called for an object of the author's."""
    layer = instance.layer
    if layer is None:
        if name == "__init__":
            return None
        raise NotEvaluated(f"calls {name}() of a class that is not known")
    base = base_class(library_base(instance.cls))
    if name == "__init__":
        layers.init_layer(instance, base, args, kwargs)
    elif name in ("add_weight", "add_variable"):
        return layers.add_weight(layer, world.author, args, kwargs)
    elif name == "call":
        return call(world, instance, args, kwargs)
    elif name == "__call__":
        return _call_layer(world, layer, args, kwargs)
    elif name == "get_config":
        return {"name": layer.name, "trainable": layer.trainable, "dtype": "float32", **layer.options}
    elif name == "compute_mask":
        return keras.mask(world, layer, base, args)
    elif name == "compute_output_shape":
        return keras.output_shape(world, layer, args)
    elif name == "add" and base == "Sequential":
        layers.members(layer)
        layer.options["layers"].append(args[0])
    elif name not in _NOTHING:
        raise NotEvaluated(f"calls {name}() of Keras' {base}")
    return None


#: What changes nothing in a converted model.
_NOTHING = frozenset(
    {"build", "add_loss", "add_metric", "compile", "_set_save_spec", "build_from_config", "summary"}
    | {"set_weights", "load_weights", "update_state", "_track_variable"}
)


def attribute(instance: Instance, name: str) -> Any:
    """What an object has of Keras' class."""
    layer = instance.layer
    if layer is None:
        raise NotEvaluated(f"reads the attribute {name!r} of an object of {instance.cls.name}")
    facts = {
        "name": layer.name, "_name": layer.name, "trainable": layer.trainable, "built": layer.built,
        "dtype": "float32", "compute_dtype": "float32", "variable_dtype": "float32",
        "_dtype": "float32", "dtype_policy": "float32", "input_spec": None, "autocast": True,
        "_compute_dtype": "float32", "activity_regularizer": None,
    }  # fmt: skip
    if name in facts:
        return facts[name]
    if name == "supports_masking":
        return bool(layer.supports_masking)
    if name in layer.options:
        value = layer.options[name]
        if name.endswith("activation") and (value is None or isinstance(value, str)):
            return Library(f"keras.activations.{value or 'linear'}")
        return value
    if name in METHODS or name in _NOTHING:
        return BaseMethod(instance, name)
    weight = keras.weight(layer, name)
    if weight is not None:
        return weight
    raise NotEvaluated(f"reads the attribute {name!r} of an object of {instance.cls.name}")


METHODS = frozenset({"add_weight", "add_variable", "call", "get_config", "compute_mask", "add", "__call__"})
METHODS |= {"compute_output_shape"}


def layer_attribute(layer: Layer, name: str) -> Any:
    """What a layer of Keras has."""
    if name in ("name", "trainable"):
        return {"name": layer.name or layer.attribute, "trainable": layer.trainable}[name]
    if name == "built":
        return layer.built
    if layer.class_name == "Sequential" and name in ("layers", "add"):
        return layers.members(layer) if name == "layers" else LayerMethod(layer, name)
    if name in ("build", "call", "__call__", "add", "compute_mask", "set_weights", "compute_output_shape"):
        return LayerMethod(layer, name)
    if name == "get_initial_state":
        return LayerMethod(layer, name)
    if name in layer.options:
        return layer.options[name]
    raise NotEvaluated(f"reads the attribute {name!r} of a {layer.class_name}")


def store_attribute(owner: Any, name: str, value: Any) -> None:
    """`owner.name = value`."""
    if name.startswith("__"):
        raise NotEvaluated(f"reaches into Python itself ({name})")
    if isinstance(owner, Value) and name == "_keras_mask" and (value is None or isinstance(value, Value)):
        owner.mask = value
        return
    if isinstance(owner, Layer):
        if name == "trainable" and isinstance(value, bool):
            owner.trainable = value
            return
        raise NotEvaluated(f"assigns to the attribute {name!r} of a {owner.class_name}")
    if not isinstance(owner, Instance):
        raise NotEvaluated(f"assigns to the attribute {name!r} of what has none")
    layer = owner.layer
    if layer is not None:
        if name == "supports_masking":
            layer.supports_masking = bool(value)
            return
        if name == "built":
            layer.built = bool(value)
            return
        if name in ("input_spec", "_supports_masking", "_build_input_shape"):
            return
        if name in ("trainable", "_trainable") and isinstance(value, bool):
            layer.trainable = value
            return
        if name == "_name" and isinstance(value, str):
            layer.name = value
            return
        layer.note(name)
        if isinstance(value, WeightVariable) and value not in layer.weights and not value.label:
            layer.weights.append(value)
    owner.attributes[name] = value


def note_built(instance: Instance) -> None:
    """Its `build` was called, which Keras does once."""
    if instance.layer is not None:
        instance.layer.built = True


# -------------------------------------------------------------------- functions of Python


def call_builtin(world: Any, name: str, args: Sequence[Any]) -> Any:
    """A function of Python that is about objects."""
    if name in ("property", "staticmethod", "classmethod"):
        return Wrapped(name, args[0])
    if name == "super":
        if len(args) == 2 and isinstance(args[0], Class) and isinstance(args[1], (Instance, Class)):
            return Super(args[0], args[1])
        raise NotEvaluated("calls super() outside a method")
    if name in ("getattr", "hasattr") and len(args) > 1 and isinstance(args[1], str):
        return _getattr(world, name, *args)
    if name == "setattr" and len(args) == 3 and isinstance(args[0], Instance) and isinstance(args[1], str):
        return store_attribute(args[0], args[1], args[2])
    if name == "callable":
        return isinstance(args[0], (Function, BoundMethod, Class, Instance, Layer)) or hasattr(
            args[0], "path"
        )
    if name == "isinstance":
        return _isinstance(world, args[0], args[1])
    if name == "type" and len(args) == 1 and isinstance(args[0], Instance):
        return args[0].cls
    raise NotEvaluated(f"calls {name}(), which is not supported here")


def _getattr(world: Any, function: str, owner: Any, name: str, default: Any = NotEvaluated) -> Any:
    """Of an object of the author's alone: its attributes are a table."""
    if isinstance(owner, Library) and function == "hasattr":
        return world.has(owner, name)
    if not isinstance(owner, (Instance, Class, Layer, Value)):
        raise NotEvaluated(f"looks attributes up by name ({function})")
    try:
        found = world.attribute(owner, name)
    except NotEvaluated:
        if function == "hasattr":
            return False
        if default is NotEvaluated:
            raise
        return default
    return True if function == "hasattr" else found


def _isinstance(world: Any, value: Any, kinds: Any) -> bool:
    if isinstance(kinds, tuple):
        return any(_isinstance(world, value, kind) for kind in kinds)
    if isinstance(kinds, Class):
        return isinstance(value, Instance) and kinds in value.cls.order()
    path = getattr(kinds, "path", "")
    if path in FUNCTION_TYPES:
        return isinstance(value, (Function, BoundMethod))
    if path == "keras.initializers.Initializer":
        return isinstance(value, layers.Initializer)
    wanted = base_class(path)
    layer = layer_of(value)
    if wanted:
        if layer is None:
            return False
        if wanted == "Layer":
            return True
        return layer.class_name == wanted or (
            layer.instance is not None and base_class(library_base(layer.instance.cls)) == wanted
        )
    if isinstance(kinds, Unknown):
        raise NotEvaluated(f"uses {kinds.name}, which is not in the file")
    if layer is not None:
        return False
    if path.endswith("TensorShape"):
        return isinstance(value, StaticShape)
    result: bool = builtins.is_a(value, kinds)
    return result
