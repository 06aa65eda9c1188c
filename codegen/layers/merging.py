"""Keras' merging layers: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Literal

from codegen.graph import Op, Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.ops import meaning
from codegen.lowering import layout
from codegen.lowering.binder import Quirk
from codegen.lowering.builder import Builder
from codegen.lowering.masks import with_mask
from codegen.lowering.parts.rules import result_type
from codegen.lowering.registry import lowers
from codegen.model.spec import Shape

#: How masks meet: today's Keras takes what any input keeps, versions before 3.4 what all inputs keep.
MaskMode = Literal["or", "and"]


@lowers("Add", masks="own")
def add(b: Builder, xs: list[Value], *, mask_mode: Quirk[MaskMode] = "or") -> Value:
    """The sum of all inputs."""
    masks = _masks(b, xs)
    result = _fold(b, "x + y", _same_rank(b, xs))
    return with_mask(b, result, _merged_mask(b, masks, mask_mode), xs)


@lowers("Subtract", masks="own")
def subtract(b: Builder, xs: list[Value], *, mask_mode: Quirk[MaskMode] = "or") -> Value:
    """The first input minus the second."""
    if len(xs) != 2:
        b.malformed(f"it is called with {len(xs)} inputs, not 2")
    masks = _masks(b, xs)
    result = _fold(b, "x - y", _same_rank(b, xs))
    return with_mask(b, result, _merged_mask(b, masks, mask_mode), xs)


@lowers("Average", masks="own")
def average(b: Builder, xs: list[Value], *, mask_mode: Quirk[MaskMode] = "or") -> Value:
    """The mean of all inputs."""
    masks = _masks(b, xs)
    total = _fold(b, "x + y", _same_rank(b, xs))
    result = b.elementwise("x / count", x=total, count=len(xs))
    return with_mask(b, result, _merged_mask(b, masks, mask_mode), xs)


@lowers("Multiply", masks="own")
def multiply(b: Builder, xs: list[Value], *, mask_mode: Quirk[MaskMode] = "or") -> Value:
    """The product of all inputs; today's Keras leaves out factors that are masked."""
    masks = _masks(b, xs)
    factors = _same_rank(b, xs)
    mask = _merged_mask(b, masks, mask_mode)
    if mask_mode == "or":
        factors = [
            _where(b, own, x, "x.masked_fill(~keep, 1)") if own is not None else x
            for x, own in zip(factors, masks, strict=True)
        ]
    result = _fold(b, "x * y", factors)
    if mask_mode == "or" and mask is not None:
        result = _where(b, mask, result, "x.masked_fill(~keep, 0)")
    return with_mask(b, result, mask, xs)


@lowers({"Maximum": {"largest": True}, "Minimum": {"largest": False}}, masks="own")
def extremum(b: Builder, xs: list[Value], *, largest: bool, mask_mode: Quirk[MaskMode] = "or") -> Value:
    """The largest or smallest of all inputs; today's Keras leaves out what is masked."""
    masks = _masks(b, xs)
    values = _same_rank(b, xs)
    name = "torch.maximum" if largest else "torch.minimum"
    if mask_mode == "and" or not any(masks):
        result = _fold(b, f"{name}(x, y)", values)
        return with_mask(b, result, _merged_mask(b, masks, mask_mode), xs)
    result, kept = b.keras_layout(values[0]), masks[0]
    template = "masked_choice(x, y, x_mask, y_mask, largest=largest)"
    for y, mask in zip(values[1:], masks[1:], strict=True):
        result = b.elementwise(
            template, x=result, y=b.keras_layout(y), x_mask=_over(b, kept, result), y_mask=_over(b, mask, y),
            largest=largest,
        )  # fmt: skip
        kept = _merged_mask(b, [kept, mask], "or")
    return with_mask(b, result, kept, xs)


