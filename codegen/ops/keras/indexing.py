"""Graph ops that read or write parts of a tensor: getitem, take, slice, scatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from codegen.errors import shorten
from codegen.graph import Host, Value
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Index, TensorLike, is_host, is_tensor
from codegen.lowering.parts.rules import op
from codegen.model.spec import Constant


@op("GetItem")
def getitem(b: Builder, x: TensorLike, key: Index | Sequence[Index]) -> Value:
    """numpy's basic indexing with numbers, slices, None and an ellipsis; or with one tensor or list."""
    items: list[Index] = [rules.host(item) for item in (key if isinstance(key, (list, tuple)) else (key,))]
    if isinstance(x, Host):
        return _host_item(b, x, items)
    x = rules.to_keras_order(b, rules.tensor(b, x))
    if any(_is_array(item) for item in items):
        return _index_by_tensor(b, x, items)
    taken = sum(1 for item in items if item is not None and item is not Ellipsis)
    if taken > x.rank:
        b.malformed(f"{taken} indices do not fit a tensor of rank {x.rank}")
    if Ellipsis not in items:
        items.append(Ellipsis)
    for item in items:
        if isinstance(item, slice):
            _check_slice(b, item)
        if isinstance(item, float):
            b.unsupported("key", item, "supported: whole numbers")
    rest = items.index(Ellipsis)
    items[rest : rest + 1] = [slice(None)] * (x.rank - taken)
    if x.is_native:
        return _index_native(b, x, items)
    if None in items:
        return _index_native(b, b.keras_layout(x), items)
    return _index_stored(b, x, items)


def _is_array(item: object) -> TypeGuard[TensorLike]:
    return isinstance(item, (list, tuple, Constant)) or is_tensor(item)


def _host_item(b: Builder, x: Value, items: list[Index]) -> Value:
    parts = rules.host(x)
    if not isinstance(parts, tuple) or len(items) != 1:
        b.unsupported("key", items, "supported: one index or slice of a shape")
    (item,) = items
    if isinstance(item, int):
        if not -len(parts) <= item < len(parts):
            b.malformed(f"index {item} is outside of a shape with {len(parts)} sizes")
        part = parts[item]
        return part if isinstance(part, Value) else rules.known_number(b, part)
    if isinstance(item, slice):
        _check_slice(b, item)
        return rules.sizes(b, parts[item])
    if item is not Ellipsis:
        b.unsupported("key", items, "supported: one index or slice of a shape")
    return x


def _index_native(b: Builder, x: Value, items: list[Index]) -> Value:
    """Index what is stored in Keras' layout; a step below zero needs a flip first."""
    shape: list[int | None] = []
    flips = []
    axis = 0
    index: list[Index] = []
    for item in items:
        if item is None:
            shape.append(1)
            index.append(None)
            continue
        size = x.shape[axis]
        if isinstance(item, slice):
            step = item.step or 1
            if isinstance(step, int) and step < 0:
                if size is None and _counts_from_front(item):
                    x = getitem(b, x, [*[slice(None)] * axis, _forward(b, item)])
                    item = slice(None, None, step)
                flips.append(axis)
                item = _reverse_slice(item, size)
            index.append(_plain(item))
            shape.append(_slice_size(item, size))
        elif is_host(item):
            if isinstance(item, int) and size is not None and not -size <= item < size:
                b.malformed(f"there is no element {item} among {size}")
            index.append(item)
        else:
            b.unsupported("key", item, "supported: numbers, slices, None, an ellipsis")
        axis += 1
    if flips:
        x = b.op("x.flip(dims)", shape=x.shape, x=x, dims=tuple(flips) if len(flips) > 1 else flips[0])
    while index and index[-1] == slice(None):
        index.pop()
    if not index:
        return b.op("x", shape=tuple(shape), x=x)
    return b.op(
        "x[index]",
        shape=tuple(shape),
        x=x,
        index=index[0] if len(index) == 1 and not isinstance(index[0], slice) else tuple(index),
    )


def _index_stored(b: Builder, x: Value, items: list[Index]) -> Value:
    """Index a value in another layout: each item goes to where its axis is stored."""
    if any(isinstance(item, slice) and isinstance(item.step, int) and item.step < 0 for item in items):
        return _index_native(b, b.keras_layout(x), items)
    index = [items[axis] for axis in x.perm]
    gone = [axis for axis, item in enumerate(items) if not isinstance(item, slice)]
    shape = tuple(
        _slice_size(item, x.shape[axis]) for axis, item in enumerate(items) if isinstance(item, slice)
    )
    index = [_plain(item) if isinstance(item, slice) else item for item in index]
    while index and index[-1] == slice(None):
        index.pop()
    if not index:
        return b.op("x", shape=x.shape, x=x)
    perm = rules.without_axes(x.perm, gone)
    return b.op("x[index]", shape=shape, perm=perm, x=x, index=tuple(index))


