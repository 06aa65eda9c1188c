"""Graph ops that change shapes: reshape, transpose, join, split, pad, repeat, flip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from codegen.errors import shorten
from codegen.graph import Host, Op, Value
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axes, Axis, TensorLike, is_host
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import (
    concatenate,
    pad_axes,
    same_layout,
    torch_dim,
    transpose,
)
from codegen.model.spec import Shape

#: A model has no more pieces of one tensor.
_MOST_PIECES = 100_000


op("Transpose")(transpose)
op("Concatenate")(concatenate)


@op("Reshape")
def reshape(b: Builder, x: TensorLike, *, newshape: TensorLike) -> Value:
    """`x.reshape(*newshape)`; its parts may be sizes of other tensors."""
    if is_host(x):
        parts = rules.host(x)
        if rules.shape_argument(b, newshape) in ((), (1,), (-1,)) and not isinstance(parts, tuple):
            if rules.shape_argument(b, newshape):
                return rules.sizes(b, [parts])
            return x if isinstance(x, Host) else rules.known_number(b, x)
        if isinstance(parts, tuple) and rules.shape_argument(b, newshape) in ((-1,), (len(parts),)):
            return rules.sizes(b, parts)
    x = rules.native(b, x)
    parts = rules.shape_argument(b, newshape, "newshape")
    shape = _known_shape(b, x, parts)
    if any(isinstance(part, Value) for part in parts) and shape.count(None) > 1:
        return b.op("x.reshape(*sizes)", shape=shape, x=x, sizes=parts)
    return b.reshape(x, shape)


def _known_shape(b: Builder, x: Value, parts: Sequence[Any]) -> Shape:
    """The new shape with all that can be told before the model runs."""
    shape: list[int | None] = [part if isinstance(part, int) and part != -1 else None for part in parts]
    if -1 not in parts:
        return tuple(shape)
    free = list(parts).index(-1)
    fixed = [part for i, part in enumerate(parts) if i != free]
    kept = [part for part in fixed if isinstance(part, Value)]
    total, given = 1, 1
    for size in x.shape:
        total *= size or 1
    for part in fixed:
        given *= part if isinstance(part, int) else 1
    # The open sizes of `x` that are passed on by value leave the rest to -1.
    if len(kept) == x.shape.count(None) and all(_is_size_of_open_axis(part) for part in kept) and given:
        if total % given:
            b.malformed(f"a tensor of shape {x.shape} cannot become {tuple(parts)}")
        shape[free] = total // given
    return tuple(shape)


def _is_size_of_open_axis(part: Value) -> bool:
    return part.node is not None and part.node.op is Op.SIZE


@op("Ravel")
def ravel(b: Builder, x: TensorLike) -> Value:
    """All elements in one axis."""
    x = rules.native(b, x)
    return b.reshape(x, (element_count(x.shape),))


@op("ExpandDims")
def expand_dims(b: Builder, x: TensorLike, *, axis: int | tuple[int, ...]) -> Value:
    """`x.unsqueeze(dim)`."""
    if isinstance(x, Host) and x.rank == 0:
        return rules.sizes(b, [rules.host(x)])
    x = rules.to_keras_order(b, rules.tensor(b, x))
    given = (axis,) if isinstance(axis, int) else axis
    rank = x.rank + len(given)
    axes = sorted(b.axis(a, rank) for a in given)
    y: Value = b.keras_layout(x)
    for a in axes:
        shape = (*y.shape[:a], 1, *y.shape[a:])
        d = -1 if a == y.rank else a
        y = b.op("x.unsqueeze(d)", shape=shape, x=y, d=d)
    return y


@op("Squeeze")
def squeeze(b: Builder, x: TensorLike, *, axis: Axis = None) -> Value:
    """`x.squeeze(dim)`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    if axis is None:
        axes = tuple(a for a, size in enumerate(x.shape) if size == 1)
    else:
        axes = rules.axes_of(b, axis, x.rank)
    if any(x.shape[a] not in (None, 1) for a in axes):
        b.malformed(f"its input {x.shape} should have one element along its axes {axes}")
    if not axes:
        return b.op("x", shape=x.shape, x=x)
    dims = tuple(sorted(x.dim(a) for a in axes))
    shape = rules.reduced_shape(x.shape, axes, keepdims=False)
    perm = rules.without_axes(x.perm, axes)
    return b.op("x.squeeze(d)", shape=shape, perm=perm, x=x, d=dims[0] if len(dims) == 1 else dims)


