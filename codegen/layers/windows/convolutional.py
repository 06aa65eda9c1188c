"""Keras' convolutions: plain, transposed, depthwise and separable, in one to three dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.quantized import LowRank, low_rank_updated
from codegen.lowering.parts.windows import (
    AxisWindows,
    ConvWindows,
    Ints,
    Pads,
    absorb_padding,
    channel_axis,
    check_rank,
    check_sizes,
    in_dims,
    pad,
    sizes_of,
    spatial_axes,
    window_count,
    with_sizes,
)
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec
from codegen.torch_api import short_arguments


@options
class TransposedWindows(ConvWindows):
    """Those that say where a transposed convolution writes."""

    padding: Literal["valid", "same", "full"] = "valid"


@lowers(in_dims("Conv{}D", 1, 2, 3), masks="drop")
def conv(
    b: Builder,
    x: Value,
    *,
    dims: int,
    filters: Size,
    windows: ConvWindows,
    groups: Size = 1,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
    low_rank: LowRank,
) -> Value:
    """Activation(x * kernel + bias); further axes in front of channels-last ones count as batch."""
    window = windows.by_axis(b, dims)
    lead = x.shape[: max(x.rank - dims - 1, 1)]
    if x.rank < dims + 2:
        check_rank(b, x, dims)
    if len(lead) > 1:
        if window.data_format == "channels_first":
            b.malformed(f"its input {x.shape} must have {dims + 2} axes")
        sizes = [b.size(x, axis) for axis in range(len(lead))]
        if lead.count(None) == 1:
            sizes[lead.index(None)] = -1
        x = b.keras_layout(x)
        x = b.op("x.flatten(0, last)", shape=(None, *x.shape[len(lead) :]), x=x, last=len(lead) - 1)
    shape = kernel_shape(b, x, window, filters, groups)
    kernel = b.weight("kernel", shape, trainable=low_rank.lora_rank is None)
    bias = b.weight("bias", (filters,)) if use_bias else None
    kernel = low_rank_updated(b, "kernel", kernel, low_rank)
    y = convolve(b, x, window, filters, groups, {"weight": filters_first(kernel), "bias": bias})
    if len(lead) > 1:
        y = b.keras_layout(y)
        y = b.op("torch.unflatten(y, 0, sizes)", shape=(*lead, *y.shape[1:]), y=y, sizes=tuple(sizes))
    return b.activation(y, activation)


@lowers(in_dims("DepthwiseConv{}D", 1, 2), masks="drop", neutral={"groups": 1})
def depthwise_conv(
    b: Builder,
    x: Value,
    *,
    dims: int,
    windows: ConvWindows,
    depth_multiplier: Size = 1,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
) -> Value:
    """A convolution of each channel on its own, with `depth_multiplier` results each."""
    window = windows.by_axis(b, dims)
    channels = _channels(b, x, window)
    filters = channels * depth_multiplier
    kernel = b.weight("kernel", (*window.kernel_size, channels, depth_multiplier))
    bias = b.weight("bias", (filters,)) if use_bias else None
    y = convolve(b, x, window, filters, channels, {"weight": _depthwise(kernel), "bias": bias})
    return b.activation(y, activation)


@lowers(in_dims("SeparableConv{}D", 1, 2), masks="drop", neutral={"groups": 1})
def separable_conv(
    b: Builder,
    x: Value,
    *,
    dims: int,
    filters: Size,
    windows: ConvWindows,
    depth_multiplier: Size = 1,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
) -> Value:
    """A depthwise convolution without bias, then a 1x1 convolution."""
    window = windows.by_axis(b, dims)
    if window.padding == "same_theano" and not all(extent % 2 for extent in window.extents):
        b.unsupported("padding", windows.padding, "Theano pads otherwise; supported: kernels of odd size")
    channels = _channels(b, x, window)
    inner = channels * depth_multiplier
    depthwise = b.weight("depthwise_kernel", (*window.kernel_size, channels, depth_multiplier))
    pointwise = b.weight("pointwise_kernel", (*(1,) * dims, inner, filters))
    bias = b.weight("bias", (filters,)) if use_bias else None
    ones = (1,) * dims
    point = AxisWindows(ones, ones, ones, "valid", window.data_format)
    y = convolve(b, x, window, inner, channels, {"weight": _depthwise(depthwise)}, "depthwise")
    state = {"weight": filters_first(pointwise), "bias": bias}
    y = convolve(b, y, point, filters, 1, state, "pointwise")
    return b.activation(y, activation)


@lowers(in_dims("Conv{}DTranspose", 1, 2, 3), masks="drop", neutral={"groups": 1})
def conv_transpose(
    b: Builder,
    x: Value,
    *,
    dims: int,
    filters: Size,
    windows: TransposedWindows,
    output_padding: Ints | None = None,
    output_shape: tuple[int | None, ...] | None = None,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
) -> Value:
    """The gradient of a convolution; `output_shape` is Keras 1's, channels included."""
    window = windows.by_axis(b, dims)
    channels = _channels(b, x, window)
    kernel = b.weight("kernel", (*window.kernel_size, filters, channels))
    bias = b.weight("bias", (filters,)) if use_bias else None
    x = b.channels_first(x, window.data_format)
    sizes = sizes_of(x, window.data_format)
    surplus = _surplus(b, window, sizes, output_padding, output_shape)
    cuts = [
        _first_cut(window.padding, extent, more) for extent, more in zip(window.extents, surplus, strict=True)
    ]
    added = [more + 2 * cut for more, cut in zip(surplus, cuts, strict=True)]
    for more, stride, dilation in zip(added, window.strides, window.dilation, strict=True):
        if more >= max(stride, dilation):
            b.unsupported("output_padding", output_padding, "supported: less than the strides")
    full = [
        size and (size - 1) * stride + extent - 2 * cut + max(more, 0)
        for size, stride, extent, cut, more in zip(
            sizes, window.strides, window.extents, cuts, added, strict=True
        )
    ]
    y = b.module(
        f"nn.ConvTranspose{dims}d",
        x,
        args=(channels, filters),
        kwargs={
            "kernel_size": window.kernel_size,
            "stride": window.strides,
            "padding": tuple(cuts),
            "output_padding": tuple(max(more, 0) for more in added),
            "dilation": window.dilation,
            "bias": use_bias,
        },
        state={"weight": filters_first(kernel), "bias": bias},
        shape=with_sizes(x, window.data_format, full, filters),
        perm=x.perm,
    )
    if min(added) < 0:
        index = (slice(None),) * 2 + tuple(slice(None, min(more, 0) or None) for more in added)
        final = [size and size + min(more, 0) for size, more in zip(full, added, strict=True)]
        check_sizes(b, x, final)
        y = b.op("x[index]", shape=with_sizes(y, window.data_format, final), perm=y.perm, x=y, index=index)
    return b.activation(y, activation)