def _plain(item: slice) -> slice:
    """A slice as it is written: no start at 0, no step of 1."""
    start, stop, step = (rules.host(part) for part in (item.start, item.stop, item.step))
    return slice(None if start == 0 else start, stop, None if step == 1 else step)


def _slice_size(item: slice, size: int | None) -> int | None:
    start, stop, step = (rules.host(part) for part in (item.start, item.stop, item.step))
    known = all(part is None or isinstance(part, int) for part in (start, stop, step))
    if size is not None and known:
        return len(range(*slice(start, stop, step).indices(size)))
    if start in (None, 0) and stop is None and step in (None, 1):
        return size
    return None


def _check_slice(b: Builder, item: slice) -> None:
    """Refuse one that is not from a whole number to another."""
    for part in (item.start, item.stop, item.step):
        known = rules.host(part)
        if not (known is None or type(known) is int or isinstance(known, Value)) or item.step == 0:
            b.malformed(f"it takes the slice {shorten(item)}, which is not one of whole numbers")


def _counts_from_front(item: slice) -> bool:
    return any(bound is not None and bound >= 0 for bound in (item.start, item.stop))


def _forward(b: Builder, item: slice) -> slice:
    """What a slice with a step below zero lies in."""
    if item.stop == -1:
        b.unsupported("key", item, "supported on an open axis: an end that is not the last element")
    first, last = (None if bound is None or bound == -1 else bound + 1 for bound in (item.stop, item.start))
    return slice(first, last)


def _reverse_slice(item: slice, size: int | None) -> slice:
    """The slice of the flipped axis that a slice with a step below zero means."""
    start, stop, step = item.start, item.stop, item.step
    if size is not None:
        first, last, _ = slice(start, stop, step).indices(size)
        return slice(size - 1 - first, size - 1 - last, -step)
    if start is None and stop is None:
        return slice(None, None, -step)
    return slice(None if start is None else -1 - start, None if stop is None else -1 - stop, -step)


def _index_by_tensor(b: Builder, x: Value, items: list[Index]) -> Value:
    """Index with one tensor of positions, at one axis."""
    arrays = {i: item for i, item in enumerate(items) if _is_array(item)}
    others = [item for i, item in enumerate(items) if i not in arrays]
    if (
        len(arrays) != 1
        or None in others
        or any(not isinstance(item, slice) and item is not Ellipsis for item in others)
    ):
        b.unsupported("key", "several tensors", "supported: one tensor of positions and slices")
    ((position, array),) = arrays.items()
    axis = x.rank - (len(items) - position) if Ellipsis in items[:position] else position
    x = b.keras_layout(x)
    indices = rules.native(b, array)
    if indices.dtype == "bool":
        b.unsupported("key", "a bool tensor", "the size of the result depends on the data")
    rest = [slice(None) if i == position else item for i, item in enumerate(items)]
    if any(item != slice(None) and item is not Ellipsis for item in rest):
        x = getitem(b, x, rest)
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    index = (*(slice(None),) * axis, indices)
    return b.op("x[index]", shape=shape, x=x, index=index if axis else indices)


# -------------------------------------------------------------------- take


@op("Take")
def take(b: Builder, x: TensorLike, indices: TensorLike, *, axis: int | None = None) -> Value:
    """`x[..., indices]`; negative positions count from the end."""
    x = rules.native(b, x)
    if axis is None:
        x, axis = b.reshape(x, (element_count(x.shape),)), 0
    axis = b.axis(axis, x.rank)
    known = rules.host(indices)
    if isinstance(known, int):
        return _index_native(b, x, [*[slice(None)] * axis, known, *[slice(None)] * (x.rank - axis - 1)])
    positions = rules.native(b, indices)
    if positions.dtype not in ("int32", "int64"):
        positions = b.cast(positions, "int64")
    shape = (*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :])
    index = (*(slice(None),) * axis, positions) if axis else positions
    return b.op("x[index]", shape=shape, x=x, index=index)


@op("TakeAlongAxis")
def take_along_axis(b: Builder, x: TensorLike, indices: TensorLike, *, axis: int | None = None) -> Value:
    """`x.take_along_dim(indices, dim)`."""
    x, positions = rules.native(b, x), b.cast(rules.native(b, indices), "int64")
    if axis is None:
        x = b.reshape(x, (element_count(x.shape),))
        return b.op("x[p.flatten()]", shape=(element_count(positions.shape),), x=x, p=positions)
    a = b.axis(axis, x.rank)
    size = positions.shape[a]
    shape = b.broadcast([tuple(1 if i == a else n for i, n in enumerate(v.shape)) for v in (x, positions)])
    shape = tuple(size if i == a else n for i, n in enumerate(shape))
    if x.shape[a] is not None:
        positions = b.elementwise("p % size", p=positions, size=x.shape[a])
    return b.op("x.take_along_dim(p, dim=a)", shape=shape, x=x, p=positions, a=a)


