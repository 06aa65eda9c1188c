"""Attributes and methods of constants, tensors and collections: by tables, never by `getattr`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from codegen.evaluation.meaning import arrays, builtins, operators, texts
from codegen.evaluation.meaning.budget import check_count
from codegen.evaluation.meaning.paths import canonical
from codegen.evaluation.meaning.tools import Tools, known_dtype
from codegen.evaluation.meaning.values import (
    Fields,
    Function,
    LayerObject,
    Library,
    Method,
    NotEvaluated,
    StaticShape,
    Unknown,
    refuse,
)
from codegen.graph import Host, Value
from codegen.graph.dtypes import DTYPES

#: Methods by the kind of value.
_METHODS: Mapping[type, frozenset[str]] = {
    list: frozenset({"append", "copy", "count", "extend", "index", "insert", "pop", "reverse"}),
    tuple: frozenset({"count", "index"}),
    dict: frozenset({"copy", "get", "items", "keys", "pop", "setdefault", "update", "values"}),
    float: frozenset({"is_integer"}),
    str: frozenset(
        {"endswith", "format", "join", "lower", "replace", "split", "startswith", "strip", "upper"}
    ),
    set: frozenset({"add"}),
}
_ARRAY_FACTS = {"T", "dtype", "ndim", "shape", "size"}


def attribute(t: Tools, owner: Any, name: str) -> Any:
    """`owner.name`.

    Raises:
        NotEvaluated: The value has no such attribute that is known.
    """
    if name.startswith("__"):
        raise NotEvaluated(f"reaches into Python itself ({name})")
    if isinstance(owner, Unknown):
        raise NotEvaluated(f"uses {owner.name}, which is not in the file")
    if isinstance(owner, Library):
        return _of_library(owner, name)
    if isinstance(owner, Value):
        return _of_tensor(t, owner, name)
    if isinstance(owner, StaticShape):
        return _of_shape(owner, name)
    if isinstance(owner, Fields) and name in owner.names:
        return owner[owner.names.index(name)]
    if isinstance(owner, (np.ndarray, np.generic)):
        return _of_array(owner, name)
    if isinstance(owner, (int, type(None))) and name == "value":  # a size in TensorFlow 1
        return owner
    if isinstance(owner, str) and owner in DTYPES and name in ("name", "base_dtype", "as_numpy_dtype"):
        return owner
    for kind, names in _METHODS.items():
        if isinstance(owner, kind) and name in names:
            return Method(owner, name)
    raise NotEvaluated(f"reads the attribute {name!r} of {_kind(owner)}")


def _kind(owner: Any) -> str:
    return "a function" if isinstance(owner, (Function, Method)) else f"a {type(owner).__name__}"


def _of_library(owner: Library, name: str) -> Any:
    path = canonical(f"{owner.path}.{name}")
    root, _, rest = path.partition(".")
    if root == "math" and rest in builtins.MATH_CONSTANTS:
        return builtins.MATH_CONSTANTS[rest]
    if root == "numpy" and rest in arrays.CONSTANTS:
        return arrays.CONSTANTS[rest]
    if root == "tensorflow" and rest.removeprefix("dtypes.") in DTYPES:
        return known_dtype(rest.removeprefix("dtypes."))
    if root == "tensorflow" and rest == "newaxis":
        return None
    if rest.startswith("image.ResizeMethod.") and rest.count(".") == 2:
        return name.lower().replace("_neighbor", "")
    return Library(path)


def _of_tensor(t: Tools, x: Value, name: str) -> Any:
    if name in ("shape", "_keras_shape") and not isinstance(x, Host):
        return t.static_shape(x)
    if name == "dtype":
        return "int32" if isinstance(x, Host) else x.dtype
    if name in ("ndim", "rank"):
        return x.rank
    if name in ("get_shape", "astype", "numpy", "set_shape"):
        return Method(x, name)
    raise NotEvaluated(f"reads the attribute {name!r} of a tensor")


def _of_shape(shape: StaticShape, name: str) -> Any:
    if name in ("ndims", "rank"):
        return len(shape)
    if name == "dims":
        return list(shape)
    if name in ("as_list", "num_elements", "is_fully_defined", "count", "index"):
        return Method(shape, name)
    raise NotEvaluated(f"reads the attribute {name!r} of a shape")


def _of_array(array: Any, name: str) -> Any:
    if name in _ARRAY_FACTS:
        facts: dict[str, Any] = {
            "T": array.T,
            "dtype": str(array.dtype),
            "ndim": array.ndim,
            "shape": array.shape,
            "size": array.size,
        }
        return facts[name]
    return Method(array, name)


def call_method(t: Tools, method: Method, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`owner.name(*args, **kwargs)`."""
    owner, name = method.owner, method.name
    if isinstance(owner, (np.ndarray, np.generic)):
        return arrays.method(t, owner, name, args, kwargs)
    if isinstance(owner, Value):
        return _method_of_tensor(t, owner, name, args)
    if isinstance(owner, StaticShape):
        return _method_of_shape(owner, name)
    operators.refuse_unknown(*args, *kwargs.values())
    if isinstance(owner, str):
        return _method_of_text(owner, name, args, kwargs)
    if isinstance(owner, float):
        return owner.is_integer()
    if kwargs:
        raise NotEvaluated(f"calls {name}() with keywords")
    if isinstance(owner, (list, tuple)):
        return _method_of_list(t, owner, name, args)
    if isinstance(owner, set):
        operators.python_result(set.add, owner, *args)
        return None
    return _method_of_dict(owner, name, args)


