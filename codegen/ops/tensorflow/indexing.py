"""TensorFlow functions that read or write parts of a tensor: slices, gather, scatter, where, codes."""

from __future__ import annotations

from typing import Any

from codegen.graph import Host, Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import is_host, is_tensor
from codegen.lowering.parts.tensors import in_one_piece, permuted
from codegen.ops.keras import elementwise, indexing
from codegen.ops.keras.linalg import made
from codegen.ops.tensorflow.functions import (
    dtype_name,
    function_name,
    integers,
    natives,
    number,
    operands,
    tensors,
    tf,
)
from codegen.ops.tensorflow.reductions import clip_by_norm


@tf("__operators__.getitem")
def getitem(b: Builder, tensor: Any, slice_spec: Any, var: Any = None) -> Value:
    """`x[slice_spec]`."""
    del var  # a variable that would be assigned to
    items = list(slice_spec) if isinstance(slice_spec, (list, tuple)) else [slice_spec]
    if len(items) == 1 and is_tensor(items[0]) and items[0].dtype == "bool":
        return masked(b, tensor, items[0], 0)
    return indexed(b, tensor, items)


def indexed(b: Builder, x: Any, items: list[Any]) -> Value:
    """TensorFlow's basic indexing; an index may be a number that is computed."""
    if isinstance(x, Host) and x.rank == 0:
        x = rules.tensor(b, x)
    items = [rules.host(item) for item in items]
    taken = sum(item is not None and item is not Ellipsis for item in items)
    rank = len(rules.host(x)) if isinstance(x, (list, tuple)) else x.rank
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
            x = b.op(
                "x[index]", shape=shape, perm=tuple(range(len(shape))), x=x, index=index if axis else item
            )
        elif item is None or isinstance(item, slice):
            axis += 1
    result: Value = x
    return result


@tf("strided_slice")
def strided_slice(
    b: Builder,
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
) -> Value:
    """`x[begin:end:strides, ...]`; bit i of a mask says how item i is meant."""
    del var
    first, last = (_positions(b, v, name) for v, name in ((begin, "begin"), (end, "end")))
    steps = (1,) * len(first) if strides is None else rules.shape_argument(b, strides, "strides")
    items: list[Any] = []
    for i, (start, stop, step) in enumerate(zip(first, last, steps, strict=True)):
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
    return indexed(b, input_, items)


def _positions(b: Builder, value: Any, option: str) -> tuple[Any, ...]:
    """Numbers of the host, or the elements of a tensor."""
    if not is_tensor(value):
        return rules.shape_argument(b, value, option)
    count = b.known(value, 0)
    return tuple(b.op("x[i]", shape=(), perm=(), x=b.keras_layout(value), i=i) for i in range(count))


@tf("slice")
def slice_(b: Builder, input_: Any, begin: Any, size: Any) -> Value:
    """`x[begin : begin + size]`; a size of -1 takes the rest."""
    if is_tensor(begin):
        sizes = integers(b, size, "size")
        x, starts = rules.native(b, input_), rules.native(b, begin)
        if -1 in sizes:
            b.unsupported("size", sizes, "supported with a computed begin: sizes that are not -1")
        template = "take_block(x, starts, sizes)"
        return b.op(template, shape=sizes, perm=tuple(range(x.rank)), x=x, starts=starts, sizes=list(sizes))
    parts = rules.host(begin)
    if not isinstance(parts, (list, tuple)) or not any(map(is_tensor, parts)):
        return indexing.sliced(b, input_, begin, size)
    sizes = integers(b, size, "size")
    fixed = [(0, -1) if is_tensor(start) else (start, n) for start, n in zip(parts, sizes, strict=True)]
    x = rules.native(b, indexing.sliced(b, input_, *map(list, zip(*fixed, strict=True))))
    for a, (start, n) in enumerate(zip(parts, sizes, strict=True)):
        if is_tensor(start):
            if n == -1:
                b.unsupported("size", sizes, "supported with a computed begin: sizes that are not -1")
            shape = (*x.shape[:a], n, *x.shape[a + 1 :])
            x = b.op("x.narrow(a, start, n)", shape=shape, x=x, a=a, start=start, n=n)
    return x


# -------------------------------------------------------------------- gather