@lowers("Concatenate", masks="own")
def concatenate(b: Builder, xs: list[Value], *, axis: int = -1, mask_mode: Quirk[MaskMode] = "or") -> Value:
    """All inputs one behind the other along `axis`."""
    rank = xs[0].rank
    if any(x.rank != rank for x in xs):
        b.malformed(f"inputs of shapes {', '.join(str(x.shape) for x in xs)} cannot be joined")
    axis = b.axis(axis, rank)
    mask = _joined_mask(b, xs, _masks(b, xs), axis, mask_mode)
    if len(xs) == 1:
        return with_mask(b, xs[0], mask, xs)
    aligned = _one_layout(b, xs)
    others = [tuple(size for i, size in enumerate(x.shape) if i != axis) for x in xs]
    open_or_same = b.broadcast(others) if all(1 not in shape for shape in others) else others[0]
    sizes = [x.shape[axis] for x in xs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    shape = (*open_or_same[:axis], total, *open_or_same[axis:])
    result = b.op(
        "torch.cat(parts, dim=d)", shape=shape, dtype=xs[0].dtype, perm=aligned[0].perm,
        non_negative=all(x.non_negative for x in xs), parts=aligned, d=aligned[0].dim(axis),
    )  # fmt: skip
    return with_mask(b, result, mask, xs)


@lowers("Dot", masks="drop")
def dot(
    b: Builder,
    xs: list[Value],
    *,
    axes: int | tuple[int, int],
    normalize: bool = False,
    as_matrices: Quirk[bool] = False,
) -> Value:
    """Dot products of the samples of two inputs along one axis of each.

    Before Keras 2.3, images and volumes were multiplied as stacks of matrices (`as_matrices`).
    """
    if len(xs) != 2:
        b.malformed(f"it is called with {len(xs)} inputs, not 2")
    pair = (axes, axes) if isinstance(axes, int) else axes
    first, second = (b.axis(axis, x.rank) for axis, x in zip(pair, xs, strict=True))
    if 0 in (first, second):
        b.unsupported("axes", axes, "supported: any axis but that of the batch")
    if len({xs[0].shape[first], xs[1].shape[second]} - {None}) > 1:
        b.malformed(f"its inputs {xs[0].shape} and {xs[1].shape} differ along its axes {pair}")
    if as_matrices and max(x.rank for x in xs) > 3:
        return _matrix_product(b, xs[0], xs[1], first, second, normalize)
    dtype = result_type(*xs)
    wide = "int32" if dtype in ("int8", "bool") else dtype
    x, y = _axis_last(b, b.cast(xs[0], wide), first), _axis_last(b, b.cast(xs[1], wide), second)
    shape: Shape = (x.shape[0], *_without(x, first), *_without(y, second))
    perm = tuple(range(max(len(shape), 2)))
    summed = wide
    if len(shape) == 1:
        shape = (*shape, 1)
        summed = wide if wide in FLOATS else "int64"
    template = "batch_dot(x, y, normalize=True)" if normalize else "batch_dot(x, y)"
    if x.rank == y.rank == 2 and not normalize:
        template = "(x * y).sum(dim=1, keepdim=True)"
    elif x.rank == y.rank == 3 and not normalize:
        template = "x @ y.mT"
    result = b.op(template, shape=shape, dtype=summed, perm=perm, x=x, y=y)
    return b.cast(result, "bool" if dtype == "bool" else wide)


def _matrix_product(b: Builder, x: Value, y: Value, first: int, second: int, normalize: bool) -> Value:
    """`x @ y` over the last two axes, turned so that `first` and `second` meet where they are among these."""
    if x.rank != y.rank or normalize:
        b.unsupported("axes", (first, second), f"supported in this version: ranks up to 3, not of {x.shape}")
    x, y = b.keras_layout(x), b.keras_layout(y)
    left, right = first == x.rank - 1, second == y.rank - 1
    rows, columns = x.shape[-2 if left else -1], y.shape[-2 if right else -1]
    if x.shape[-1 if left else -2] != y.shape[-1 if right else -2]:
        b.malformed(f"its inputs {x.shape} and {y.shape} do not go together")
    shape = (*b.broadcast([x.shape[:-2], y.shape[:-2]]), rows, columns)
    template = f"{'x' if left else 'x.mT'} @ {'y.mT' if right else 'y'}"
    return b.op(template, shape=shape, x=x, y=y)


@lowers("Merge", masks="drop", note="Keras 1: the modes that have no layer of their own")
def merge(b: Builder, xs: list[Value], *, mode: Literal["cos"], axes: int | tuple[int, int] = -1) -> Value:
    """Cosine proximity of vectors, (N, 1, 1); its other modes are read as the layers of their names."""
    if len(xs) != 2 or any(x.rank != 2 for x in xs):
        b.unsupported("mode", mode, "supported: two inputs of rank 2")
    del axes  # there is but one
    x, y = (b.keras_layout(x) for x in xs)
    return b.op("F.cosine_similarity(x, y)[:, None, None]", shape=(x.shape[0], 1, 1), x=x, y=y)


# -------------------------------------------------------------------- helpers


def _same_rank(b: Builder, xs: Sequence[Value]) -> list[Value]:
    """The inputs with axes of size 1 put behind the batch's until all have the same rank."""
    rank = max(x.rank for x in xs)
    return [
        x if x.rank == rank else b.reshape(x, (*x.shape[:1], *(1,) * (rank - x.rank), *x.shape[1:]))
        for x in xs
    ]


def _one_layout(b: Builder, xs: list[Value]) -> list[Value]:
    """All inputs in the layout of the largest that is not in Keras' own."""
    foreign = [x for x in xs if not x.is_native and x.flat is None]
    largest = max(foreign, key=layout.sample_size) if foreign else None
    perm = largest.perm if largest is not None else tuple(range(xs[0].rank))
    return [layout.to_perm(b, x, perm) for x in xs]


def _fold(b: Builder, template: str, xs: Sequence[Value]) -> Value:
    non_negative = all(x.non_negative for x in xs) and meaning(template) in (Op.ADD, Op.MUL)
    return reduce(lambda x, y: b.elementwise(template, non_negative=non_negative, x=x, y=y), xs)


def _masks(b: Builder, xs: Sequence[Value]) -> list[Value | None]:
    return [b.mask(x) for x in xs]


def _merged_mask(b: Builder, masks: Sequence[Value | None], mode: MaskMode) -> Value | None:
    """The mask of an element-wise merge: what any input keeps if all have a mask, or what all keep."""
    known = list(dict.fromkeys(mask for mask in masks if mask is not None))
    if not known or b.masks.rules.hands_on == "none" or (mode == "or" and None in masks):
        return None
    template = "x | y" if mode == "or" else "x & y"
    return reduce(lambda x, y: b.elementwise(template, dtype="bool", x=x, y=y), known)


def _joined_mask(
    b: Builder, xs: Sequence[Value], masks: Sequence[Value | None], axis: int, mode: MaskMode
) -> Value | None:
    """The mask of a concatenation: joined along its own axes, merged along the one behind them."""
    if not any(masks) or b.masks.rules.hands_on == "none":
        return None
    rank = xs[0].rank - 1
    if any(mask is not None and mask.rank != rank for mask in masks):
        b.malformed(f"its masks must have {rank} axes, one less than its inputs")
    if axis == 0:
        b.malformed("a mask of its inputs cannot be carried through along axis 0")
    if axis == rank:
        if mode == "or" and None in masks:
            return None  # every step is kept: the same as no mask
        return _merged_mask(b, masks, mode)
    parts = [_mask_or_ones(b, x, mask) for x, mask in zip(xs, masks, strict=True)]
    sizes = [x.shape[axis] for x in xs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    shape = (*parts[0].shape[:axis], total, *parts[0].shape[axis + 1 :])
    return b.op("torch.cat(parts, dim=d)", shape=shape, dtype="bool", parts=parts, d=axis)


def _mask_or_ones(b: Builder, x: Value, mask: Value | None) -> Value:
    if mask is not None:
        return mask
    x = b.keras_layout(x)
    template = "x.new_ones(x.shape[:-1], dtype=torch.bool)"
    return b.op(template, shape=x.shape[:-1], dtype="bool", x=x)


def _over(b: Builder, mask: Value | None, x: Value) -> Value | None:
    """A mask (N, T) with axes of size 1 behind it, so that it broadcasts against `x` in Keras' layout."""
    if mask is None or mask.rank >= x.rank:
        return mask
    index = (slice(None),) * mask.rank + (None,) * (x.rank - mask.rank)
    shape = (*mask.shape, *(1,) * (x.rank - mask.rank))
    return b.op("mask[index]", shape=shape, dtype="bool", op=Op.EXPAND, mask=mask, index=index)


def _where(b: Builder, mask: Value, x: Value, template: str) -> Value:
    x = b.keras_layout(x)
    return b.op(template, shape=x.shape, x=x, keep=_over(b, mask, x))


def _axis_last(b: Builder, x: Value, axis: int) -> Value:
    """`x` stored with `axis` last and the others in Keras' order."""
    return layout.to_perm(b, x, (*(i for i in range(x.rank) if i != axis), axis))


def _without(x: Value, axis: int) -> Shape:
    return tuple(size for i, size in enumerate(x.shape) if i not in (0, axis))