# -------------------------------------------------------------------- slices and scatter


@op("Slice")
def slice_(b: Builder, inputs: TensorLike, start_indices: TensorLike, *, shape: TensorLike) -> Value:
    """`x[start : start + size, ...]`; a size of -1 takes the rest."""
    x = inputs if isinstance(inputs, Value) else rules.tensor(b, inputs)
    first = rules.shape_argument(b, _on_host(b, start_indices), "start_indices")
    count = rules.shape_argument(b, shape)
    if not len(first) == len(count) == x.rank:
        b.malformed(
            f"its start and its sizes, {len(first)} and {len(count)}, are not for the axes of {x.shape}"
        )
    items = []
    for start, length in zip(first, count, strict=True):
        if length == -1:
            items.append(slice(start, None))
        else:
            stop = rules.host(rules.host_map(b, "x + y", lambda p, q: p + q, (start, length)))
            items.append(slice(start, stop))
    y = getitem(b, x, items)
    known = (n if isinstance(n, int) and n >= 0 else None for n in count)
    y.shape = tuple(n if size is None else size for size, n in zip(y.shape, known, strict=True))
    return y


def _on_host(b: Builder, starts: TensorLike) -> TensorLike:
    """Positions that the model computes, as numbers of Python."""
    if is_tensor(starts):
        count = b.known(starts, 0)
        return [b.host_op("int(x[n])", x=starts, n=n) for n in range(count)]
    if isinstance(starts, (list, tuple)):
        return [b.host_op("int(x)", x=start) if is_tensor(start) else start for start in starts]
    return starts


@op("SliceUpdate")
def slice_update(b: Builder, inputs: TensorLike, start_indices: TensorLike, updates: TensorLike) -> Value:
    """A copy of `inputs` with a block replaced."""
    x, updates = rules.native(b, inputs), rules.native(b, updates)
    if updates.rank != x.rank:
        b.malformed(f"what it puts into {x.shape} has other axes, {updates.shape}")
    updates = b.cast(updates, x.dtype)
    starts = rules.host(start_indices)
    if not is_tensor(starts):
        starts = rules.shape_argument(b, starts, "start_indices")
        if len(starts) != x.rank:
            b.malformed(f"its start {starts} is no position in {x.shape}")
        template = "update_block(x, starts, updates)"
        return b.op(template, shape=x.shape, x=x, starts=list(starts), updates=updates)
    return b.op(
        "update_block_at(x, starts, updates)",
        shape=x.shape,
        x=x,
        starts=rules.native(b, start_indices),
        updates=updates,
    )


@op("Scatter")
def scatter(b: Builder, indices: TensorLike, values: TensorLike, *, shape: TensorLike) -> Value:
    """Zeros of a shape, to which `values` are added at `indices`."""
    positions, values = rules.native(b, indices), rules.native(b, values)
    sizes = rules.shape_argument(b, shape)
    depth = positions.shape[-1]
    result = rules.open_shape(sizes)
    del depth
    template = "scatter_add(values.new_zeros(sizes), indices, values)"
    return b.op(
        template,
        shape=result,
        values=values,
        sizes=sizes,
        indices=positions,
    )


@op("ScatterUpdate")
def scatter_update(
    b: Builder, inputs: TensorLike, indices: TensorLike, updates: TensorLike, *, reduction: str | None = None
) -> Value:
    """A copy of `inputs` with elements at `indices` replaced by, or combined with, `updates`."""
    x = rules.native(b, inputs)
    updates = b.cast(rules.native(b, updates), x.dtype)
    positions = rules.native(b, indices)
    modes = {None: "", "add": "sum", "mul": "prod", "min": "amin", "max": "amax"}
    if reduction not in modes:
        b.unsupported("reduction", reduction, "supported: None, 'add', 'mul', 'min', 'max'")
    if reduction == "mul" and positions.rank > 2:
        b.unsupported("indices", positions.shape, "supported for 'mul': one axis of indices")
    if reduction is None:
        template = "x.index_put(indices.long().unbind(-1), updates)"
        return b.op(template, shape=x.shape, x=x, indices=positions, updates=updates)
    if reduction == "add":
        return b.op(
            "scatter_add(x, indices, updates)", shape=x.shape, x=x, indices=positions, updates=updates
        )
    template = "scatter_reduce(x, indices, updates, mode)"
    return b.op(template, shape=x.shape, x=x, indices=positions, updates=updates, mode=modes[reduction])
