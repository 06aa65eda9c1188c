"""TensorFlow functions that change shapes: reshape, transpose, join, split, repeat, pad."""

from __future__ import annotations

from typing import Literal

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules, tensors
from codegen.lowering.parts.operands import is_host, is_tensor
from codegen.lowering.parts.tensors import concatenate, pad_axes
from codegen.model.nested import instances
from codegen.ops.keras import arrange, shapes
from codegen.ops.tensorflow.arguments import (
    Axes,
    DType,
    Given,
    GivenList,
    Ints,
    NativePeer,
    SizePairs,
    Sizes,
    Tensor,
    integers,
    peers,
)
from codegen.ops.tensorflow.functions import tf

# -------------------------------------------------------------------- sizes


#: Numbers of the host have no dtype.
_NO_DTYPE = ("out_type",)


@tf("shape", "compat.v1.shape", ignored=_NO_DTYPE)
def shape(b: Builder, input: Given) -> Host:
    """The sizes, as numbers of the host."""
    if isinstance(input, Host):
        return rules.sizes(b, [] if input.rank == 0 else [input.shape[0] or 0])
    x = rules.tensor(b, input)
    return rules.sizes(b, [b.size(x, axis) for axis in range(x.rank)])


@tf("shape_n", ignored=_NO_DTYPE)
def shape_n(b: Builder, input: GivenList) -> list[Host]:
    """The sizes of several tensors."""
    return [shape(b, x) for x in input]


@tf("size", "compat.v1.size", ignored=_NO_DTYPE)
def size(b: Builder, input: Given) -> Host:
    """The number of elements."""
    if isinstance(input, Host):
        return rules.known_number(b, len(rules.host(input)) if input.rank else 1)
    x = rules.tensor(b, input)
    count = element_count(x.shape)
    return b.host_op("x.numel()", x=x) if count is None else rules.known_number(b, count)


@tf("rank")
def rank(b: Builder, input: Given) -> Host:
    """The number of axes."""
    return rules.known_number(b, input.rank if isinstance(input, Value) else rules.tensor(b, input).rank)


# -------------------------------------------------------------------- one tensor


def same(b: Builder, x: Value) -> Value:
    """A value of its own that equals `x`."""
    return b.op("x", shape=x.shape, like=x, non_negative=x.non_negative, x=x)


@tf("reshape")
def reshape(b: Builder, tensor: Given, shape: Given) -> Value:
    """`x.reshape(*shape)`."""
    return shapes.reshape(b, tensor, newshape=shape)


@tf("expand_dims", "compat.v1.expand_dims")
def expand_dims(b: Builder, input: Given, axis: int) -> Value:
    """`x.unsqueeze(axis)`."""
    return shapes.expand_dims(b, input, axis=axis)


@tf("squeeze", "compat.v1.squeeze")
def squeeze(b: Builder, input: Given, axis: Axes = None) -> Value:
    """`x.squeeze(axis)`; all axes of size 1 without an axis."""
    if isinstance(input, Host):
        return rules.known_number(b, rules.host(input)[0]) if input.rank else input
    return shapes.squeeze(b, input, axis=None if axis == () else axis)


@tf("transpose", "compat.v1.transpose")
def transpose(b: Builder, a: Tensor, perm: Ints | None = None, conjugate: bool = False) -> Value:
    """`x.permute(*perm)`; without `perm`, all axes in reverse order."""
    y = tensors.transpose(b, a, axes=perm)
    return b.elementwise("torch.conj_physical(x)", x=y) if conjugate and a.dtype in COMPLEX else y


@tf(
    {
        "linalg.matrix_transpose": {"first": -2, "conjugates": False},
        "linalg.adjoint": {"first": -2, "conjugates": True},
        "image.transpose": {"first": -3, "conjugates": False},
    }
)
def matrix_transpose(
    b: Builder, a: Tensor, conjugate: bool = False, *, first: int, conjugates: bool
) -> Value:
    """The axis `first` exchanged with that behind it."""
    order = list(range(a.rank))
    order[first], order[first + 1] = order[first + 1], order[first]
    return transpose(b, a, tuple(order), conjugate or conjugates)


