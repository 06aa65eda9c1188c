"""Graph ops of `keras.ops.nn` that normalise."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS, promote
from codegen.lowering import layout
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axis, TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import torch_dim
from codegen.model.words import EPSILON
from codegen.ops.keras.linalg import norm_over
from codegen.ops.keras.reductions import reduction


@op("Normalize")
def normalize(
    b: Builder, x: TensorLike, *, axis: Axis = -1, order: int = 2, epsilon: float | None = None
) -> Value:
    """`F.normalize(x, p, dim)`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    x = b.cast(x, rules.float_type(x))
    if not x.rank:
        x = b.op("x.unsqueeze(0)", shape=(1,), x=x)
    eps = EPSILON if epsilon is None else epsilon
    axes = rules.axes_of(b, axis, x.rank)
    if len(axes) == 1:
        operands: dict[str, Any] = {"d": torch_dim(x, axes[0]), "eps": eps}
        if order == 2:
            return b.op("F.normalize(x, dim=d, eps=eps)", shape=x.shape, x=x, like=x, **operands)
        return b.op(
            "F.normalize(x, p=p, dim=d, eps=eps)", shape=x.shape, x=x, like=x, p=float(order), **operands
        )
    if order != 2:
        length = norm_over(b, x, order, axes, keepdims=True)
        return b.elementwise("x / length.clamp(min=eps)", x=x, length=length, eps=eps)
    dims = sorted(x.dim(a) for a in axes)
    return b.op("unit_normalize(x, dims, eps=eps)", shape=x.shape, x=x, like=x, dims=dims, eps=eps)


