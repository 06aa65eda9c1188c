"""What a call of a function of Keras, TensorFlow, numpy or `math` in a function of a file stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen.evaluation.meaning import arrays, builtins, operators
from codegen.evaluation.meaning.attributes import make_layer
from codegen.evaluation.meaning.backend_tensors import BACKEND
from codegen.evaluation.meaning.operators import NUMBERS, check_elements, python_result
from codegen.evaluation.meaning.tools import Tools, has_tensor
from codegen.evaluation.meaning.values import LayerObject, Library, Method, NotEvaluated

#: What has no meaning in a converted model.
_HOSTILE = {
    "io": "reads or writes files",
    "py_function": "runs Python code within the graph",
    "numpy_function": "runs Python code within the graph",
    "py_func": "runs Python code within the graph",
    "Variable": "makes a variable, whose value is not in the file",
    "print": "prints",
}


def call(t: Tools, function: Library, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function of a library by its path.

    Raises:
        NotEvaluated: There is no such function that is known.
    """
    operators.refuse_unknown(*args, *kwargs.values())
    root, _, name = function.path.partition(".")
    if root == "math":
        return builtins.call_math(name, args)
    if root == "numpy":
        return arrays.call(t, name, args, kwargs)
    if root == "tensorflow":
        return _tensorflow(t, name, args, kwargs)
    part, _, name = name.partition(".")
    if part in _PARTS:
        return _PARTS[part](t, name, args, kwargs)
    raise NotEvaluated(f"calls {function.path}, which is not supported")


