"""Spatial axes, windows and padding: what convolutions, pooling and reshaping have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from codegen.graph import Op, Value
from codegen.graph.dtypes import FLOATS
from codegen.lowering.binder import Quirk, options
from codegen.lowering.builder import Builder
from codegen.model.spec import Shape
from codegen.torch_api import short_arguments

SameOf = Literal["tensorflow", "theano", "torch", "unknown"]
DataFormat = Literal["channels_last", "channels_first"]
Padding = Literal["valid", "same", "causal", "full", "half"]
#: How to pad: a `Padding`, or "same" as Theano pads.
PadRule = Literal["valid", "same", "causal", "full", "half", "same_theano"]
Ints = int | tuple[int, ...]
Pads = tuple[tuple[int, int], ...]

_PAD = "F.pad(x, pads)"


def in_dims(class_name: str, *dims: int) -> dict[str, dict[str, int]]:
    """Variants of a layer for numbers of spatial axes: `in_dims("Conv{}D", 1, 2, 3)` binds `dims`."""
    return {class_name.format(n): {"dims": n} for n in dims}


def spatial_axes(rank: int, data_format: str) -> tuple[int, ...]:
    """Keras' spatial axes of a value of `rank` axes."""
    return tuple(range(2, rank)) if data_format == "channels_first" else tuple(range(1, rank - 1))


def channel_axis(rank: int, data_format: str) -> int:
    """Keras' channel axis."""
    return 1 if data_format == "channels_first" else rank - 1


def with_sizes(x: Value, data_format: str, sizes: Sequence[int | None], channels: int | None = None) -> Shape:
    """The shape of `x` with other spatial sizes, and other channels if given."""
    shape = list(x.shape)
    for axis, size in zip(spatial_axes(x.rank, data_format), sizes, strict=True):
        shape[axis] = size
    if channels is not None:
        shape[channel_axis(x.rank, data_format)] = channels
    return tuple(shape)


def sizes_of(x: Value, data_format: str) -> tuple[int | None, ...]:
    """The spatial sizes of `x`."""
    return tuple(x.shape[axis] for axis in spatial_axes(x.rank, data_format))


def check_rank(b: Builder, x: Value, dims: int) -> None:
    """Refuse a value without exactly `dims` spatial axes."""
    if x.rank != dims + 2:
        b.malformed(f"its input {x.shape} must have {dims + 2} axes")


def positive(b: Builder, value: Ints, count: int, option: str) -> tuple[int, ...]:
    """`value` as `count` numbers of at least 1."""
    numbers = b.ints(value, count, option)
    if 0 in numbers:
        b.unsupported(option, value, f"supported: {count} positive integers")
    return numbers


def call(
    b: Builder, callee: str, x: Value, arguments: Mapping[str, Any], shape: Shape, **flags: Any
) -> Value:
    """`callee(x, name=value, ...)` without the arguments that equal torch's defaults."""
    written = short_arguments(callee, dict(arguments))
    template = f"{callee}({', '.join(['x', *(f'{name}={name}' for name in written)])})"
    return b.op(template, shape=shape, perm=x.perm, x=x, **flags, **written)


def as_float(b: Builder, x: Value) -> Value:
    """Integers as floats that hold them, for what torch does to floats alone."""
    if x.dtype in FLOATS:
        return x
    return b.cast(x, "float64" if x.dtype in ("int32", "int64", "uint32") else "float32")


# -------------------------------------------------------------------- windows

UNKNOWN_BACKEND = (
    "TensorFlow and Theano pad such windows otherwise, and a file of Keras 1 without weights does not tell "
    "them apart; say which it was with --backend"
)


@options
class Windows:
    """The options that say where windows lie.

    Attributes:
        same_of: Whose rule the padding "same" follows; a file of Keras 1 does not always tell. Means on
            torch are no rule of their own, but a deviation.
    """

    padding: Padding = "valid"
    data_format: DataFormat = "channels_last"
    same_of: Quirk[SameOf] = "tensorflow"

    @property
    def rule(self) -> PadRule:
        """How to pad."""
        return "same_theano" if self.padding == "same" and self.same_of == "theano" else self.padding


