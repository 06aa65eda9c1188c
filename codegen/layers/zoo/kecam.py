"""Layers of the package keras_cv_attention_models (kecam) that scale, shift, mix or normalise.

Each is registered under the name that its author gave its part of the package: "resmlp>ChannelAffine".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from codegen.graph import Module, Value
from codegen.layers.regularization import drop_samples
from codegen.layers.windows.convolutional import conv, convolve, filters_first, kernel_shape
from codegen.lowering import layout
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import ConvWindows, Ints, channel_axis, check_sizes, pad, window_count
from codegen.lowering.ranges import NonNegative, Rate, Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

NOTE = "keras_cv_attention_models"

Axes = int | tuple[int, ...]


# -------------------------------------------------------------------- learned numbers


@lowers("ChannelAffine", package="resmlp", masks="drop", note=NOTE)
def channel_affine(b: Builder, x: Value, *, use_bias: bool = True, axis: Axes = -1) -> Value:
    """x * weight + bias, along one axis or several."""
    shape = _over(b, x, axis)[-x.rank + 1 :]
    x = _as_stored(b, x)
    weight = _learned(b, x, "weight", shape, "ones")
    if not use_bias:
        return b.op("x * weight", shape=x.shape, x=x, like=x, weight=weight)
    bias = _learned(b, x, "bias", shape, "zeros")
    return b.op("x * weight + bias", shape=x.shape, x=x, like=x, weight=weight, bias=bias)


@lowers("ZeroInitGain", package="nfnets", masks="drop", note=NOTE)
def zero_init_gain(b: Builder, x: Value, *, use_bias: bool = False) -> Value:
    """x * gain + bias, one number each."""
    gain = b.parameter("gain", b.weight("gain", (), initializer="zeros"))
    if not use_bias:
        return b.op("x * gain", shape=x.shape, x=x, like=x, gain=gain)
    bias = b.parameter("bias", b.weight("bias", ()))
    return b.op("x * gain + bias", shape=x.shape, x=x, like=x, gain=gain, bias=bias)


@lowers("BiasLayer", package="volo", masks="drop", note=NOTE)
def bias_layer(b: Builder, x: Value, *, axis: Axes = -1) -> Value:
    """x + bias, along one axis or several."""
    return _added(b, x, "bias", _over(b, x, axis), "zeros")


@lowers("PositionalEmbedding", package="volo", masks="drop", training_only=("input_height",), note=NOTE)
def positional_embedding(b: Builder, x: Value) -> Value:
    """What is learned for each position is added."""
    shape = (1, *(b.known(x, axis) for axis in range(1, x.rank)))
    return _added(b, x, "positional_embedding", shape, _TRUNCATED_NORMAL)


@lowers(
    "BiasPositionalEmbedding", package="kecam/cmt", masks="drop", training_only=("attn_height",), note=NOTE
)
def bias_positional_embedding(b: Builder, x: Value, *, axis: Axes = (1, 2, 3)) -> Value:
    """x + bias, along several axes."""
    return _added(b, x, "positional_embedding", _over(b, x, axis)[-x.rank + 1 :], "zeros")


@lowers("ExpLogitScale", package="kecam", masks="drop", note=NOTE)
def exp_logit_scale(
    b: Builder, x: Value, *, axis: Axes | None = -1, max_value: float = math.log(100.0)
) -> Value:
    """Scores times the exponential of what is learned for each head, up to a limit (Swin V2)."""
    x = _as_stored(b, x)
    start = {"class_name": "Constant", "config": {"value": math.log(10.0)}}
    scale = _learned(b, x, "gamma", (1,) if axis is None else _over(b, x, axis), start)
    template = "x * torch.exp(scale.clamp(max=limit))"
    return b.op(template, shape=x.shape, x=x, like=x, scale=scale, limit=max_value)


@lowers("DivideScale", package="swinv2", masks="drop", note=NOTE)
def divide_scale(b: Builder, x: Value, *, axis: Axes = -1, min_value: float = 0.01) -> Value:
    """Scores divided by what is learned for each head, no less than a limit (Swin V2)."""
    x = _as_stored(b, x)
    scale = _learned(b, x, "weight", _over(b, x, axis), "ones")
    return b.op("x / scale.clamp(min=limit)", shape=x.shape, x=x, like=x, scale=scale, limit=min_value)


@lowers("ClassToken", package="volo", masks="drop", note=NOTE)
def class_token(b: Builder, x: Value, *, num_tokens: Size = 1, is_at_end: bool = False) -> Value:
    """Learned tokens in front of the others, or behind them: (N, T, C) -> (N, T + num_tokens, C)."""
    if x.rank != 3:
        b.malformed(f"its input {x.shape} must have three axes")
    batch, steps, channels = x.shape
    tokens = b.weight("tokens", (1, num_tokens, b.known(x, -1)), initializer=_TRUNCATED_NORMAL)
    shape = (batch, None if steps is None else steps + num_tokens, channels)
    parts = ["tokens.expand(x.shape[0], -1, -1)", "x"]
    joined = ", ".join(reversed(parts) if is_at_end else parts)
    return b.op(f"torch.cat([{joined}], dim=1)", shape=shape, x=x, tokens=b.parameter("tokens", tokens))


@lowers("PureWeigths", package="kecam", masks="drop", note=NOTE)  # the package spells it so
def pure_weights(b: Builder, x: Value, *, shape: tuple[int, ...]) -> Value:  # noqa: ARG001 - the call has it
    """A learned tensor, whatever the input."""
    gain = b.parameter("gain", b.weight("gain", shape, initializer="glorot_uniform"))
    return b.op("gain", shape=shape, dtype=b.dtype, gain=gain)


@lowers("ReluWeightedSum", package="efficientdet", masks="drop", training_only=("epsilon",), note=NOTE)
def relu_weighted_sum(b: Builder, xs: list[Value], *, initializer: Any = "ones") -> Value:
    """The sum of tensors, each times its share of the weights that are above zero (EfficientDet)."""
    parts = layout.align(b, xs)
    gain = b.parameter("gain", b.weight("gain", (len(parts),), initializer=initializer))
    shape = b.broadcast([part.shape for part in parts])
    return b.op("relu_weighted_sum(xs, gain)", shape=shape, perm=parts[0].perm, xs=parts, gain=gain)


@lowers("DropConnect", package="model_surgery", masks="drop", note=NOTE)
def drop_connect(b: Builder, xs: list[Value], *, rate: Rate = 0.0) -> Value:
    """The shortcut plus the other branch, of which whole samples are dropped in training."""
    shortcut, branch = xs
    return b.elementwise("x + y", x=shortcut, y=drop_samples(b, branch, rate))


# -------------------------------------------------------------------- normalisation


@lowers("RMSNorm", package="kecam/llama2", masks="drop", note=NOTE)
def rms_norm(b: Builder, x: Value, *, epsilon: float = 1e-5, axis: int = -1) -> Value:
    """Divide by the root mean square over the last axis, times a scale."""
    if b.axis(axis, x.rank) != x.rank - 1:
        b.unsupported("axis", axis, "supported: the last axis")
    channels = b.known(x, -1)
    state = {"weight": b.weight("gamma", (channels,))}
    x = b.keras_layout(x)
    return b.module("nn.RMSNorm", x, args=(channels,), kwargs={"eps": epsilon}, state=state, shape=x.shape)


@lowers("EvoNormalization", package="kecamCommon", masks="drop", training_only=("zero_gamma",), note=NOTE)
def evo_normalization(
    b: Builder,
    x: Value,
    *,
    nonlinearity: bool = True,
    num_groups: int = -1,
    momentum: float = 0.99,
    epsilon: NonNegative = 0.001,
    data_format: Literal["auto", "channels_last", "channels_first"] = "auto",
) -> Value:
    """EvoNorm B0, by the variance of batches, or S0, by that of groups of channels."""
    order = "channels_first" if data_format == "channels_first" else "channels_last"
    axis = channel_axis(x.rank, order)
    channels = b.known(x, axis)
    saved = tuple(channels if i == axis else 1 for i in range(x.rank))
    variables = {"weight": b.weight("gamma", saved), "bias": b.weight("beta", saved)}
    variance = b.weight("moving_variance", saved, trainable=False) if num_groups <= 0 else None
    if nonlinearity:
        variables["slope"] = b.weight("vv", saved, initializer="ones")
    x = b.channels_first(x, order)
    if variance is not None and not nonlinearity:  # which nothing is divided by
        sizes = (channels, *(1,) * (x.rank - 2))
        weight, bias = (b.parameter(name, value.reshape(*sizes)) for name, value in variables.items())
        return b.op("x * weight + bias", shape=x.shape, x=x, like=x, weight=weight, bias=bias)
    kwargs: dict[str, Any] = {"eps": epsilon}
    if variance is not None:
        variables["running_var"] = variance
        kwargs["momentum"] = round(1 - momentum, 12)
    elif not nonlinearity:
        kwargs["gated"] = False
    return b.module(
        "EvoNormB0" if variance is not None else "EvoNormS0",
        x,
        like=x,
        args=(channels,) if variance is not None else (_groups(channels, num_groups), channels),
        kwargs=kwargs,
        state={name: weight.reshape(channels) for name, weight in variables.items()},
        shape=x.shape,
    )


def _groups(channels: int, wanted: int) -> int:
    """The largest number of groups up to the wanted one that divides the channels."""
    return next(n for n in range(min(wanted, channels), 0, -1) if channels % n == 0)


# -------------------------------------------------------------------- convolutions and patches


lowers({"PatchConv2DWithResampleWeights": {"dims": 2}}, package="beit", masks="drop", note=NOTE)(conv)


@lowers("ScaledStandardizedConv2D", package="nfnets", masks="drop", note=NOTE)
def scaled_standardized_conv(
    b: Builder,
    x: Value,
    *,
    filters: Size,
    windows: ConvWindows,
    groups: Size = 1,
    activation: str | LayerSpec = "linear",
    use_bias: bool = True,
    eps: NonNegative = 1e-5,
    gamma: float = 1.0,
) -> Value:
    """A convolution whose kernel is standardised for each filter (NFNet)."""
    window = windows.by_axis(b, 2)
    kernel = b.weight("kernel", kernel_shape(b, x, window, filters, groups))
    bias = b.weight("bias", (filters,)) if use_bias else None
    gain = b.weight("gain", (filters,), initializer="ones")
    state = {"weight": filters_first(kernel), "bias": bias, "gain": gain}
    variant = ("ScaledStandardizedConv2d", {"gamma": gamma, "eps": eps})
    return b.activation(convolve(b, x, window, filters, groups, state, variant=variant), activation)


@lowers(
    "CompatibleExtractPatches", package="kecamCommon", masks="drop", neutral={"force_conv": False}, note=NOTE
)
def extract_patches(
    b: Builder,
    x: Value,
    *,
    sizes: Ints = 3,
    strides: Ints = 2,
    rates: Ints = 1,
    padding: str = "same",
    compressed: bool = True,
) -> Value:
    """Windows as vectors (N, H, W, size * size * C), or as images (N, H, W, size, size, C)."""
    size, stride = (n if isinstance(n, int) else n[1] for n in (sizes, strides))
    gaps = (rates, rates) if isinstance(rates, int) else rates if len(rates) == 2 else rates[1:3]
    border = size // 2 if padding.lower() == "same" else 0
    x = pad(b, b.channels_first(x), "channels_last", ((border, border),) * 2)
    counts = [window_count(n, (0, 0), size, stride, gap) for n, gap in zip(x.shape[1:3], gaps, strict=True)]
    check_sizes(b, x, counts)
    batch, channels = x.shape[0], b.known(x, -1)
    y = b.op(
        "extract_patches(x, size, stride, dilation)",
        shape=(batch, *counts, size * size * channels),
        perm=(0, 1, 2, 3),
        x=x,
        size=[size, size],
        stride=[stride, stride],
        dilation=list(gaps),
    )
    if compressed:
        return y
    template = "torch.unflatten(x, -1, sizes)"
    return b.op(template, shape=(*y.shape[:-1], size, size, channels), x=y, sizes=(size, size, channels))


# -------------------------------------------------------------------- parts

_TRUNCATED_NORMAL = {"class_name": "TruncatedNormal", "config": {"stddev": 0.2}}


def _over(b: Builder, x: Value, axis: Axes) -> tuple[int, ...]:
    """Shape of a weight along some axes: their sizes, and 1 for the others; one size for the last axis."""
    if isinstance(axis, int) and b.axis(axis, x.rank) == x.rank - 1:
        return (b.known(x, -1),)
    axes = {b.axis(a, x.rank) for a in ((axis,) if isinstance(axis, int) else axis)}
    return tuple(b.known(x, a) if a in axes else 1 for a in range(x.rank))


def _as_stored(b: Builder, x: Value) -> Value:
    """`x` in the layout that it has, where a weight can have it too."""
    return b.keras_layout(x) if b.is_shared or x.flat is not None else x


def _learned(b: Builder, x: Value, name: str, shape: Sequence[int], initializer: Any) -> Module:
    """The parameter of a variable that broadcasts against `x`, stored as `x` is."""
    weight = b.weight(name, shape, initializer=initializer)
    full = (*(1,) * (x.rank - len(shape)), *shape)
    stored = [full[axis] for axis in x.perm]
    while len(stored) > 1 and stored[0] == 1:
        stored.pop(0)
    return b.parameter(name, weight.reshape(*full).permute(*x.perm).reshape(*stored))


def _added(b: Builder, x: Value, name: str, shape: Sequence[int], initializer: Any) -> Value:
    """`x` plus a variable that broadcasts against it."""
    x = _as_stored(b, x)
    return b.op("x + bias", shape=x.shape, x=x, like=x, bias=_learned(b, x, name, shape, initializer))
