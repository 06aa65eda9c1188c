"""Layouts, the only place that permutes: axes are Keras' everywhere, torch's order is `Value.perm`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from codegen.graph import FlatOrder, Op, Value
from codegen.graph.ops import VIEWS
from codegen.graph.recipe import Weight
from codegen.graph.shapes import element_count
from codegen.lowering.emitter import Emitter
from codegen.model.spec import Shape


def channels_first_perm(rank: int, data_format: str = "channels_last") -> tuple[int, ...]:
    """The `perm` of (N, C, spatial...) for Keras values of this data format."""
    if data_format == "channels_first" or rank < 3:
        return tuple(range(rank))
    return (0, rank - 1, *range(1, rank - 1))


def channels_first(e: Emitter, x: Value, data_format: str = "channels_last") -> Value:
    """`x` stored as (N, C, spatial...), for modules that take no images without elements."""
    if 0 in x.shape[1:]:
        e.malformed(f"its input {x.shape} has no elements")
    return to_perm(e, x, channels_first_perm(x.rank, data_format))


def to_perm(e: Emitter, x: Value, perm: tuple[int, ...]) -> Value:
    """`x` in another layout: a twin that exists, another reshape of a reshaped tensor, else a permute.

    Where several sizes are open, a permute does not need to know them.
    """
    if len(perm) != x.rank:
        e.malformed(f"its input {x.shape} should have {len(perm)} axes")
    if x.flat is not None:
        x = unflatten(e, x)
    if perm in x.twins:
        return x.twins[perm]
    origin = next(iter(x.twins.values()))
    is_view = origin.node is not None and origin.node.op in VIEWS
    if is_view and _moves_only_ones(origin, perm) and origin.shape[1:].count(None) <= 1:
        twin = _reshaped(e, origin, origin.shape, perm)
    else:
        dims = tuple(origin.perm.index(axis) for axis in perm)
        twin = e.expression("x.permute(*dims)", shape=x.shape, perm=perm, op=Op.LAYOUT, x=origin, dims=dims)
    twin.layer = x.layer
    return _join(twin, x)


def _join(twin: Value, x: Value) -> Value:
    twin.mask, twin.non_negative = x.mask, x.non_negative
    x.twins[twin.perm] = twin
    twin.twins = x.twins
    return twin


def _moves_only_ones(x: Value, perm: Sequence[int]) -> bool:
    """Whether the elements keep their order in memory when `x` changes to `perm`."""
    return [a for a in x.perm if x.shape[a] != 1] == [a for a in perm if x.shape[a] != 1]


def _reshaped(e: Emitter, x: Value, shape: Shape, perm: tuple[int, ...]) -> Value:
    """`x` with the same elements in memory and a new shape, stored as `perm` says."""
    while x.node is not None and x.node.op in VIEWS:  # nothing is gained by two in a row
        e.absorbed.append(x.node)
        x = x.node.source
    stored = tuple(shape[axis] for axis in perm)
    operands: dict[str, Any] = {"x": x}
    kept = _common_front(x.stored_shape, stored)
    if x.stored_shape == stored and (perm, shape) == (x.perm, x.shape):
        return x
    index = _new_axes(x.stored_shape, stored)
    if index and (None not in index[: x.rank] or stored.count(None) > 1):
        template, op = "x[index]", Op.EXPAND
        operands["index"] = index
    elif x.rank > len(stored) == kept + 1 > 1 and element_count(x.stored_shape[kept:]) == stored[-1]:
        template, op = "x.flatten(d)", Op.RESHAPE
        operands["d"] = kept
    else:
        template, op = "x.reshape(*sizes)", Op.RESHAPE
        if 0 in stored and None in stored:
            e.malformed(f"its input {x.shape} has no elements")
        operands["sizes"] = _sizes(e, x, stored)
    return e.expression(template, shape=shape, perm=perm, op=op, **operands)


def _new_axes(old: Shape, new: Shape) -> tuple[slice | None, ...]:
    """The index that makes `new` out of `old` with axes of size 1; empty if nothing but new axes does."""
    index: list[slice | None] = []
    rest = list(old)
    for size in new:
        taken = bool(rest) and rest[0] == size
        index.append(slice(None) if taken else None)
        if taken:
            rest.pop(0)
        elif size != 1:
            return ()
    while index and not rest and index[-1] == slice(None):
        index.pop()
    return tuple(index) if not rest and len(new) > len(old) else ()


def _common_front(old: Shape, new: Shape) -> int:
    """How many leading sizes stay; an open size counts only for the batch."""
    count = 0
    for a, b in zip(old, new, strict=False):
        if a != b or (a is None and count):
            break
        count += 1
    return count


def _sizes(e: Emitter, x: Value, stored: Shape) -> tuple[Any, ...]:
    """`stored` as arguments of `reshape`: at most one -1, other open sizes read from `x`."""
    if None not in stored and stored and stored[0] == x.stored_shape[0]:
        return (-1, *stored[1:])
    if sum(size is None for size in stored) <= 1:
        return tuple(-1 if size is None else size for size in stored)
    sizes: list[Any] = []
    free = True
    for position, size in enumerate(stored):
        if size is not None:
            sizes.append(size)
        elif _stays(x.stored_shape, stored, position):
            sizes.append(e.host_op("x.shape[d]", x=x, d=position))
        elif free:
            sizes.append(-1)
            free = False
        else:
            e.malformed(f"a shape {stored} with several open sizes cannot be computed from {x.stored_shape}")
    return tuple(sizes)


def _stays(old: Shape, new: Shape, position: int) -> bool:
    """Whether an open size stays: the batch's, or one with as much in front and behind it."""
    if position >= len(old) or old[position] is not None or old[:position] != new[:position]:
        return False
    behind_old, behind_new = old[position + 1 :], new[position + 1 :]
    same_open = behind_old.count(None) == behind_new.count(None)
    return position == 0 or (same_open and _known(behind_old) == _known(behind_new))