@options
class ConvWindows(Windows):
    """The options that say where a convolution looks."""

    kernel_size: Ints
    strides: Ints = 1
    padding: Padding = "valid"
    dilation_rate: Ints = 1

    def by_axis(self, b: Builder, dims: int) -> AxisWindows:
        """The same with one entry for each of `dims` spatial axes."""
        if self.padding == "causal" and dims > 1:
            b.unsupported("padding", self.padding, "supported in one dimension")
        found = AxisWindows(
            positive(b, self.kernel_size, dims, "kernel_size"),
            positive(b, self.strides, dims, "strides"),
            positive(b, self.dilation_rate, dims, "dilation_rate"),
            self.rule,
            self.data_format,
        )
        if any(extent >= 2**31 for extent in found.extents):
            b.unsupported("dilation_rate", self.dilation_rate, "supported: windows smaller than 2**31")
        is_unknown = self.padding == "same" and self.same_of == "unknown"
        if is_unknown and not all(_backends_agree(*axis) for axis in found.axes):
            b.unsupported("padding", "same", UNKNOWN_BACKEND)
        return found


@dataclass(frozen=True)
class AxisWindows:
    """The same with one entry per spatial axis."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: PadRule
    data_format: DataFormat

    @property
    def axes(self) -> list[tuple[int, int, int]]:
        """Kernel size, stride and dilation of each axis."""
        return list(zip(self.kernel_size, self.strides, self.dilation, strict=True))

    def pads(self, sizes: Sequence[int | None]) -> list[tuple[int, int] | None]:
        """Padding of each axis, see `window_pads`."""
        return [window_pads(self.padding, size, *axis) for size, axis in zip(sizes, self.axes, strict=True)]

    @property
    def extents(self) -> list[int]:
        """Sizes of the dilated kernel."""
        return [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True)]


def window_pads(
    padding: str, size: int | None, kernel: int, stride: int, dilation: int = 1
) -> tuple[int, int] | None:
    """How a convolution pads one axis, before and after; None if that needs the unknown `size`.

    Formulas: `keras.src.backend.tensorflow.nn._pad_same_spatial_channels_last`; "half", "full" and
    "same_theano" as in `keras.backend.theano_backend` of Keras 1 and 2, whose crop behind a
    convolution of even size is written as one element less at the end.
    """
    extent = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return extent - 1, 0
    if padding == "full":
        return extent - 1, extent - 1
    if padding == "half":
        return extent // 2, extent // 2
    if padding == "same_theano":
        return extent // 2, (extent - 1) // 2
    if stride == 1:
        total = extent - 1
    elif size is None:
        totals = {max(extent - stride + short, 0) for short in range(stride)}
        if len(totals) > 1:
            return None
        total = totals.pop()
    else:
        total = max(extent - stride + -size % stride, 0)
    return total // 2, total - total // 2


def _backends_agree(kernel: int, stride: int, dilation: int) -> bool:
    """Whether "same" puts a convolution's windows in the same places on TensorFlow and on Theano."""
    sizes = range(1, (kernel - 1) * dilation + 1 + 2 * stride)
    tensorflow = {window_pads("same", size, kernel, stride, dilation) for size in sizes}
    return tensorflow == {window_pads("same_theano", None, kernel, stride, dilation)}


def window_count(
    size: int | None, pads: tuple[int, int] | None, kernel: int, stride: int, dilation: int = 1
) -> int | None:
    """How many windows fit on one axis; without `pads`, as many as "same" wants."""
    if size is None:
        return None
    if pads is None:
        return math.ceil(size / stride)
    return (size + sum(pads) - (kernel - 1) * dilation - 1) // stride + 1


