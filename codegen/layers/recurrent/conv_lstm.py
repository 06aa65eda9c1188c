"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: LSTMs over sequences of signals, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from codegen.graph import Symbol, Value
from codegen.graph.recipe import Weight
from codegen.layers.recurrent.cells import CellOptions
from codegen.layers.recurrent.functions import Activation, activations, dropout_rates
from codegen.layers.recurrent.loop import Loop, Outcome, run_layer, run_stepwise
from codegen.lowering import layout
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import AxisWindows, ConvWindows, in_dims, window_count
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import Shape


@options
class ConvLSTMWindows(ConvWindows):
    """The options that say where the convolutions look."""

    padding: Literal["valid", "same"] = "valid"


@options
class ConvLSTMOptions(CellOptions):
    """The options of a step."""

    filters: Size
    recurrent_activation: Activation = "sigmoid"


@lowers(in_dims("ConvLSTM{}D", 1, 2, 3), masks="own", training_only=("unit_forget_bias",))
def conv_lstm(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    *,
    dims: int,
    step: ConvLSTMOptions,
    windows: ConvLSTMWindows,
    loop: Loop,
) -> list[Value]:
    """An LSTM whose projections are convolutions; the recurrent one keeps the size."""
    if loop.time_major:
        b.unsupported("time_major", loop.time_major, "Keras' ConvLSTM does not look at it")
    cell = ConvLSTMCell(step, windows.by_axis(b, dims))
    holder = b.sublayer("cell", replace(b.spec, class_name="ConvLSTMCell"))
    return run_layer(b, [(cell, holder)], loop, x, initial_state, training)


@dataclass(frozen=True)
class ConvLSTMCell:
    """An LSTM's step with convolutions; see `loop.Cell`."""

    options: ConvLSTMOptions
    window: AxisWindows

    num_states: ClassVar[int] = 2

    @property
    def dropout(self) -> float:
        """Of the input."""
        return self.options.dropout

    @property
    def recurrent_dropout(self) -> float:
        """Of the state."""
        return self.options.recurrent_dropout

    @property
    def _rank(self) -> int:
        return len(self.window.kernel_size)

    @property
    def _is_channels_first(self) -> bool:
        return self.window.data_format == "channels_first"

    @property
    def state_perm(self) -> tuple[int, ...]:
        """(N, filters, spatial...)."""
        return layout.channels_first_perm(self._rank + 2, self.window.data_format)

    def arranged(self, b: Builder, x: Value) -> Value:
        """The input as floats, stored as (N, T, C, spatial...)."""
        perm = (0, 1, *(axis + 1 for axis in self.state_perm[1:]))
        return layout.to_perm(b, b.floating(x), perm)

    def state_shape(self, _b: Builder, x: Value) -> Shape:
        """(N, spatial..., filters), or with the filters first."""
        sizes = [x.shape[axis] for axis in self._spatial_axes]
        pads = self.window.pads(sizes)
        facts = zip(sizes, pads, self.window.axes, strict=True)
        spatial = [window_count(size, pair, *axis) for size, pair, axis in facts]
        filters = self.options.filters
        return (x.shape[0], *((filters, *spatial) if self._is_channels_first else (*spatial, filters)))

    @property
    def _spatial_axes(self) -> range:
        """Of a sequence."""
        start = 3 if self._is_channels_first else 2
        return range(start, start + self._rank)

    def run(
        self,
        b: Builder,
        holder: Builder,
        loop: Loop,
        x: Value,
        mask: Value | None,
        states: Sequence[Value] | None,
        part: str = "",
    ) -> Outcome:
        """Run over time, step by step."""
        rank, filters, own = self._rank, self.options.filters, self.options
        size, padding = self.window.kernel_size, self.window.padding
        channels = b.known(x, 2 if self._is_channels_first else -1)
        inner = self.state_shape(b, x)[1:]
        kernel = holder.weight("kernel", (*size, channels, 4 * filters))
        recurrent = holder.weight("recurrent_kernel", (*size, filters, 4 * filters))
        bias = holder.weight("bias", (4 * filters,)) if own.use_bias else None
        if padding == "same_theano":
            kernel, recurrent = _odd(kernel), _odd(recurrent)
        kwargs: dict[str, Any] = {"kernel_size": _one(kernel.shape[:rank])}
        if set(self.window.strides) != {1}:
            kwargs["stride"] = _one(self.window.strides)
        if set(self.window.dilation) != {1}:
            kwargs["dilation"] = _one(self.window.dilation)
        is_odd = all(extent % 2 for extent in self.window.extents)  # torch copies the input for others
        if set(self.window.strides) == {1} and (padding == "same_theano" or (padding == "same" and is_odd)):
            kwargs["padding"] = "same"
        elif padding == "same_theano":
            reach = zip(kernel.shape, self.window.dilation, strict=False)
            kwargs["padding"] = _one(tuple(k // 2 * d for k, d in reach))
        elif padding == "same":
            x = self._padded(b, x)
        if any(k % 2 == 0 for k in kernel.shape[:rank]):  # torch copies the state for others
            last_first = reversed(kernel.shape[:rank])
            kwargs["around"] = [n for k in last_first for n in ((k - 1) // 2, k // 2)]
        if rank != 2:
            kwargs["rank"] = rank
        if not own.use_bias:
            kwargs["bias"] = False
        kwargs |= activations(b, own.activation, own.recurrent_activation)
        kwargs |= dropout_rates(own.dropout, own.recurrent_dropout)
        to_torch = (rank + 1, rank, *range(rank))
        module = b.define(
            "ConvLSTM",
            args=(Symbol(f"nn.Conv{rank}d"), channels, filters),
            kwargs=kwargs,
            state={
                "input_conv.weight": kernel.permute(*to_torch),
                "input_conv.bias": bias,
                "recurrent_conv.weight": recurrent.permute(*to_torch),
            },
            part=part,
        )
        before = [layout.to_perm(b, state, self.state_perm) for state in states or ()]
        return run_stepwise(b, module, loop, x, mask, before or None, inner, 2, self.state_perm)

    def _padded(self, b: Builder, x: Value) -> Value:
        """`x` padded as TensorFlow pads for "same": the odd one at the end."""
        shape = list(x.shape)
        widths: list[int] = []
        pads = self.window.pads([b.known(x, axis) for axis in self._spatial_axes])
        for axis, pair in zip(reversed(self._spatial_axes), reversed(pads), strict=True):
            before, after = pair or (0, 0)
            widths += [before, after]
            shape[axis] = b.known(x, axis) + before + after
        return b.op("F.pad(x, widths)", shape=tuple(shape), x=x, like=x, widths=tuple(widths))


def _one(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _odd(kernel: Weight) -> Weight:
    """Even sizes made odd by zeros at the end: Theano pads k // 2 in front, now also behind."""
    for axis, size in enumerate(kernel.shape[:-2]):
        if size % 2 == 0:
            zeros = Weight.full((*kernel.shape[:axis], 1, *kernel.shape[axis + 1 :]), 0.0)
            kernel = Weight.cat([kernel, zeros], axis)
    return kernel
