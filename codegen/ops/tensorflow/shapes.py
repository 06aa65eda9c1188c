"""TensorFlow functions that change shapes: reshape, transpose, join, split, repeat, pad."""

from __future__ import annotations

from typing import Any

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import is_host, is_tensor
from codegen.lowering.parts.tensors import concatenated, padded, permuted
from codegen.ops.keras import arrange, shapes
from codegen.ops.tensorflow.functions import (
    axes,
    dtype_name,
    function_name,
    integers,
    natives,
    number,
    same,
    tensors,
    tf,
)

# -------------------------------------------------------------------- sizes


@tf("shape", "compat.v1.shape")
def shape(b: Builder, input: Any, out_type: Any = None) -> Value:
    """The sizes, as numbers of the host."""
    del out_type  # numbers of the host have no dtype
    return shape_of(b, input)


def shape_of(b: Builder, x: Any) -> Value:
    """The sizes of `x`, as numbers of the host."""
    if isinstance(x, Host):
        return rules.sizes(b, [] if x.rank == 0 else [x.shape[0] or 0])
    x = rules.tensor(b, x)
    return rules.sizes(b, [b.size(x, axis) for axis in range(x.rank)])


@tf("shape_n")
def shape_n(b: Builder, input: Any, out_type: Any = None) -> list[Value]:
    """The sizes of several tensors."""
    del out_type
    return [shape_of(b, x) for x in input]


@tf("size", "compat.v1.size")
def size(b: Builder, input: Any, out_type: Any = None) -> Value:
    """The number of elements."""
    del out_type
    if isinstance(input, Host):
        return rules.number(b, len(rules.host(input)) if input.rank else 1)
    x = rules.tensor(b, input)
    count = rules.elements(x.shape)
    return b.host_op("x.numel()", x=x) if count is None else rules.number(b, count)


@tf("rank")
def rank(b: Builder, input: Any) -> Value:
    """The number of axes."""
    return rules.number(b, input.rank if isinstance(input, Value) else rules.tensor(b, input).rank)


# -------------------------------------------------------------------- one tensor


@tf("reshape")
def reshape(b: Builder, tensor: Any, shape: Any) -> Value:
    """`x.reshape(*shape)`."""
    return shapes.reshape_to(b, tensor, shape)


@tf("expand_dims", "compat.v1.expand_dims")
def expand_dims(b: Builder, input: Any, axis: Any = None) -> Value:
    """`x.unsqueeze(axis)`."""
    return shapes.expand_dims(b, input, axis=int(number(b, axis, "axis")))


@tf("squeeze", "compat.v1.squeeze")
def squeeze(b: Builder, input: Any, axis: Any = None) -> Value:
    """`x.squeeze(axis)`; all axes of size 1 without an axis."""
    given = axes(b, axis) or None if not isinstance(axis, int) else axis
    if isinstance(input, Host):
        return rules.number(b, rules.host(input)[0]) if input.rank else input
    return shapes.squeeze(b, input, axis=given)


@tf("transpose", "compat.v1.transpose", "linalg.matrix_transpose", "linalg.adjoint", "image.transpose")
def transpose(b: Builder, a: Any, perm: Any = None, conjugate: bool = False) -> Value:
    """`x.permute(*perm)`; of matrices, the last two axes exchanged."""
    x = rules.tensor(b, a)
    name = function_name(b)
    if perm is not None:
        order = list(integers(b, perm, "perm"))
    elif name in ("transpose", "compat.v1.transpose"):
        order = list(reversed(range(x.rank)))
    else:
        order = list(range(x.rank))
        one, two = (x.rank - 3, x.rank - 2) if name.startswith("image") else (x.rank - 2, x.rank - 1)
        order[one], order[two] = two, one
    y = permuted(b, x, order)
    if (conjugate or name == "linalg.adjoint") and x.dtype in COMPLEX:
        y = b.elementwise("torch.conj_physical(x)", x=y)
    return y


@tf("reverse")
def reverse(b: Builder, tensor: Any, axis: Any) -> Value:
    """`x.flip(axes)`."""
    given = integers(b, axis, "axis")
    return arrange.flipped(b, tensor, given) if given else same(b, rules.tensor(b, tensor))


@tf("roll")
def roll(b: Builder, input: Any, shift: Any, axis: Any) -> Value:
    """`x.roll(shift, axes)`."""
    return arrange.roll(
        b, input, shift=integers(b, shift, "shift"), axis=integers(b, axis, "axis")
    )  # fmt: skip


@tf("tile")
def tile(b: Builder, input: Any, multiples: Any) -> Value:
    """`x.tile(multiples)`."""
    if set(rules.shape_argument(b, multiples, "multiples")) == {1} and is_tensor(input):
        return same(b, input)
    return arrange.tiled(b, input, multiples)


@tf("repeat")
def repeat(b: Builder, input: Any, repeats: Any, axis: Any = None) -> Value:
    """`x.repeat_interleave(repeats, axis)`."""
    return arrange.repeated(b, input, repeats, None if axis is None else int(number(b, axis, "axis")))


@tf("broadcast_to")
def broadcast_to(b: Builder, input: Any, shape: Any) -> Value:
    """`x.expand(shape)`."""
    return arrange.broadcasted(b, input, shape)


@tf("pad", "compat.v1.pad")
def pad(b: Builder, tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Value:
    """`F.pad(x, widths)`."""
    x = rules.tensor(b, tensor)
    known = [rules.shape_argument(b, pair, "paddings") for pair in rules.host(paddings)]
    modes = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}
    if mode.upper() not in modes:
        b.unsupported("mode", mode, "supported: 'CONSTANT', 'REFLECT', 'SYMMETRIC'")
    pairs = [(low, high) for low, high in known]
    return padded(b, x, pairs, modes[mode.upper()], float(number(b, constant_values, "constant_values")))


