"""Keras' regularisation layers: dropout and noise, which do something in training only."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.builder import Builder
from codegen.graph import Value
from codegen.layers.registry import lowers

_DROPOUTS = ("nn.Dropout", "nn.Dropout1d", "nn.Dropout2d", "nn.Dropout3d")

#: What the modules do in training mode.
_ALWAYS = {
    "nn.Dropout": "F.dropout(x, p=p, training=True)",
    "nn.Dropout1d": "F.dropout1d(x, p=p, training=True)",
    "nn.Dropout2d": "F.dropout2d(x, p=p, training=True)",
    "nn.Dropout3d": "F.dropout3d(x, p=p, training=True)",
    "nn.AlphaDropout": "F.alpha_dropout(x, p=p, training=True)",
    "GaussianDropout": "gaussian_dropout(x, p)",
    "GaussianNoise": "gaussian_noise(x, p)",
}


@lowers("Dropout")
def dropout(
    b: Builder,
    x: Value,
    training: bool | None = None,
    *,
    rate: float,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Value:
    """Drop elements, or with a noise shape whole slices, while training."""
    if not noise_shape or _is_full(x, noise_shape):
        return _training_only(b, x, "nn.Dropout", rate, training)
    if len(noise_shape) != x.rank:
        b.malformed(f"noise_shape {noise_shape} does not fit its input {x.shape}")
    dropped = [axis for axis in range(1, x.rank) if noise_shape[axis] == 1 and x.shape[axis] != 1]
    if noise_shape[0] != 1 and dropped == list(range(1, x.rank - 1)) and 3 <= x.rank <= 5:
        return _spatial(b, x, rate, training, "channels_last")
    if training or noise_shape[0] == 1 or any(size != 1 for size in noise_shape[1:]):
        b.unsupported("noise_shape", noise_shape, "supported: elements, whole feature maps, or whole samples")
    return drop_samples(b, x, rate if training is None else 0)


def drop_samples(b: Builder, x: Value, rate: float) -> Value:
    """Drop whole samples while training."""
    if rate == 0:
        return x
    return b.module("StochasticDepth", x, kwargs={"p": rate}, shape=x.shape)


@lowers("SpatialDropout1D")
def spatial_dropout_1d(b: Builder, x: Value, training: bool | None = None, *, rate: float) -> Value:
    """Drop whole feature maps (N, T, C) while training."""
    return _spatial(b, x, rate, training, "channels_last")


@lowers("SpatialDropout2D", "SpatialDropout3D")
def spatial_dropout(
    b: Builder, x: Value, training: bool | None = None, *, rate: float, data_format: str = "channels_last"
) -> Value:
    """Drop whole feature maps of images and volumes while training."""
    return _spatial(b, x, rate, training, data_format)


@lowers("GaussianDropout")
def gaussian_dropout(b: Builder, x: Value, training: bool | None = None, *, rate: float) -> Value:
    """Multiply by noise around 1 while training."""
    return _training_only(b, x, "GaussianDropout", rate, training)


@lowers("GaussianNoise")
def gaussian_noise(b: Builder, x: Value, training: bool | None = None, *, stddev: float) -> Value:
    """Add noise while training."""
    return _training_only(b, x, "GaussianNoise", stddev, training)


@lowers("AlphaDropout")
def alpha_dropout(
    b: Builder,
    x: Value,
    training: bool | None = None,
    *,
    rate: float,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Value:
    """Dropout that keeps mean and variance of SELU's outputs, while training."""
    if noise_shape and not _is_full(x, noise_shape):
        b.unsupported("noise_shape", noise_shape, "supported: none")
    return _training_only(b, x, "nn.AlphaDropout", rate, training)


@lowers("ActivityRegularization")
def activity_regularization(b: Builder, x: Value, *, l1: float = 0.0, l2: float = 0.0) -> Value:
    """Its input: what it adds to the loss is the training's business."""
    del b, l1, l2
    return x


def _is_full(x: Value, noise_shape: Sequence[int | None]) -> bool:
    return len(noise_shape) == x.rank and all(
        noise is None or noise == size for noise, size in zip(noise_shape, x.shape, strict=True)
    )


def _spatial(b: Builder, x: Value, rate: float, training: bool | None, data_format: str) -> Value:
    if not 3 <= x.rank <= 5:
        b.malformed(f"its input {x.shape} has no feature maps")
    x = b.channels_first(x, data_format) if rate > 0 else x
    return _training_only(b, x, f"nn.Dropout{x.rank - 2}d", rate, training)


def _training_only(
    b: Builder, x: Value, constructor: str, strength: float, training: bool | None
) -> Value:
    """A module that passes its input through in eval mode; nothing at all where its strength is zero.

    A call with `training=True` frozen into it is random in Keras whatever the mode, and so is it here.
    """
    args, kwargs = ((), {"p": strength}) if constructor.startswith("nn.") else ((strength,), {})
    if strength == 0 or training is False:
        return x
    if training:
        return b.op(_ALWAYS[constructor], shape=x.shape, flat=x.flat, x=x, p=strength)
    module = b.define(constructor, args=args, kwargs=kwargs)
    keeps_sign = x.non_negative and constructor in _DROPOUTS
    return b.op(
        "module(x)", shape=x.shape, flat=x.flat, kind="module", non_negative=keeps_sign, module=module, x=x
    )