def check_sizes(b: Builder, x: Value, sizes: Sequence[int | None]) -> None:
    """Refuse a result without elements."""
    if any(size is not None and size < 1 for size in sizes):
        b.malformed(f"its input {x.shape} is too small for its windows")


# -------------------------------------------------------------------- padding and cropping


def pad(b: Builder, x: Value, data_format: str, pads: Pads, value: float = 0.0) -> Value:
    """`x` with `pads` around its spatial axes; itself if there are none."""
    if not any(map(sum, pads)):
        return x
    grown = [size and size + sum(pair) for size, pair in zip(sizes_of(x, data_format), pads, strict=True)]
    by_axis = dict(zip(spatial_axes(x.rank, data_format), pads, strict=True))
    flat: list[int] = []
    for axis in reversed(x.perm):
        flat += by_axis.get(axis, (0, 0))
    while flat[-2:] == [0, 0]:
        del flat[-2:]
    shape = with_sizes(x, data_format, grown)
    if value:
        return b.op("F.pad(x, pads, value=value)", shape=shape, x=x, like=x, pads=tuple(flat), value=value)
    return b.op(_PAD, shape=shape, op=Op.ZERO_PAD, non_negative=x.non_negative, x=x, like=x, pads=tuple(flat))


def crop(b: Builder, x: Value, data_format: str, pairs: Pads) -> Value:
    """`x` without some elements at the ends of its spatial axes; itself if there are none."""
    sizes = [
        size and max(size - sum(pair), 0) for size, pair in zip(sizes_of(x, data_format), pairs, strict=True)
    ]
    index = [slice(None)] * x.rank
    for axis, (before, after) in zip(spatial_axes(x.rank, data_format), pairs, strict=True):
        index[x.dim(axis)] = slice(before or None, -after or None)
    while index[-1:] == [slice(None)]:
        index.pop()
    if not index:
        return x
    shape = with_sizes(x, data_format, sizes)
    return b.op("x[index]", shape=shape, non_negative=x.non_negative, x=x, like=x, index=tuple(index))


def absorb_padding(b: Builder, x: Value, data_format: str) -> tuple[Value, Pads]:
    """What a zero padding pads, stored channels first, and its pads; `x` and zeros if it is none.

    Two zero paddings in a row count as one.
    """
    axes = spatial_axes(x.rank, data_format)
    found = dict.fromkeys(range(x.rank), (0, 0))
    source, paddings = x, []
    while source.node is not None and source.node.op is Op.ZERO_PAD:
        flat = source.node.operands["pads"]
        pairs = zip(flat[::2], flat[1::2], strict=True)
        own = {source.perm[-1 - position]: pair for position, pair in enumerate(pairs)}
        if min(flat) < 0 or any(sum(own[axis]) for axis in own if axis not in axes):
            break
        for axis, (before, after) in own.items():
            found[axis] = (found[axis][0] + before, found[axis][1] + after)
        paddings.append(source.node)
        source = source.node.source
    padded = b.channels_first(source, data_format)
    b.absorbed.extend(paddings)
    return padded, tuple(found[axis] for axis in axes)


def blocks_of_channels(b: Builder, x: Value, data_format: str, size: int) -> Value:
    """Images `size` times as high and wide: the channels of each pixel as a block of pixels.

    Unlike in `F.pixel_shuffle`, the pixels of a block come before the channels of each.
    """
    check_rank(b, x, 2)
    channels = x.shape[channel_axis(x.rank, data_format)]
    if channels is None or size < 1 or channels % size**2:
        b.malformed(f"{channels} channels are no blocks of {size}x{size}")
    inner = channels // size**2
    shape = with_sizes(x, data_format, [n and n * size for n in sizes_of(x, data_format)], inner)
    if data_format == "channels_first":
        template = "torch.unflatten(x, 1, sizes).permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)"
    else:
        template = "torch.unflatten(x, 3, sizes).permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)"
    return b.op(template, shape=shape, x=x, sizes=(size, size, inner))