@op("Swapaxes")
def swapaxes(b: Builder, x: TensorLike, *, axis1: int, axis2: int) -> Value:
    """Two axes exchanged."""
    x = rules.tensor(b, x)
    order = list(range(x.rank))
    one, two = b.axis(axis1, x.rank), b.axis(axis2, x.rank)
    order[one], order[two] = two, one
    return transpose(b, x, axes=order)


@op("Moveaxis")
def moveaxis(
    b: Builder, x: TensorLike, *, source: int | tuple[int, ...], destination: int | tuple[int, ...]
) -> Value:
    """Axes moved to other places."""
    x = rules.tensor(b, x)
    sources = [b.axis(a, x.rank) for a in ((source,) if isinstance(source, int) else source)]
    targets = [b.axis(a, x.rank) for a in ((destination,) if isinstance(destination, int) else destination)]
    order = [a for a in range(x.rank) if a not in sources]
    for target, a in sorted(zip(targets, sources, strict=True)):
        order.insert(target, a)
    return transpose(b, x, axes=order)


# -------------------------------------------------------------------- joining


@op("Append")
def append(b: Builder, x1: TensorLike, x2: TensorLike, *, axis: int | None = None) -> Value:
    """The second behind the first; flattened without an axis."""
    if axis is None:
        return concatenate(b, [ravel(b, x1), ravel(b, x2)], axis=0)
    return concatenate(b, [x1, x2], axis=axis)


@op("Stack")
def stack(b: Builder, x: list[TensorLike], *, axis: int = 0) -> Value:
    """`torch.stack(xs, dim)`."""
    if all(is_host(item) for item in x) and any(isinstance(item, Value) for item in x):
        return rules.sizes(b, [rules.host(item) for item in x])
    values = same_layout(b, x)
    a = b.axis(axis, values[0].rank + 1)
    one = rules.common_shape(b, [value.shape for value in values])
    shape = (*one[:a], len(values), *one[a:])
    return b.op("torch.stack(xs, dim=a)", shape=shape, dtype=values[0].dtype, xs=values, a=a)


@op({"Hstack": {"axis": 1}, "Vstack": {"axis": 0}})
def stack_like(b: Builder, xs: list[TensorLike], *, axis: int) -> Value:
    """Joined along the second or the first axis; unlike numpy's, Keras' `vstack` adds no axis."""
    values = same_layout(b, xs)
    return concatenate(b, values, axis=min(axis, values[0].rank - 1))


@op("Dstack")
def dstack(b: Builder, xs: list[TensorLike]) -> Value:
    """Joined along the third axis, which is added where there is none."""
    return concatenate(b, [_at_least_3d(b, x) for x in same_layout(b, xs)], axis=2)


def _at_least_3d(b: Builder, x: Value) -> Value:
    """With axes of size 1 as numpy's `atleast_3d` adds them."""
    if x.rank >= 3:
        return x
    shapes = {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}
    return b.reshape(x, shapes[x.rank])


# -------------------------------------------------------------------- splitting


