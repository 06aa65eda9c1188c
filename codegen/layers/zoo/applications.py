"""Layers of the models of keras.applications, and of the packages efficientnet and keras-efficientnets."""

from __future__ import annotations

from codegen.graph import Value
from codegen.layers.regularization import drop_samples
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Rate, Size
from codegen.lowering.registry import lowers


@lowers("LayerScale", note="keras.applications' ConvNeXt")
def layer_scale(b: Builder, x: Value, *, projection_dim: Size, init_values: float = 1e-6) -> Value:
    """x * gamma, one factor a channel."""
    start = {"class_name": "Constant", "config": {"value": init_values}}
    gamma = b.parameter("gamma", b.weight("gamma", (projection_dim,), initializer=start))
    return b.op("x * gamma", shape=x.shape, x=x, gamma=gamma)


@lowers("StochasticDepth", note="keras.applications' ConvNeXt")
def stochastic_depth(b: Builder, x: Value, *, drop_path_rate: Rate) -> Value:
    """Drops whole samples in training."""
    return drop_samples(b, x, drop_path_rate)


@lowers("DropConnect", package="keras_efficientnets", note="keras-efficientnets")
def drop_connect(b: Builder, x: Value, *, drop_connect_rate: Rate = 0.0) -> Value:
    """Drops whole samples in training."""
    return drop_samples(b, x, drop_connect_rate)


@lowers("FixedDropout", package="efficientnet", note="efficientnet")
def fixed_dropout(
    b: Builder, x: Value, *, rate: Rate, noise_shape: tuple[int | None, ...] | None = None
) -> Value:
    """Dropout whose noise is shared along the axes where `noise_shape` is 1."""
    if noise_shape is None or all(size is None for size in noise_shape):
        return b.module("nn.Dropout", x, kwargs={"p": rate}, shape=x.shape)
    if noise_shape[0] is not None or any(size != 1 for size in noise_shape[1:]):
        b.unsupported("noise_shape", noise_shape, "supported: (None, 1, ..., 1)")
    return drop_samples(b, x, rate)


@lowers("CustomScaleLayer", note="keras.applications' InceptionResNetV2")
def custom_scale(b: Builder, xs: list[Value], *, scale: float) -> Value:
    """The shortcut plus the scaled branch."""
    shortcut, branch = xs
    return b.elementwise("x + scale * y", x=shortcut, y=branch, scale=scale)
