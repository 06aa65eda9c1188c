"""Keras' core layers: Dense, embeddings, Masking, Activation, Identity."""

from __future__ import annotations

from typing import Any

from codegen.graph import Module, Value
from codegen.graph.dtypes import torch_dtype
from codegen.graph.recipe import Weight
from codegen.lowering.builder import Builder
from codegen.lowering.layout import stored_rows
from codegen.lowering.parts.quantized import (
    Quantization,
    is_quantised,
    rounded_input,
    row_weights,
    weights,
    with_low_rank,
)
from codegen.lowering.parts.rules import as_constant, constant
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec


@lowers("Dense")
def dense(
    b: Builder,
    x: Value,
    *,
    units: Size,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
    quantization: Quantization,
) -> Value:
    """y = activation(x @ kernel + bias), on the last axis."""
    if x.flat is None:
        x = b.keras_layout(x)
    features = b.known(x, -1)
    w = weights(b, (features, units), (units,) if use_bias else None, quantization)
    y = _linear(b, rounded_input(b, x, (-1,), quantization, w.input_scale), w.kernel, w.bias)
    if w.low_rank is not None:
        left, right = w.low_rank
        y = with_low_rank(b, y, _linear(b, x, left, None, part="lora_a"), right)
    return b.activation(y, activation)


def _linear(b: Builder, x: Value, kernel: Weight, bias: Weight | None, *, part: str = "") -> Value:
    """x @ kernel + bias, on the last axis."""
    features, units = kernel.shape
    return b.module(
        "nn.Linear",
        x,
        perm=x.perm,
        kwargs={"in_features": features, "out_features": units, "bias": bias is not None},
        state={"weight": stored_rows(x, kernel).T, "bias": bias},
        shape=(*x.shape[:-1], units),
        part=part,
    )


@lowers("Embedding", masks="own", note="an index outside the table is an error, also where Keras 3 wraps -1")
def embedding(
    b: Builder,
    x: Value,
    *,
    input_dim: Size,
    output_dim: Size,
    mask_zero: bool = False,
    quantization: Quantization,
) -> Value:
    """One learned vector for each index; index 0 may mean that there is none."""
    table = row_weights(b, (input_dim, output_dim), quantization)
    return _looked_up(b, _table(b, table), x, mask_zero=mask_zero)


def _table(b: Builder, weight: Weight) -> Module:
    count, size = weight.shape
    sizes = {"num_embeddings": count, "embedding_dim": size}
    return b.define("nn.Embedding", kwargs=sizes, state={"weight": weight})


def _looked_up(b: Builder, table: Module, x: Value, *, mask_zero: bool) -> Value:
    """The rows at indices; other numbers than integers are truncated, as by Keras.

    An index outside the table raises an IndexError, as in Keras 2 and on the CPU of Keras 3, which takes
    negative ones from the end; its first versions, with TensorFlow, took the nearest row.
    """
    size = table.kwargs["embedding_dim"]
    indices = x if x.dtype in ("int32", "int64") else b.cast(x, "int64")
    y = b.op("module(x)", shape=(*x.shape, size), dtype=b.dtype, module=table, x=indices)
    if mask_zero:
        y.mask = b.op("x != 0", shape=x.shape, dtype="bool", x=x)
    return y


@lowers("ReversibleEmbedding", masks="own")
def reversible_embedding(
    b: Builder,
    x: Value,
    reverse: bool = False,
    *,
    input_dim: Size,
    output_dim: Size,
    tie_weights: bool = True,
    mask_zero: bool = False,
    reverse_dtype: str | None = None,
    logit_soft_cap: float | None = None,
    quantization: Quantization,
) -> Value:
    """An embedding, or its transpose: from vectors back to scores of the indices."""
    shape, quantised = (input_dim, output_dim), is_quantised(b)
    table = row_weights(b, shape, quantization)
    kernel = None
    if not tie_weights:
        plain = quantization.without_low_rank
        kernel = row_weights(b, shape[::-1], plain, name="reverse_embeddings", by_column=True).T
    elif quantised and quantization.lora_rank is not None:  # the update is for indices only
        kernel = row_weights(b, shape, quantization.without_low_rank)
    module = _table(b, table)
    if not reverse:
        return _looked_up(b, module, x, mask_zero=mask_zero)
    if kernel is not None:
        sizes = {"in_features": output_dim, "out_features": input_dim, "bias": False}
        module = b.define("nn.Linear", kwargs=sizes, state={"weight": kernel}, part="reverse")
    x = b.keras_layout(x)
    if quantised:
        reverse_dtype = None
        x = rounded_input(b, x, (-1,), quantization, by_default=("int8", "int4"))
    operands: dict[str, Any] = {"x": b.cast(x, reverse_dtype or x.dtype), "module": module}
    template = "F.linear(x, module.weight)"
    if reverse_dtype not in (None, b.dtype):
        template = "F.linear(x, module.weight.to(target))"
        operands["target"] = torch_dtype(reverse_dtype or b.dtype)
    y = b.op(template, shape=(*x.shape[:-1], input_dim), **operands)
    if logit_soft_cap is not None:
        y = b.elementwise("torch.tanh(y / cap) * cap", y=y, cap=logit_soft_cap)
    return y


@lowers("Masking", masks="own")
def masking(b: Builder, x: Value, *, mask_value: float | tuple[float, ...] = 0.0) -> Value:
    """Steps that hold nothing but `mask_value` are masked, and zero."""
    x = b.keras_layout(x)
    value: Any = mask_value
    if isinstance(mask_value, tuple):
        value = constant(b, as_constant(b, mask_value))
        if len(mask_value) not in (1, x.shape[-1]):
            b.malformed(f"its mask_value has {len(mask_value)} numbers for an input of shape {x.shape}")
    mask = b.op(
        "(x != value).any(dim=-1)",
        shape=x.shape[:-1],
        dtype="bool",
        x=x,
        value=value,
    )
    if mask_value == 0:
        y = b.op("x", shape=x.shape, x=x)
    else:
        y = b.op("x * mask.unsqueeze(-1)", shape=x.shape, x=x, mask=mask)
    y.mask = mask
    return y


@lowers("Activation")
def activation(b: Builder, x: Value, *, activation: str | LayerSpec = "linear") -> Value:
    """An activation as a layer of its own."""
    return b.activation(x, activation)


@lowers("Identity")
def identity(b: Builder, x: Value) -> Value:  # noqa: ARG001 - a layer function's first parameter
    """Its input."""
    return x