@tf("gather", "compat.v1.gather", "compat.v1.batch_gather")
def gather(b: Builder, params: Any, indices: Any, axis: Any = None, batch_dims: Any = 0) -> Value:
    """`x[..., indices]` along an axis, for each of the batch its own."""
    if isinstance(params, Host):
        known = rules.host(indices)
        if isinstance(known, (int, list)):
            parts = rules.host(params)
            picked = [parts[i] for i in known] if isinstance(known, list) else parts[known]
            return rules.sizes(b, picked) if isinstance(known, list) else indexing.getitem(b, params, known)
    x = rules.native(b, params)
    positions = rules.native(b, indices)
    if function_name(b).endswith("batch_gather"):
        batch_dims = positions.rank - 1
    batch = int(number(b, batch_dims, "batch_dims"))
    if batch < 0:
        batch += positions.rank
    a = batch if axis is None else b.axis(int(number(b, axis, "axis")), x.rank)
    if batch == 0:
        return indexing.taken(b, x, indices if isinstance(indices, int) else positions, a)
    order = [*range(batch), a, *(i for i in range(batch, x.rank) if i != a)]
    moved = b.keras_layout(permuted(b, x, order)) if a != batch else x
    inner = positions.rank - batch
    shape = (*positions.shape, *moved.shape[batch + 1 :])
    y = b.op(
        "gather_rows(x, indices, batch_dims)", shape=shape, perm=tuple(range(len(shape))),
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
    return permuted(b, y, back)


@tf("gather_nd", "compat.v1.gather_nd")
def gather_nd(
    b: Builder, params: Any, indices: Any, batch_dims: Any = 0, bad_indices_policy: str = ""
) -> Value:
    """The parts of `params` at positions along its first axes."""
    if bad_indices_policy not in ("", "DEFAULT", "ERROR"):
        b.unsupported("bad_indices_policy", bad_indices_policy, "supported: 'ERROR'")
    x, positions = rules.native(b, params), rules.native(b, indices)
    batch = int(number(b, batch_dims, "batch_dims"))
    depth = b.known(positions, -1)
    shape = (*positions.shape[:-1], *x.shape[batch + depth :])
    if batch:
        template = "gather_blocks(x, indices, batch_dims)"
        return b.op(
            template, shape=shape, perm=tuple(range(len(shape))), x=x, indices=positions, batch_dims=batch
        )
    return b.op("x[p.unbind(-1)]", shape=shape, perm=tuple(range(len(shape))), x=x, p=positions)


@tf("nn.embedding_lookup", "compat.v1.nn.embedding_lookup")
def embedding_lookup(
    b: Builder, params: Any, ids: Any, max_norm: Any = None, partition_strategy: str = "mod"
) -> Value:
    """Rows of a table, scaled down where they are longer than `max_norm`."""
    del partition_strategy  # of several tables
    table = rules.tensor(b, params)
    rows = indexing.taken(b, table, ids, 0)
    if max_norm is None:
        return rows
    return clip_by_norm(b, rows, max_norm, list(range(rows.rank - table.rank + 1, rows.rank)))


@tf("unravel_index")
def unravel_index(b: Builder, indices: Any, dims: Any) -> Value:
    """The positions along each axis, (axes, ...), of positions in a flattened array."""
    x, sizes = rules.native(b, indices), integers(b, dims, "dims")
    template = "torch.stack(torch.unravel_index(x, sizes))"
    return b.cast(made(b, template, (len(sizes), *x.shape), "int64", x=x, sizes=sizes), x.dtype)


# -------------------------------------------------------------------- masks


@tf("boolean_mask", "compat.v1.boolean_mask")
def boolean_mask(b: Builder, tensor: Any, mask: Any, axis: Any = None) -> Value:
    """The elements, or slices, that a mask keeps."""
    x = rules.native(b, tensor)
    first = 0 if axis is None else b.axis(int(number(b, axis, "axis")), x.rank)
    return masked(b, x, rules.native(b, mask, "bool"), first)


def masked(b: Builder, x: Any, mask: Value, axis: int) -> Value:
    """`x[mask]` along the axes from `axis` on."""
    x, mask = rules.native(b, x), b.keras_layout(mask)
    shape = (*x.shape[:axis], None, *x.shape[axis + mask.rank :])
    index = (*(slice(None),) * axis, mask)
    return b.op("x[index]", shape=shape, perm=tuple(range(len(shape))), x=x, index=index if axis else mask)


@tf("where", "compat.v1.where")
def where(b: Builder, condition: Any, x: Any = None, y: Any = None) -> Value:
    """`torch.where(condition, x, y)`; without `x` and `y`, where the condition holds."""
    if x is None and y is None:
        mask = rules.native(b, condition)
        return b.op("mask.nonzero()", shape=(None, mask.rank), dtype="int64", perm=(0, 1), mask=mask)
    if not any(is_tensor(v) for v in (condition, x, y)) and isinstance(condition, Value):
        return rules.host_map(b, "y if x else z", lambda c, p, q: p if c else q, (condition, x, y))
    condition = rules.tensor(b, condition)
    if function_name(b).startswith("compat") and condition.rank == 1 and is_tensor(x) and x.rank > 1:
        condition = b.reshape(condition, (condition.shape[0], *(1,) * (x.rank - 1)))
    return elementwise.where(b, condition, *operands(b, x, y))


@tf("sequence_mask")
def sequence_mask(b: Builder, lengths: Any, maxlen: Any = None, dtype: Any = "bool") -> Value:
    """1 up to each length, then 0."""
    x = rules.native(b, lengths)
    most = rules.host(maxlen)
    if most is None:
        most = b.host_op("int(x.max())", x=x)
    elif is_tensor(most):
        most = b.host_op("int(x)", x=most)
    shape = (*x.shape, most if isinstance(most, int) else None)
    template = "torch.arange(n, device=x.device) < x.unsqueeze(-1)"
    y = b.op(template, shape=shape, perm=tuple(range(len(shape))), dtype="bool", x=x, n=most)
    return b.cast(y, dtype_name(b, dtype))


@tf("one_hot")
def one_hot(
    b: Builder,
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
) -> Value:
    """`on_value` where a class is meant, else `off_value`; a class out of range is off throughout."""
    given = [v.dtype for v in (on_value, off_value) if is_tensor(v)]
    numbers = [v for v in (on_value, off_value) if isinstance(v, (bool, int, float))]
    kind = given[0] if given else rules.result_type(*numbers) if numbers else "float32"
    target = kind if dtype is None else dtype_name(b, dtype)
    x = rules.native(b, indices)
    classes = rules.host(depth)
    if not is_host(classes):
        b.unsupported("depth", "<tensor>", "supported: numbers and sizes of other tensors")
    y = b.op(
        "x.unsqueeze(-1) == torch.arange(n, device=x.device)",
        shape=(*x.shape, classes if isinstance(classes, int) else None),
        dtype="bool", perm=tuple(range(x.rank + 1)), x=x, n=classes,
    )  # fmt: skip
    plain = on_value in (None, 1) if not is_tensor(on_value) else False
    if plain and not is_tensor(off_value) and off_value in (None, 0):
        y = b.cast(y, target)
    else:
        on, off = (default if v is None else v for v, default in ((on_value, 1), (off_value, 0)))
        y = b.cast(elementwise.where(b, y, on, off), target)
    a = x.rank if axis is None else b.axis(int(number(b, axis, "axis")), y.rank)
    order = list(range(x.rank))
    order.insert(a, x.rank)
    return y if a == x.rank else permuted(b, y, order)


@tf("reverse_sequence")
def reverse_sequence(
    b: Builder, input: Any, seq_lengths: Any, seq_axis: Any = None, batch_axis: Any = None
) -> Value:
    """The first `seq_lengths` steps of each sample in reverse order."""
    x, lengths = rules.native(b, input), rules.native(b, seq_lengths)
    steps, samples = (0 if a is None else b.axis(a, x.rank) for a in (seq_axis, batch_axis))
    if (steps, samples) == (1, 0):
        return b.op("reverse_steps(x, lengths)", shape=x.shape, x=x, lengths=lengths)
    order = [samples, steps, *(a for a in range(x.rank) if a not in (samples, steps))]
    moved = b.keras_layout(permuted(b, x, order))
    y = b.op("reverse_steps(x, lengths)", shape=moved.shape, x=moved, lengths=lengths)
    return permuted(b, y, [order.index(a) for a in range(x.rank)])


# -------------------------------------------------------------------- scatter


@tf("scatter_nd")
def scatter_nd(b: Builder, indices: Any, updates: Any, shape: Any, bad_indices_policy: str = "") -> Value:
    """Zeros of a shape, to which `updates` are added at `indices`."""
    del bad_indices_policy  # an index that is out of range raises
    return indexing.scatter(b, indices, rules.tensor(b, updates), shape=shape)


@tf(*(f"tensor_scatter_nd_{mode}" for mode in ("update", "add", "sub", "max", "min")))
def tensor_scatter_nd(
    b: Builder, tensor: Any, indices: Any, updates: Any, bad_indices_policy: str = ""
) -> Value:
    """A copy of a tensor with `updates` put into it, or combined with it, at `indices`."""
    del bad_indices_policy
    x, new = tensors(b, tensor, updates)
    mode = function_name(b).rpartition("_")[2]
    if mode == "sub":
        new = b.elementwise("-x", x=new)
    reduction = {"update": None, "sub": "add"}.get(mode, mode)
    return indexing.scatter_update(b, x, indices, new, reduction=reduction)


@tf("searchsorted")
def searchsorted(
    b: Builder, sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = "int32"
) -> Value:
    """`torch.searchsorted(sequence, values)`, row by row."""
    if side not in ("left", "right"):
        b.unsupported("side", side, "supported: 'left', 'right'")
    sequence, x = natives(b, sorted_sequence, values)
    searched = in_one_piece(x)
    template = f"torch.searchsorted(sequence, {searched}{', right=True' if side == 'right' else ''})"
    y = b.op(template, shape=x.shape, dtype="int64", x=x, sequence=sequence)
    return b.cast(y, dtype_name(b, out_type, "out_type"))
