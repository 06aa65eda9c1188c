"""Graph ops of `keras.ops.nn` that look through windows: convolutions, pooling, unfolding."""

from __future__ import annotations

import math
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.shapes import element_count
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import transpose
from codegen.lowering.parts.windows import (
    DataFormat,
    Ints,
    SameOf,
    blocks_of_channels,
    channel_axis,
    check_rank,
    positive,
    sizes_of,
    window_count,
    with_sizes,
)
from codegen.ops.keras.as_layer import as_layer, kernel_shape
from codegen.torch_api import short_arguments

WindowPadding = Literal["valid", "same"]

# -------------------------------------------------------------------- convolutions


@op("Conv")
def conv(
    b: Builder,
    inputs: TensorLike,
    kernel: TensorLike,
    *,
    strides: Ints = 1,
    padding: WindowPadding = "valid",
    data_format: DataFormat | None = None,
    dilation_rate: Ints = 1,
) -> Value:
    """`F.conv2d(x, kernel)`, or `nn.Conv2d` where the kernel is a constant; in float64 for integers."""
    x = rules.tensor(b, inputs)
    dtype = x.dtype
    x = x if dtype in FLOATS else b.cast(x, "float64")
    *window, inner, filters = kernel_shape(b, kernel)
    check_rank(b, x, len(window))
    options = _options(strides, padding, data_format, dilation_rate)
    if None in window:
        return b.cast(_open_conv(b, x, kernel, depthwise=False, **options), dtype)
    groups = b.known(x, channel_axis(x.rank, options["data_format"])) // (inner or 1)
    options |= {"filters": filters, "kernel_size": tuple(window), "groups": groups}
    layer = f"Conv{x.rank - 2}D"
    return b.cast(as_layer(b, layer, x, {"kernel": kernel}, use_bias=False, **options), dtype)


@op("DepthwiseConv")
def depthwise_conv(
    b: Builder,
    inputs: TensorLike,
    kernel: TensorLike,
    *,
    strides: Ints = 1,
    padding: WindowPadding = "valid",
    data_format: DataFormat | None = None,
    dilation_rate: Ints = 1,
) -> Value:
    """A convolution of each channel on its own."""
    x = rules.tensor(b, inputs)
    *window, channels, multiplier = kernel_shape(b, kernel)
    check_rank(b, x, len(window))
    options = _options(strides, padding, data_format, dilation_rate)
    x = _with_channels(b, x, channels, options["data_format"])
    if None in window:
        return _open_conv(b, x, kernel, depthwise=True, **options)
    options |= {"kernel_size": tuple(window), "depth_multiplier": multiplier}
    return as_layer(b, f"DepthwiseConv{x.rank - 2}D", x, {"kernel": kernel}, use_bias=False, **options)


@op("SeparableConv")
def separable_conv(
    b: Builder,
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    *,
    strides: Ints = 1,
    padding: WindowPadding = "valid",
    data_format: DataFormat | None = None,
    dilation_rate: Ints = 1,
) -> Value:
    """A convolution of each channel on its own, then a 1x1 convolution."""
    x = rules.tensor(b, inputs)
    *window, channels, multiplier = kernel_shape(b, depthwise_kernel)
    check_rank(b, x, len(window))
    *point, _, filters = kernel_shape(b, pointwise_kernel)
    options = _options(strides, padding, data_format, dilation_rate)
    x = _with_channels(b, x, channels, options["data_format"])
    if None in (*window, *point):
        x = _open_conv(b, x, depthwise_kernel, depthwise=True, **options)
        return conv(b, x, pointwise_kernel, data_format=data_format)
    kernels = {"depthwise_kernel": depthwise_kernel, "pointwise_kernel": pointwise_kernel}
    options |= {"filters": filters, "kernel_size": tuple(window), "depth_multiplier": multiplier}
    return as_layer(b, f"SeparableConv{x.rank - 2}D", x, kernels, use_bias=False, **options)


@op("ConvTranspose")
def conv_transpose(
    b: Builder,
    inputs: TensorLike,
    kernel: TensorLike,
    *,
    strides: Ints = 1,
    padding: WindowPadding = "valid",
    output_padding: Ints | None = None,
    data_format: DataFormat | None = None,
    dilation_rate: Ints = 1,
) -> Value:
    """The gradient of a convolution."""
    x = rules.tensor(b, inputs)
    *window, filters, channels = kernel_shape(b, kernel)
    check_rank(b, x, len(window))
    if None in window:
        b.unsupported("kernel", kernel_shape(b, kernel), "supported: a window of fixed size")
    options = _options(strides, padding, data_format, dilation_rate)
    x = _with_channels(b, x, channels, options["data_format"])
    options |= {"filters": filters, "kernel_size": tuple(window), "output_padding": output_padding}
    return as_layer(b, f"Conv{x.rank - 2}DTranspose", x, {"kernel": kernel}, use_bias=False, **options)


