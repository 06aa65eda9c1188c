"""Keras' normalisation layers that learn from batches or samples, and those of Keras 1 and Addons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from codegen.graph import Op, Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.recipe import Weight
from codegen.lowering import layout
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.layout import stored_rows
from codegen.lowering.ranges import NonNegative, Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec


@lowers(
    "BatchNormalization",
    neutral={"synchronized": False, "virtual_batch_size": None},
    training_only=("renorm_clipping", "renorm_momentum"),
)
def batch_normalization(
    b: Builder,
    x: Value,
    training: bool | None = None,
    *,
    axis: int | tuple[int, ...] = -1,
    momentum: float = 0.99,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
    mode: Literal[0, 1, 2] = 0,
    renorm: bool = False,
    fused: bool | None = None,
) -> Value:
    """Normalise each channel by moving statistics; Keras 1's modes 1 and 2 by those of the input itself.

    Keras 2 takes several axes too: each position in them is a channel, and the weights have size 1 elsewhere.
    """
    del fused  # how Keras computes it, not what
    axes = sorted({b.axis(a, x.rank) for a in ((axis,) if isinstance(axis, int) else axis)})
    if mode == 1:
        return _sample_normalization(b, x, axes[0], epsilon)
    if not axes or axes[0] == 0:
        b.unsupported("axis", axis, "supported: any axis but that of the batch")
    x = _axes_second(b, x, *axes)
    channels = math.prod(b.known(x, a) for a in axes)
    saved: tuple[int, ...] = (channels,)
    if len(axes) > 1:
        saved = tuple(b.known(x, a) if a in axes else 1 for a in range(x.rank))
    state = _affine(b, x, saved, scale, center)
    mean = b.weight("moving_mean", saved, trainable=False)
    variance = b.weight("moving_variance", saved, trainable=False)
    if renorm:
        for name in ("moving_stddev", "renorm_mean", "renorm_stddev"):
            b.weight(name, saved, trainable=False)
        b.note("batch renormalisation trains as plain batch normalisation")
    kwargs: dict[str, Any] = {
        "eps": epsilon,
        "momentum": round(1 - momentum, 12),
        "affine": scale or center,
        "track_running_stats": True,
    }
    if mode == 2 or (training and b.trains):
        kwargs["track_running_stats"] = False
    else:
        state |= {"running_mean": stored_rows(x, mean), "running_var": stored_rows(x, variance)}
    if len(axes) > 1:
        state = {key: weight.reshape(channels) for key, weight in state.items() if weight}
    rest = x.rank - 1 - len(axes)
    name = f"nn.BatchNorm{rest if 1 < rest < 4 else 1}d"
    module = b.define(name, args=(channels,), kwargs=kwargs, state=state, frozen=_absent(scale, center))
    x = b.floating(x)
    merged = ("x.flatten(1, n)" if len(axes) > 1 else "x") + (".flatten(2)" if rest > 3 else "")
    template = "module(x)" if merged == "x" else f"module({merged}).reshape(x.shape)"
    counts: dict[str, Any] = {"n": len(axes)} if len(axes) > 1 else {}
    return b.op(template, shape=x.shape, module=module, x=x, like=x, **counts)


def _sample_normalization(b: Builder, x: Value, axis: int, epsilon: float) -> Value:
    if axis != x.rank - 1:
        b.unsupported("axis", axis, "supported: the last axis in mode 1")
    x = b.keras_layout(x)
    shape = (b.known(x, -1),)
    weight = b.parameter("gamma", b.weight("gamma", shape))
    bias = b.parameter("beta", b.weight("beta", shape))
    for name in ("moving_mean", "moving_variance"):
        b.weight(name, shape, trainable=False)
    template = "sample_norm(x, weight, bias, eps)"
    return b.op(template, shape=x.shape, x=x, weight=weight, bias=bias, eps=epsilon)


@lowers("LayerNormalization")
def layer_normalization(
    b: Builder,
    x: Value,
    *,
    axis: int | tuple[int, ...] = -1,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
    rms_scaling: bool = False,
    sorts_axes: Quirk[bool] = True,
) -> Value:
    """Normalise each sample over one or several axes; weights have their order before Keras 3.14."""
    _check_floats(b, x)
    x, axes = _axes_last(b, x, axis)
    if not (scale or center or rms_scaling) and None in (x.shape[a] for a in axes):
        template = "F.layer_norm(x, x.shape[first:], eps=eps)"
        return b.op(template, shape=x.shape, x=x, like=x, first=-len(axes), eps=epsilon)
    shape = tuple(b.known(x, a) for a in axes)
    saved = _saved_shape(b, x, axis, sorts_axes)
    if rms_scaling:
        weight = b.parameter("gamma", b.weight("gamma", saved).reshape(*shape))
        dims = [*range(-len(shape), 0)]
        template = "variance_scale(x, weight, dims, eps)"
        return b.op(template, shape=x.shape, x=x, like=x, weight=weight, dims=dims, eps=epsilon)
    bias_only = center and not scale
    gamma = _weight(b, "gamma", saved, 1.0, scale, center)
    kwargs = {"eps": epsilon, "elementwise_affine": scale or center, "bias": center or not scale}
    return b.module(
        "nn.LayerNorm",
        x,
        like=x,
        args=(shape if len(shape) > 1 else shape[0],),
        kwargs=kwargs,
        state={
            "weight": gamma.reshape(*shape) if gamma else None,
            "bias": b.weight("beta", saved).reshape(*shape) if center else None,
        },
        frozen=("weight",) if bias_only else (),
        shape=x.shape,
    )


@lowers("RMSNormalization", masks="drop")
def rms_normalization(
    b: Builder,
    x: Value,
    *,
    axis: int | tuple[int, ...] = -1,
    epsilon: NonNegative = 1e-6,
    sorts_axes: Quirk[bool] = True,
) -> Value:
    """Divide each sample by its root mean square over some axes; the scale goes with the last axes."""
    _check_floats(b, x)
    x, axes = _axes_last(b, x, axis)
    shape = tuple(b.known(x, a) for a in axes)
    saved = _saved_shape(b, x, axis, sorts_axes)
    scale = b.weight("scale", saved)
    if not x.is_native or saved != shape:
        if b.broadcast([x.shape, saved]) != x.shape:
            b.malformed(f"its scale of shape {saved} does not go with its input {x.shape}")
        x = b.op("F.rms_norm(x, sizes, eps=eps)", shape=x.shape, x=x, like=x, sizes=list(shape), eps=epsilon)
        return b.elementwise("x * scale", x=b.keras_layout(x), scale=b.parameter("scale", scale))
    return b.module(
        "nn.RMSNorm",
        x,
        args=(shape if len(shape) > 1 else shape[0],),
        kwargs={"eps": epsilon},
        state={"weight": scale},
        shape=x.shape,
    )


@lowers("GroupNormalization")
def group_normalization(
    b: Builder,
    x: Value,
    *,
    groups: Size = 32,
    axis: int = -1,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
    weighs_mask: Quirk[bool] = False,
) -> Value:
    """Normalise groups of channels of each sample; groups=-1 for each channel alone.

    In Keras 2 (`weighs_mask`) what is masked does not count in the statistics.
    """
    _check_floats(b, x)
    mask = b.mask(x) if weighs_mask else None
    axis = b.axis(axis, x.rank)
    if axis == 0:
        b.unsupported("axis", 0, "supported: any axis but that of the batch")
    if x.flat is not None:
        x = b.keras_layout(x)
    x = _axes_second(b, x, axis)
    channels = b.known(x, axis)
    groups = channels if groups == -1 else groups
    if groups < 1 or channels % groups:
        b.malformed(f"{channels} channels cannot be cut into {groups} groups")
    if groups == channels and all(size == 1 for size in x.stored_shape[2:]):
        return _lone_normalization(b, x, channels, scale, center)
    module = b.define(
        "nn.GroupNorm",
        args=(groups, channels),
        kwargs={"eps": epsilon, "affine": scale or center},
        state=_affine(b, x, (channels,), scale, center),
        frozen=_absent(scale, center),
    )
    if mask is None:
        return b.op("module(x)", shape=x.shape, module=module, x=b.floating(x), like=b.floating(x))
    if mask.rank != x.rank or mask.dtype != "bool":
        b.malformed(f"its mask {mask.shape} must be of bool and of the rank of its input {x.shape}")
    mask = _axes_second(b, mask, axis)
    options = ", ".join(f"module.{name}" for name in ("num_groups", "weight", "bias", "eps"))
    template = f"masked_group_norm(x, mask, {options})"
    x = b.floating(x)
    return b.op(template, shape=x.shape, like=x, op=Op.CALL_WITH, module=module, x=x, mask=mask)


@lowers("GroupNormalization", package="Addons", note="TensorFlow Addons")
def addons_group_normalization(
    b: Builder,
    x: Value,
    *,
    groups: Size = 32,
    axis: int = -1,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
) -> Value:
    """As in Keras."""
    return group_normalization(b, x, groups=groups, axis=axis, epsilon=epsilon, center=center, scale=scale)


@lowers("InstanceNormalization", package="Addons", note="TensorFlow Addons")
def instance_normalization(
    b: Builder,
    x: Value,
    *,
    groups: int = -1,
    axis: int = -1,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
) -> Value:
    """Normalise each channel of each sample; a built layer saves the number of channels as `groups`."""
    axis = b.axis(axis, x.rank)
    if not 3 <= x.rank <= 5 or groups not in (-1, x.shape[axis]):
        return addons_group_normalization(
            b, x, groups=groups, axis=axis, epsilon=epsilon, center=center, scale=scale
        )
    x = _axes_second(b, x, axis)
    channels = b.known(x, axis)
    return b.module(
        f"nn.InstanceNorm{x.rank - 2}d",
        x,
        like=x,
        args=(channels,),
        kwargs={"eps": epsilon, "affine": scale or center},
        state=_affine(b, x, (channels,), scale, center),
        frozen=_absent(scale, center),
        shape=x.shape,
    )


@lowers("UnitNormalization")
def unit_normalization(b: Builder, x: Value, *, axis: int | tuple[int, ...] = -1) -> Value:
    """Divide each sample by its Euclidean norm over one or several axes."""
    axes = (axis,) if isinstance(axis, int) else axis
    if len(axes) == 1:
        dim = x.dim(b.axis(axes[0], x.rank))
        return b.op("F.normalize(x, dim=d)", shape=x.shape, x=x, like=x, d=dim)
    if x.flat is not None:
        x = b.keras_layout(x)
    dims = [x.dim(b.axis(axis, x.rank)) for axis in axes]
    if len({*dims}) < len(dims):
        b.malformed(f"its axes {axes} name an axis of its input {x.shape} twice")
    return b.op("unit_normalize(x, dims)", shape=x.shape, x=x, like=x, dims=dims)


@lowers("SpectralNormalization", masks="drop", note="the kernel as training left it")
def spectral_normalization(b: Builder, x: Value, *, layer: LayerSpec, power_iterations: int = 1) -> Value:
    """The wrapped layer: its kernel is normalised while training only."""
    del power_iterations
    result: Value = b.call(layer, x, attribute="layer")
    held_kernel(b, layer, "vector_u")
    return b.cast(result, x.dtype)


def held_kernel(b: Builder, layer: LayerSpec, vector: str) -> None:
    """What spectral normalisation keeps: the kernel of its layer, and a vector of that name."""
    variables = b.sublayer("layer", layer).tree.variables
    kernel = next((v for v in variables if v.name in ("kernel", "embeddings")), None)
    if kernel is None:
        b.malformed(f"its layer, a {layer.class_name}, has no kernel")
    b.hold(Weight.of(kernel))
    b.weight(vector, (1, kernel.shape[-1]), trainable=False)


# -------------------------------------------------------------------- helpers


def _lone_normalization(b: Builder, x: Value, channels: int, scale: bool, center: bool) -> Value:
    """What is left of elements that are their own means; torch refuses to normalise a single one."""
    x = b.op("x - x", shape=x.shape, like=x, x=x)
    return scaled(b, x, (channels, *(1,) * (x.rank - 2)), scale, center)


def scaled(b: Builder, x: Value, stored: tuple[int, ...], scale: bool, center: bool) -> Value:
    """`x * gamma + beta`, where Keras has them; in the shape `stored` they broadcast as `x` is stored."""
    for present, name, template in ((scale, "gamma", "x * weight"), (center, "beta", "x + weight")):
        if present:
            weight = b.parameter(name, b.weight(name, stored[:1]).reshape(*stored))
            x = b.op(template, shape=x.shape, like=x, x=x, weight=weight)
    return x


def _check_floats(b: Builder, x: Value) -> None:
    """Refuse integers: some versions of Keras 3 cut the result off to integers, others do not."""
    if x.dtype not in FLOATS:
        b.unsupported("inputs", x.dtype, "supported: floating-point numbers")


def _axes_second(b: Builder, x: Value, *axes: int) -> Value:
    """`x` stored with the axes from dim 1 on, where torch's normalisations have their channels."""
    if x.flat is not None and b.is_shared:
        x = b.keras_layout(x)
    if x.perm[: len(axes) + 1] == (0, *axes):
        return x
    return layout.to_perm(b, x, (0, *axes, *(i for i in range(1, x.rank) if i not in axes)))