def split_at(b: Builder, x: TensorLike, lengths: Sequence[int | None], axis: int) -> list[Value]:
    """Consecutive pieces of these lengths along an axis."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    a = b.axis(axis, x.rank)
    pieces = [b.value((*x.shape[:a], n, *x.shape[a + 1 :]), dtype=x.dtype, perm=x.perm) for n in lengths]
    known = [n for n in lengths if n is not None]
    if len(known) == len(lengths) and len(set(known)) == 1:
        if x.shape[a] is None:
            b.emit("torch.split(x, size, dim=d)", tuple(pieces), x=x, size=known[0], d=torch_dim(x, a))
        else:
            b.emit("x.chunk(n, dim=d)", tuple(pieces), x=x, n=len(lengths), d=torch_dim(x, a))
    else:
        b.emit("torch.split(x, sizes, dim=d)", tuple(pieces), x=x, sizes=list(lengths), d=torch_dim(x, a))
    return pieces


def _checked_count(b: Builder, count: int) -> int:
    """A number of pieces that a model can have; a hostile one must not fill the memory."""
    if not 0 < count <= _MOST_PIECES:
        b.malformed(f"it makes {shorten(count)} pieces")
    return count


@op({"Split": {"uneven": False}, "ArraySplit": {"uneven": True}})
def split(
    b: Builder, x: TensorLike, *, indices_or_sections: Axes, axis: int = 0, uneven: bool = False
) -> list[Value]:
    """`x.chunk(n, dim)` or `x.split(sizes, dim)`: equal pieces, or pieces that begin at given positions."""
    x, sections = rules.tensor(b, x), indices_or_sections
    a = b.axis(axis, x.rank)
    size = x.shape[a]
    if not isinstance(sections, int):
        if size is None:
            x = rules.to_keras_order(b, x)
            index = [(slice(None),) * x.dim(a) + (slice(i or None, j),) for i, j in _pairs(sections)]
            lengths = [None if j is None or min(i, j) < 0 else max(j - i, 0) for i, j in _pairs(sections)]
            return [
                b.op("x[index]", shape=(*x.shape[:a], n, *x.shape[a + 1 :]), x=x, index=i)
                for i, n in zip(index, lengths, strict=True)
            ]
        bounds = [min(max(bound if bound >= 0 else size + bound, 0), size) for bound in sections]
        return split_at(b, x, [max((size if j is None else j) - i, 0) for i, j in _pairs(bounds)], a)
    sections = _checked_count(b, sections)
    if size is None:
        x = rules.to_keras_order(b, x)
        pieces = [
            b.value((*x.shape[:a], None, *x.shape[a + 1 :]), dtype=x.dtype, perm=x.perm)
            for _ in range(sections)
        ]
        b.emit("x.tensor_split(n, dim=d)", tuple(pieces), x=x, n=sections, d=torch_dim(x, a))
        return pieces
    if size % sections and not uneven:
        b.malformed(f"an axis of size {size} cannot be split into {sections}")
    base, more = divmod(size, sections)
    return split_at(b, x, [base + (i < more) for i in range(sections)], a)


def _pairs(sections: Sequence[int]) -> list[tuple[int, int | None]]:
    """Where each piece begins and ends; None for the end of the axis."""
    return list(zip((0, *sections), (*sections, None), strict=True))


@op({"Hsplit": {"axis": 1}, "Vsplit": {"axis": 0}, "Dsplit": {"axis": 2}})
def split_like(b: Builder, x: TensorLike, *, indices_or_sections: Axes, axis: int) -> list[Value]:
    """Split along the axis that numpy's function of that name uses."""
    x = rules.tensor(b, x)
    axis = min(1, x.rank - 1) if axis == 1 else axis  # a vector has one axis
    return split(b, x, indices_or_sections=indices_or_sections, axis=axis)


@op("Unstack")
def unstack(b: Builder, x: TensorLike, *, num: int | None = None, axis: int = 0) -> list[Value]:
    """`x.unbind(dim)`."""
    parts = rules.host(x)
    if isinstance(parts, tuple):
        return [b.host_op("n", n=part) for part in parts]
    x = rules.to_keras_order(b, rules.tensor(b, x))
    a = b.axis(axis, x.rank)
    count = _checked_count(b, num or b.known(x, a))
    perm = rules.without_axes(x.perm, (a,))
    pieces = [
        b.value(rules.reduced_shape(x.shape, (a,), keepdims=False), dtype=x.dtype, perm=perm)
        for _ in range(count)
    ]
    b.emit("x.unbind(dim=d)", tuple(pieces), x=x, d=torch_dim(x, a))
    return pieces


# -------------------------------------------------------------------- padding, repeating, turning round


@op("Pad")
def pad(
    b: Builder,
    x: TensorLike,
    constant_values: float | None = None,
    *,
    pad_width: TensorLike,
    mode: Literal["constant", "reflect", "symmetric", "edge"] = "constant",
) -> Value:
    """`F.pad(x, widths)`; pads by any amount in any mode."""
    x = rules.tensor(b, x)
    pairs = _width_pairs(rules.as_array(b, pad_width), x.rank)
    return pad_axes(b, x, pairs, mode, constant_values or 0)


def _width_pairs(widths: np.ndarray[Any, Any], rank: int) -> list[tuple[int, int]]:
    """A pair for each axis, of one number for all, one pair for all, or a pair for each."""
    if not widths.ndim:
        return [(int(widths), int(widths))] * rank
    rows = [widths] if widths.shape == (2,) else list(widths)
    pairs = [(int(low), int(high)) for low, high in rows]
    return pairs * rank if len(pairs) == 1 else pairs
