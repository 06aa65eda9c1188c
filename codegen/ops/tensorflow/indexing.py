"""TensorFlow functions that read or write parts of a tensor: slices, gather, scatter, where, codes."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from codegen.graph import Host, Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Index, TensorLike, is_host, is_tensor
from codegen.lowering.parts.tensors import in_one_piece, transpose
from codegen.ops.keras import choosing, indexing
from codegen.ops.tensorflow.arguments import (
    Alone,
    DType,
    Given,
    Ints,
    Native,
    NativePeer,
    Peer,
    Sizes,
    Tensor,
    as_list,
    dimensions,
    integers,
    terms,
)
from codegen.ops.tensorflow.functions import tf
from codegen.ops.tensorflow.reductions import clip_by_norm

#: Assigned to, if it is a variable that is read.
_VARIABLE = ("var",)


@tf("__operators__.getitem", ignored=_VARIABLE)
def getitem(b: Builder, tensor: Given, slice_spec: Annotated[list[Index], Alone(as_list)]) -> Value:
    """`x[slice_spec]`; an index may be a number that is computed."""
    first = slice_spec[0] if len(slice_spec) == 1 else None
    if is_tensor(first) and first.dtype == "bool":
        return boolean_mask(b, rules.native(b, tensor), first)
    x, items = tensor, slice_spec
    if isinstance(x, Host) and x.rank == 0:
        x = rules.tensor(b, x)
    items = [rules.host(item) for item in items]
    taken = sum(item is not None and item is not Ellipsis for item in items)
    rank = x.rank if isinstance(x, Value) else len(as_list(b, rules.host(x)))
    if taken > rank:
        b.malformed(f"{taken} indices do not fit a tensor of rank {rank}")
    bounds = [
        part for item in items if isinstance(item, slice) for part in (item.start, item.stop, item.step)
    ]
    if isinstance(x, Host) and any(isinstance(v, Value) for v in (*items, *bounds)):
        x = rules.tensor(b, x)
    scalars = [item for item in items if is_tensor(item)]
    if any(item.rank for item in scalars):
        b.unsupported("slice_spec", "<tensor>", "supported: numbers, and tensors without axes")
    if not scalars:
        return indexing.getitem(b, x, items)
    # Numbers that are computed drop their axis, after what else the slices do.
    x = indexing.getitem(b, x, [slice(None) if is_tensor(item) else item for item in items])
    x = rules.native(b, x)
    axis = 0
    for position, item in enumerate(items):
        if item is Ellipsis:
            behind = [i for i in items[position + 1 :] if i is None or not isinstance(i, int)]
            axis = x.rank - len(behind)
        elif is_tensor(item):
            index = (*(slice(None),) * axis, item)
            shape = (*x.shape[:axis], *x.shape[axis + 1 :])
            x = b.op("x[index]", shape=shape, x=x, index=index if axis else item)
        elif item is None or isinstance(item, slice):
            axis += 1
    result: Value = x
    return result


def _positions(b: Builder, value: TensorLike, option: str) -> tuple[int | Value, ...]:
    if not is_tensor(value):
        return dimensions(b, value, option)
    count = b.known(value, 0)
    return tuple(b.op("x[i]", shape=(), x=value, i=i) for i in range(count))


#: Numbers of the host, or the elements of a tensor.
Positions: TypeAlias = Annotated[tuple[int | Value, ...], Alone(_positions)]


@tf("strided_slice", ignored=_VARIABLE)
def strided_slice(
    b: Builder,
    input_: Given,
    begin: Positions,
    end: Positions,
    strides: Sizes | None = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
) -> Value:
    """`x[begin:end:strides, ...]`; bit i of a mask says how item i is meant."""
    steps = (1,) * len(begin) if strides is None else strides
    if not len(begin) == len(end) == len(steps):
        b.malformed("its begin, end and strides are not for the same axes")
    if any(is_tensor(position) and position.rank for position in (*begin, *end)):
        b.malformed("its begin and end are no lists of positions")
    items: list[Index] = []
    for i, (start, stop, step) in enumerate(zip(begin, end, steps, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            items.append(Ellipsis)
        elif new_axis_mask & bit:
            items.append(None)
        elif shrink_axis_mask & bit:
            items.append(start)
        else:
            items.append(slice(None if begin_mask & bit else start, None if end_mask & bit else stop, step))
    if not isinstance(input_, Value) and not isinstance(input_, (list, tuple)):
        input_ = rules.tensor(b, input_)
    return getitem(b, input_, items)


@tf("slice")
def slice_(b: Builder, input_: Given, begin: Given, size: Given) -> Value:
    """`x[begin : begin + size]`; a size of -1 takes the rest."""
    if is_tensor(begin):
        sizes = integers(b, size, "size")
        x, starts = rules.native(b, input_), rules.native(b, begin)
        if len(sizes) != x.rank or starts.shape not in ((x.rank,), (None,)):
            b.malformed(
                f"its begin {starts.shape} and sizes {sizes} are not for the axes of its input {x.shape}"
            )
        if -1 in sizes:
            b.unsupported("size", sizes, "supported with a computed begin: sizes that are not -1")
        template = "take_block(x, starts, sizes)"
        return b.op(template, shape=sizes, x=x, starts=starts, sizes=list(sizes))
    parts = rules.host(begin)
    if not isinstance(parts, (list, tuple)) or not any(map(is_tensor, parts)):
        return indexing.slice_(b, input_, begin, shape=size)
    sizes = integers(b, size, "size")
    if len(parts) != len(sizes) or any(is_tensor(start) and start.rank for start in parts):
        b.malformed(f"its begin is no list of positions, one for each of the sizes {sizes}")
    fixed = [(0, -1) if is_tensor(start) else (start, n) for start, n in zip(parts, sizes, strict=True)]
    known, lengths = map(list, zip(*fixed, strict=True))
    x = rules.native(b, indexing.slice_(b, input_, known, shape=lengths))
    for a, (start, n) in enumerate(zip(parts, sizes, strict=True)):
        if is_tensor(start):
            if n == -1:
                b.unsupported("size", sizes, "supported with a computed begin: sizes that are not -1")
            shape = (*x.shape[:a], n, *x.shape[a + 1 :])
            x = b.op("x.narrow(a, start, n)", shape=shape, x=x, a=a, start=start, n=n)
    return x


# -------------------------------------------------------------------- gather


@tf("compat.v1.batch_gather")
def batch_gather(b: Builder, params: Given, indices: Native) -> Value:
    """`x[..., indices]` along the last axis of the indices, for each of the batch its own."""
    return gather(b, params, indices, batch_dims=indices.rank - 1)


@tf("gather", "compat.v1.gather")
def gather(b: Builder, params: Given, indices: Given, axis: int | None = None, batch_dims: int = 0) -> Value:
    """`x[..., indices]` along an axis, for each of the batch its own."""
    if isinstance(params, Host):
        known = rules.host(indices)
        if isinstance(known, (int, list)):
            parts = rules.host(params)
            picked = [parts[i] for i in known] if isinstance(known, list) else parts[known]
            return rules.sizes(b, picked) if isinstance(known, list) else indexing.getitem(b, params, known)
    x = rules.native(b, params)
    positions = rules.native(b, indices)
    batch = batch_dims + positions.rank if batch_dims < 0 else batch_dims
    a = batch if axis is None else b.axis(axis, x.rank)
    if batch == 0:
        return indexing.take(b, x, indices if isinstance(indices, int) else positions, axis=a)
    order = [*range(batch), a, *(i for i in range(batch, x.rank) if i != a)]
    moved = b.keras_layout(transpose(b, x, axes=order)) if a != batch else x
    inner = positions.rank - batch
    shape = (*positions.shape, *moved.shape[batch + 1 :])
    y = b.op(
        "gather_rows(x, indices, batch_dims)", shape=shape,
        x=moved, indices=positions, batch_dims=batch,
    )  # fmt: skip
    if a == batch:
        return y
    between = a - batch  # the axes in front of `a` go back in front of the indices'
    back = [
        *range(batch),
        *range(batch + inner, batch + inner + between),
        *range(batch, batch + inner),
        *range(batch + inner + between, y.rank),
    ]
    return transpose(b, y, axes=back)


@tf("gather_nd", "compat.v1.gather_nd")
def gather_nd(
    b: Builder,
    params: Native,
    indices: Native,
    batch_dims: int = 0,
    bad_indices_policy: Literal["", "DEFAULT", "ERROR"] = "",
) -> Value:
    """The parts of `params` at positions along its first axes."""
    del bad_indices_policy  # others compute something for indices that are out of range
    x, positions, batch = params, indices, batch_dims
    if not positions.rank:
        b.malformed("its indices have no axis of positions")
    depth = b.known(positions, -1)
    shape = (*positions.shape[:-1], *x.shape[batch + depth :])
    if batch:
        template = "gather_blocks(x, indices, batch_dims)"
        return b.op(template, shape=shape, x=x, indices=positions, batch_dims=batch)
    return b.op("x[p.unbind(-1)]", shape=shape, x=x, p=positions)


@tf("nn.embedding_lookup", "compat.v1.nn.embedding_lookup", ignored=("partition_strategy",))  # of several
def embedding_lookup(b: Builder, params: Tensor, ids: Given, max_norm: Given | None = None) -> Value:
    """Rows of a table, scaled down where they are longer than `max_norm`."""
    rows = indexing.take(b, params, ids, axis=0)
    if max_norm is None:
        return rows
    bound = terms(b, rows, max_norm)[1]
    return clip_by_norm(b, rows, bound, tuple(range(rows.rank - params.rank + 1, rows.rank)))


@tf("unravel_index")
def unravel_index(b: Builder, indices: Native, dims: Ints) -> Value:
    """The positions along each axis, (axes, ...), of positions in a flattened array."""
    x, sizes = indices, dims
    template = "torch.stack(torch.unravel_index(x, sizes))"
    return b.cast(b.op(template, shape=(len(sizes), *x.shape), dtype="int64", x=x, sizes=sizes), x.dtype)


# -------------------------------------------------------------------- masks


@tf("boolean_mask", "compat.v1.boolean_mask")
def boolean_mask(b: Builder, tensor: Native, mask: Given, axis: int = 0) -> Value:
    """`x[mask]` along the axes from `axis` on: the elements, or slices, that a mask keeps."""
    kept, axis = rules.native(b, mask, "bool"), b.axis(axis, tensor.rank)
    shape = (*tensor.shape[:axis], None, *tensor.shape[axis + kept.rank :])
    index = (*(slice(None),) * axis, kept)
    return b.op("x[index]", shape=shape, x=tensor, index=index if axis else kept)


@tf({"where": {"of_rows": False}, "compat.v1.where": {"of_rows": True}})
def where(
    b: Builder, condition: Given, x: Given | None = None, y: Given | None = None, *, of_rows: bool
) -> Value:
    """`torch.where(condition, x, y)`; without `x` and `y`, where the condition holds."""
    if x is None and y is None:
        mask = rules.native(b, condition)
        return b.op("mask.nonzero()", shape=(None, mask.rank), dtype="int64", mask=mask)
    if x is None or y is None:
        b.malformed("it is called with one of 'x' and 'y' alone")
    if not any(is_tensor(v) for v in (condition, x, y)) and isinstance(condition, Value):
        return rules.host_map(b, "y if x else z", lambda c, p, q: p if c else q, (condition, x, y))
    condition = rules.tensor(b, condition)
    if of_rows and condition.rank == 1 and is_tensor(x) and x.rank > 1:
        condition = b.reshape(condition, (condition.shape[0], *(1,) * (x.rank - 1)))
    return choosing.where(b, condition, *terms(b, x, y))


@tf("sequence_mask")
def sequence_mask(b: Builder, lengths: Native, maxlen: Given | None = None, dtype: DType = "bool") -> Value:
    """1 up to each length, then 0."""
    x = lengths
    most = rules.host(maxlen)
    if most is None:
        most = b.host_op("int(x.max())", x=x)
    elif is_tensor(most):
        most = b.host_op("int(x)", x=most)
    shape = (*x.shape, most if isinstance(most, int) else None)
    template = "torch.arange(n, device=x.device) < x.unsqueeze(-1)"
    y = b.op(template, shape=shape, dtype="bool", x=x, n=most)
    return b.cast(y, dtype)


@tf("one_hot")
def one_hot(
    b: Builder,
    indices: Native,
    depth: Given,
    on_value: Given | None = None,
    off_value: Given | None = None,
    axis: int = -1,
    dtype: DType | None = None,
) -> Value:
    """`on_value` where a class is meant, else `off_value`; a class out of range is off throughout."""
    given = [v.dtype for v in (on_value, off_value) if is_tensor(v)]
    numbers = [v for v in (on_value, off_value) if isinstance(v, (bool, int, float))]
    kind = given[0] if given else rules.result_type(*numbers) if numbers else "float32"
    target, x = dtype or kind, indices
    classes = rules.host(depth)
    if not is_host(classes):
        b.unsupported("depth", "<tensor>", "supported: numbers and sizes of other tensors")
    y = b.op(
        "x.unsqueeze(-1) == torch.arange(n, device=x.device)",
        shape=(*x.shape, classes if isinstance(classes, int) else None),
        dtype="bool", x=x, n=classes,
    )  # fmt: skip
    plain = on_value in (None, 1) if not is_tensor(on_value) else False
    if plain and not is_tensor(off_value) and off_value in (None, 0):
        y = b.cast(y, target)
    else:
        on, off = (default if v is None else v for v, default in ((on_value, 1), (off_value, 0)))
        y = b.cast(choosing.where(b, y, on, off), target)
    a = b.axis(axis, y.rank)
    order = list(range(x.rank))
    order.insert(a, x.rank)
    return y if a == x.rank else transpose(b, y, axes=order)


@tf("reverse_sequence")
def reverse_sequence(
    b: Builder, input: Native, seq_lengths: Native, seq_axis: int = 0, batch_axis: int = 0
) -> Value:
    """The first `seq_lengths` steps of each sample in reverse order."""
    x, lengths = input, seq_lengths
    steps, samples = (b.axis(a, x.rank) for a in (seq_axis, batch_axis))
    if (steps, samples) == (1, 0):
        return b.op("reverse_steps(x, lengths)", shape=x.shape, x=x, lengths=lengths)
    order = [samples, steps, *(a for a in range(x.rank) if a not in (samples, steps))]
    moved = b.keras_layout(transpose(b, x, axes=order))
    y = b.op("reverse_steps(x, lengths)", shape=moved.shape, x=moved, lengths=lengths)
    return transpose(b, y, axes=[order.index(a) for a in range(x.rank)])


# -------------------------------------------------------------------- scatter


#: An index that is out of range raises.
_POLICY = ("bad_indices_policy",)


@tf("scatter_nd", ignored=_POLICY)
def scatter_nd(b: Builder, indices: Given, updates: Tensor, shape: Given) -> Value:
    """Zeros of a shape, to which `updates` are added at `indices`."""
    return indexing.scatter(b, indices, updates, shape=shape)


@tf(
    {
        "tensor_scatter_nd_update": {"reduction": None},
        **{f"tensor_scatter_nd_{name}": {"reduction": name} for name in ("add", "max", "min")},
    },
    ignored=_POLICY,
)
def tensor_scatter_nd(
    b: Builder, tensor: Peer, indices: Given, updates: Peer, *, reduction: str | None
) -> Value:
    """A copy of a tensor with `updates` put into it, or combined with it, at `indices`."""
    return indexing.scatter_update(b, tensor, indices, updates, reduction=reduction)


@tf("tensor_scatter_nd_sub", ignored=_POLICY)
def tensor_scatter_nd_sub(b: Builder, tensor: Peer, indices: Given, updates: Peer) -> Value:
    """A copy of a tensor from which `updates` are subtracted at `indices`."""
    return tensor_scatter_nd(b, tensor, indices, b.elementwise("-x", x=updates), reduction="add")


@tf("searchsorted")
def searchsorted(
    b: Builder,
    sorted_sequence: NativePeer,
    values: NativePeer,
    side: Literal["left", "right"] = "left",
    out_type: DType = "int32",
) -> Value:
    """`torch.searchsorted(sequence, values)`, row by row."""
    sequence, x = sorted_sequence, values
    searched = in_one_piece(x)
    template = f"torch.searchsorted(sequence, {searched}{', right=True' if side == 'right' else ''})"
    y = b.op(template, shape=x.shape, dtype="int64", x=x, sequence=sequence)
    return b.cast(y, out_type)
