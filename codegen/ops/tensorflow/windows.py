"""TensorFlow functions that look through windows: convolutions and pooling."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.tensors import pad_axes
from codegen.lowering.parts.windows import DataFormat, sizes_of, window_pads, with_sizes
from codegen.model.spec import Shape
from codegen.ops.keras import windows
from codegen.ops.keras.as_layer import as_layer, kernel_shape
from codegen.ops.tensorflow.arguments import Alone, DType, Given, Ints, Pairs, Sizes, Tensor, pairs
from codegen.ops.tensorflow.functions import tf
from codegen.ops.tensorflow.math import same_host

# -------------------------------------------------------------------- how TensorFlow says it


def _layout(_b: Builder, value: object, _option: str) -> DataFormat:
    first = isinstance(value, str) and value.startswith(("NC", "channels_first"))
    return "channels_first" if first else "channels_last"


def _padding(b: Builder, value: TensorLike, option: str) -> Literal["same", "valid"] | Pairs:
    if isinstance(value, str) and value.upper() in ("SAME", "VALID"):
        return "same" if value.upper() == "SAME" else "valid"
    if not isinstance(value, (list, tuple)):
        b.unsupported(option, value, "supported: 'SAME', 'VALID', two numbers for each axis")
    return pairs(b, value, option)


#: `NHWC`, `NCHW` and the like, and what Keras calls them.
Layout: TypeAlias = Annotated[DataFormat, Alone(_layout)]
#: How windows at the borders are filled: by name, or in numbers for each axis.
Padding: TypeAlias = Annotated[Literal["same", "valid"] | Pairs, Alone(_padding)]
#: The same by name alone.
NamedPadding: TypeAlias = Literal["SAME", "VALID"]


def _spatial(
    b: Builder, value: tuple[int, ...] | None, dims: int, layout: DataFormat, option: str
) -> tuple[int, ...]:
    """Strides, sizes or dilations: one for all spatial axes, one each, or one for each axis of the tensor."""
    numbers = (1,) if value is None else value
    if len(numbers) == dims + 2:
        outer = (numbers[0], numbers[1 if layout == "channels_first" else -1])
        if outer != (1, 1):
            b.unsupported(option, value, "supported: 1 for the batch and the channels")
        numbers = numbers[2:] if layout == "channels_first" else numbers[1:-1]
    if len(numbers) not in (1, dims):
        b.unsupported(option, value, f"supported: one number, {dims} or {dims + 2}")
    return numbers * dims if len(numbers) == 1 else numbers


def _with_padding(
    b: Builder, x: Value, padding: Padding, fill: float = 0
) -> tuple[Value, Literal["same", "valid"]]:
    """`x`, padded with `fill` if the padding is given in numbers, and the padding by name."""
    if isinstance(padding, str):
        return x, padding
    if len(padding) != x.rank:
        b.unsupported("padding", padding, "supported: 'SAME', 'VALID', two numbers for each axis")
    return pad_axes(b, x, list(padding), "constant", fill), "valid"


# -------------------------------------------------------------------- convolutions

#: What TensorFlow 1 calls the arguments of convolutions and pooling.
_OLD_NAMES = {"filter": "filters", "stride": "strides", "rate": "dilations", "dilation_rate": "dilations"}


@tf(
    *(f"{version}nn.conv{n}d" for n in (1, 2, 3) for version in ("", "compat.v1.")),
    *(f"{version}nn.convolution" for version in ("", "compat.v1.")),
    "nn.atrous_conv2d",
    old=_OLD_NAMES,
)
def conv(
    b: Builder,
    input: Tensor,
    filters: Given,
    strides: Ints | None = None,
    padding: Padding = "valid",
    data_format: Layout = "channels_last",
    dilations: Ints | None = None,
) -> Value:
    """`F.conv2d(x, filters)`, or `nn.Conv2d` where the filters are constants."""
    _filter_sizes(b, input, filters)
    x, options = _window(b, input, strides, padding, data_format, dilations)
    return windows.conv(b, x, filters, **options)


def _filter_sizes(b: Builder, x: Value, filters: TensorLike) -> Shape:
    sizes = kernel_shape(b, filters)
    if len(sizes) != x.rank:
        b.malformed(f"its filters of shape {sizes} do not fit its input {x.shape}")
    return sizes


@tf("nn.depthwise_conv2d", "compat.v1.nn.depthwise_conv2d", old=_OLD_NAMES)
def depthwise_conv2d(
    b: Builder,
    input: Tensor,
    filter: Given,
    strides: Ints | None,
    padding: Padding,
    data_format: Layout = "channels_last",
    dilations: Ints | None = None,
) -> Value:
    """A convolution of each channel on its own."""
    x, options = _window(b, input, strides, padding, data_format, dilations)
    return windows.depthwise_conv(b, x, filter, **options)


@tf("nn.separable_conv2d", "compat.v1.nn.separable_conv2d", old=_OLD_NAMES)
def separable_conv2d(
    b: Builder,
    input: Tensor,
    depthwise_filter: Given,
    pointwise_filter: Given,
    strides: Ints | None,
    padding: Padding,
    data_format: Layout = "channels_last",
    dilations: Ints | None = None,
) -> Value:
    """A convolution of each channel on its own, then a 1x1 convolution."""
    x, options = _window(b, input, strides, padding, data_format, dilations)
    return windows.separable_conv(b, x, depthwise_filter, pointwise_filter, **options)


def _window(
    b: Builder,
    x: Value,
    strides: tuple[int, ...] | None,
    padding: Padding,
    layout: DataFormat,
    dilations: tuple[int, ...] | None,
) -> tuple[Value, dict[str, Any]]:
    """The input, padded if the padding is given in numbers, and a convolution's options in Keras' words."""
    dims = x.rank - 2
    x, name = _with_padding(b, x, padding)
    return x, {
        "strides": _spatial(b, strides, dims, layout, "strides"),
        "padding": name,
        "data_format": layout,
        "dilation_rate": _spatial(b, dilations, dims, layout, "dilations"),
    }


@tf(
    *(f"nn.conv{n}d_transpose" for n in (1, 2, 3)),
    *(f"compat.v1.nn.conv{n}d_transpose" for n in (2, 3)),
    "nn.conv_transpose",
    old=_OLD_NAMES,
)
def conv_transpose(
    b: Builder,
    input: Tensor,
    filters: Given,
    output_shape: Sizes,
    strides: Ints | None = None,
    padding: NamedPadding = "SAME",
    data_format: Layout = "channels_last",
    dilations: Ints | None = None,
) -> Value:
    """`F.conv_transpose2d(x, filters)`: the gradient of a convolution whose input has `output_shape`."""
    x, layout = input, data_format
    dims = x.rank - 2
    *window, inner, _ = _filter_sizes(b, x, filters)
    steps = _spatial(b, strides, dims, layout, "strides")
    gaps = _spatial(b, dilations, dims, layout, "dilations")

    def convolve(mode: str) -> Value:
        return as_layer(
            b, f"Conv{dims}DTranspose", x, {"kernel": filters}, filters=inner, kernel_size=tuple(window),
            strides=steps, padding=mode, data_format=layout, dilation_rate=gaps, use_bias=False,
        )  # fmt: skip

    first = 2 if layout == "channels_first" else 1
    targets = output_shape[first : first + dims]
    sizes = x.shape[first : first + dims]
    scaled = [_times(b, x, axis, step) for axis, step in enumerate(steps, start=first)]
    if padding == "SAME" and all(map(same_host, targets, scaled)):
        return convolve("same")
    cuts = [(0, 0)] * x.rank
    for position, (extent, step, gap) in enumerate(zip(window, steps, gaps, strict=True)):
        size, target = sizes[position], targets[position]
        if not isinstance(size, int) or not isinstance(target, int) or extent is None:
            b.unsupported("output_shape", "<tensor>", "supported: numbers, or sizes times the strides")
        reach = (extent - 1) * gap + 1
        before = max((size - 1) * step + reach - target, 0) // 2 if padding == "SAME" else 0
        # What the layer yields without padding.
        full = size * step + max(reach - step, 0)
        cuts[first + position] = (-before, target - full + before)
    y = convolve("valid")
    return pad_axes(b, y, cuts, "constant", 0) if any(map(any, cuts)) else y


def _times(b: Builder, x: Value, axis: int, factor: int) -> int | Value:
    """A size times a number."""
    product: int | Value = rules.host(rules.host_map(b, "x * y", operator.mul, (b.size(x, axis), factor)))
    return product


# -------------------------------------------------------------------- pooling

#: Keras' layers by TensorFlow's word for them.
_POOLS = {"max": "MaxPooling", "avg": "AveragePooling"}


@tf(
    {
        f"{name}_pool{dims}": {"mode": mode}
        for word, mode in _POOLS.items()
        for name, own in ((f"nn.{word}", ("", "1d", "2d", "3d")), (f"compat.v1.nn.{word}", ("",)))
        for dims in own
    }
)
def pool(
    b: Builder,
    input: Tensor,
    ksize: Ints,
    strides: Ints | None,
    padding: Padding,
    data_format: Layout = "channels_last",
    *,
    mode: str,
) -> Value:
    """The largest element, or the mean, of each window."""
    dims = input.rank - 2
    x, name = _with_padding(b, input, padding, -math.inf if mode == "MaxPooling" else 0)
    return as_layer(
        b, f"{mode}{dims}D", x, pool_size=_spatial(b, ksize, dims, data_format, "ksize"),
        strides=_spatial(b, strides, dims, data_format, "strides"), padding=name, data_format=data_format,
    )  # fmt: skip


@tf("nn.max_pool_with_argmax", ignored=("data_format",))  # there is one alone
def max_pool_with_argmax(
    b: Builder,
    input: Tensor,
    ksize: Ints,
    strides: Ints,
    padding: NamedPadding,
    output_dtype: DType = "int64",
    include_batch_in_index: bool = False,
) -> list[Value]:
    """The largest element of each window and where it is."""
    x = b.channels_first(input)
    kernel = _spatial(b, ksize, 2, "channels_last", "ksize")
    stride = _spatial(b, strides, 2, "channels_last", "strides")
    pads, shape = _window_pads(b, x, padding, kernel, stride)
    y = b.value(shape, dtype=x.dtype, perm=x.perm)
    places = b.value(shape, dtype="int64", perm=x.perm)
    b.emit(
        "max_pool_with_argmax(x, size, stride, pads, batch)", (y, places), x=x, size=list(kernel),
        stride=list(stride), pads=pads, batch=include_batch_in_index,
    )  # fmt: skip
    return [y, b.cast(places, output_dtype)]


@tf("nn.pool", "compat.v1.nn.pool", old=_OLD_NAMES)
def pool_by_name(
    b: Builder,
    input: Tensor,
    window_shape: Ints,
    pooling_type: Literal["MAX", "AVG"],
    strides: Ints | None = None,
    padding: Padding = "valid",
    data_format: Layout = "channels_last",
    dilations: Ints | None = None,
) -> Value:
    """The same, of a kind given by name."""
    gaps = _spatial(b, dilations, input.rank - 2, data_format, "dilations")
    if set(gaps) == {1}:
        mode = _POOLS[pooling_type.lower()]
        return pool(b, input, window_shape, strides, padding, data_format, mode=mode)
    if pooling_type == "AVG":
        b.unsupported("dilations", dilations, "supported: 1, others for the largest element")
    window = _spatial(b, window_shape, input.rank - 2, data_format, "window_shape")
    return _dilated_max_pool(b, input, window, gaps, data_format)


def _dilated_max_pool(
    b: Builder, x: Value, window: tuple[int, ...], dilation: tuple[int, ...], layout: DataFormat
) -> Value:
    """The largest element of each window with gaps; TensorFlow has neither strides nor padding then."""
    sizes = [
        None if size is None else size - (extent - 1) * gap
        for size, extent, gap in zip(sizes_of(x, layout), window, dilation, strict=True)
    ]
    x = b.channels_first(x, layout)
    template = f"F.max_pool{len(window)}d(x, size, stride=1, dilation=gaps)"
    return b.op(template, shape=with_sizes(x, layout, sizes), x=x, like=x, size=window, gaps=dilation)


@tf(
    {"nn.dilation2d": {"erodes": False}, "nn.erosion2d": {"erodes": True}},
    ignored=("data_format",),  # there is one alone
    old={"value": "input"},
)
def morphology(
    b: Builder,
    input: Tensor,
    filters: Given,
    strides: Ints | None = None,
    padding: NamedPadding = "VALID",
    dilations: Ints | None = None,
    *,
    erodes: bool,
) -> Value:
    """The largest sum of a window and the filters; or the least difference, of filters turned round."""
    x = b.channels_first(input)
    kernel = rules.native(b, filters, x.dtype)
    if kernel.rank != 3:
        b.malformed(f"its filters of shape {kernel.shape} do not fit its input {x.shape}")
    stride = _spatial(b, strides, 2, "channels_last", "strides")
    dilation = _spatial(b, dilations, 2, "channels_last", "dilations")
    extents = [(b.known(kernel, axis) - 1) * dilation[axis] + 1 for axis in (0, 1)]
    pads, shape = _window_pads(b, x, padding, extents, stride)
    flipped = "-dilate(-x, kernel.flip(0, 1), stride, gaps, pads)"
    template = flipped if erodes else "dilate(x, kernel, stride, gaps, pads)"
    return b.op(
        template, shape=shape, x=x, like=x, kernel=kernel, stride=list(stride), gaps=list(dilation), pads=pads
    )


def _window_pads(
    b: Builder, x: Value, padding: NamedPadding, extents: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], Shape]:
    """How `F.pad` pads images (N, H, W, C) for windows of these extents, and the shape of one for each."""
    pads: list[int] = []
    sizes = []
    for size, extent, stride in zip(x.shape[1:3], extents, strides, strict=True):
        pair = window_pads(padding.lower(), size, extent, stride)
        if pair is None:
            b.unsupported("padding", padding, "supported for images of open size: 'VALID'")
        pads = [*pair, *pads]  # F.pad begins at the last dim
        sizes.append(None if size is None else (size + sum(pair) - extent) // stride + 1)
    return pads, with_sizes(x, "channels_last", sizes)