def _axes_last(b: Builder, x: Value, axis: int | tuple[int, ...]) -> tuple[Value, list[int]]:
    """`x` stored with the axes last, and these in order."""
    axes = sorted({b.axis(a, x.rank) for a in ((axis,) if isinstance(axis, int) else axis)})
    if not axes or axes[0] == 0:
        b.unsupported("axis", axis, "supported: any axes but that of the batch")
    return layout.to_perm(b, x, (*(i for i in range(x.rank) if i not in axes), *axes)), axes


def _saved_shape(
    b: Builder, x: Value, axis: int | tuple[int, ...], sorts_axes: bool = True
) -> tuple[int, ...]:
    """The shape of a weight over the axes: Keras sorts negative ones in front of the others."""
    axes = (axis,) if isinstance(axis, int) else axis
    if len({b.axis(a, x.rank) for a in axes}) < len(axes):
        b.malformed(f"its axes {axes} name an axis of its input {x.shape} twice")
    return tuple(b.known(x, a) for a in (sorted(axes) if sorts_axes else axes))


def _affine(
    b: Builder, x: Value, shape: Sequence[int], scale: bool, center: bool
) -> dict[str, Weight | None]:
    """Recipes of `weight` and `bias`; torch has both or none, so one that Keras lacks stays at 1 or 0."""
    weight = _weight(b, "gamma", shape, 1.0, scale, center)
    bias = _weight(b, "beta", shape, 0.0, center, scale)
    return {
        "weight": stored_rows(x, weight) if weight else None,
        "bias": stored_rows(x, bias) if bias else None,
    }


def _weight(
    b: Builder, name: str, shape: Sequence[int], neutral: float, present: bool, other: bool
) -> Weight | None:
    if present:
        return b.weight(name, shape)
    return Weight.full(shape, neutral) if other else None


def _absent(scale: bool, center: bool) -> tuple[str, ...]:
    """State-dict keys of what torch has but Keras does not."""
    if scale == center:
        return ()
    return ("bias",) if scale else ("weight",)
