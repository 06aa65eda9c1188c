"""Keras' pooling: over windows, over everything, and to a given size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from codegen.graph import Value
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import (
    UNKNOWN_BACKEND,
    DataFormat,
    Ints,
    Windows,
    absorb_padding,
    as_float,
    call,
    channel_axis,
    check_rank,
    check_sizes,
    in_dims,
    pad,
    positive,
    sizes_of,
    spatial_axes,
    window_count,
    window_pads,
    with_sizes,
)
from codegen.lowering.registry import lowers

_TORCH_MEANS = "uneven padding does not count in means, as on other backends than torch"


@options
class PoolWindows(Windows):
    """The options of pooling."""

    pool_size: Ints = 2
    strides: Ints | None = None
    padding: Literal["valid", "same"] = "valid"


@lowers(in_dims("MaxPooling{}D", 1, 2, 3), masks="drop")
def max_pooling(b: Builder, x: Value, *, dims: int, windows: PoolWindows) -> Value:
    """The largest element of each window; padding never wins."""
    return _pool(b, x, "max", dims, windows)


@lowers(in_dims("AveragePooling{}D", 1, 2, 3), masks="drop")
def average_pooling(b: Builder, x: Value, *, dims: int, windows: PoolWindows) -> Value:
    """The mean of each window; "same" padding does not count."""
    return _pool(b, x, "avg", dims, windows)


@lowers(in_dims("GlobalMaxPooling{}D", 1, 2, 3), masks="drop")
def global_max_pooling(
    b: Builder, x: Value, *, dims: int, data_format: DataFormat = "channels_last", keepdims: bool = False
) -> Value:
    """The largest element of each channel."""
    return _reduce(b, x, "amax", dims, data_format, keepdims=keepdims)


@lowers(in_dims("GlobalAveragePooling{}D", 1, 2, 3), masks="drop")
def global_average_pooling(
    b: Builder,
    x: Value,
    mask: Value | None = None,
    *,
    dims: int,
    data_format: DataFormat = "channels_last",
    keepdims: bool = False,
) -> Value:
    """The mean of each channel; in one dimension, of the steps that the mask keeps."""
    if dims == 1 and mask is None:
        mask = b.mask(x)
    if mask is None:
        return _reduce(b, b.floating(x), "mean", dims, data_format, keepdims=keepdims)
    steps = sizes_of(x, data_format)
    if (
        len(steps) != 1
        or mask.rank != 2
        or (None not in (mask.shape[1], *steps) and mask.shape[1:] != tuple(steps))
    ):
        b.malformed(f"a mask of shape {mask.shape} is none for the steps of its input {x.shape}")
    axis = x.dim(channel_axis(x.rank, data_format))
    index = (slice(None), *((None, slice(None)) if axis == 1 else (slice(None), None)))
    kept_shape = with_sizes(x, data_format, sizes_of(x, data_format), 1)
    kept = b.op("mask[index]", shape=kept_shape, perm=x.perm, mask=b.keras_layout(mask), index=index)
    weighted = b.op("x * kept", shape=x.shape, like=x, x=b.floating(x), kept=kept)
    total = _reduce(b, weighted, "sum", dims, data_format, keepdims=keepdims)
    count = _reduce(b, kept, "sum", dims, data_format, keepdims=keepdims)
    return b.op("total / count", shape=total.shape, perm=total.perm, total=total, count=count)


@lowers(in_dims("AdaptiveAveragePooling{}D", 1, 2, 3), masks="drop")
def adaptive_average_pooling(
    b: Builder, x: Value, *, dims: int, output_size: Ints, data_format: DataFormat = "channels_last"
) -> Value:
    """Means of `output_size` windows of about equal size."""
    return _adaptive(b, x, "avg", dims, output_size, data_format)


@lowers(in_dims("AdaptiveMaxPooling{}D", 1, 2, 3), masks="drop")
def adaptive_max_pooling(
    b: Builder, x: Value, *, dims: int, output_size: Ints, data_format: DataFormat = "channels_last"
) -> Value:
    """Largest elements of `output_size` windows of about equal size."""
    return _adaptive(b, x, "max", dims, output_size, data_format)


# -------------------------------------------------------------------- parts


def _pool(b: Builder, x: Value, mode: str, dims: int, windows: PoolWindows) -> Value:
    check_rank(b, x, dims)
    kernel = positive(b, windows.pool_size, dims, "pool_size")
    stride = kernel if windows.strides is None else positive(b, windows.strides, dims, "strides")
    padding, data_format = windows.rule, windows.data_format
    axes = list(zip(kernel, stride, strict=True))
    sizes = sizes_of(x, data_format)
    is_unknown = padding == "same" and windows.same_of == "unknown"
    if is_unknown and not all(_backends_agree(*facts) for facts in zip(sizes, axes, strict=True)):
        b.unsupported("padding", "same", UNKNOWN_BACKEND)
    pads = [_pads(padding, size, *axis) for size, axis in zip(sizes, axes, strict=True)]
    if windows.same_of == "torch" and any(pair is None or pair[0] != pair[1] for pair in pads):
        b.note(_TORCH_MEANS)
    wanted = [window_count(n, pair, *axis) for n, pair, axis in zip(sizes, pads, axes, strict=True)]
    check_sizes(b, x, wanted)
    dtype = x.dtype
    x, arguments = _padded(b, as_float(b, x), mode, axes, padding, pads, data_format)
    shape = with_sizes(x, data_format, wanted)
    if arguments is None and padding == "same_theano":
        flat = [n for pair in reversed(pads) for n in pair or ()]
        return b.op(
            "average_pool_padded(x, kernel_size=kernel, stride=stride, pads=pads)",
            shape=shape,
            non_negative=x.non_negative,
            x=x,
            like=x,
            kernel=list(kernel),
            stride=list(stride),
            pads=flat,
        )
    if arguments is None:
        return b.op(
            "average_pool_same(x, kernel_size=kernel, stride=stride)",
            shape=shape,
            non_negative=x.non_negative,
            x=x,
            like=x,
            kernel=list(kernel),
            stride=list(stride),
        )
    arguments = {"kernel_size": kernel, "stride": stride, **arguments}
    y = call(b, f"F.{mode}_pool{dims}d", x, arguments, shape, non_negative=x.non_negative)
    return b.cast(y, dtype)


def _pads(padding: str, size: int | None, kernel: int, stride: int) -> tuple[int, int] | None:
    """As for a convolution, but Theano pads an odd window by `kernel - 2`, an even one by `kernel - 1`.

    Theano's surplus windows at the end are cropped by Keras: written as less padding there.
    """
    if padding != "same_theano":
        return window_pads(padding, size, kernel, stride)
    before = kernel - 2 if kernel > 2 and kernel % 2 else kernel - 1
    return before, kernel - 1 - before


def _backends_agree(size: int | None, axis: tuple[int, int]) -> bool:
    """Whether "same" means the same windows to TensorFlow and to Theano."""
    kernel, stride = axis
    for n in [size] if size is not None else range(1, kernel + 2 * stride):
        windows = []
        for padding in ("same", "same_theano"):
            before, _ = _pads(padding, n, kernel, stride) or (0, 0)
            starts = range(-before, n - before, stride)
            windows.append([(max(start, 0), min(start + kernel, n)) for start in starts])
        if windows[0] != windows[1]:
            return False
    return True


def _padded(
    b: Builder,
    x: Value,
    mode: str,
    axes: Sequence[tuple[int, int]],
    padding: str,
    pads: Sequence[tuple[int, int] | None],
    data_format: str,
) -> tuple[Value, dict[str, object] | None]:
    """`x` stored channels first and padded where the pooling cannot do it, and the pooling's arguments.

    None stands for the arguments where no pooling of torch leaves the padding out of its means.
    """
    none = (0,) * len(axes)
    zeros, outer = absorb_padding(b, x, data_format)
    own = [pair for pair in pads if pair is not None]
    inside = all(before == after <= k // 2 for (before, after), (k, _) in zip(outer, axes, strict=True))
    if any(map(sum, outer)):
        if not any(map(sum, own)) and len(own) == len(pads) and inside and (mode == "avg" or x.non_negative):
            return zeros, {"padding": tuple(before for before, _ in outer)}
        x = pad(b, zeros, data_format, outer)
    else:
        x = zeros
    sizes = sizes_of(x, data_format)
    for ceil_mode in (False, True):
        firsts = [_first(padding, *facts, ceil_mode) for facts in zip(sizes, axes, strict=True)]
        if None not in firsts:
            arguments: dict[str, object] = {"padding": tuple(firsts), "ceil_mode": ceil_mode}
            if mode == "avg" and any(firsts):
                arguments["count_include_pad"] = False
            return x, arguments
    if mode == "avg":
        return x, None
    if len(own) == len(pads):
        value = 0.0 if x.non_negative else -math.inf
        return pad(b, x, data_format, tuple(own), value), {"padding": none}
    padded = b.op(
        "same_pad(x, kernel_size=kernel, stride=stride, value=-math.inf)",
        shape=with_sizes(x, data_format, [None] * len(axes)),
        non_negative=x.non_negative,
        x=x,
        like=x,
        kernel=[kernel for kernel, _ in axes],
        stride=[stride for _, stride in axes],
    )
    return padded, {"padding": none}


def _first(padding: str, size: int | None, axis: tuple[int, int], ceil_mode: bool) -> int | None:
    """The padding with which torch's pooling looks at the same windows; None if there is none.

    For an unknown size it must be the same for all: what matters is the size modulo the stride.
    """
    kernel, stride = axis
    found: set[int | None] = set()
    for n in [size] if size is not None else range(1, kernel + 2 * stride):
        pair = _pads(padding, n, kernel, stride)
        count = window_count(n, pair, kernel, stride)
        before = pair[0] if pair else 0
        possible = (n + 2 * before - kernel + (stride - 1 if ceil_mode else 0)) // stride + 1
        if ceil_mode and (possible - 1) * stride >= n + before:
            possible -= 1  # a window must begin inside
        if size is None and count is not None and count < 1:
            continue
        found.add(before if before <= kernel // 2 and possible == count else None)
    return found.pop() if len(found) == 1 else None


def _reduce(b: Builder, x: Value, method: str, dims: int, data_format: str, *, keepdims: bool) -> Value:
    """`x.mean(dim=(2, 3))` over the spatial axes, in whatever layout `x` is stored."""
    check_rank(b, x, dims)
    axes = spatial_axes(x.rank, data_format)
    stored = tuple(sorted(x.dim(axis) for axis in axes))
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    perm = x.perm
    template = f"x.{method}(dim=dims, keepdim=True)"
    if not keepdims:
        shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
        perm = (0, 1)
        template = f"x.{method}(dim=dims)"
    return b.op(
        template,
        shape=shape,
        perm=perm,
        non_negative=x.non_negative,
        x=x,
        dims=stored if dims > 1 else stored[0],
    )


def _adaptive(b: Builder, x: Value, mode: str, dims: int, output_size: Ints, data_format: str) -> Value:
    check_rank(b, x, dims)
    sizes = positive(b, output_size, dims, "output_size")
    dtype = x.dtype
    x = b.channels_first(as_float(b, x), data_format)
    y = b.op(
        f"F.adaptive_{mode}_pool{dims}d(x, sizes)",
        shape=with_sizes(x, data_format, sizes),
        perm=x.perm,
        non_negative=x.non_negative,
        x=x,
        sizes=sizes if len(set(sizes)) > 1 else sizes[0],
    )
    return b.cast(y, dtype)
