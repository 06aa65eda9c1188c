"""TensorFlow functions that look through windows: convolutions, pooling, blocks of pixels."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.tensors import padded, permuted
from codegen.lowering.parts.windows import DataFormat, sizes_of, window_pads, with_sizes
from codegen.model.spec import Shape
from codegen.ops.keras import windows
from codegen.ops.keras.as_layer import as_layer, kernel_shape
from codegen.ops.tensorflow.functions import dtype_name, function_name, integers, same_host, tf

# -------------------------------------------------------------------- how TensorFlow says it


def _layout(data_format: Any) -> DataFormat:
    first = isinstance(data_format, str) and data_format.startswith(("NC", "channels_first"))
    return "channels_first" if first else "channels_last"


def _spatial(b: Builder, value: Any, dims: int, layout: str, option: str) -> tuple[int, ...]:
    """Strides, sizes or dilations: one for all spatial axes, one each, or one for each axis of the tensor."""
    numbers = (1,) if value is None else integers(b, value, option)
    if len(numbers) == dims + 2:
        outer = (numbers[0], numbers[1 if layout == "channels_first" else -1])
        if outer != (1, 1):
            b.unsupported(option, value, "supported: 1 for the batch and the channels")
        numbers = numbers[2:] if layout == "channels_first" else numbers[1:-1]
    if len(numbers) not in (1, dims):
        b.unsupported(option, value, f"supported: one number, {dims} or {dims + 2}")
    return numbers * dims if len(numbers) == 1 else numbers


def _padding(b: Builder, x: Value, padding: Any, fill: float = 0) -> tuple[Value, Literal["same", "valid"]]:
    """`x`, padded with `fill` if the padding is given in numbers, and the padding by name."""
    if isinstance(padding, str) and padding.upper() in ("SAME", "VALID"):
        return x, "same" if padding.upper() == "SAME" else "valid"
    if not isinstance(padding, (list, tuple)) or len(padding) != x.rank:
        b.unsupported("padding", padding, "supported: 'SAME', 'VALID', two numbers for each axis")
    pairs = [integers(b, pair, "padding") for pair in padding]
    return padded(b, x, [(low, high) for low, high in pairs], "constant", fill), "valid"


# -------------------------------------------------------------------- convolutions


@tf(
    *(f"{version}nn.conv{n}d" for n in (1, 2, 3) for version in ("", "compat.v1.")),
    *(f"{version}nn.convolution" for version in ("", "compat.v1.")),
    "nn.atrous_conv2d",
)
def conv(
    b: Builder,
    input: Any,
    filters: Any = None,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    **old: Any,
) -> Value:
    """`F.conv2d(x, filters)`, or `nn.Conv2d` where the filters are constants."""
    strides, dilations = _old(old, strides, "stride"), _old(old, dilations, "dilation_rate", "rate")
    x, options = _window(b, input, strides, padding, data_format, dilations)
    return windows.conv(b, x, _old(old, filters, "filter"), **options)


def _old(given: dict[str, Any], value: Any, *names: str) -> Any:
    """An argument, or what TensorFlow 1 calls it."""
    return next((given[name] for name in names if value is None and given.get(name) is not None), value)


@tf("nn.depthwise_conv2d", "compat.v1.nn.depthwise_conv2d")
def depthwise_conv2d(
    b: Builder,
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    rate: Any = None,
) -> Value:
    """A convolution of each channel on its own."""
    x, options = _window(b, input, strides, padding, data_format, dilations if rate is None else rate)
    return windows.depthwise_conv(b, x, filter, **options)


@tf("nn.separable_conv2d", "compat.v1.nn.separable_conv2d")
def separable_conv2d(
    b: Builder,
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    rate: Any = None,
) -> Value:
    """A convolution of each channel on its own, then a 1x1 convolution."""
    x, options = _window(b, input, strides, padding, data_format, dilations if rate is None else rate)
    return windows.separable_conv(b, x, depthwise_filter, pointwise_filter, **options)


def _window(
    b: Builder, input: Any, strides: Any, padding: Any, data_format: Any, dilations: Any
) -> tuple[Value, dict[str, Any]]:
    """The input, padded if the padding is given in numbers, and a convolution's options in Keras' words."""
    x, layout = rules.tensor(b, input), _layout(data_format)
    dims = x.rank - 2
    x, name = _padding(b, x, padding)
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
)
def conv_transpose(
    b: Builder,
    input: Any,
    filters: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: Any = None,
    dilations: Any = None,
    filter: Any = None,
) -> Value:
    """`F.conv_transpose2d(x, filters)`: the gradient of a convolution whose input has `output_shape`."""
    x, kernel = rules.tensor(b, input), filters if filters is not None else filter
    dims, layout = x.rank - 2, _layout(data_format)
    *window, inner, _ = kernel_shape(b, kernel)
    steps = _spatial(b, strides, dims, layout, "strides")
    gaps = _spatial(b, dilations, dims, layout, "dilations")
    if isinstance(padding, str) and padding.upper() in ("SAME", "VALID"):
        name = padding.lower()
    else:
        b.unsupported("padding", padding, "supported: 'SAME', 'VALID'")

    def transposed(mode: str) -> Value:
        return as_layer(
            b, f"Conv{dims}DTranspose", x, {"kernel": kernel}, filters=inner, kernel_size=tuple(window),
            strides=steps, padding=mode, data_format=layout, dilation_rate=gaps, use_bias=False,
        )  # fmt: skip

    first = 2 if layout == "channels_first" else 1
    targets = rules.shape_argument(b, output_shape, "output_shape")[first : first + dims]
    sizes = x.shape[first : first + dims]
    scaled = [_times(b, x, axis, step) for axis, step in enumerate(steps, start=first)]
    if name == "same" and all(map(same_host, targets, scaled)):
        return transposed("same")
    cuts = [(0, 0)] * x.rank
    for position, (extent, step, gap) in enumerate(zip(window, steps, gaps, strict=True)):
        size, target = sizes[position], targets[position]
        if not isinstance(size, int) or not isinstance(target, int) or extent is None:
            b.unsupported("output_shape", "<tensor>", "supported: numbers, or sizes times the strides")
        reach = (extent - 1) * gap + 1
        before = max((size - 1) * step + reach - target, 0) // 2 if name == "same" else 0
        # What the layer yields without padding.
        full = size * step + max(reach - step, 0)
        cuts[first + position] = (-before, target - full + before)
    y = transposed("valid")
    return padded(b, y, cuts, "constant", 0) if any(map(any, cuts)) else y


def _times(b: Builder, x: Value, axis: int, factor: int) -> Any:
    """A size times a number."""
    return rules.host(rules.host_map(b, "x * y", operator.mul, (b.size(x, axis), factor)))


# -------------------------------------------------------------------- pooling

_POOLS = [f"{mode}_pool{dims}" for mode in ("max", "avg") for dims in ("", "1d", "2d", "3d")]


@tf(*(f"nn.{name}" for name in _POOLS), "compat.v1.nn.max_pool", "compat.v1.nn.avg_pool")
def pool(
    b: Builder,
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
) -> Value:
    """The largest element, or the mean, of each window."""
    mode = "MaxPooling" if ".max_" in function_name(b) else "AveragePooling"
    return _pooled(b, mode, rules.tensor(b, input), ksize, strides, padding, data_format)


@tf("nn.max_pool_with_argmax")
def max_pool_with_argmax(
    b: Builder,
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    output_dtype: Any = "int64",
    include_batch_in_index: bool = False,
) -> list[Value]:
    """The largest element of each window and where it is."""
    del data_format  # TensorFlow takes the one alone
    x = b.channels_first(rules.tensor(b, input))
    kernel = _spatial(b, ksize, 2, "channels_last", "ksize")
    stride = _spatial(b, strides, 2, "channels_last", "strides")
    pads, shape = _padded_windows(b, x, padding, kernel, stride)
    y = b.value(shape, dtype=x.dtype, perm=x.perm)
    places = b.value(shape, dtype="int64", perm=x.perm)
    b.emit(
        "max_pool_with_argmax(x, size, stride, pads, batch)", (y, places), x=x, size=list(kernel),
        stride=list(stride), pads=pads, batch=bool(include_batch_in_index),
    )  # fmt: skip
    return [y, b.cast(places, dtype_name(b, output_dtype, "output_dtype"))]


@tf("nn.pool", "compat.v1.nn.pool")
def pool_by_name(
    b: Builder,
    input: Any,
    window_shape: Any,
    pooling_type: str,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    dilation_rate: Any = None,
) -> Value:
    """The same, of a kind given by name."""
    x = rules.tensor(b, input)
    gaps = dilation_rate if dilations is None else dilations
    kinds = {"MAX": "MaxPooling", "AVG": "AveragePooling"}
    if pooling_type.upper() not in kinds:
        b.unsupported("pooling_type", pooling_type, "supported: 'MAX', 'AVG'")
    dilation = _spatial(b, gaps, x.rank - 2, _layout(data_format), "dilations")
    if set(dilation) != {1}:
        if pooling_type.upper() == "AVG":
            b.unsupported("dilations", gaps, "supported: 1, others for the largest element")
        window = _spatial(b, window_shape, x.rank - 2, _layout(data_format), "window_shape")
        return _dilated_max(b, x, window, dilation, _layout(data_format))
    return _pooled(b, kinds[pooling_type.upper()], x, window_shape, strides, padding, data_format)


def _pooled(
    b: Builder, mode: str, x: Value, ksize: Any, strides: Any, padding: Any, data_format: Any
) -> Value:
    dims, layout = x.rank - 2, _layout(data_format)
    x, name = _padding(b, x, padding, -math.inf if mode == "MaxPooling" else 0)
    return as_layer(
        b, f"{mode}{dims}D", x, pool_size=_spatial(b, ksize, dims, layout, "ksize"),
        strides=_spatial(b, strides, dims, layout, "strides"), padding=name, data_format=layout,
    )  # fmt: skip


def _dilated_max(
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


@tf("nn.dilation2d", "nn.erosion2d")
def morphology(
    b: Builder,
    input: Any = None,
    filters: Any = None,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = "NHWC",
    dilations: Any = None,
    value: Any = None,
) -> Value:
    """The largest sum of a window and the filters; or the least difference, of filters turned round."""
    del data_format  # TensorFlow takes the one alone
    erodes = function_name(b) == "nn.erosion2d"
    x = b.channels_first(rules.tensor(b, value if input is None else input))
    kernel = rules.native(b, filters, x.dtype)
    stride = _spatial(b, strides, 2, "channels_last", "strides")
    dilation = _spatial(b, dilations, 2, "channels_last", "dilations")
    extents = [(b.known(kernel, axis) - 1) * dilation[axis] + 1 for axis in (0, 1)]
    pads, shape = _padded_windows(b, x, padding, extents, stride)
    template = "dilate(x, kernel, stride, gaps, pads)"
    if erodes:
        template = "-dilate(-x, kernel.flip(0, 1), stride, gaps, pads)"
    return b.op(
        template, shape=shape, x=x, like=x, kernel=kernel, stride=list(stride), gaps=list(dilation), pads=pads
    )


def _padded_windows(
    b: Builder, x: Value, padding: Any, extents: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], Shape]:
    """How `F.pad` pads images (N, H, W, C) for windows of these extents, and the shape of one for each."""
    if not isinstance(padding, str) or padding.upper() not in ("SAME", "VALID"):
        b.unsupported("padding", padding, "supported: 'SAME', 'VALID'")
    pads: list[int] = []
    sizes = []
    for size, extent, stride in zip(x.shape[1:3], extents, strides, strict=True):
        pair = window_pads(padding.lower(), size, extent, stride)
        if pair is None:
            b.unsupported("padding", padding, "supported for images of open size: 'VALID'")
        pads = [*pair, *pads]  # F.pad begins at the last dim
        sizes.append(None if size is None else (size + sum(pair) - extent) // stride + 1)
    return pads, with_sizes(x, "channels_last", sizes)


# -------------------------------------------------------------------- blocks


@tf("nn.space_to_depth", "compat.v1.nn.space_to_depth", "nn.depth_to_space", "compat.v1.nn.depth_to_space")
def move_blocks(b: Builder, input: Any, block_size: int, data_format: str = "NHWC") -> Value:
    """The pixels of each block as channels, or the channels of each pixel as a block."""
    if data_format not in ("NHWC", "NCHW"):
        b.unsupported("data_format", data_format, "supported: 'NHWC', 'NCHW'")
    to_depth = function_name(b).endswith("space_to_depth")
    move = windows.space_to_depth if to_depth else windows.depth_to_space
    layout: Any = _layout(data_format)
    return move(b, input, block_size=block_size, data_format=layout)


@tf("space_to_batch", "space_to_batch_nd", "compat.v1.space_to_batch_nd")
def space_to_batch(b: Builder, input: Any, block_shape: Any, paddings: Any) -> Value:
    """Every n-th pixel as an image of its own."""
    x = rules.tensor(b, input)
    blocks = integers(b, block_shape, "block_shape")
    pairs = [(low, high) for low, high in (integers(b, pair, "paddings") for pair in rules.host(paddings))]
    count = len(blocks)
    x = padded(b, x, [(0, 0), *pairs, *[(0, 0)] * (x.rank - 1 - count)], "constant", 0)
    split: list[int | None] = [x.shape[0]]
    for axis, block in enumerate(blocks, start=1):
        split += [b.known(x, axis) // block, block]
    inner = b.reshape(x, (*split, *x.shape[1 + count :]))
    inside = [2 * i + 2 for i in range(count)]
    y = permuted(b, inner, [*inside, 0, *(i - 1 for i in inside), *range(1 + 2 * count, inner.rank)])
    return b.reshape(y, (None, *y.shape[count + 1 :]))


@tf("batch_to_space", "compat.v1.batch_to_space_nd")
def batch_to_space(b: Builder, input: Any, block_shape: Any, crops: Any) -> Value:
    """Images put together from the pixels of several, and cropped."""
    x = rules.native(b, input)
    blocks = integers(b, block_shape, "block_shape")
    pairs = [integers(b, pair, "crops") for pair in rules.host(crops)]
    count = len(blocks)
    x = b.reshape(x, (*blocks, None, *x.shape[1:]))
    order = [count]
    for i in range(count):
        order += [count + 1 + i, i]
    order += list(range(2 * count + 1, x.rank))
    y = permuted(b, x, order)
    sizes = [b.known(y, 2 * i + 1) * block for i, block in enumerate(blocks)]
    y = b.reshape(y, (None, *sizes, *y.shape[1 + 2 * count :]))
    cuts = [(0, 0), *((-low, -high) for low, high in pairs), *[(0, 0)] * (y.rank - 1 - count)]
    return padded(b, y, cuts, "constant", 0)