def _method_of_tensor(t: Tools, x: Value, name: str, args: Sequence[Any]) -> Any:
    if name == "get_shape":
        return t.static_shape(x)
    if name == "astype" and args:
        return t.cast(x, args[0])
    if name == "set_shape":
        return None
    raise NotEvaluated(f"calls the method {name}() of a tensor")


def _method_of_shape(shape: StaticShape, name: str) -> Any:
    if name == "as_list":
        return list(shape)
    if name == "is_fully_defined":
        return None not in shape
    if name == "num_elements":
        count = 1
        for size in shape:
            if size is None:
                return None
            count *= size
        return count
    raise NotEvaluated(f"calls the method {name}() of a shape")


def _method_of_text(text: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if name == "format":
        return texts.formatted(text, args, kwargs)
    if name == "join":
        return texts.joined(text, args[0] if args else None)
    functions: dict[str, Any] = {
        "lower": str.lower,
        "replace": str.replace,
        "split": str.split,
        "strip": str.strip,
        "upper": str.upper,
        "startswith": str.startswith,
        "endswith": str.endswith,
    }
    return operators.python_result(functions[name], text, *args)


def _method_of_list(t: Tools, owner: Any, name: str, args: Sequence[Any]) -> Any:
    if name == "extend":
        added = operators.items(t, args[0]) if len(args) == 1 else refuse("extends a list by nothing")
        check_count(len(owner) + len(added))
        owner.extend(added)
        return None
    if name in ("index", "count") and any(isinstance(item, Value) for item in (*owner, *args)):
        raise NotEvaluated("looks for a tensor in a list")
    check_count(len(owner) + 1)
    functions: dict[str, Any] = {
        "append": list.append, "copy": list.copy, "insert": list.insert, "pop": list.pop,
        "reverse": list.reverse, "count": type(owner).count, "index": type(owner).index,
    }  # fmt: skip
    return operators.python_result(functions[name], owner, *args)


def _method_of_dict(owner: dict[Any, Any], name: str, args: Sequence[Any]) -> Any:
    if name == "items":
        return [tuple(pair) for pair in owner.items()]
    if name in ("keys", "values"):
        return list(owner) if name == "keys" else list(owner.values())
    if name == "update":
        if len(args) != 1 or not isinstance(args[0], dict):
            raise NotEvaluated("updates a dict by what is none")
        check_count(len(owner) + len(args[0]))
    elif args and not isinstance(args[0], (str, int, float, tuple)):
        raise NotEvaluated("looks something up by what is no number and no text")
    functions: dict[str, Any] = {
        "copy": dict.copy, "get": dict.get, "pop": dict.pop, "setdefault": dict.setdefault,
        "update": dict.update,
    }  # fmt: skip
    return operators.python_result(functions[name], owner, *args)


def make_layer(class_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LayerObject:
    """`keras.layers.Name(**kwargs)`; the positional ones of few layers are known."""
    names = _POSITIONAL.get(class_name, ())
    if len(args) > len(names):
        raise NotEvaluated(f"makes the layer {class_name} with {len(args)} arguments without names")
    return LayerObject(class_name, {**dict(zip(names, args, strict=False)), **kwargs})


_POSITIONAL = {
    "Activation": ("activation",), "Concatenate": ("axis",), "Cropping2D": ("cropping",), "Dot": ("axes",),
    "LeakyReLU": ("negative_slope",), "Permute": ("dims",), "ReLU": ("max_value",),
    "RepeatVector": ("n",), "Reshape": ("target_shape",), "Softmax": ("axis",), "UpSampling2D": ("size",),
    "ZeroPadding2D": ("padding",), "AveragePooling2D": ("pool_size", "strides", "padding"),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
}  # fmt: skip
