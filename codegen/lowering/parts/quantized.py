"""Kernels that Keras 3 stores quantised or with a low-rank update, as the plain kernels they stand for.

Formulas: `quantized_build`, `enable_lora` and the calls in `dense.py`, `einsum_dense.py`, `embedding.py`
and `reversible_embedding.py`; `quantizers.py` (Keras 3.15).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codegen.errors import shorten
from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.recipe import Weight
from codegen.lowering.binder import Quirk, options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.nibbles import nibble_shape, nibbles, signed

#: The greatest number of float8_e4m3fn.
_FLOAT8_MAX = 448.0


@options
class LowRank:
    """The options of a kernel with a low-rank update; its factor is `lora_alpha / lora_rank`."""

    lora_rank: int | None = None
    lora_alpha: float | None = None


@options
class Quantization(LowRank):
    """The options that say how a kernel is stored.

    Attributes:
        quantization_config: A serialised `QuantizationConfig`.
        early_int4: Whether an int4 kernel is packed along what it sums over and has scales as an int8 one.
    """

    quantization_config: Mapping[str, Any] | None = None
    early_int4: Quirk[bool] = False

    @property
    def without_low_rank(self) -> Quantization:
        """The same for a kernel that has no update."""
        return replace(self, lora_rank=None)


@dataclass(frozen=True)
class KernelWeights:
    """What a layer computes with, as floating-point numbers.

    Attributes:
        kernel: With its low-rank update, if it has one.
        bias: None if there is none.
        input_scale: Steps to which a float8 layer rounds its input.
        low_rank: Two factors of an update that is no part of the kernel, as it works on the input
            before that is rounded.
    """

    kernel: Weight
    bias: Weight | None
    input_scale: Weight | None = None
    low_rank: tuple[Weight, Weight] | None = None


def weights(
    b: Builder,
    shape: Sequence[int],
    bias_shape: Sequence[int] | None,
    quantization: Quantization,
    *,
    rows: int | None = None,
    scale_shape: Sequence[int] | None = None,
    align: Callable[[Weight], Weight] = lambda scale: scale,
    summed_axis: int = 0,
) -> KernelWeights:
    """Kernel and bias of a layer.

    Args:
        b: Of the layer.
        shape: Of the kernel.
        bias_shape: None if there is no bias.
        quantization: The layer's options.
        rows: Product of the kernel's axes that are summed over; its first axis by default.
        scale_shape: Of the scales of an int8 kernel; one for each output by default.
        align: Makes these scales fit the kernel.
        summed_axis: The first axis of the kernel that is summed over.
    """
    mode = _mode(b, quantization)
    _note(b, mode)
    if mode.name in ("gptq", "awq"):
        return _calibrated(b, mode, shape, bias_shape, quantization.lora_rank)
    rows = rows or shape[0]
    columns = math.prod(shape) // max(rows, 1)
    packed = shape
    if mode.is_early:
        packed = [(n + 1) // 2 if axis == summed_axis else n for axis, n in enumerate(shape)]
    elif mode.name == "int4":
        packed = nibble_shape((rows, columns), 1)
    stored = b.weight(
        "kernel", packed, trainable=mode.name in ("", "float8") and quantization.lora_rank is None
    )
    bias = None if bias_shape is None else b.weight("bias", bias_shape)
    if mode.name == "float8":
        return _float8(b, mode, stored, bias, quantization.lora_rank)
    kernel = stored
    if mode.is_early:
        stored = signed(nibbles(stored, summed_axis, shape[summed_axis]))
    if mode.name == "int8" or mode.is_early:
        scale = align(_state(b, "kernel_scale", scale_shape or shape[-1:]))
        kernel = stored.apply("divide", _computed(b, scale))
    elif mode.name == "int4":
        unpacked = signed(nibbles(stored, 1, columns))
        kernel = _dequantised(b, "kernel", unpacked, 0, mode.block).reshape(*shape)
    if quantization.lora_rank is not None and _input_quantizer(b, mode, quantization):
        return KernelWeights(kernel, bias, low_rank=_low_rank(b, "kernel", kernel.shape, quantization))
    return KernelWeights(low_rank_updated(b, "kernel", kernel, quantization), bias)


def is_quantised(b: Builder) -> bool:
    """Whether the layer's dtype policy says that it is."""
    return "_from_" in b.spec.dtype


