"""Keras' core layers: Dense, EinsumDense, Embedding, Activation, Identity."""

from __future__ import annotations

from codegen.builder import Builder
from codegen.graph import Value
from codegen.layers.registry import lowers
from codegen.layout import stored_rows
from codegen.spec.model import LayerSpec


@lowers("Dense")
def dense(
    b: Builder, x: Value, *, units: int, activation: str | LayerSpec = "linear", use_bias: bool = True
) -> Value:
    """y = activation(x @ kernel + bias), on the last axis."""
    if x.flat is None:
        x = b.keras_layout(x)
    features = b.known(x, -1)
    kernel = b.weight("kernel", (features, units))
    y = b.module(
        "nn.Linear",
        x,
        kwargs={"in_features": features, "out_features": units, "bias": use_bias},
        state={"weight": stored_rows(x, kernel).T, "bias": b.weight("bias", (units,)) if use_bias else None},
        shape=(*x.shape[:-1], units),
    )
    return b.activation(y, activation)


@lowers("Activation")
def activation(b: Builder, x: Value, *, activation: str | LayerSpec = "linear") -> Value:
    """An activation as a layer of its own."""
    return b.activation(x, activation)


@lowers("Identity")
def identity(b: Builder, x: Value) -> Value:  # noqa: ARG001 - a layer function's first parameter
    """Its input."""
    return x
