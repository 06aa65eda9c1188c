"""Convolutions of Keras 1 and 2 whose every position has weights of its own."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import (
    Ints,
    Windows,
    channel_axis,
    check_rank,
    check_sizes,
    in_dims,
    pad,
    positive,
    spatial_axes,
    with_sizes,
)
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

#: Of a kernel that is stored in another order than it is used in.
_MOST_ELEMENTS = 2**27

_FORWARD = {
    1: "torch.einsum('nclk,lckf->nfl', x.unfold(2, *k), kernel)",
    2: "torch.einsum('nchwij,hwcijf->nfhw', x.unfold(2, *k).unfold(3, *l), kernel)",
}


@options
class OwnWindows(Windows):
    """The options that say where the windows lie."""

    kernel_size: Ints
    strides: Ints = 1
    padding: Literal["valid", "same"] = "valid"


@lowers(in_dims("LocallyConnected{}D", 1, 2), masks="drop", note="Keras 1 and 2")
def locally_connected(
    b: Builder,
    x: Value,
    *,
    dims: int,
    filters: Size,
    windows: OwnWindows,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
    implementation: Literal[1, 2, 3] = 1,
) -> Value:
    """A convolution without shared weights; the three implementations differ in how they store these."""
    check_rank(b, x, dims)
    if windows.rule == "same_theano":
        b.unsupported("padding", "same", "supported in files of TensorFlow: Theano pads otherwise")
    data_format = windows.data_format
    kernel_size = positive(b, windows.kernel_size, dims, "kernel_size")
    steps = positive(b, windows.strides, dims, "strides")
    sizes = [b.known(x, axis) for axis in spatial_axes(x.rank, data_format)]
    channels = b.known(x, channel_axis(x.rank, data_format))
    layout = _Layout(
        sizes,
        kernel_size,
        steps,
        windows.padding,
        channels,
        filters,
        channels_first=data_format == "channels_first",
    )
    check_sizes(b, x, layout.outputs)
    if implementation != 1 and layout.elements > _MOST_ELEMENTS:
        b.unsupported("implementation", implementation, "supported: 1 for a kernel of this size")

    stored = b.weight("kernel", layout.stored_shape(implementation))
    kernel = b.parameter("kernel", layout.kernel(stored, implementation))
    x = b.channels_first(pad(b, x, data_format, layout.pads), data_format)
    shape = with_sizes(x, data_format, layout.outputs, filters)
    operands: dict[str, Any] = {"k": (kernel_size[0], steps[0])}
    if dims == 2:
        operands["l"] = (kernel_size[1], steps[1])
    y = b.op(_FORWARD[dims], shape=shape, perm=x.perm, x=x, kernel=kernel, **operands)
    if use_bias:
        bias = b.weight("bias", (*layout.outputs, filters))
        if data_format == "channels_first":  # Keras reshapes where it should permute
            bias = bias.reshape(filters, *layout.outputs)
        else:
            bias = bias.permute(dims, *range(dims))
        y = b.elementwise("y + bias", y=y, bias=b.parameter("bias", bias))
    return b.activation(y, activation)


class _Layout:
    """Where each weight of a locally connected layer is stored.

    Attributes:
        outputs: Spatial sizes of the output.
        pads: Of the input, before and after, per spatial axis.
    """

    def __init__(
        self,
        sizes: list[int],
        windows: tuple[int, ...],
        steps: tuple[int, ...],
        padding: str,
        channels: int,
        filters: int,
        *,
        channels_first: bool,
    ) -> None:
        self.sizes, self.windows, self.channels, self.filters = sizes, windows, channels, filters
        self.channels_first = channels_first
        outputs, pads = [], []
        for size, window, step in zip(sizes, windows, steps, strict=True):
            before = window // 2 if padding == "same" else 0
            count = -(-size // step) if padding == "same" else (size - window) // step + 1
            behind = (count - 1) * step + window - before - size if padding == "same" else 0
            outputs.append(count)
            pads.append((before, max(behind, 0)))
        self.outputs, self.pads, self._steps = tuple(outputs), tuple(pads), steps

    @property
    def elements(self) -> int:
        """Size of the kernel as torch has it."""
        return math.prod(self._full_shape())

    def stored_shape(self, implementation: int) -> tuple[int, ...]:
        """The shape of Keras' kernel."""
        taps = math.prod(self.windows)
        if implementation == 1:
            return (math.prod(self.outputs), taps * self.channels, self.filters)
        if implementation == 2 and self.channels_first:
            return (self.channels, *self.sizes, self.filters, *self.outputs)
        if implementation == 2:
            return (*self.sizes, self.channels, *self.outputs, self.filters)
        connected = int((self._inputs() >= 0).sum())
        return (connected * self.channels * self.filters,)

    def kernel(self, stored: Weight, implementation: int) -> Weight:
        """The kernel as (*outputs, channels, *windows, filters), from Keras' own."""
        shape = (*self.outputs, self.channels, *self.windows, self.filters)
        dims = len(self.windows)
        if implementation == 1:
            if self.channels_first:
                return stored.reshape(*shape)
            split = stored.reshape(*self.outputs, *self.windows, self.channels, self.filters)
            return split.permute(*range(dims), 2 * dims, *range(dims, 2 * dims), 2 * dims + 1)
        places = self._dense_places() if implementation == 2 else self._sparse_places()
        flat = Weight.cat([stored.reshape(math.prod(stored.shape)), Weight.full((1,), 0.0)])
        return flat.take(0, places.ravel().tolist()).reshape(*shape)

    def _inputs(self) -> NDArray[np.int64]:
        """(outputs, taps): the position in the input that each tap of each output reads; -1 for none."""
        grid = np.indices((*self.outputs, *self.windows)).reshape(2, len(self.sizes), -1)
        places = np.zeros(grid.shape[-1], np.int64)
        inside = np.ones(grid.shape[-1], bool)
        for axis, (size, step, (before, _)) in enumerate(
            zip(self.sizes, self._steps, self.pads, strict=True)
        ):
            place = grid[0, axis] * step - before + grid[1, axis]
            places = places * size + place
            inside &= (place >= 0) & (place < size)
        return np.where(inside, places, -1).reshape(math.prod(self.outputs), -1)

    def _dense_places(self) -> NDArray[np.int64]:
        """(outputs, channels, taps, filters): the index in a flat dense kernel; the last one for none."""
        inputs = self._inputs()[:, None, :, None]
        outputs = np.arange(math.prod(self.outputs))[:, None, None, None]
        channel, filter_ = np.arange(self.channels)[:, None, None], np.arange(self.filters)
        n_in, n_out = math.prod(self.sizes), math.prod(self.outputs)
        if self.channels_first:
            places = ((channel * n_in + inputs) * self.filters + filter_) * n_out + outputs
        else:
            places = ((inputs * self.channels + channel) * n_out + outputs) * self.filters + filter_
        return np.where(inputs >= 0, places, -1)

    def _sparse_places(self) -> NDArray[np.int64]:
        """(outputs, channels, taps, filters): the index among the connections, by output, then by input."""
        inputs = np.broadcast_to(self._inputs()[:, None, :, None], self._full_shape())
        output, channel, _, filter_ = np.indices(self._full_shape())
        n_in, n_out = math.prod(self.sizes), math.prod(self.outputs)
        if self.channels_first:
            order = (filter_ * n_out + output) * self.channels * n_in + channel * n_in + inputs
        else:
            order = (
                (output * self.filters + filter_) * self.channels * n_in + inputs * self.channels + channel
            )
        used = inputs >= 0
        places = np.full(self._full_shape(), -1, np.int64)
        places[used] = np.searchsorted(np.sort(order[used]), order[used])
        return places

    def _full_shape(self) -> tuple[int, int, int, int]:
        return math.prod(self.outputs), self.channels, math.prod(self.windows), self.filters