def row_weights(
    b: Builder,
    shape: tuple[int, int],
    quantization: Quantization,
    *,
    name: str = "embeddings",
    by_column: bool = False,
) -> Weight:
    """A table of embeddings as floating-point numbers.

    Args:
        b: Of the layer.
        shape: Of the table.
        quantization: The layer's options.
        name: Of the variable.
        by_column: Whether indices count columns, each with scales of its own, instead of rows.
    """
    mode = _mode(b, quantization)
    if mode.name not in ("", "int8", "int4"):
        b.unsupported("dtype", b.spec.dtype, "supported: int8, int4 and the dtypes without quantisation")
    inner = 0 if by_column else 1
    _note(b, mode)
    packed = nibble_shape(shape, inner) if mode.name == "int4" else shape
    table = b.weight(name, packed, trainable=not mode.name and quantization.lora_rank is None)
    if mode.name == "int8":
        table = _dequantised(b, name, table, inner, None)
    elif mode.name == "int4":
        unpacked = signed(nibbles(table, inner, shape[inner]))
        table = _dequantised(b, name, unpacked, inner, mode.block)
    return low_rank_updated(b, name, table, quantization)


def rounded_input(
    b: Builder,
    x: Value,
    axes: Sequence[int],
    quantization: Quantization,
    scale: Weight | None = None,
    *,
    by_default: Sequence[str] = ("int8",),
) -> Value:
    """The input as a quantised layer sees it.

    Args:
        b: Of the layer.
        x: The input.
        axes: An int8 layer rounds to steps of the largest number along these.
        quantization: The layer's options.
        scale: A float8 layer rounds to float8 numbers times this.
        by_default: Modes that round where the option says nothing.
    """
    mode = _mode(b, quantization)
    if scale is not None:
        x, factor = b.floating(x), b.buffer("input_scale", scale)
        return b.op("round_to_float8(x, scale)", shape=x.shape, like=x, x=x, scale=factor)
    quantizer = _input_quantizer(b, mode, quantization, by_default)
    if quantizer is None:
        return x
    config = _settings(b, quantizer)
    if quantizer.get("class_name") != "AbsMaxQuantizer":
        b.unsupported("quantization_config", quantizer.get("class_name"), "supported: AbsMaxQuantizer")
    if x.dtype not in FLOATS:
        b.unsupported("dtype", b.spec.dtype, f"supported on floating-point inputs, not on {x.dtype}")
    try:
        low, high = map(int, config.get("value_range", (-127, 127)))
        eps = float(config.get("epsilon", 1e-7))
    except (TypeError, ValueError):
        b.malformed(f"its quantizer has the settings {shorten(config)}")
    template, dims = "round_to_steps(x, dims, low, high, eps)", [x.dim(axis) for axis in axes]
    return b.op(template, shape=x.shape, like=x, x=x, dims=dims, low=low, high=high, eps=eps)


def low_rank_updated(b: Builder, name: str, kernel: Weight, update: LowRank) -> Weight:
    """The kernel with its low-rank update, if it has one; a `.keras` file stores just the sum."""
    if update.lora_rank is None:
        return kernel
    b.note("low-rank updates are added to the weights")
    left, right = _low_rank(b, name, kernel.shape, update)
    return kernel + left.apply("matmul", right, shape=kernel.shape)


def with_low_rank(b: Builder, y: Value, x: Value, right: Weight) -> Value:
    """`y` and the update of it that `right` makes of the last axis of `x`."""
    rank, units = right.shape
    update = b.module(
        "nn.Linear", x, kwargs={"in_features": rank, "out_features": units, "bias": False},
        state={"weight": right.T}, shape=(*x.shape[:-1], units), part="lora_b",
    )  # fmt: skip
    return b.elementwise("y + update", y=y, update=update)