def _options(strides: Ints, padding: str, data_format: str | None, dilation_rate: Ints) -> dict[str, Any]:
    return {
        "strides": strides,
        "padding": padding,
        "data_format": data_format or "channels_last",
        "dilation_rate": dilation_rate,
    }


def _with_channels(b: Builder, x: Value, channels: int | None, data_format: str) -> Value:
    """`x`, of whose open channels the kernel tells how many they are."""
    if channels is None or x.shape[channel_axis(x.rank, data_format)] is not None:
        return x
    return b.op("x", shape=with_sizes(x, data_format, sizes_of(x, data_format), channels), x=x)


def _open_conv(
    b: Builder,
    x: Value,
    kernel: TensorLike,
    *,
    depthwise: bool,
    strides: Ints,
    padding: str,
    data_format: str,
    dilation_rate: Ints,
) -> Value:
    """A convolution whose window is known when the model runs."""
    dims = x.rank - 2
    stride, dilation = positive(b, strides, dims, "strides"), positive(
        b, dilation_rate, dims, "dilation_rate"
    )
    x = b.channels_first(x, data_format)
    kernel = b.cast(rules.native(b, kernel), x.dtype)
    inner, filters = b.known(kernel, -2), b.known(kernel, -1)
    sizes: list[int | None] = [None] * dims
    if padding == "same":
        sizes = [n and -(-n // step) for n, step in zip(sizes_of(x, data_format), stride, strict=True)]
        extents = [
            rules.host(
                rules.host_map(
                    b, "(x - 1) * y + 1", lambda n, d: (n - 1) * d + 1, (b.size(kernel, axis), gap)
                )
            )
            for axis, gap in enumerate(dilation)
        ]
        x = b.op(
            "same_pad(x, kernel_size=kernel, stride=stride)",
            shape=with_sizes(x, data_format, [None] * dims),
            x=x,
            like=x,
            kernel=extents,
            stride=list(stride),
        )
    weight = transpose(b, kernel, axes=(dims + 1, dims, *range(dims)))
    groups = b.known(x, channel_axis(x.rank, data_format)) // inner
    if depthwise:
        groups, filters = inner, inner * filters
        weight = transpose(b, kernel, axes=(dims, dims + 1, *range(dims)))
        weight = b.op("x.flatten(0, 1).unsqueeze(1)", shape=(filters, 1, *weight.shape[2:]), x=weight)
    options = short_arguments(f"nn.Conv{dims}d", {"stride": stride, "dilation": dilation, "groups": groups})
    template = f"F.conv{dims}d({', '.join(['x', 'weight', *(f'{name}={name}' for name in options)])})"
    return b.op(
        template, shape=with_sizes(x, data_format, sizes, filters), perm=x.perm, x=x, weight=weight, **options
    )


# -------------------------------------------------------------------- pooling


@op({"MaxPool": {"layer": "MaxPooling"}, "AveragePool": {"layer": "AveragePooling"}})
def pool(
    b: Builder,
    inputs: TensorLike,
    *,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: WindowPadding = "valid",
    data_format: DataFormat | None = None,
    same_of: Quirk[SameOf] = "tensorflow",
    layer: str,
) -> Value:
    """The largest element, or the mean, of each window."""
    x = rules.tensor(b, inputs)
    return as_layer(
        b,
        f"{layer}{x.rank - 2}D",
        x,
        pool_size=pool_size,
        strides=strides,
        padding=padding,
        data_format=data_format or "channels_last",
        quirks={"same_of": same_of},
    )


@op(
    {
        "AdaptiveMaxPool": {"layer": "AdaptiveMaxPooling"},
        "AdaptiveAveragePool": {"layer": "AdaptiveAveragePooling"},
    }
)
def adaptive_pool(
    b: Builder, inputs: TensorLike, *, output_size: Ints, data_format: DataFormat | None = None, layer: str
) -> Value:
    """The largest elements, or the means, of windows of about equal size."""
    x = rules.tensor(b, inputs)
    name = f"{layer}{x.rank - 2}D"
    return as_layer(b, name, x, output_size=output_size, data_format=data_format or "channels_last")


# -------------------------------------------------------------------- blocks


@op("Unfold")
def unfold(
    b: Builder, x: TensorLike, *, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Value:
    """`F.unfold(x, kernel_size)`."""
    x = rules.native(b, x)
    if x.rank != 4:
        b.malformed(f"its input {x.shape} should have 4 axes")
    options = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    pairs = {name: b.ints(value, 2, name) for name, value in options.items()}
    sizes = zip(
        x.shape[2:], pairs["padding"], pairs["kernel_size"], pairs["stride"], pairs["dilation"], strict=True
    )
    counts = [window_count(size, (pad, pad), kernel, step, gap) for size, pad, kernel, step, gap in sizes]
    window = pairs["kernel_size"][0] * pairs["kernel_size"][1]
    shape = (x.shape[0], b.known(x, 1) * window, element_count(tuple(counts)))
    template, operands = _written("F.unfold(x, kernel_size", pairs)
    return b.op(template, shape=shape, x=x, **operands)


@op("Fold")
def fold(
    b: Builder,
    x: TensorLike,
    *,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Value:
    """`F.fold(x, output_size, kernel_size)`."""
    x = rules.native(b, x)
    if x.rank != 3:
        b.malformed(f"its input {x.shape} should have 3 axes")
    options = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    pairs = {name: b.ints(value, 2, name) for name, value in options.items()}
    size = b.ints(output_size, 2, "output_size")
    window = pairs["kernel_size"][0] * pairs["kernel_size"][1]
    places = math.prod(
        (n + 2 * pad - gap * (k - 1) - 1) // max(step, 1) + 1
        for n, k, gap, pad, step in zip(size, *pairs.values(), strict=True)
    )
    if not window or x.shape[1] is None or x.shape[1] % window or x.shape[2] not in (None, places):
        b.malformed(f"its input {x.shape} is not one of {places} windows of {window} elements")
    shape = (x.shape[0], b.known(x, 1) // window, *size)
    template, operands = _written("F.fold(x, size, kernel_size", pairs)
    return b.op(template, shape=shape, x=x, size=size, **operands)


def _written(start: str, pairs: dict[str, tuple[int, ...]]) -> tuple[str, dict[str, Any]]:
    """A call with the options that are not torch's defaults, and its operands."""
    neutral = {"dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)}
    short: dict[str, Any] = {
        name: pair[0] if len(set(pair)) == 1 else pair
        for name, pair in pairs.items()
        if pair != neutral.get(name)
    }
    return f"{start}{''.join(f', {name}={name}' for name in short if name != 'kernel_size')})", short


@op("DepthToSpace")
def depth_to_space(
    b: Builder, x: TensorLike, *, block_size: int, data_format: DataFormat = "channels_last"
) -> Value:
    """Blocks of pixels out of the channels of each."""
    return blocks_of_channels(b, rules.tensor(b, x), data_format, block_size)


@op("SpaceToDepth")
def space_to_depth(
    b: Builder, x: TensorLike, *, block_size: int, data_format: DataFormat = "channels_last"
) -> Value:
    """The pixels of each block as channels; unlike in `F.pixel_unshuffle`, pixels come first."""
    x = rules.tensor(b, x)
    rows, columns, channels = _image_sizes(b, x, data_format)
    if block_size < 1 or any(n is not None and n % block_size for n in (rows, columns)):
        b.malformed(f"{rows}x{columns} pixels are no blocks of {block_size}x{block_size}")
    few = [n and n // block_size for n in (rows, columns)]
    shape = with_sizes(x, data_format, few, channels and channels * block_size**2)
    if data_format == "channels_first":
        template = "torch.unflatten(torch.unflatten(x, 3, block), 2, block)"
        template += ".permute(0, 3, 5, 1, 2, 4).flatten(1, 3)"
    else:
        template = "torch.unflatten(torch.unflatten(x, 2, block), 1, block)"
        template += ".permute(0, 1, 3, 2, 4, 5).flatten(3)"
    return b.op(template, shape=shape, x=x, block=(-1, block_size))


def _image_sizes(b: Builder, x: Value, data_format: str) -> tuple[int | None, int | None, int | None]:
    if x.rank != 4:
        b.malformed(f"its input {x.shape} must have 4 axes")
    height, width, channels = (1, 2, 3) if data_format == "channels_last" else (2, 3, 1)
    return x.shape[height], x.shape[width], x.shape[channels]
