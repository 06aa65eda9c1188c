"""Keras' numerical preprocessing: Rescaling, Normalization, and what a FeatureSpace is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from codegen.graph import Module, Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.recipe import Weight
from codegen.lowering.builder import Builder, literal_array
from codegen.lowering.parts.tensors import concatenate
from codegen.lowering.registry import lowers
from codegen.model.words import EPSILON

Numbers = float | tuple[Any, ...]


@lowers("Rescaling")
def rescaling(b: Builder, x: Value, *, scale: Numbers, offset: Numbers = 0.0) -> Value:
    """X * scale + offset; numbers, or arrays that broadcast."""
    x = _settled(b, x)
    if b.dtype not in FLOATS:  # then Keras casts the numbers too
        if isinstance(scale, tuple) or isinstance(offset, tuple) or min(scale, offset) < 0:
            b.unsupported("scale", scale, f"supported in {b.dtype}: positive numbers")
        scale, offset = int(scale), int(offset)
    if isinstance(scale, tuple):
        x = b.elementwise("x * scale", x=x, scale=_array(b, x, "scale", literal_array(scale)))
    elif (divisor := _divisor(scale)) is not None:
        x = b.elementwise("x / n", x=x, n=divisor)
    elif scale != 1:
        x = b.elementwise("x * scale", x=x, scale=_short(scale))
    if isinstance(offset, tuple):
        return b.elementwise("x + offset", x=x, offset=_array(b, x, "offset", literal_array(offset)))
    if not offset:
        return x
    return b.elementwise("x + n" if offset > 0 else "x - n", x=x, n=_short(abs(offset)))


@lowers("Normalization")
def normalization(
    b: Builder,
    x: Value,
    *,
    axis: int | tuple[int, ...] | None = -1,
    mean: Numbers | None = None,
    variance: Numbers | None = None,
    invert: bool = False,
) -> Value:
    """(x - mean) / std, or back, with the mean and variance of `adapt` or of the config."""
    x = _settled(b, x)
    template = "mean + x * std" if invert else "(x - mean) / std"
    axes = {b.axis(a, x.rank) for a in ((axis,) if isinstance(axis, int) else axis or ())}
    if mean is None or variance is None:
        kept = tuple(b.known(x, a) for a in sorted(axes))
        means = b.weight("mean", kept, trainable=False)
        variances = b.weight("variance", kept, trainable=False)
        b.weight("count", (), trainable=False)
    elif isinstance(mean, float) and isinstance(variance, float):
        deviation = np.maximum(np.sqrt(np.float32(variance)), np.float32(EPSILON))
        return b.elementwise(template, x=x, mean=_short(mean), std=_short(float(str(deviation))))
    else:
        means, variances = literal_array(mean), literal_array(variance)
    deviations = variances.apply("sqrt").apply("maximum", Weight.full(variances.shape, EPSILON))
    sizes = dict(zip(sorted(axes, reverse=True), reversed(means.shape), strict=False))
    full = tuple(sizes.get(a, 1) for a in range(x.rank))
    if not math.prod(full) == math.prod(means.shape) == math.prod(variances.shape):
        b.malformed(f"its mean {means.shape} and variance {variances.shape} do not go with {len(axes)} axes")
    return b.elementwise(
        template,
        x=x,
        mean=_array(b, x, "mean", means.reshape(*full)),
        std=_array(b, x, "std", deviations.reshape(*full)),
    )


@lowers("TFDConcat", masks="drop", note="of a FeatureSpace")
def joined_features(b: Builder, xs: list[Value], *, axis: int) -> Value:
    """All features one behind the other, in the dtype that holds them all."""
    return concatenate(b, xs, axis=axis)


@lowers("TFDIdentity", masks="drop", note="of a FeatureSpace")
def feature(b: Builder, x: Value) -> Value:  # noqa: ARG001 - a layer function's first parameter
    """Its input."""
    return x


# -------------------------------------------------------------------- parts


def _settled(b: Builder, x: Value) -> Value:
    """`x` as a float, in a layout that all calls of the layer share, since it shapes the buffers."""
    return b.cast(b.keras_layout(x) if b.is_shared or x.flat else x, b.dtype)


def _array(b: Builder, x: Value, name: str, weight: Weight) -> Module:
    """Numbers that broadcast against `x`, as a buffer in its layout."""
    if len(weight.shape) > x.rank or b.broadcast([x.shape, weight.shape]) != x.shape:
        b.unsupported(
            name, f"<array of shape {weight.shape}>", f"supported: what goes with the input {x.shape}"
        )
    full = weight.reshape(*(1,) * (x.rank - len(weight.shape)), *weight.shape).permute(*x.perm)
    stored = full.shape
    while stored[:1] == (1,):
        stored = stored[1:]
    return b.buffer(name, full.reshape(*stored))


def _short(number: float) -> float | int:
    """A whole number without its decimal point."""
    return int(number) if float(number).is_integer() and abs(number) < 1e6 else number


def _divisor(scale: float) -> float | int | None:
    """The number of few digits whose reciprocal `scale` is, unless `scale` itself has few digits."""
    if scale == round(scale, 6):
        return None
    divisor = round(1 / scale, 6)
    return _short(divisor) if divisor and math.isclose(1 / divisor, scale, rel_tol=1e-14) else None
