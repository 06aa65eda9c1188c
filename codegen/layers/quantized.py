"""Kernels that Keras 3 stores quantised or with a low-rank update, as the plain kernels they stand for.

Formulas: `_int8_build`, `_int4_build`, `enable_lora` and the calls in `dense.py`, `einsum_dense.py` and
`embedding.py`; `quantizers.py` (Keras 3.15).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from codegen.builder import Builder
from codegen.graph import Value
from codegen.weight import Weight

#: A serialised `QuantizationConfig`.
Quantization = Mapping[str, Any] | None


def weights(
    b: Builder,
    shape: Sequence[int],
    bias_shape: Sequence[int] | None,
    quantization: Quantization = None,
    lora_rank: int | None = None,
    lora_alpha: float | None = None,
    *,
    rows: int | None = None,
    scale_shape: Sequence[int] | None = None,
    align: Callable[[Weight], Weight] = lambda scale: scale,
) -> tuple[Weight, Weight | None]:
    """Kernel and bias of a layer, as floating-point numbers.

    Args:
        b: Of the layer.
        shape: Of the kernel.
        bias_shape: None if there is no bias.
        quantization: The layer's option of that name.
        lora_rank: Rank of the low-rank update, if there is one.
        lora_alpha: Its factor is `lora_alpha / lora_rank`.
        rows: Product of the kernel's axes that are summed over; its first axis by default.
        scale_shape: Of the scales of an int8 kernel; one for each output by default.
        align: Makes these scales fit the kernel.
    """
    mode, block = _mode(b, quantization)
    plain = not mode and lora_rank is None
    _note(b, mode, lora_rank)
    rows = rows or shape[0]
    columns = math.prod(shape) // rows
    stored = b.weight("kernel", _packed((rows, columns), 1) if mode == "int4" else shape, trainable=plain)
    bias = None if bias_shape is None else b.weight("bias", bias_shape)
    kernel = stored
    if mode == "int8":
        kernel = stored.apply("divide", align(_state(b, "kernel_scale", scale_shape or shape[-1:])))
    elif mode == "int4":
        unpacked = _unpacked(stored, 1, columns)
        kernel = _dequantised(b, "kernel", unpacked, 0, block).reshape(*shape)
    if lora_rank is not None and mode and _input_quantizer(mode, quantization):
        b.unsupported("lora_rank", lora_rank, "supported where the input is not quantised")
    return low_rank_updated(b, "kernel", kernel, lora_rank, lora_alpha), bias


def row_weights(
    b: Builder,
    shape: tuple[int, int],
    quantization: Quantization = None,
    lora_rank: int | None = None,
    lora_alpha: float | None = None,
    *,
    name: str = "embeddings",
    by_column: bool = False,
) -> Weight:
    """A table of embeddings as floating-point numbers.

    Args:
        b: Of the layer.
        shape: Of the table.
        quantization: The layer's option of that name.
        lora_rank: Rank of the low-rank update, if there is one.
        lora_alpha: Its factor is `lora_alpha / lora_rank`.
        name: Of the variable.
        by_column: Whether indices count columns, each with scales of its own, instead of rows.
    """
    mode, block = _mode(b, quantization)
    inner = 0 if by_column else 1
    _note(b, mode, lora_rank)
    trainable = not mode and lora_rank is None
    table = b.weight(name, _packed(shape, inner) if mode == "int4" else shape, trainable=trainable)
    if mode == "int8":
        table = _dequantised(b, name, table, inner, None)
    elif mode == "int4":
        table = _dequantised(b, name, _unpacked(table, inner, shape[inner]), inner, block)
    return low_rank_updated(b, name, table, lora_rank, lora_alpha)


def rounded_input(b: Builder, x: Value, axes: Sequence[int], quantization: Quantization) -> Value:
    """The input as a quantised layer sees it: rounded to steps of its largest number along `axes`."""
    mode, _ = _mode(b, quantization)
    quantizer = _input_quantizer(mode, quantization)
    if not mode or quantizer is None:
        return x
    if quantizer.get("class_name") != "AbsMaxQuantizer":
        b.unsupported("quantization_config", quantizer.get("class_name"), "supported: AbsMaxQuantizer")
    config = quantizer.get("config", {})
    low, high = config.get("value_range", (-127, 127))
    dims = [x.dim(axis) for axis in axes]
    return b.op(
        "round_to_steps(x, dims, low, high, eps)", shape=x.shape, flat=x.flat,
        x=x, dims=dims, low=int(low), high=int(high), eps=float(config.get("epsilon", 1e-7)),
    )  # fmt: skip


def low_rank_updated(
    b: Builder, name: str, kernel: Weight, rank: int | None, alpha: float | None
) -> Weight:
    """The kernel with its low-rank update, if it has one; a `.keras` file stores just the sum."""
    if rank is None:
        return kernel
    shape = kernel.shape
    left = b.weight(f"lora_{name}_a", (*shape[:-1], rank), aside=True)
    right = b.weight(f"lora_{name}_b", (rank, shape[-1]), aside=True)
    update = left.apply("matmul", right, shape=shape)
    return kernel + update.apply("multiply", Weight.full((), (alpha or rank) / rank))


# -------------------------------------------------------------------- parts


def _mode(b: Builder, quantization: Quantization) -> tuple[str, int | None]:
    """How the layer is quantised ("" if it is not), and how many numbers share a scale (None: all)."""
    mode, *sizes = b.spec.dtype.rpartition("_from_")[0].split("/")
    if mode not in ("", "int8", "int4"):
        b.unsupported("dtype", b.spec.dtype, "supported: int8, int4 and the dtypes without quantisation")
    block = int(sizes[0]) if sizes else None
    if quantization is not None and mode == "int4":
        block = quantization.get("config", {}).get("block_size")
    return mode, None if block == -1 else block


def _note(b: Builder, mode: str, lora_rank: int | None) -> None:
    if mode:
        b.note(f"{mode} weights are dequantised")
    if lora_rank is not None:
        b.note("low-rank updates are added to the weights")


def _input_quantizer(mode: str, quantization: Quantization) -> Mapping[str, Any] | None:
    if quantization is not None:
        found: Mapping[str, Any] | None = quantization.get("config", {}).get("activation_quantizer")
        return found
    return {"class_name": "AbsMaxQuantizer"} if mode == "int8" else None


def _state(b: Builder, name: str, shape: Sequence[int]) -> Weight:
    return b.weight(name, shape, trainable=False)


def _packed(shape: tuple[int, int], axis: int) -> tuple[int, int]:
    """The shape with two 4-bit numbers in a byte along `axis`."""
    rows, columns = shape
    return ((rows + 1) // 2, columns) if axis == 0 else (rows, (columns + 1) // 2)


def _unpacked(packed: Weight, axis: int, length: int) -> Weight:
    """Signed 4-bit numbers from bytes: first the lower half, then the upper one."""
    low = packed.apply("bitwise_and", Weight.constant(15)).apply("bitwise_xor", Weight.constant(8))
    low = low.apply("subtract", Weight.constant(8))
    high = packed.apply("right_shift", Weight.constant(4))
    sizes = packed.shape
    between = (*sizes[: axis + 1], 1, *sizes[axis + 1 :])
    both = Weight.cat([low.reshape(*between), high.reshape(*between)], axis=axis + 1)
    return both.reshape(*sizes[:axis], 2 * sizes[axis], *sizes[axis + 1 :]).slice(axis, 0, length)


def _dequantised(b: Builder, name: str, numbers: Weight, axis: int, block: int | None) -> Weight:
    """A table times its scales: one for each position across `axis`, or one for each block along it."""
    across = numbers.shape[1 - axis]
    if block is None:
        scale = _state(b, f"{name}_scale", (across,))
        return numbers.apply("divide", scale.reshape(1, across) if axis == 0 else scale.reshape(across, 1))
    length = numbers.shape[axis]
    groups = math.ceil(length / block)
    shape = (groups, across) if axis == 0 else (across, groups)
    of_block = [index // block for index in range(length)]
    scale = _state(b, f"{name}_scale", shape).take(axis, of_block)
    zero = _state(b, f"{name}_zero", shape).take(axis, of_block)
    _state(b, "g_idx", (numbers.shape[axis],))
    return numbers.apply("subtract", zero).apply("multiply", scale)
