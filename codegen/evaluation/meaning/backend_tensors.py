"""The rest of `keras.backend`: products and lookups, images, constants, settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from codegen.evaluation.meaning import operators
from codegen.evaluation.meaning.backend import FUNCTIONS, backend
from codegen.evaluation.meaning.budget import check_count
from codegen.evaluation.meaning.operators import ARRAYS, check_elements, python_result
from codegen.evaluation.meaning.tools import Tools
from codegen.evaluation.meaning.values import NotEvaluated, refuse
from codegen.graph import Value

_EPSILON = 1e-7

# -------------------------------------------------------------------- products and lookups


@backend("dot")
def _dot(t: Tools, x: Any, y: Any) -> Any:
    return t.op("dot", x, y)


@backend("batch_dot")
def _batch_dot(t: Tools, x: Any, y: Any, axes: Any = None) -> Any:
    if axes is None:
        axes = (t.rank(x) - 1, max(t.rank(y) - 2, 1))
    return t.layer("Dot", {"axes": axes}, [x, y])


@backend("gather")
def _gather(t: Tools, reference: Any, indices: Any) -> Any:
    return t.tf("gather", reference, indices)


@backend("one_hot")
def _one_hot(t: Tools, indices: Any, num_classes: Any) -> Any:
    return t.tf("one_hot", indices, depth=num_classes, axis=-1)


@backend("bias_add")
def _bias_add(t: Tools, x: Any, bias: Any, data_format: Any = None) -> Any:
    return t.tf("keras.backend.bias_add", x, bias, data_format=_format(t, data_format))


# -------------------------------------------------------------------- images


def _format(t: Tools, data_format: Any) -> Any:
    """Where the channels stand; Keras 1 says "tf" and "th"."""
    if data_format is None:
        return t.data_format
    return {"tf": "channels_last", "th": "channels_first"}.get(data_format, data_format)


@backend("temporal_padding")
def _temporal_padding(t: Tools, x: Any, padding: Any = (1, 1)) -> Any:
    return t.layer("ZeroPadding1D", {"padding": padding}, x)


def _padding(rank: int) -> Callable[..., Any]:
    def call(t: Tools, x: Any, padding: Any = ((1, 1),) * rank, data_format: Any = None) -> Any:
        return t.layer(f"ZeroPadding{rank}D", {"padding": padding, "data_format": _format(t, data_format)}, x)

    return call


FUNCTIONS |= {"spatial_2d_padding": _padding(2), "spatial_3d_padding": _padding(3)}


@backend("resize_images")
def _resize_images(
    t: Tools,
    x: Any,
    height_factor: Any,
    width_factor: Any,
    data_format: Any,
    interpolation: Any = "nearest",
) -> Any:
    config = {"size": (height_factor, width_factor), "data_format": _format(t, data_format)}
    return t.layer("UpSampling2D", {**config, "interpolation": interpolation}, x)


def _convolution(rank: int) -> Callable[..., Any]:
    def call(
        t: Tools,
        x: Any,
        kernel: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
    ) -> Any:
        if t.rank(x) != rank + 2:
            raise NotEvaluated(f"convolves a tensor of {t.rank(x)} axes")
        options = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
        return t.op("conv", x, kernel, data_format=_format(t, data_format), **options)

    return call


FUNCTIONS |= {f"conv{rank}d": _convolution(rank) for rank in (1, 2, 3)}


def _pool(rank: int) -> Callable[..., Any]:
    def call(
        t: Tools,
        x: Any,
        pool_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: Any = None,
        pool_mode: Any = "max",
    ) -> Any:
        config = {"pool_size": pool_size, "strides": strides, "padding": padding}
        kind = {"max": "Max", "avg": "Average"}.get(pool_mode) or refuse(f"pools by {pool_mode!r}")
        return t.layer(f"{kind}Pooling{rank}D", {**config, "data_format": _format(t, data_format)}, x)

    return call


FUNCTIONS |= {"pool2d": _pool(2), "pool3d": _pool(3)}


# -------------------------------------------------------------------- constants and settings


@backend("constant")
def _constant(t: Tools, value: Any, dtype: Any = None, shape: Any = None, name: Any = None) -> Any:
    del name
    array = python_result(np.asarray, value, np.dtype(t.dtype(dtype) or "float32"))
    if shape is None:
        return array
    sizes = tuple(operators.items(t, shape))
    check_elements(math.prod(float(size) for size in sizes))
    return python_result(np.broadcast_to, array, sizes)


def _filled(function: str, value: float) -> Callable[..., Any]:
    def call(t: Tools, shape: Any, dtype: Any = None, name: Any = None) -> Any:
        del name
        sizes = operators.items(t, shape)
        if all(isinstance(size, int) for size in sizes):
            check_elements(math.prod(float(size) for size in sizes))
            return np.full(tuple(sizes), value, np.dtype(t.dtype(dtype) or "float32"))
        return t.tf(function, shape, dtype=dtype or "float32")

    return call


FUNCTIONS |= {"ones": _filled("ones", 1), "zeros": _filled("zeros", 0)}


@backend("arange")
def _arange(t: Tools, start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Any:
    bounds = (0, start, step) if stop is None else (start, stop, step)
    if all(isinstance(bound, (int, float)) for bound in bounds):
        check_count(int(abs((bounds[1] - bounds[0]) / (step or 1))))
        return python_result(np.arange, *bounds).astype(t.dtype(dtype))
    return t.tf("cast", t.tf("range", *bounds), dtype=dtype)


@backend("eye")
def _eye(t: Tools, size: Any, dtype: Any = None, name: Any = None) -> Any:
    del name
    check_elements(float(size) ** 2)
    return np.eye(size, dtype=t.dtype(dtype) or "float32")


@backend("random_normal")
def _random_normal(
    t: Tools,
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = None,
    seed: Any = None,
    std: Any = None,
) -> Any:
    """Keras 1 says `std`."""
    del seed
    spread = stddev if std is None else std
    return t.tf("random.normal", shape, mean=mean, stddev=spread, dtype=dtype or "float32")


@backend("truncated_normal")
def _truncated_normal(
    t: Tools, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    del seed
    return t.tf("random.truncated_normal", shape, mean=mean, stddev=stddev, dtype=dtype or "float32")


@backend("random_uniform")
def _random_uniform(
    t: Tools, shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    del seed
    return t.tf("random.uniform", shape, minval=minval, maxval=maxval, dtype=dtype or "float32")


@backend("dropout")
def _dropout(t: Tools, x: Any, level: Any, noise_shape: Any = None, seed: Any = None) -> Any:
    """Drops at inference, too; a layer that drops in training alone chooses by `K.in_train_phase`."""
    del seed
    if noise_shape is not None:
        raise NotEvaluated("drops elements together (noise_shape)")
    return t.tf("nn.dropout", x, rate=level)


@backend("variable")
def _variable(_: Tools, *_args: Any, **_kwargs: Any) -> Any:
    raise NotEvaluated("makes a variable, whose value is not in the file (K.variable)")


FUNCTIONS |= {
    "epsilon": lambda _: _EPSILON,
    "floatx": lambda _: "float32",
    "image_data_format": lambda t: t.data_format,
    "image_dim_ordering": lambda t: "th" if t.data_format == "channels_first" else "tf",
    "learning_phase": lambda _: 0,
    "is_keras_tensor": lambda _, x: isinstance(x, Value),
    "is_tensor": lambda _, x: isinstance(x, Value),
    "get_value": lambda _, x: x if isinstance(x, ARRAYS) else refuse("reads the value of a tensor"),
}
#: All functions of `keras.backend`.
BACKEND = FUNCTIONS
