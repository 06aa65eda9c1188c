"""Keras' regularisation layers: dropout and noise, which do something in training only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import NonNegative, Rate
from codegen.lowering.registry import lowers
from codegen.torch_api import facts

_DROPOUTS = ("nn.Dropout", "nn.Dropout1d", "nn.Dropout2d", "nn.Dropout3d")

#: What the modules do in training mode.
_ALWAYS = {
    **{name: f"{facts(name).function}(x, p=p, training=True)" for name in (*_DROPOUTS, "nn.AlphaDropout")},
    "GaussianDropout": "gaussian_dropout(x, p)",
    "GaussianNoise": "gaussian_noise(x, p)",
    "SharedDropout": "shared_dropout(x, p, dims, rank)",
    "SharedAlphaDropout": "shared_alpha_dropout(x, p, dims, rank)",
}


@lowers("Dropout")
def dropout(
    b: Builder,
    x: Value,
    training: bool | None = None,
    *,
    rate: Rate,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Value:
    """Drop elements, or with a noise shape whole slices, while training."""
    shared = _shared_axes(b, x, noise_shape)
    if not shared:
        return _training_only(b, x, "nn.Dropout", rate, training)
    if shared == list(range(1, x.rank - 1)) and x.rank <= 5:
        return _spatial(b, x, rate, training, "channels_last")
    if shared == list(range(1, x.rank)) and not training:
        return drop_samples(b, x, rate if training is None else 0)
    return _training_only(b, x, "SharedDropout", rate, training, shared)


def drop_samples(b: Builder, x: Value, rate: float) -> Value:
    """Drop whole samples while training."""
    if rate == 0:
        return x
    return b.module("StochasticDepth", x, like=x, kwargs={"p": rate, "rank": x.rank}, shape=x.shape)


@lowers("SpatialDropout1D")
def spatial_dropout_1d(b: Builder, x: Value, training: bool | None = None, *, rate: Rate) -> Value:
    """Drop whole feature maps (N, T, C) while training."""
    return _spatial(b, x, rate, training, "channels_last")


@lowers("SpatialDropout2D", "SpatialDropout3D")
def spatial_dropout(
    b: Builder, x: Value, training: bool | None = None, *, rate: Rate, data_format: str = "channels_last"
) -> Value:
    """Drop whole feature maps of images and volumes while training."""
    return _spatial(b, x, rate, training, data_format)


@lowers("GaussianDropout")
def gaussian_dropout(b: Builder, x: Value, training: bool | None = None, *, rate: Rate) -> Value:
    """Multiply by noise around 1 while training."""
    return _training_only(b, x, "GaussianDropout", rate, training)


@lowers("GaussianNoise")
def gaussian_noise(b: Builder, x: Value, training: bool | None = None, *, stddev: NonNegative) -> Value:
    """Add noise while training."""
    return _training_only(b, x, "GaussianNoise", stddev, training)


@lowers("AlphaDropout")
def alpha_dropout(
    b: Builder,
    x: Value,
    training: bool | None = None,
    *,
    rate: Rate,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Value:
    """Dropout that keeps mean and variance of SELU's outputs, while training."""
    shared = _shared_axes(b, x, noise_shape)
    constructor = "SharedAlphaDropout" if shared else "nn.AlphaDropout"
    return _training_only(b, x, constructor, rate, training, shared)


@lowers("ActivityRegularization")
def activity_regularization(b: Builder, x: Value, *, l1: float = 0.0, l2: float = 0.0) -> Value:
    """Its input: what it adds to the loss is the training's business."""
    del b, l1, l2
    return x


@lowers("AddLoss", "AddMetric", training_only=("unconditional", "aggregation", "metric_name"), note="Keras 2")
def add_loss(b: Builder, x: Value) -> Value:  # noqa: ARG001 - a layer function's first parameter
    """Its input: what training makes of it is the training's business."""
    return x


def _shared_axes(b: Builder, x: Value, noise_shape: Sequence[int | None] | None) -> list[int]:
    """The axes along which all elements are dropped or none; every other has a noise of its own size."""
    if not noise_shape:
        return []
    if len(noise_shape) != x.rank:
        b.malformed(f"noise_shape {noise_shape} does not fit its input {x.shape}")
    pairs = list(enumerate(zip(noise_shape, x.shape, strict=True)))
    if any(noise not in (None, 1, size) and size is not None for _, (noise, size) in pairs):
        b.malformed(f"noise_shape {noise_shape} does not fit its input {x.shape}")
    return [axis for axis, (noise, size) in pairs if noise == 1 and size != 1]


def _spatial(b: Builder, x: Value, rate: float, training: bool | None, data_format: str) -> Value:
    if not 3 <= x.rank <= 5:
        b.malformed(f"its input {x.shape} has no feature maps")
    x = b.channels_first(x, data_format) if rate > 0 else x
    return _training_only(b, x, f"nn.Dropout{x.rank - 2}d", rate, training)


def _training_only(
    b: Builder,
    x: Value,
    constructor: str,
    strength: float,
    training: bool | None,
    shared: Sequence[int] = (),
) -> Value:
    """A module that passes its input through in eval mode; nothing at all where its strength is zero.

    A call with `training=True` frozen into it is random in Keras whatever the mode, and so is it here.
    """
    if strength == 0 or training is False:
        return x
    args: tuple[float, ...] = () if constructor.startswith("nn.") or shared else (strength,)
    kwargs: dict[str, Any] = {} if args else {"p": strength}
    if shared:
        x = b.keras_layout(x) if x.flat else x
        kwargs |= {"dims": sorted(x.dim(axis) for axis in shared), "rank": x.rank}
    if training:
        return b.op(_ALWAYS[constructor], shape=x.shape, x=x, like=x, **{"p": strength, **kwargs})
    module = b.define(constructor, args=args, kwargs=kwargs)
    keeps_sign = x.non_negative and constructor in _DROPOUTS
    return b.op("module(x)", shape=x.shape, non_negative=keeps_sign, module=module, x=x, like=x)