def _known(sizes: Shape) -> int:
    return math.prod(size for size in sizes if size is not None)


def reshape(e: Emitter, x: Value, shape: Shape) -> Value:
    """`x` with Keras' elements in the same order and a new shape; None where the size is open."""
    x = to_perm(e, x, tuple(range(x.rank)))
    if x.node is not None and x.node.op in (Op.FLATTEN, Op.RESHAPE) and x.flat is None:
        before = x.node.source
        sizes = {element_count(value.shape[1:]) for value in (before, x)}
        if before.is_native and len(sizes) == 1 and None not in sizes:
            x = before  # its elements are in the same order
    if tuple(shape) == x.shape:
        return x
    result = _reshaped(e, x, tuple(shape), tuple(range(len(shape))))
    result.non_negative = x.non_negative
    return result


def flatten(e: Emitter, x: Value) -> Value:
    """(N, ...) -> (N, product of the rest).

    Where the value is stored channels first, the elements stay in that order and the result says so
    (`Value.flat`): a Dense behind it moves the permutation into its weight.
    """
    if x.flat is not None or (x.rank == 2 and x.is_native):
        return x
    inner = x.stored_shape[1:]
    sizes = [size for size in inner if size is not None]
    open_sizes = len(sizes) < len(inner)
    if x.rank == 1:
        return e.expression("x[index]", shape=(x.shape[0], 1), op=Op.EXPAND, x=x, index=(slice(None), None))
    if x.perm[0] != 0 or (open_sizes and not x.is_native):
        x = to_perm(e, x, tuple(range(x.rank)))
    total = None if open_sizes else math.prod(sizes)
    flat = None
    if not _moves_only_ones(x, tuple(range(x.rank))):
        flat = FlatOrder(tuple(sizes), tuple(x.perm.index(axis) - 1 for axis in range(1, x.rank)))
    return e.expression(
        "x.flatten(1)", shape=(x.shape[0], total), perm=(0, 1), flat=flat,
        non_negative=x.non_negative, x=x,
    )  # fmt: skip