@tf("reverse")
def reverse(b: Builder, tensor: Given, axis: Ints) -> Value:
    """`x.flip(axes)`."""
    return arrange.flip(b, tensor, axis=axis) if axis else same(b, rules.tensor(b, tensor))


@tf("roll")
def roll(b: Builder, input: Given, shift: Ints, axis: Ints) -> Value:
    """`x.roll(shift, axes)`."""
    if len(shift) != len(axis):
        b.malformed(f"its shifts {shift} are not for the axes {axis}")
    return arrange.roll(b, input, shift=shift, axis=axis)


@tf("tile")
def tile(b: Builder, input: Given, multiples: Sizes) -> Value:
    """`x.tile(multiples)`."""
    if set(multiples) == {1} and is_tensor(input):
        return same(b, input)
    return arrange.tile(b, input, repeats=multiples)


@tf("repeat")
def repeat(b: Builder, input: Given, repeats: Given, axis: int | None = None) -> Value:
    """`x.repeat_interleave(repeats, axis)`."""
    return arrange.repeat(b, input, repeats=repeats, axis=axis)


@tf("broadcast_to")
def broadcast_to(b: Builder, input: Given, shape: Given) -> Value:
    """`x.expand(shape)`."""
    return arrange.broadcast_to(b, input, shape=shape)


@tf("pad", "compat.v1.pad")
def pad(
    b: Builder,
    tensor: Tensor,
    paddings: SizePairs,
    mode: Literal["CONSTANT", "REFLECT", "SYMMETRIC"] = "CONSTANT",
    constant_values: float = 0,
) -> Value:
    """`F.pad(x, widths)`."""
    return pad_axes(b, tensor, list(paddings), mode.lower(), constant_values)


@tf("identity", "debugging.check_numerics", "ensure_shape", ignored=("shape", "message"))  # it holds
def identity(b: Builder, input: Given) -> Value:
    """Its input."""
    return input if isinstance(input, Host) else rules.tensor(b, input)


@tf("identity_n", "tuple", "compat.v1.tuple", ignored=("control_inputs",))  # order, not what is computed
def identity_n(b: Builder, input: GivenList) -> list[Value]:
    """Its inputs."""
    return [same(b, x) for x in peers(b, *input)]


# -------------------------------------------------------------------- joining and splitting


@tf("concat")
def concat(b: Builder, values: GivenList, axis: int) -> Value:
    """`torch.cat(values, axis)`."""
    has_tensors = any(is_tensor(value) for value in instances(values, Value))
    return concatenate(b, peers(b, *values) if has_tensors else values, axis=axis)


@tf("stack", "parallel_stack")
def stack(b: Builder, values: GivenList, axis: int = 0) -> Value:
    """`torch.stack(values, axis)`; numbers of the host become a shape."""
    numbers = [rules.host(value) for value in values if is_host(value)]
    if len(numbers) == len(values):
        return rules.sizes(b, numbers)
    return shapes.stack(b, [*peers(b, *values)], axis=axis)


@tf("unstack")
def unstack(b: Builder, value: Given, num: int | None = None, axis: int = 0) -> list[Value]:
    """`x.unbind(axis)`."""
    return shapes.unstack(b, value, num=num, axis=axis)


@tf("split", ignored=("num",))  # how many sizes there are
def split(b: Builder, value: Given, num_or_size_splits: Given, axis: int = 0) -> list[Value]:
    """`x.chunk(n, axis)` or `x.split(sizes, axis)`."""
    sections = rules.host(num_or_size_splits)
    if isinstance(sections, int):
        return shapes.split(b, value, indices_or_sections=sections, axis=axis)
    lengths = list(integers(b, sections, "num_or_size_splits"))
    x = rules.tensor(b, value)
    if -1 in lengths:
        total = b.known(x, b.axis(axis, x.rank))
        lengths[lengths.index(-1)] = total - sum(n for n in lengths if n >= 0)
    return shapes.split_at(b, x, lengths, axis)


