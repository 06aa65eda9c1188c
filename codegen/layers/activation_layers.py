"""Keras' advanced activation layers, and those of Keras 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from codegen.graph import Module, Value
from codegen.graph.recipe import Weight
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.layout import stored_rows
from codegen.lowering.parts.tensors import along, torch_dim
from codegen.lowering.registry import lowers


@lowers("ReLU")
def relu(
    b: Builder,
    x: Value,
    *,
    max_value: float | None = None,
    negative_slope: float = 0.0,
    threshold: float = 0.0,
) -> Value:
    """A ReLU with a ceiling, a leak and a threshold."""
    if negative_slope == 0 and threshold == 0:
        if max_value is None:
            return b.elementwise("F.relu(x)", non_negative=True, x=x)
        if max_value == 6:
            return b.elementwise("F.relu6(x)", non_negative=True, x=x)
        return b.elementwise("x.clamp(min=0, max=ceiling)", non_negative=True, x=x, ceiling=max_value)
    if max_value is None and threshold == 0:
        return leaky_relu(b, x, negative_slope=negative_slope)
    if max_value is None and negative_slope == 0:
        return thresholded_relu(b, x, theta=threshold)
    template = "thresholded_relu(x, max_value=ceiling, negative_slope=slope, threshold=t)"
    return b.elementwise(template, x=x, ceiling=max_value, slope=negative_slope, t=threshold)


@lowers("LeakyReLU")
def leaky_relu(b: Builder, x: Value, *, negative_slope: float = 0.3) -> Value:
    """The input where positive, negative_slope * x elsewhere."""
    return b.elementwise("F.leaky_relu(x, negative_slope=slope)", x=b.floating(x), slope=negative_slope)


@lowers("ELU")
def elu(b: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """Below zero, alpha * (exp(x) - 1)."""
    if alpha == 1:
        return b.elementwise("F.elu(x)", x=x)
    return b.elementwise("F.elu(x, alpha=alpha)", x=x, alpha=alpha)


@lowers("ThresholdedReLU", note="Keras 1 and 2")
def thresholded_relu(b: Builder, x: Value, *, theta: float = 1.0) -> Value:
    """The input where it exceeds theta, else 0."""
    return b.elementwise("F.threshold(x, theta, 0)", x=x, theta=theta, non_negative=theta >= 0)


@lowers("Softmax", neutral={"robust_masking": True})
def softmax(
    b: Builder,
    x: Value,
    mask: Value | None = None,
    *,
    axis: int | tuple[int, ...] = -1,
    masking: Quirk[Literal["zero", "add"]] = "zero",
) -> Value:
    """Softmax over one or several axes; with a mask only over what it keeps.

    Where it keeps nothing, zeros since Keras 3.10; before, a penalty was added to what it drops, whether
    that was tf.keras' `robust_masking` or not.
    """
    axes = (axis,) if isinstance(axis, int) else axis
    mask = b.mask(x) if mask is None else mask
    if mask is None and len(axes) == 1:
        return along(b, "F.softmax(x, dim=d)", x, axes[0], non_negative=True)
    if mask is None and x.flat is None:
        dims = [torch_dim(x, axis) for axis in axes]
        return b.op("softmax_over(x, dims)", shape=x.shape, non_negative=True, x=x, like=x, dims=dims)
    x = b.keras_layout(x)
    if mask is None:
        return softmax(b, x, axis=axis)
    if mask.rank > x.rank or b.broadcast([x.shape, mask.shape]) != x.shape:
        b.unsupported("mask", mask.shape, f"supported: a mask that goes with the input's shape {x.shape}")
    if masking == "add":
        return softmax(b, _penalised(b, x, b.keras_layout(mask)), axis=axis)
    kept = "mask" if mask.dtype == "bool" else "mask > 0.5"
    dims = [torch_dim(x, axis) for axis in axes]
    return b.op(
        f"masked_softmax(x, {kept}, dims)",
        shape=x.shape,
        non_negative=True,
        x=x,
        like=x,
        mask=b.keras_layout(mask),
        dims=dims,
    )


def _penalised(b: Builder, x: Value, mask: Value) -> Value:
    """Scores minus a huge penalty where `mask` is False."""
    if mask.dtype != "bool":
        b.unsupported("mask", mask.dtype, "supported: a mask of bool")
    return b.op("x + attention_bias(mask, x, least=-1e9)", shape=x.shape, x=x, mask=mask)


@lowers("PReLU")
def prelu(b: Builder, x: Value, *, shared_axes: int | tuple[int, ...] | None = None) -> Value:
    """The input where positive, alpha * x elsewhere; learnt alphas, shared along some axes."""
    x = settled(b, x)
    shape = _parameter_shape(b, x, shared_axes)
    alpha = _stored(x, b.weight("alpha", shape))
    own = [dim for dim, size in enumerate(alpha.shape, start=1) if size != 1]
    if own in ([], [1]):
        count = alpha.shape[0] if own else 1
        state = {"weight": alpha.reshape(count)}
        module = b.define("nn.PReLU", args=(count,) if own else (), state=state)
        return b.op("module(x)", shape=x.shape, module=module, x=x, like=x)
    return b.elementwise("prelu(x, alpha)", x=x, alpha=b.parameter("alpha", alpha))


@lowers("ParametricSoftplus", training_only=("alpha_init", "beta_init"), note="Keras 1")
def parametric_softplus(b: Builder, x: Value, *, shared_axes: int | tuple[int, ...] | None = None) -> Value:
    """Softplus with a learnt slope and scale: alpha * log(1 + exp(beta * x))."""
    x = settled(b, x)
    alpha, beta = parameters(b, x, ("alphas", "betas"), shared_axes)
    return b.elementwise("alpha * F.softplus(beta * x)", x=x, alpha=alpha, beta=beta)


@lowers(
    "SReLU",
    training_only=("t_left_init", "a_left_init", "t_right_init", "a_right_init"),
    note="Keras 1",
)
def srelu(
    b: Builder, x: Value, *, shared_axes: int | tuple[int, ...] | None = None, capped: Quirk[bool] = False
) -> Value:
    """Identity in the middle, a learnt slope on either side; Theano's is `capped`."""
    x = settled(b, x)
    names = ("t_left", "a_left", "t_right", "a_right")
    left, slope_left, right, slope_right = parameters(b, x, names, shared_axes)
    template = f"srelu(x, left, slope_left, right, slope_right{', capped=True' if capped else ''})"
    return b.elementwise(
        template, x=x, left=left, slope_left=slope_left, right=right, slope_right=slope_right
    )


