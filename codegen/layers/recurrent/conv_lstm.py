"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: LSTMs over sequences of signals, images and volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from codegen.graph import Symbol, Value
from codegen.graph.recipe import Weight
from codegen.layers.recurrent.cells import Activation, activations, dropout_rates
from codegen.layers.recurrent.loop import Loop, flat_states, refuse_training, remember, run_stepwise
from codegen.lowering import layout
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import ConvWindows, in_dims
from codegen.lowering.registry import lowers


@options
class ConvLSTMWindows(ConvWindows):
    """The options that say where the convolutions look."""

    padding: Literal["valid", "same"] = "valid"


@lowers(in_dims("ConvLSTM{}D", 1, 2, 3), masks="own")
def conv_lstm(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    *,
    dims: int,
    filters: int,
    windows: ConvLSTMWindows,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    use_bias: bool = True,
    unit_forget_bias: bool = True,  # noqa: ARG001 - says how the bias is initialised
    dropout: float = 0.0,
    recurrent_dropout: float = 0.0,
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
    stateful: bool = False,
    unroll: bool = False,  # noqa: ARG001 - how Keras runs it, not what it computes
    zero_output_for_mask: bool = False,
) -> list[Value]:
    """An LSTM whose projections are convolutions; the recurrent one keeps the size."""
    rank = dims
    window = windows.by_axis(b, rank)
    size, stride, dilation = window.kernel_size, window.strides, window.dilation
    padding = window.padding
    refuse_training(b, training, dropout or recurrent_dropout)
    loop = Loop(return_sequences, return_state, go_backwards, stateful, False, zero_output_for_mask)
    mask, carried = b.mask(x), b.carried_mask(x)
    run_mask = mask
    first = window.data_format == "channels_first"
    perm = tuple(range(rank + 2)) if first else (0, rank + 1, *range(1, rank + 1))
    x = layout.to_perm(b, x, (0, 1, *(axis + 1 for axis in perm[1:])))
    channels = b.known(x, 2 if first else -1)
    if go_backwards:
        x = b.op("x.flip(1)", shape=x.shape, x=x, like=x)
        run_mask = b.op("x.flip(1)", shape=mask.shape, x=mask) if mask else None
    cell = b.sublayer("cell", replace(b.spec, class_name="ConvLSTMCell"))
    kernel = cell.weight("kernel", (*size, channels, 4 * filters))
    recurrent = cell.weight("recurrent_kernel", (*size, filters, 4 * filters))
    bias = cell.weight("bias", (4 * filters,)) if use_bias else None
    if padding == "same_theano":
        kernel, recurrent, size = _odd(kernel), _odd(recurrent), tuple(k // 2 * 2 + 1 for k in size)
    kwargs: dict[str, Any] = {"kernel_size": _one(size)}
    if set(stride) != {1}:
        kwargs["stride"] = _one(stride)
    if set(dilation) != {1}:
        kwargs["dilation"] = _one(dilation)
    if padding != "valid" and set(stride) == {1}:
        kwargs["padding"] = "same"
    elif padding == "same_theano":
        kwargs["padding"] = _one(tuple(k // 2 * d for k, d in zip(size, dilation, strict=True)))
    elif padding == "same":
        x = _pad(b, x, size, stride, dilation, first)
    if not use_bias:
        kwargs["bias"] = False
    kwargs |= activations(b, activation, recurrent_activation) | dropout_rates(dropout, recurrent_dropout)
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
    )
    spatial = [
        _output_size(x.shape[axis + (3 if first else 2)], size[axis], stride[axis], dilation[axis], padding)
        for axis in range(rank)
    ]
    inner = (filters, *spatial) if first else (*spatial, filters)
    given = [layout.to_perm(b, state, perm) for state in flat_states(b, initial_state, 2)]
    memory = None
    if stateful:
        memory, remembered = remember(b, [(x.shape[0], filters, *spatial)] * 2)
        given = given or remembered
    outcome = run_stepwise(b, module, loop, x, run_mask, given or None, inner, 2, perm)
    if memory is not None:
        b.emit("memory.keep(states)", None, memory=memory, states=list(outcome.states))
    if return_sequences:
        outcome.output.mask = carried
    return [outcome.output, *outcome.states] if return_state else [outcome.output]


def _one(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _odd(kernel: Weight) -> Weight:
    """Even sizes made odd by zeros at the end: Theano pads k // 2 in front, now also behind."""
    for axis, size in enumerate(kernel.shape[:-2]):
        if size % 2 == 0:
            zeros = Weight.full((*kernel.shape[:axis], 1, *kernel.shape[axis + 1 :]), 0.0)
            kernel = Weight.cat([kernel, zeros], axis)
    return kernel


def _output_size(size: int | None, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    """Keras' size after a convolution whose input, where strides need it, has been padded already."""
    if size is None:
        return None
    if padding != "valid" and stride == 1:
        return size
    if padding == "same_theano":
        size += 2 * (kernel // 2) * dilation
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def _pad(
    b: Builder,
    x: Value,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    first: bool,
) -> Value:
    """`x` padded as TensorFlow pads for "same" with strides: the odd one at the end."""
    shape = list(x.shape)
    widths: list[int] = []
    for position in reversed(range(len(kernel))):
        axis = position + (3 if first else 2)
        size = b.known(x, axis)
        reach = dilation[position] * (kernel[position] - 1) + 1
        total = max((-(-size // stride[position]) - 1) * stride[position] + reach - size, 0)
        widths += [total // 2, total - total // 2]
        shape[axis] = size + total
    return b.op("F.pad(x, widths)", shape=tuple(shape), x=x, like=x, widths=tuple(widths))