def call_by_name(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the function of the backend or of TensorFlow that has this name, which is all that is known."""
    if name in BACKEND and name not in _AMBIGUOUS:
        return _backend(t, name, args, kwargs)
    if name in _AMBIGUOUS or not t.knows(name):
        raise NotEvaluated(f"calls {name}, of which the file holds nothing but the name")
    return t.tf(name, *args, **kwargs)


#: What the backend computes otherwise than TensorFlow's function of the same name.
_AMBIGUOUS = frozenset({"argmax", "argmin", "cast", "concat", "cumsum", "sqrt", "squeeze", "softmax", "tile"})


def _tensorflow(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    bare = name.removeprefix("compat.v1.")
    if bare.partition(".")[0] in _HOSTILE:
        raise NotEvaluated(f"{_HOSTILE[bare.partition('.')[0]]} (tf.{name})")
    if bare == "ensure_shape" and args:
        return args[0]
    if bare == "name_scope":
        return Method(None, "name_scope")
    if bare in ("constant", "convert_to_tensor") and not has_tensor(*args, *kwargs.values()):
        return _constant(t, *args, **kwargs)
    if bare in _CASTS and len(args) == 1:
        return t.cast(args[0], _CASTS[bare])
    if bare == "cast" and args and isinstance(args[0], (*NUMBERS, np.ndarray)):
        return t.cast(args[0], args[1] if len(args) > 1 else kwargs.get("dtype"))
    if bare == "image.sobel_edges":
        return t.op("sobel_edges", *args, **kwargs)
    return t.tf(name, *args, **kwargs)


_CASTS = {"to_float": "float32", "to_int32": "int32", "to_int64": "int64", "to_double": "float64"}


def _constant(t: Tools, value: Any, dtype: Any = None, shape: Any = None, **_names: Any) -> Any:
    """An array, as TensorFlow makes it of numbers."""
    array = python_result(np.asarray, value)
    kind = t.dtype(dtype) or {"f": "float32", "i": "int32", "b": "bool"}.get(array.dtype.kind, "")
    if isinstance(value, (np.ndarray, np.generic)) and dtype is None:
        kind = str(value.dtype)
    if array.dtype.kind not in "biufc":
        raise NotEvaluated("makes a constant of something else than numbers")
    array = array.astype(kind)
    if shape is None:
        return array
    sizes = tuple(operators.items(t, shape))
    check_elements(math.prod(float(size) for size in sizes))
    fill = np.broadcast_to if array.size == 1 else np.reshape
    return python_result(fill, array, sizes)


# -------------------------------------------------------------------- Keras


def _backend(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    function = BACKEND.get(name)
    if function is None:
        raise NotEvaluated(f"calls K.{name}, which is not supported")
    try:
        return function(t, *args, **kwargs)
    except TypeError as error:
        raise NotEvaluated(f"calls K.{name} wrongly ({error})") from error


def _ops(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if name == "shape":
        return t.shape(*args)
    if name in ("ones", "zeros"):
        given = {**dict(zip(("shape", "dtype"), args, strict=False)), **kwargs}
        return t.tf(name, **{"dtype": "float32", **given})
    if name == "eye":
        return t.tf("eye", *args, **kwargs)
    if name in ("convert_to_tensor", "array") and not has_tensor(*args, *kwargs.values()):
        return _constant(t, *args, **kwargs)
    if name == "cast" and args and isinstance(args[0], (*NUMBERS, np.ndarray)):
        return t.cast(args[0], args[1] if len(args) > 1 else kwargs.get("dtype"))
    return t.op(name, *args, **kwargs)


def _activations(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if not args:
        raise NotEvaluated(f"calls keras.activations.{name} without a tensor")
    if name == "relu" and (len(args) > 1 or kwargs):
        return BACKEND["relu"](t, *args, **kwargs)
    return t.op(name, *args, **kwargs) if len(args) > 1 or kwargs else t.activation(name, args[0])


#: Functions of `keras.layers`, and the layers that they make and call.
_MERGES = {
    "add": "Add", "average": "Average", "concatenate": "Concatenate", "dot": "Dot", "maximum": "Maximum",
    "minimum": "Minimum", "multiply": "Multiply", "subtract": "Subtract",
}  # fmt: skip


def _layers(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    options = {key: value for key, value in kwargs.items() if key != "name"}
    if name not in _MERGES:
        return make_layer(name, args, options)
    inputs = options.pop("inputs", None) if "inputs" in options else args[0] if args else None
    if not isinstance(inputs, (list, tuple)):
        raise NotEvaluated(f"calls keras.layers.{name} without tensors")
    return call_layer_object(t, make_layer(_MERGES[name], args[1:], options), [list(inputs)])


def call_layer_object(t: Tools, layer: LayerObject, args: Sequence[Any]) -> Any:
    """Call a layer that the function has made."""
    return t.layer(layer.class_name, layer.config, *args)


# -------------------------------------------------------------------- keras.applications

_CAFFE = (103.939, 116.779, 123.68)
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: What `preprocess_input` of each module does; from `imagenet_utils.py`.
_MODES = {
    **dict.fromkeys(("imagenet_utils", "resnet", "resnet50", "vgg16", "vgg19"), "caffe"),
    **dict.fromkeys(
        (
            "inception_resnet_v2",
            "inception_v3",
            "mobilenet",
            "mobilenet_v2",
            "nasnet",
            "resnet_v2",
            "xception",
        ),
        "tf",
    ),
    **dict.fromkeys(("densenet",), "torch"),
    **dict.fromkeys(("convnext", "efficientnet", "efficientnet_v2", "mobilenet_v3"), "nothing"),
}


def _applications(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    module, _, function = name.partition(".")
    if function != "preprocess_input" or module not in _MODES or not args:
        raise NotEvaluated(f"calls keras.applications.{name}, which is not supported")
    try:
        return preprocess_input(t, _MODES[module], *args, **kwargs)
    except TypeError as error:
        raise NotEvaluated(f"calls {name} wrongly ({error})") from error


def preprocess_input(t: Tools, default: str, x: Any, data_format: Any = None, mode: Any = None) -> Any:
    """Images as the networks of `keras.applications` want them."""
    if (data_format or t.data_format) != "channels_last":
        raise NotEvaluated("prepares images of channels_first")
    if default == "nothing":
        return x
    x = t.tensor(x)
    x = x if x.dtype.startswith("float") else t.cast(x, "float32")
    mode = mode or default

    def compute(operator: str, a: Any, b: Any) -> Any:
        return operators.binary(t, operator, a, b)

    if mode == "tf":
        return compute("-", compute("/", x, 127.5), 1.0)
    if mode == "torch":
        return compute("/", compute("-", compute("/", x, 255.0), np.array(_TORCH_MEAN)), np.array(_TORCH_STD))
    flipped = t.tf("reverse", x, [x.rank - 1])
    return compute("-", flipped, np.array(_CAFFE))


_PARTS: dict[str, Callable[[Tools, str, Sequence[Any], Mapping[str, Any]], Any]] = {
    "activations": _activations,
    "applications": _applications,
    "backend": _backend,
    "config": _backend,
    "layers": _layers,
    "ops": _ops,
}