# -------------------------------------------------------------------- parts


@dataclass(frozen=True)
class _Mode:
    """How a layer is quantised.

    Attributes:
        name: As Keras calls it; empty if the layer is not quantised.
        block: How many numbers share a scale; None for all along an axis.
        bits: Of a stored number, with GPTQ and AWQ.
        history: How many maxima a float8 layer remembers.
        is_early: See `Quantization.early_int4`.
    """

    name: str
    block: int | None = None
    bits: int = 4
    history: int = 1024
    is_early: bool = False


def _mode(b: Builder, quantization: Quantization) -> _Mode:
    name, *sizes = b.spec.dtype.rpartition("_from_")[0].split("/")
    if name == "int4" and quantization.early_int4:
        return _Mode(name, is_early=True)
    try:
        numbers = [int(size) for size in sizes]
    except ValueError:
        b.malformed(f"its dtype policy {shorten(b.spec.dtype)} is none that Keras knows")
    if name == "float8":
        return _Mode(name, history=numbers[0] if numbers else 1024)
    if name == "int4":
        block = numbers[0] if numbers else None
        if quantization.quantization_config is not None:
            block = _settings(b, quantization.quantization_config).get("block_size")
        if not (block is None or (type(block) is int and (block > 0 or block == -1))):
            b.malformed(f"numbers that share a scale should be counted, but are {shorten(block)}")
        return _Mode(name, None if block == -1 else block)
    if name in ("gptq", "awq") and len(numbers) == 2 and numbers[0] in (2, 3, 4, 8):
        return _Mode(name, None if numbers[1] == -1 else numbers[1], bits=numbers[0])
    if name not in ("", "int8"):
        b.unsupported("dtype", b.spec.dtype, "supported: int8, int4, float8, gptq, awq and plain dtypes")
    return _Mode(name)


def _note(b: Builder, mode: _Mode) -> None:
    if mode.name == "float8":
        b.note("float8 kernels are rounded once, and their scales and those of inputs stay as saved")
    elif mode.name:
        b.note(f"{mode.name} weights are dequantised")


def _settings(b: Builder, saved: object) -> Mapping[str, Any]:
    """The config of a serialised object."""
    config = saved.get("config", {}) if isinstance(saved, Mapping) else None
    if not isinstance(config, Mapping):
        b.malformed(f"its quantization_config holds {shorten(saved)}, which is no serialised object")
    return config


def _input_quantizer(
    b: Builder, mode: _Mode, quantization: Quantization, by_default: Sequence[str] = ("int8",)
) -> Mapping[str, Any] | None:
    if mode.name not in ("int8", "int4"):
        return None
    saved = quantization.quantization_config
    if saved is not None:
        found: Mapping[str, Any] | None = _settings(b, saved).get("activation_quantizer")
        return found
    return {"class_name": "AbsMaxQuantizer"} if mode.name in by_default or mode.is_early else None


def _low_rank(b: Builder, name: str, shape: Sequence[int], update: LowRank) -> tuple[Weight, Weight]:
    """The two factors of an update; the second one has the scale."""
    rank = update.lora_rank or 0
    left = b.weight(f"lora_{name}_a", (*shape[:-1], rank), aside=True)
    right = b.weight(f"lora_{name}_b", (rank, shape[-1]), aside=True)
    return left, right.apply("multiply", Weight.full((), (update.lora_alpha or rank) / rank))