# -------------------------------------------------------------------- parts


def kernel_shape(b: Builder, x: Value, window: AxisWindows, filters: int, groups: int) -> tuple[int, ...]:
    """Shape of a convolution's kernel in Keras: (*window, channels of a group, filters)."""
    channels = _channels(b, x, window)
    if groups < 1 or channels % groups or filters % groups:
        b.malformed(f"{groups} groups do not divide {channels} channels and {filters} filters")
    return (*window.kernel_size, channels // groups, filters)


def filters_first(kernel: Weight) -> Weight:
    """(*window, channels, filters) -> (filters, channels, *window)."""
    dims = len(kernel.shape) - 2
    return kernel.permute(dims + 1, dims, *range(dims))


def _channels(b: Builder, x: Value, window: AxisWindows) -> int:
    check_rank(b, x, len(window.kernel_size))
    return b.known(x, channel_axis(x.rank, window.data_format))


def _depthwise(kernel: Weight) -> Weight:
    """(*window, channels, multiplier) -> (channels * multiplier, 1, *window)."""
    *window, channels, multiplier = kernel.shape
    dims = len(window)
    return kernel.permute(dims, dims + 1, *range(dims)).reshape(channels * multiplier, 1, *window)


def convolve(
    b: Builder,
    x: Value,
    window: AxisWindows,
    filters: int,
    groups: int,
    state: Mapping[str, Weight | None],
    part: str = "",
    variant: tuple[str, Mapping[str, Any]] | None = None,
) -> Value:
    """One convolution module, with what goes before it where its own padding cannot say it.

    Args:
        b: The layer's builder.
        x: The input.
        window: Where it looks.
        filters: Features of the result.
        groups: Of channels.
        state: Recipes of the module's tensors.
        part: Tells apart several modules of one layer.
        variant: The class that is to be used instead of torch's, and the options that it has more.
    """
    channels = _channels(b, x, window)
    pads = window.pads(sizes_of(x, window.data_format))
    sizes = [
        window_count(size, pair, kernel, stride, dilation)
        for size, pair, (kernel, stride, dilation) in zip(
            sizes_of(x, window.data_format), pads, window.axes, strict=True
        )
    ]
    check_sizes(b, x, sizes)
    x, padding = _padded(b, x, window, pads)
    name = f"nn.Conv{len(sizes)}d"
    kwargs: dict[str, Any] = {
        "kernel_size": window.kernel_size,
        "stride": window.strides,
        "padding": padding,
        "dilation": window.dilation,
        "groups": groups,
        "bias": state.get("bias") is not None,
    }
    if variant is not None:
        kwargs = {**short_arguments(name, kwargs), **variant[1]}
        name = variant[0]
    return b.module(
        name,
        x,
        args=(channels, filters),
        kwargs=kwargs,
        state=state,
        shape=with_sizes(x, window.data_format, sizes, filters),
        perm=x.perm,
        part=part,
    )


def _padded(
    b: Builder, x: Value, window: AxisWindows, pads: list[tuple[int, int] | None]
) -> tuple[Value, tuple[int, ...] | str]:
    """`x` stored channels first and padded where the module cannot do it, and the module's padding."""
    source, outer = absorb_padding(b, x, window.data_format)
    none = (0,) * len(pads)
    own = [pair for pair in pads if pair is not None]
    if len(own) < len(pads):
        x = b.op(
            "same_pad(x, kernel_size=kernel, stride=stride)",
            shape=with_sizes(source, window.data_format, [None] * len(pads)),
            x=pad(b, source, window.data_format, outer),
            like=pad(b, source, window.data_format, outer),
            kernel=window.extents,
            stride=list(window.strides),
        )
        return x, none
    total = _sum(outer, own)
    inside = total
    if b.is_shared:  # what differs between calls stays outside of the module
        inside = tuple(pair or (0, 0) for pair in window.pads([None] * len(pads)))
    if all(before == after for before, after in inside):
        rest = tuple((t[0] - i[0], t[1] - i[1]) for t, i in zip(total, inside, strict=True))
        return pad(b, source, window.data_format, rest), tuple(before for before, _ in inside)
    is_even = all(before == after for before, after in own)  # torch copies the input for other kernels
    if window.padding == "same" and set(window.strides) == {1} and is_even:
        return pad(b, source, window.data_format, outer), "same"
    return pad(b, source, window.data_format, total), none


def _sum(a: Sequence[tuple[int, int]], b: Sequence[tuple[int, int]]) -> Pads:
    return tuple((m[0] + n[0], m[1] + n[1]) for m, n in zip(a, b, strict=True))


def _surplus(
    b: Builder,
    window: AxisWindows,
    sizes: Sequence[int | None],
    output_padding: Ints | None,
    output_shape: tuple[int | None, ...] | None,
) -> list[int]:
    """By how much the result of a transposed convolution is larger than its uncut one, per axis.

    The uncut one has (size - 1) * stride + extent elements. Formula:
    `keras.src.backend.common.backend_utils._get_output_shape_given_tf_padding`.
    """
    if output_shape is not None:
        axes = spatial_axes(len(output_shape) + 1, window.data_format)
        wanted = [output_shape[axis - 1] for axis in axes]
        if None in wanted or None in sizes:
            b.unsupported("output_shape", output_shape, "supported: fixed sizes")
        return [
            (want or 0) - ((size or 0) - 1) * stride - extent
            for want, size, stride, extent in zip(wanted, sizes, window.strides, window.extents, strict=True)
        ]
    if output_padding is not None:
        more = b.ints(output_padding, len(sizes), "output_padding")
        if window.padding == "valid":
            return list(more)
        if window.padding == "full":
            return [m - 2 * (extent - 1) for m, extent in zip(more, window.extents, strict=True)]
        return [m + extent % 2 - extent for m, extent in zip(more, window.extents, strict=True)]
    if window.padding == "valid":
        return [max(s - extent, 0) for s, extent in zip(window.strides, window.extents, strict=True)]
    if window.padding == "full":
        return [2 - 2 * extent for extent in window.extents]
    return [s - extent for s, extent in zip(window.strides, window.extents, strict=True)]


def _first_cut(padding: str, extent: int, surplus: int) -> int:
    """How many elements a transposed convolution leaves out at the beginning of an axis."""
    if padding == "full":
        return extent - 1
    if padding == "same_theano":
        return extent // 2
    return max(-surplus, 0) // 2 if padding == "same" else 0