@lowers("TLU", package="Addons", note="TensorFlow Addons")
def tlu(b: Builder, x: Value, *, affine: bool = False) -> Value:
    """The input where it exceeds a learnt threshold, tau + alpha * x, and the threshold elsewhere."""
    x = settled(b, x)
    if not affine:
        (tau,) = parameters(b, x, ("tau",), None)
        return b.elementwise("torch.maximum(x, tau)", x=x, tau=tau)
    tau, alpha = parameters(b, x, ("tau", "alpha"), None)
    return b.elementwise("torch.maximum(x, tau + alpha * x)", x=x, tau=tau, alpha=alpha)


def settled(b: Builder, x: Value) -> Value:
    """`x` in a layout that all calls of the layer share, since it shapes the parameters."""
    if b.is_shared or x.perm[0] != 0:
        return b.channels_first(x) if x.rank > 3 else b.keras_layout(x)
    return x


def _parameter_shape(b: Builder, x: Value, shared_axes: int | Sequence[int] | None) -> tuple[int, ...]:
    """The shape of a parameter of Keras: that of the input, 1 along the shared axes."""
    shared = (shared_axes,) if isinstance(shared_axes, int) else (shared_axes or ())
    axes = {b.axis(axis, x.rank) for axis in shared}
    return tuple(1 if axis in axes else b.known(x, axis) for axis in range(1, x.rank))


def _stored(x: Value, weight: Weight) -> Weight:
    """A parameter in Keras' order as `x` is stored."""
    return stored_rows(x, weight) if x.flat else weight.permute(*(axis - 1 for axis in x.perm[1:]))


def parameters(
    b: Builder, x: Value, names: Sequence[str], shared_axes: int | Sequence[int] | None
) -> list[Module]:
    """Parameters that have the shape of a sample, 1 along the shared axes, as `x` is stored."""
    shape = _parameter_shape(b, x, shared_axes)
    return [b.parameter(name, _stored(x, b.weight(name, shape))) for name in names]