@tf("meshgrid")
def meshgrid(b: Builder, *args: GivenList, indexing: Literal["xy", "ij"] = "xy") -> list[Value]:
    """`torch.meshgrid(*xs)`."""
    values = [x for arg in args for x in arg]
    if len(values) < 2:
        b.malformed("the file holds one tensor of its meshgrid: Keras 2 does not save the others")
    return arrange.meshgrid(b, *values, indexing=indexing)


# -------------------------------------------------------------------- making tensors

_FILLED = {"zeros": 0, "ones": 1}

_FILLED = {"zeros": 0, "ones": 1}


@tf({f"{v}{name}_like": {"value": value} for name, value in _FILLED.items() for v in ("", "compat.v1.")})
def full_like(b: Builder, input: Given, dtype: DType | None = None, *, value: int) -> Value:
    """`torch.zeros_like(x)` or `torch.ones_like(x)`."""
    if isinstance(input, Host):
        return rules.sizes(b, [value] * (input.shape[0] or 0)) if input.rank else rules.known_number(b, value)
    return arrange.filled_like(b, input, value=value, dtype=dtype)


@tf({name: {"value": value} for name, value in _FILLED.items()})
def full(b: Builder, shape: Given, dtype: DType = "float32", *, value: int) -> Value:
    """Zeros or ones of a shape."""
    return arrange.full(b, float(value), shape=shape, dtype=dtype)


@tf("fill")
def fill(b: Builder, dims: Given, value: Given) -> Value:
    """A tensor of this shape that holds the value throughout."""
    dtype = value.dtype if is_tensor(value) else rules.result_type(rules.host(value))
    return arrange.full(b, value, shape=dims, dtype=dtype)


@tf("eye")
def eye(
    b: Builder,
    num_rows: Given,
    num_columns: Given | None = None,
    batch_shape: Sizes | None = None,
    dtype: DType = "float32",
) -> Value:
    """`torch.eye(rows, columns)`, repeated for a batch."""
    rows = rules.host(num_rows)
    columns = rows if num_columns is None else rules.host(num_columns)
    known = rules.open_shape((rows, columns))
    x = b.op(
        "torch.eye(rows, columns, device=x.device)", shape=known, dtype="float32",
        rows=rows, columns=columns, x=b.graph.inputs[0],
    )  # fmt: skip
    x = b.cast(x, dtype)
    if batch_shape is None:
        return x
    return arrange.broadcast_to(b, x, shape=[*batch_shape, rows, columns])


@tf("range")
def range_(
    b: Builder, start: Given, limit: Given | None = None, delta: Given = 1, dtype: DType | None = None
) -> Value:
    """`torch.arange(start, limit, delta)`."""
    if limit is None:
        start, limit = 0, start
    bounds = [rules.host(v) for v in (start, limit, delta)]
    if any(is_tensor(v) for v in bounds):
        dtype = dtype or next(v.dtype for v in bounds if is_tensor(v))
        bounds = [b.host_op("x.item()", x=_single(b, v)) if is_tensor(v) else v for v in bounds]
    return arrange.arange(b, bounds[0], bounds[1], bounds[2], dtype=dtype)


def _single(b: Builder, x: Value) -> Value:
    """A tensor that can be read as a number."""
    if any(size not in (None, 1) for size in x.shape):
        b.malformed(f"it reads a tensor of shape {x.shape} as a number")
    return x


@tf("linspace")
def linspace(b: Builder, start: NativePeer, stop: NativePeer, num: int, axis: int = 0) -> Value:
    """`num` numbers at equal distances, both ends included, on a new axis."""
    result: Value = arrange.linspace(b, start, stop, num=num, axis=axis)
    return result