@op("Moments")
def moments(
    b: Builder, x: TensorLike, *, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> list[Value]:
    """Mean and variance; of 16-bit numbers computed in 32 bits."""
    del synchronized  # there is one device
    x = rules.tensor(b, x)
    if x.dtype not in FLOATS:
        b.unsupported("x", x.dtype, "supported: floating-point numbers")
    wide = b.cast(x, "float32") if x.dtype in ("float16", "bfloat16") else x
    results = [reduction(b, name, wide, axes, keepdims) for name in ("Mean", "Var")]
    if wide is x:
        return results
    template = "x.clamp(low, high)"
    return [b.cast(b.elementwise(template, x=y, low=-65504.0, high=65504.0), x.dtype) for y in results]


@op("BatchNorm")
def batch_norm(
    b: Builder,
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    *,
    axis: int,
    epsilon: float = 1e-3,
) -> Value:
    """`F.batch_norm(x, mean, variance, scale, offset)`, with the channels on `axis`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    if x.dtype not in FLOATS:
        b.unsupported("x", x.dtype, "supported: floating-point numbers")
    a = b.axis(axis, x.rank)
    given = {"mean": mean, "variance": variance, "weight": scale, "bias": offset}
    operands: dict[str, Any] = {
        name: rules.native(b, value, x.dtype) for name, value in given.items() if value is not None
    }
    if a and all(value.rank == 1 for value in operands.values()):
        for value in operands.values():
            _check_along(b, value, x, (a,))
        x = layout.to_perm(b, x, (0, a, *(i for i in range(1, x.rank) if i != a)))
        affine = "".join(f", {name}={name}" for name in ("weight", "bias") if name in operands)
        template = f"F.batch_norm(x, mean, variance{affine}, eps=eps)"
        return b.op(template, shape=x.shape, x=x, like=x, eps=epsilon, **operands)
    if axis != -1:
        operands = {name: along_axis(b, value, x, (a,)) for name, value in operands.items()}
    template = "(x - mean) * torch.rsqrt(variance + eps)"
    template += " * weight" if scale is not None else ""
    template += " + bias" if offset is not None else ""
    return b.elementwise(template, x=x, eps=epsilon, **operands)


@op("RMSNorm")
def rms_norm(
    b: Builder,
    x: TensorLike,
    scale: TensorLike | None = None,
    *,
    axis: Axis = -1,
    epsilon: float | None = None,
) -> Value:
    """`F.rms_norm(x, sizes, scale)`, or the same over axes that are not the last."""
    x, dtype = _wide(b, x)
    axes = rules.axes_of(b, axis, x.rank)
    eps = EPSILON if epsilon is None else epsilon
    weight = None if scale is None else rules.native(b, scale, x.dtype)
    sizes = _last_sizes(x, axes)
    if sizes and (weight is None or weight.shape == sizes):
        operands: dict[str, Any] = {} if weight is None else {"weight": weight}
        template = f"F.rms_norm(x, sizes{''.join(f', {name}={name}' for name in operands)}, eps=eps)"
        return b.cast(b.op(template, shape=x.shape, x=x, sizes=list(sizes), eps=eps, **operands), dtype)
    template = "x * torch.rsqrt(x.square().mean(dim=d, keepdim=True) + eps)"
    y = b.op(template, shape=x.shape, x=x, d=_dims(axes), eps=eps)
    return b.cast(y if weight is None else b.elementwise("x * weight", x=y, weight=weight), dtype)


@op("LayerNorm")
def layer_norm(
    b: Builder,
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    *,
    axis: Axis = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Value:
    """`F.layer_norm(x, sizes, gamma, beta)`, or the same over axes that are not the last."""
    x, dtype = _wide(b, x)
    axes = rules.axes_of(b, axis, x.rank)
    eps = EPSILON if epsilon is None else epsilon
    given = {"weight": gamma, "bias": None if rms_scaling else beta}
    operands: dict[str, Any] = {
        name: rules.native(b, value, x.dtype) for name, value in given.items() if value is not None
    }
    sizes = _last_sizes(x, axes)
    if sizes and not rms_scaling and all(value.shape == sizes for value in operands.values()):
        template = f"F.layer_norm(x, sizes{''.join(f', {name}={name}' for name in operands)}, eps=eps)"
        return b.cast(b.op(template, shape=x.shape, x=x, sizes=list(sizes), eps=eps, **operands), dtype)
    centred = "x" if rms_scaling else "(x - x.mean(dim=d, keepdim=True))"
    template = f"{centred} * torch.rsqrt(x.var(dim=d, correction=0, keepdim=True) + eps)"
    y = b.op(template, shape=x.shape, x=x, d=_dims(axes), eps=eps)
    for name, value in operands.items():
        if axes != (x.rank - 1,):
            value = along_axis(b, value, x, axes)
        y = b.elementwise("x * weight" if name == "weight" else "x + bias", x=y, **{name: value})
    return b.cast(y, dtype)


def along_axis(b: Builder, value: Value, x: Value, axes: tuple[int, ...]) -> Value:
    """A tensor over some axes of `x`, shaped to be combined with `x`."""
    if value.rank == x.rank:
        return value
    _check_along(b, value, x, axes)
    return b.reshape(value, tuple(n if a in axes else 1 for a, n in enumerate(x.shape)))


def _check_along(b: Builder, value: Value, x: Value, axes: tuple[int, ...]) -> None:
    """Refuse a tensor that is none over these axes of `x`."""
    sizes = tuple(x.shape[a] for a in axes)
    if value.rank != len(axes) or any(
        None not in pair and len({*pair}) > 1 for pair in zip(value.shape, sizes, strict=True)
    ):
        b.malformed(f"it takes a tensor of shape {value.shape} along axes of sizes {sizes}")


def _wide(b: Builder, x: TensorLike) -> tuple[Value, str]:
    """The input in Keras' layout in at least 32 bits, and its own dtype."""
    x = rules.native(b, x)
    if not x.rank:
        x = b.op("x.unsqueeze(0)", shape=(1,), x=x, dtype=x.dtype)
    return b.cast(x, promote(x.dtype, "float32")), x.dtype


def _last_sizes(x: Value, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of the last axes; nothing if `axes` are others, or one is open."""
    sizes = tuple(x.shape[a] for a in sorted(axes))
    known = tuple(size for size in sizes if size is not None)
    return known if sorted(axes) == list(range(x.rank - len(axes), x.rank)) and known == sizes else ()


def _dims(axes: tuple[int, ...]) -> int | tuple[int, ...]:
    return axes[0] if len(axes) == 1 else tuple(sorted(axes))