def _float8(
    b: Builder, mode: _Mode, stored: Weight, bias: Weight | None, lora_rank: int | None
) -> KernelWeights:
    """A kernel that is rounded to float8; what only its training needs is left out."""
    if lora_rank is not None:
        b.unsupported("lora_rank", lora_rank, "Keras cannot call a float8 layer that has one")
    scales = {}
    for part in ("inputs", "kernel", "outputs_grad"):
        scales[part] = _computed(b, b.weight(f"{part}_scale", ()))
        b.weight(f"{part}_amax_history", (mode.history,))
    scale, limit = scales["kernel"], Weight.full((), _FLOAT8_MAX)
    numbers = _computed(b, _computed(b, stored).apply("divide", scale))
    numbers = numbers.apply("clip", Weight.full((), -_FLOAT8_MAX), limit).round_to("float8_e4m3fn")
    if bias is not None and b.dtype == "float32":
        bias = bias.round_to("bfloat16")
    return KernelWeights(_computed(b, numbers.apply("multiply", scale)), bias, scales["inputs"])


def _calibrated(
    b: Builder,
    mode: _Mode,
    shape: Sequence[int],
    bias_shape: Sequence[int] | None,
    lora_rank: int | None,
) -> KernelWeights:
    """A kernel that GPTQ or AWQ has quantised, which stores it transposed."""
    if lora_rank is not None or len(shape) not in (2, 3):
        b.unsupported("dtype", b.spec.dtype, "supported without lora_rank, for kernels of two or three axes")
    # Keras takes the longest of three axes for the features of the model.
    rows = shape[0] if len(shape) == 2 or shape[0] == max(shape) else shape[0] * shape[1]
    columns = math.prod(shape) // rows
    bias = None if bias_shape is None else b.weight("bias", bias_shape)
    stored = _state(b, "kernel", nibble_shape((columns, rows), 0) if mode.bits == 4 else (columns, rows))
    groups = math.ceil(rows / mode.block) if mode.block else 1
    scale = _state(b, "kernel_scale", (columns, groups))
    zero = _state(b, "kernel_zero", (columns, groups))
    factors = _state(b, "awq_scales", (rows,)) if mode.name == "awq" else None
    spread = _spread(b, groups, rows)
    numbers = nibbles(stored, 0, columns) if mode.bits == 4 else stored
    numbers = numbers.apply("subtract", zero.apply("matmul", spread, shape=(columns, rows)))
    kernel = numbers.apply("multiply", scale.apply("matmul", spread, shape=(columns, rows))).T
    if factors is not None:
        kernel = kernel.apply("divide", factors.reshape(rows, 1))
    return KernelWeights(kernel.reshape(*shape), bias)


def _computed(b: Builder, weight: Weight) -> Weight:
    """The weight in the layer's compute dtype, in which Keras goes on."""
    return weight if b.dtype in ("float32", "float64") else weight.round_to(b.dtype)


def _state(b: Builder, name: str, shape: Sequence[int]) -> Weight:
    """A weight that no training changes."""
    return b.weight(name, shape, trainable=False)


def _dequantised(b: Builder, name: str, numbers: Weight, axis: int, block: int | None) -> Weight:
    """A table times its scales: one for each position across `axis`, or one for each block along it."""
    across = numbers.shape[1 - axis]
    if block is None:
        scale = _state(b, f"{name}_scale", (across,))
        return numbers.apply("divide", scale.reshape(1, across) if axis == 0 else scale.reshape(across, 1))
    length = numbers.shape[axis]
    groups = math.ceil(length / block)
    scale = _state(b, f"{name}_scale", (groups, across) if axis == 0 else (across, groups))
    zero = _state(b, f"{name}_zero", scale.shape)
    spread = _spread(b, groups, length)
    if axis == 0:
        of_block = [spread.T.apply("matmul", part, shape=numbers.shape) for part in (zero, scale)]
    else:
        of_block = [part.apply("matmul", spread, shape=numbers.shape) for part in (zero, scale)]
    return numbers.apply("subtract", of_block[0]).apply("multiply", of_block[1])


def _spread(b: Builder, groups: int, length: int) -> Weight:
    """What makes one number for each position of one for each group: the saved indices, one-hot."""
    indices = _state(b, "g_idx", (length,)).apply("trunc").reshape(1, length)
    each = Weight.constant(list(range(groups))).reshape(groups, 1)
    return indices.apply("equal", each).apply("multiply", Weight.full((), 1.0))
