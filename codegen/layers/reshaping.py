"""Keras' reshaping layers: they move, repeat, cut or pad elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from codegen.graph import Value
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts.resizing import Casts, Interpolation, ResizeMethod, enlarge, recast
from codegen.lowering.parts.windows import (
    DataFormat,
    Ints,
    Pads,
    as_float,
    call,
    check_rank,
    crop,
    in_dims,
    pad,
    positive,
    sizes_of,
    with_sizes,
)
from codegen.lowering.ranges import Count
from codegen.lowering.registry import lowers
from codegen.model.spec import Shape


@lowers("Flatten", masks="drop")
def flatten(b: Builder, x: Value, *, data_format: DataFormat = "channels_last") -> Value:
    """(N, ...) -> (N, product); channels-first values are flattened with their channels last."""
    if data_format == "channels_first" and x.rank > 2:
        x = _relabel(b, x, (0, *range(2, x.rank), 1))
    return b.flatten(x)


@lowers("Reshape", masks="drop")
def reshape(b: Builder, x: Value, *, target_shape: tuple[int | None, ...]) -> Value:
    """The same elements in another shape; -1 or None is what remains."""
    sizes = [-1 if size is None else size for size in target_shape]
    inner = x.shape[1:]
    if -1 in sizes and None not in inner:
        known = math.prod(size for size in sizes if size != -1)
        total = math.prod(size or 0 for size in inner)
        if sizes.count(-1) > 1 or not known or total % known:
            b.malformed(f"its input {x.shape} cannot become {target_shape}")
        sizes[sizes.index(-1)] = total // known
    if None not in inner and math.prod(sizes) != math.prod(size or 0 for size in inner):
        b.malformed(f"its input {x.shape} cannot become {target_shape}")
    return b.reshape(x, (x.shape[0], *(None if size == -1 else size for size in sizes)))


@lowers("Permute", masks="drop")
def permute(b: Builder, x: Value, *, dims: tuple[int, ...]) -> Value:
    """Axes in another order: nothing moves before somebody needs it in another layout."""
    if sorted(dims) != list(range(1, x.rank)):
        b.malformed(f"dims {dims} do not permute the axes of its input {x.shape}")
    return _relabel(b, x, (0, *dims))


@lowers("RepeatVector", masks="drop")
def repeat_vector(b: Builder, x: Value, *, n: Count) -> Value:
    """(N, C) -> (N, n, C)."""
    check_rank(b, x, 0)
    x = b.keras_layout(x)
    shape = (x.shape[0], n, x.shape[1])
    return b.op("x.unsqueeze(1).expand(-1, n, -1)", shape=shape, non_negative=x.non_negative, x=x, n=n)


@lowers(in_dims("ZeroPadding{}D", 1, 2, 3), masks="drop")
def zero_padding(
    b: Builder,
    x: Value,
    *,
    dims: int,
    padding: int | tuple[int, ...] | tuple[tuple[int, ...], ...] = 1,
    data_format: DataFormat = "channels_last",
) -> Value:
    """Zeros around the spatial axes; convolutions and pooling take it over where they can."""
    pads = _pairs(b, x, dims, padding, "padding")
    return pad(b, x, data_format, pads)


@lowers(in_dims("Cropping{}D", 1, 2, 3), masks="drop")
def cropping(
    b: Builder,
    x: Value,
    *,
    dims: int,
    cropping: int | tuple[int, ...] | tuple[tuple[int, ...], ...] = 1,
    data_format: DataFormat = "channels_last",
) -> Value:
    """Without some elements at the ends of the spatial axes."""
    return crop(b, x, data_format, _pairs(b, x, dims, cropping, "cropping"))


@lowers("UpSampling1D", masks="drop")
def up_sampling_1d(b: Builder, x: Value, *, size: int = 2) -> Value:
    """Each step `size` times."""
    check_rank(b, x, 1)
    (times,) = positive(b, size, 1, "size")
    shape = with_sizes(x, "channels_last", [n and n * times for n in sizes_of(x, "channels_last")])
    return b.op(
        "x.repeat_interleave(times, dim=d)",
        shape=shape,
        like=x,
        non_negative=x.non_negative,
        x=x,
        times=times,
        d=x.dim(1),
    )


@lowers("UpSampling2D", masks="drop")
def up_sampling_2d(
    b: Builder,
    x: Value,
    *,
    size: Ints = 2,
    data_format: DataFormat = "channels_last",
    interpolation: Interpolation = "nearest",
    resizing: Quirk[Literal["half_pixel", "legacy", "theano"]] = "half_pixel",
    casts: Quirk[Casts] = "input",
) -> Value:
    """Images `size` times as high and wide."""
    factors = positive(b, size, 2, "size")
    method: ResizeMethod = interpolation
    if interpolation == "bilinear" and resizing == "theano":
        b.unsupported("interpolation", interpolation, "Theano resizes otherwise than TensorFlow")
    if interpolation == "bilinear" and resizing == "legacy":
        method = "bilinear_legacy"
    result = enlarge(b, x, data_format, method, factors)
    return recast(b, result, x.dtype, casts)


@lowers("UpSampling3D", masks="drop")
def up_sampling_3d(
    b: Builder, x: Value, *, size: Ints = 2, data_format: DataFormat = "channels_last"
) -> Value:
    """Each element `size` times along the three axes."""
    check_rank(b, x, 3)
    factors = positive(b, size, 3, "size")
    dtype = x.dtype
    x = b.channels_first(as_float(b, x), data_format)
    sizes = [n and n * f for n, f in zip(sizes_of(x, data_format), factors, strict=True)]
    shape = with_sizes(x, data_format, sizes)
    scale = {"scale_factor": tuple(map(float, factors))}
    return b.cast(call(b, "F.interpolate", x, scale, shape, non_negative=x.non_negative), dtype)


# -------------------------------------------------------------------- parts


def _relabel(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """`x` with Keras' axes in the order `axes`; what is stored stays as it is."""
    shape: Shape = tuple(x.shape[axis] for axis in axes)
    perm = tuple(list(axes).index(axis) for axis in x.perm)
    return b.op("x", shape=shape, perm=perm, flat=x.flat, non_negative=x.non_negative, x=x)


def _pairs(b: Builder, x: Value, dims: int, value: Any, option: str) -> Pads:
    """One number, one per axis, or one pair per axis, as pairs; in one dimension a pair is a pair."""
    check_rank(b, x, dims)
    if isinstance(value, int):
        value = (value,) * dims
    elif dims == 1 and len(value) == 2:
        value = (value,)
    pairs = tuple((item, item) if isinstance(item, int) else tuple(item) for item in value)
    if len(pairs) != dims or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        b.unsupported(option, value, f"supported: {dims} pairs of numbers that are not negative")
    return pairs
