"""Layers of the package keras-contrib, an annex of Keras 2, but for CRF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from codegen.graph import Value
from codegen.layers.activation_layers import parameters, settled, srelu
from codegen.layers.normalization import group_normalization, scaled
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.masks import MaskRule
from codegen.lowering.parts.windows import DataFormat, blocks_of_channels
from codegen.lowering.ranges import NonNegative, Size
from codegen.lowering.registry import F as Function
from codegen.lowering.registry import lowers


def contrib(class_name: str, *, masks: MaskRule = "keep") -> Callable[[Function], Function]:
    """Register for a class of the package."""
    training_only = ("constraint", "initializer", "regularizer")
    return lowers(
        class_name, package="keras_contrib", masks=masks, training_only=training_only, note="keras-contrib"
    )


@contrib("PELU")
def pelu(b: Builder, x: Value, *, shared_axes: int | tuple[int, ...] | None = None) -> Value:
    """An ELU with a learnt height and width on the left, and the slope that goes with them on the right."""
    x = settled(b, x)
    alpha, beta = parameters(b, x, ("alpha", "beta"), shared_axes)
    return b.elementwise("pelu(x, alpha, beta)", x=x, alpha=alpha, beta=beta)


@contrib("SReLU")
def contrib_srelu(b: Builder, x: Value, *, shared_axes: int | tuple[int, ...] | None = None) -> Value:
    """As in Keras 1."""
    return srelu(b, x, shared_axes=shared_axes)


@contrib("SineReLU")
def sine_relu(b: Builder, x: Value, *, epsilon: float) -> Value:
    """The larger of the input and a wave."""
    return b.elementwise("torch.maximum(x, epsilon * (torch.sin(x) - torch.cos(x)))", x=x, epsilon=epsilon)


@contrib("Swish")
def swish(
    b: Builder, x: Value, *, beta: float, saved: Quirk[Literal["always", "trained"]] = "always"
) -> Value:
    """x * sigmoid(beta * x), where beta is a variable even if it is not trained."""
    if saved == "trained" and not b.spec.trainable:
        return b.elementwise("x * torch.sigmoid(beta * x)", x=x, beta=beta)
    factor = b.parameter("beta", b.weight("scaling_factor", ()))
    return b.elementwise("x * torch.sigmoid(beta * x)", x=x, beta=factor)


@contrib("SubPixelUpscaling", masks="drop")
def sub_pixel_upscaling(
    b: Builder, x: Value, *, scale_factor: int, data_format: DataFormat = "channels_last"
) -> Value:
    """The channels of each pixel as a block of pixels."""
    return blocks_of_channels(b, x, data_format, scale_factor)


@contrib("InstanceNormalization")
def instance_normalization(
    b: Builder,
    x: Value,
    *,
    axis: int | None = None,
    epsilon: NonNegative = 1e-3,
    center: bool = True,
    scale: bool = True,
) -> Value:
    """Normalise each sample, or each channel of it, by its deviation plus epsilon."""
    kept = None if axis is None else b.axis(axis, x.rank)
    if x.flat is not None:
        x = b.keras_layout(x)
    shape = (1,) if kept is None else (b.known(x, kept),)
    dims = [dim for dim in range(1, x.rank) if kept is None or x.perm[dim] != kept]
    result = b.op("deviation_norm(x, dims, eps)", shape=x.shape, like=x, x=x, dims=dims, eps=epsilon)
    stored = shape if kept is None else (shape[0], *(1,) * (x.rank - 1 - x.dim(kept)))
    return scaled(b, result, stored, scale, center)


@contrib("GroupNormalization")
def contrib_group_normalization(
    b: Builder,
    x: Value,
    *,
    groups: int,
    axis: int = -1,
    epsilon: NonNegative = 1e-5,
    center: bool = True,
    scale: bool = True,
) -> Value:
    """Normalise stretches of each sample: only where the channels come first are these groups of channels."""
    channel_axis = b.axis(axis, x.rank)
    if channel_axis == 1:
        return group_normalization(b, x, groups=groups, axis=1, epsilon=epsilon, center=center, scale=scale)
    if channel_axis != x.rank - 1:
        b.unsupported("axis", axis, f"supported: 1 and {x.rank - 1} for an input of {x.rank} axes")
    channels = b.known(x, -1)
    if groups < 1 or channels % groups:
        b.malformed(f"{channels} channels cannot be cut into {groups} groups")
    x = b.floating(b.keras_layout(x))
    gamma = b.parameter("gamma", b.weight("gamma", (channels,))) if scale else None
    beta = b.parameter("beta", b.weight("beta", (channels,))) if center else None
    template = "stretch_norm(x, groups, gamma, beta, eps)"
    return b.op(template, shape=x.shape, x=x, groups=groups, gamma=gamma, beta=beta, eps=epsilon)


@contrib("Capsule", masks="drop")
def capsule(
    b: Builder,
    x: Value,
    *,
    num_capsule: Size,
    dim_capsule: Size,
    routings: int,
    share_weights: bool,
    activation: str = "linear",
    routes: Quirk[bool] = False,
) -> Value:
    """(N, inputs, features) -> (N, num_capsule, dim_capsule): each input votes for each capsule.

    The package weighs the votes by dynamic routing, but for a product that since Keras 2.2.5 adds the
    votes up over all capsules: the weights of an input sum up to 1, and nothing of the routing is left.
    """
    if routings < 1:
        b.unsupported("routings", routings, "supported: 1 and more")
    x = b.keras_layout(x)
    inputs, features = x.shape[1], b.known(x, 2)
    if share_weights:
        kernel = b.weight("capsule_kernel", (1, features, num_capsule * dim_capsule))
        weight = b.parameter("kernel", kernel.reshape(features, num_capsule * dim_capsule))
        template = "x @ weight"
    else:
        sizes = (b.known(x, 1), features, num_capsule * dim_capsule)
        weight = b.parameter("kernel", b.weight("capsule_kernel", sizes))
        template = "torch.einsum('nif,ifo->nio', x, weight)"
    votes = b.op(
        f"torch.unflatten({template}, 2, sizes)",
        shape=(x.shape[0], inputs, num_capsule, dim_capsule),
        x=x,
        weight=weight,
        sizes=(num_capsule, dim_capsule),
    )
    shape = (x.shape[0], num_capsule, dim_capsule)
    if routes:
        y = b.op("dynamic_routing(votes, routings)", shape=shape, votes=votes, routings=routings)
    else:
        y = b.op("votes.sum(dim=1)", shape=shape, votes=votes)
    if activation == "squash":
        return b.op("squash(y)", shape=shape, y=y)
    return b.activation(y, activation)