def unflatten(e: Emitter, x: Value) -> Value:
    """A flattened value in Keras' order, for readers that cannot move the permutation elsewhere."""
    assert x.flat is not None
    key = (-1,)
    if key not in x.twins:
        if x.node is not None and x.node.op is Op.FLATTEN:
            source = to_perm(e, x.node.source, tuple(range(x.node.source.rank)))
            e.absorbed.append(x.node)
        else:
            inner = tuple(x.flat.sizes[d] for d in x.flat.dims)
            dims = (0, *(d + 1 for d in x.flat.dims))
            source = e.expression(
                "torch.unflatten(x, 1, sizes).permute(*dims)", shape=(x.shape[0], *inner), op=Op.LAYOUT,
                x=x, sizes=x.flat.sizes, dims=dims,
            )  # fmt: skip
        plain = e.expression("x.flatten(1)", shape=x.shape, perm=(0, 1), x=source)
        plain.mask, plain.non_negative, plain.layer = x.mask, x.non_negative, x.layer
        x.twins[key] = plain
    return x.twins[key]


def stored_rows(x: Value, kernel: Weight) -> Weight:
    """A kernel with one row a feature in Keras' order, with its rows in the order that `x` has."""
    if x.flat is None:
        return kernel
    keras_sizes = [x.flat.sizes[d] for d in x.flat.dims]
    to_stored = [x.flat.dims.index(d) for d in range(len(x.flat.dims))]
    rest = len(keras_sizes)
    split = kernel.reshape(*keras_sizes, *kernel.shape[1:])
    moved = split.permute(*to_stored, *range(rest, len(split.shape)))
    return moved.reshape(*kernel.shape)


def expand(e: Emitter, x: Value, rank: int) -> Value:
    """`x` with leading axes of size 1 up to `rank`, as numpy broadcasts."""
    if x.rank == rank:
        return x
    shape = (1,) * (rank - x.rank) + x.shape
    return _reshaped(e, to_perm(e, x, tuple(range(x.rank))), shape, tuple(range(rank)))


def sample_size(x: Value) -> int:
    """Elements of one sample, open sizes counted as 1."""
    return math.prod(size or 1 for size in x.shape[1:])


def align(e: Emitter, values: Sequence[Value]) -> list[Value]:
    """The values in one layout, ready for an element-wise operation that broadcasts.

    The layout is that of the largest value that is not in Keras' own, else Keras' own: a permute is
    cheapest where the small operand pays for it. A layout that only a `Permute` of the model has made does
    not count beside Keras' own. Scalars stay as they are.
    """
    if len(values) == 1:
        return list(values)
    flat = values[0].flat
    if flat is not None and all((value.flat, value.shape) == (flat, values[0].shape) for value in values):
        return list(values)
    rank = max(value.rank for value in values)
    full = [value for value in values if value.rank == rank]
    foreign = [value for value in full if not value.is_native and value.flat is None]
    if any(value.is_native for value in full):  # what the model itself has swapped to and fro goes back
        foreign = [value for value in foreign if value.node is None or value.node.op is not Op.ALIAS]
    if not foreign and rank > 3:  # what a convolution has read as channels first stays so
        largest = max(map(sample_size, full))
        twins = [twin for value in full if sample_size(value) == largest for twin in value.twins.values()]
        foreign = [twin for twin in twins if twin.flat is None and not twin.is_native]
    perm = max(foreign, key=sample_size).perm if foreign else tuple(range(rank))
    aligned = []
    for value in values:
        if value.rank == 0:
            aligned.append(value)
            continue
        native = perm == tuple(range(rank))
        widened = value if value.rank == rank or native else expand(e, value, rank)
        aligned.append(to_perm(e, widened, perm if widened.rank == rank else tuple(range(widened.rank))))
    return aligned