@tf("identity", "debugging.check_numerics", "ensure_shape")
def identity(b: Builder, input: Any, shape: Any = None, message: Any = None) -> Value:
    """Its input."""
    del shape, message  # what it checks holds, or TensorFlow would have raised
    if isinstance(input, Host):
        return input
    return rules.tensor(b, input)


@tf("identity_n", "tuple", "compat.v1.tuple")
def identity_n(b: Builder, input: Any, control_inputs: Any = None) -> list[Value]:
    """Its inputs."""
    del control_inputs  # order among operations, not what they compute
    return [same(b, x) for x in tensors(b, *input)]


# -------------------------------------------------------------------- joining and splitting


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


@tf("concat")
def concat(b: Builder, values: Any, axis: Any) -> Value:
    """`torch.cat(values, axis)`."""
    parts = _listed(values)
    if any(is_tensor(part) or any(map(is_tensor, _listed(part))) for part in parts):
        parts = tensors(b, *parts)
    return concatenated(b, parts, int(number(b, axis, "axis")))


@tf("stack", "parallel_stack")
def stack(b: Builder, values: Any, axis: int = 0) -> Value:
    """`torch.stack(values, axis)`; numbers of the host become a shape."""
    parts = _listed(values)
    if all(is_host(part) for part in parts):
        return rules.sizes(b, [rules.host(part) for part in parts])
    return shapes.stack(b, list(tensors(b, *parts)), axis=axis)


@tf("unstack")
def unstack(b: Builder, value: Any, num: int | None = None, axis: int = 0) -> list[Value]:
    """`x.unbind(axis)`."""
    return shapes.unstack(b, value, num=num, axis=axis)


@tf("split")
def split(
    b: Builder, value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None
) -> list[Value]:
    """`x.chunk(n, axis)` or `x.split(sizes, axis)`."""
    del num  # how many sizes there are
    a = int(number(b, axis, "axis"))
    sections = rules.host(num_or_size_splits)
    if isinstance(sections, int):
        return shapes.split_sections(b, value, sections, a)
    lengths = list(integers(b, sections, "num_or_size_splits"))
    x = rules.tensor(b, value)
    if -1 in lengths:
        total = b.known(x, b.axis(a, x.rank))
        lengths[lengths.index(-1)] = total - sum(n for n in lengths if n >= 0)
    return shapes.split_at(b, x, lengths, a)


@tf("meshgrid")
def meshgrid(b: Builder, *args: Any, indexing: Any = "xy", **kwargs: Any) -> list[Value]:
    """`torch.meshgrid(*xs)`."""
    values = [x for arg in args for x in _listed(arg)]
    del kwargs
    if len(values) < 2:
        b.malformed("the file holds one tensor of its meshgrid: Keras 2 does not save the others")
    return arrange.meshgrid(b, *values, indexing=indexing)


# -------------------------------------------------------------------- making tensors


@tf("zeros_like", "compat.v1.zeros_like", "ones_like", "compat.v1.ones_like")
def filled_like(b: Builder, input: Any, dtype: Any = None) -> Value:
    """`torch.zeros_like(x)` or `torch.ones_like(x)`."""
    value = int(function_name(b).endswith("ones_like"))
    if isinstance(input, Host):
        return rules.sizes(b, [value] * (input.shape[0] or 0)) if input.rank else rules.number(b, value)
    return arrange.full_of(b, input, value, None if dtype is None else dtype_name(b, dtype))


@tf("zeros", "ones")
def filled(b: Builder, shape: Any, dtype: Any = "float32") -> Value:
    """Zeros or ones of a shape."""
    value = 1.0 if function_name(b) == "ones" else 0.0
    return arrange.full(b, value, shape=shape, dtype=dtype_name(b, dtype))


@tf("fill")
def fill(b: Builder, dims: Any, value: Any) -> Value:
    """A tensor of this shape that holds the value throughout."""
    dtype = value.dtype if is_tensor(value) else rules.result_type(rules.host(value))
    return arrange.full(b, value, shape=dims, dtype=dtype)


@tf("eye")
def eye(
    b: Builder, num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32"
) -> Value:
    """`torch.eye(rows, columns)`, repeated for a batch."""
    rows = rules.host(num_rows)
    columns = rows if num_columns is None else rules.host(num_columns)
    known = rules.open_shape((rows, columns))
    x = b.op(
        "torch.eye(rows, columns, device=x.device)", shape=known, perm=(0, 1), dtype="float32",
        rows=rows, columns=columns, x=b.graph.inputs[0],
    )  # fmt: skip
    x = b.cast(x, dtype_name(b, dtype))
    if batch_shape is None:
        return x
    return arrange.broadcasted(b, x, [*rules.shape_argument(b, batch_shape), rows, columns])


@tf("range")
def range_(b: Builder, start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Value:
    """`torch.arange(start, limit, delta)`."""
    if limit is None:
        start, limit = 0, start
    bounds = [rules.host(v) for v in (start, limit, delta)]
    wanted = None if dtype is None else dtype_name(b, dtype)
    if any(is_tensor(v) for v in bounds):
        wanted = wanted or next(v.dtype for v in bounds if is_tensor(v))
        bounds = [b.host_op("x.item()", x=v) if is_tensor(v) else v for v in bounds]
    return arrange.counted(b, bounds[0], bounds[1], bounds[2], wanted)


@tf("linspace")
def linspace(b: Builder, start: Any, stop: Any, num: Any, axis: int = 0) -> Value:
    """`num` numbers at equal distances, both ends included, on a new axis."""
    first, last = natives(b, start, stop)
    result: Value = arrange.linspace(b, first, last, num=int(number(b, num, "num")), axis=axis)
    return result
