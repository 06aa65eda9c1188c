"""Graph ops that repeat, turn round, shift and make tensors."""

from __future__ import annotations

import math
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX, FLOATS, promote, torch_dtype
from codegen.graph.shapes import can_spread, element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axis, TensorLike, is_host, is_tensor
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import same_layout, transpose
from codegen.model.spec import Constant, Shape
from codegen.ops.keras.elementwise import binary


@op("Flip")
def flip(b: Builder, x: TensorLike, *, axis: Axis = None) -> Value:
    """`x.flip(dims)`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    dims = tuple(sorted(x.dim(a) for a in rules.axes_of(b, axis, x.rank)))
    return b.op("x.flip(dims)", shape=x.shape, x=x, like=x, dims=dims[0] if len(dims) == 1 else dims)


@op("Fliplr")
def fliplr(b: Builder, x: TensorLike) -> Value:
    """Columns reversed."""
    return flip(b, x, axis=1)


@op("Flipud")
def flipud(b: Builder, x: TensorLike) -> Value:
    """Rows reversed."""
    return flip(b, x, axis=0)


@op("Roll")
def roll(b: Builder, x: TensorLike, *, shift: int | tuple[int, ...], axis: Axis = None) -> Value:
    """`x.roll(shift, dim)`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    if axis is None:
        return b.op("x.roll(shift)", shape=x.shape, x=x, shift=shift)
    dims = tuple(x.dim(b.axis(a, x.rank)) for a in ((axis,) if isinstance(axis, int) else axis))
    shifts = (shift,) * len(dims) if isinstance(shift, int) else shift
    one = len(dims) == 1
    return b.op(
        "x.roll(n, dims=d)",
        shape=x.shape,
        x=x,
        like=x,
        n=shifts[0] if one else shifts,
        d=dims[0] if one else dims,
    )


@op("Rot90")
def rot90(b: Builder, array: TensorLike, *, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Value:
    """`torch.rot90(x, k, axes)`."""
    x = rules.native(b, array)
    shape = list(x.shape)
    one, two = axes
    if k % 4 == 2 and (shape[one] is None or shape[one] != shape[two]):
        return _rotate_twice(b, x, b.axis(one, x.rank), b.axis(two, x.rank))
    if k % 2:
        shape[one], shape[two] = shape[two], shape[one]
    return b.op("torch.rot90(x, k, dims)", shape=tuple(shape), x=x, k=k, dims=axes)


def _rotate_twice(b: Builder, x: Value, one: int, two: int) -> Value:
    """Two turns as Keras on TensorFlow computes them: each one's result is reshaped to the first shape."""
    order = [*(a for a in range(x.rank) if a not in (one, two)), one, two]
    x = transpose(b, x, axes=order)
    for _ in range(2):
        x = b.op("torch.rot90(x, 1, (-2, -1)).reshape(x.shape)", shape=x.shape, x=x)
    return transpose(b, x, axes=[order.index(a) for a in range(x.rank)])


@op("Tile")
def tile(b: Builder, x: TensorLike, *, repeats: TensorLike) -> Value:
    """`x.tile(*repeats)`."""
    x = rules.native(b, x)
    counts = rules.shape_argument(b, repeats, "repeats")
    counts = (1,) * (x.rank - len(counts)) + counts
    sizes = (1,) * (len(counts) - x.rank) + x.shape
    shape = tuple(
        n * c if isinstance(n, int) and isinstance(c, int) else n if c == 1 else None
        for n, c in zip(sizes, counts, strict=True)
    )
    return b.op("x.tile(counts)", shape=shape, x=x, counts=counts)


@op("Repeat")
def repeat(b: Builder, x: TensorLike, *, repeats: TensorLike, axis: int | None = None) -> Value:
    """`x.repeat_interleave(n, dim)`."""
    x = rules.native(b, x)
    if axis is None:
        x, axis = b.reshape(x, (element_count(x.shape),)), 0
    a = b.axis(axis, x.rank)
    count = rules.host(repeats)
    if isinstance(count, (list, tuple)) and len(count) == 1:
        (count,) = count
    size = x.shape[a]
    if is_host(count):
        total = size * count if isinstance(size, int) and isinstance(count, int) else None
    else:
        if isinstance(count, Value):
            b.unsupported("repeats", "<tensor>", "supported: numbers")
        numbers = [int(n) for n in rules.as_array(b, count)]
        total, count = sum(numbers), rules.tensor(b, Constant(numbers, "int64"))
    shape = (*x.shape[:a], total, *x.shape[a + 1 :])
    return b.op("x.repeat_interleave(count, dim=a)", shape=shape, x=x, count=count, a=a)


@op("BroadcastTo")
def broadcast_to(b: Builder, x: TensorLike, *, shape: TensorLike) -> Value:
    """`x.expand(shape)`."""
    x = rules.native(b, x)
    sizes = rules.shape_argument(b, shape)
    known = rules.open_shape(sizes)
    _check_spread(b, x, known)
    return b.op("x.expand(sizes)", shape=known, x=x, sizes=sizes)


def _check_spread(b: Builder, x: Value, shape: Shape) -> None:
    if not can_spread(x.shape, shape):
        b.malformed(f"a tensor of shape {x.shape} cannot be broadcast to {shape}")


@op("Meshgrid")
def meshgrid(b: Builder, *x: TensorLike, indexing: Literal["xy", "ij"] = "xy") -> list[Value]:
    """`torch.meshgrid(*xs)`."""
    values = same_layout(b, x)
    sizes = [v.shape[0] if v.rank else 1 for v in values]
    shape = tuple(sizes) if indexing == "ij" or len(sizes) < 2 else (sizes[1], sizes[0], *sizes[2:])
    results = [b.value(shape, dtype=v.dtype) for v in values]
    b.emit("torch.meshgrid(*xs, indexing=indexing)", tuple(results), xs=tuple(values), indexing=indexing)
    return results


# -------------------------------------------------------------------- diagonals and triangles


@op("Diag")
def diag(b: Builder, x: TensorLike, *, k: int = 0) -> Value:
    """`x.diag(k)`: a matrix with this diagonal, or the diagonal of a matrix."""
    x = rules.native(b, x)
    if x.rank == 1:
        size = None if x.shape[0] is None else x.shape[0] + abs(k)
        shape: Shape = (size, size)
    elif x.rank != 2:
        b.malformed(f"its input {x.shape} is neither a diagonal nor a matrix")
    else:
        shape = (_diagonal_size(x.shape[0], x.shape[1], k),)
    operands: dict[str, Any] = {"k": k} if k else {}
    return b.op("x.diag(k)" if k else "x.diag()", shape=shape, x=x, **operands)


def _diagonal_size(rows: int | None, columns: int | None, offset: int) -> int | None:
    if rows is None or columns is None:
        return None
    return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)


@op("Diagflat")
def diagflat(b: Builder, x: TensorLike, *, k: int = 0) -> Value:
    """A matrix with all elements on its diagonal."""
    x = rules.native(b, x)
    count = element_count(x.shape)
    size = None if count is None else count + abs(k)
    return b.op("x.flatten().diag(k)", shape=(size, size), x=x, k=k)


@op("Diagonal")
def diagonal(b: Builder, x: TensorLike, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """`x.diagonal(offset, dim1, dim2)`."""
    x = rules.native(b, x)
    one, two = b.axis(axis1, x.rank), b.axis(axis2, x.rank)
    size = _diagonal_size(x.shape[one], x.shape[two], offset)
    shape = (*rules.reduced_shape(x.shape, (one, two), keepdims=False), size)
    template = "x.diagonal(offset, one, two)"
    return b.op(template, shape=shape, x=x, offset=offset, one=one, two=two)


@op("Trace")
def trace(b: Builder, x: TensorLike, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The sum of a diagonal."""
    y = diagonal(b, x, offset=offset, axis1=axis1, axis2=axis2)
    small = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
    dtype = small.get(y.dtype, y.dtype)
    total = b.op(
        "y.sum(dim=-1)", shape=y.shape[:-1], y=y,
        dtype=y.dtype if y.dtype in FLOATS | COMPLEX else "int64",
    )  # fmt: skip
    return b.cast(total, dtype)


@op({"Tril": {"method": "tril"}, "Triu": {"method": "triu"}})
def triangle(b: Builder, x: TensorLike, *, k: int = 0, method: str) -> Value:
    """`x.tril(k)` or `x.triu(k)`."""
    x = rules.native(b, x)
    operands: dict[str, Any] = {"k": k} if k else {}
    return b.op(f"x.{method}(k)" if k else f"x.{method}()", shape=x.shape, x=x, **operands)


@op("Diff")
def diff(b: Builder, a: TensorLike, *, n: int = 1, axis: int = -1) -> Value:
    """`x.diff(n, dim)`."""
    x = rules.native(b, a)
    d = b.axis(axis, x.rank)
    size = x.shape[d]
    shape = (*x.shape[:d], None if size is None else max(size - n, 0), *x.shape[d + 1 :])
    return b.op("x.diff(n, dim=d)", shape=shape, x=x, n=n, d=d)


# -------------------------------------------------------------------- making tensors


@op({"ZerosLike": {"value": 0}, "EmptyLike": {"value": 0}, "OnesLike": {"value": 1}})
def filled_like(b: Builder, x: TensorLike, *, dtype: str | None = None, value: int) -> Value:
    """`torch.zeros_like(x)` or `torch.ones_like(x)`; what Keras leaves empty is zero."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    name = "ones" if value else "zeros"
    if dtype in (None, x.dtype):
        return b.op(f"torch.{name}_like(x)", shape=x.shape, x=x)
    target = torch_dtype(str(dtype))
    return b.op(f"torch.{name}_like(x, dtype=target)", shape=x.shape, dtype=dtype, x=x, target=target)


@op("FullLike")
def full_like(b: Builder, x: TensorLike, fill_value: TensorLike, *, dtype: str | None = None) -> Value:
    """`torch.full_like(x, value)`."""
    x = rules.to_keras_order(b, rules.tensor(b, x))
    value = rules.host(fill_value)
    if is_host(value):
        y = b.op("torch.full_like(x, value)", shape=x.shape, x=x, value=value)
    else:
        value = rules.native(b, value, x.dtype)
        _check_spread(b, value, x.shape)
        y = b.op("value.expand_as(x)", shape=x.shape, x=x, value=value)
    return b.cast(y, dtype or x.dtype)


@op("Full")
def full(b: Builder, fill_value: TensorLike, *, shape: TensorLike, dtype: str | None = None) -> Value:
    """A tensor of this shape that holds the value throughout."""
    return broadcast_to(b, rules.native(b, fill_value, dtype or "float32"), shape=shape)


@op("Arange")
def arange(
    b: Builder,
    start: TensorLike,
    stop: TensorLike | None = None,
    step: TensorLike | None = None,
    *,
    dtype: str | None = None,
) -> Value:
    """`torch.arange(start, stop, step)`, on the device of the model's first input."""
    if stop is None:
        start, stop = 0, start
    bounds = [rules.host(v) for v in (start, stop, 1 if step is None else step)]
    if any(is_tensor(v) for v in bounds):
        b.unsupported("stop", "<tensor>", "supported: numbers and sizes of other tensors")
    dtype = dtype or promote(*(rules.kind_of(v) for v in bounds))
    size = None
    if all(isinstance(v, (int, float)) for v in bounds):
        size = max(math.ceil((bounds[1] - bounds[0]) / bounds[2]), 0)
    arguments = (
        "stop"
        if bounds[0] == 0 and bounds[2] == 1
        else "start, stop" if bounds[2] == 1 else "start, stop, step"
    )
    named = dict(zip(("start", "stop", "step"), bounds, strict=True))
    operands: dict[str, Any] = {name: named[name] for name in arguments.split(", ")}
    template = f"torch.arange({arguments}, dtype=target, device=x.device)"
    return b.op(
        template,
        shape=(size,),
        dtype=dtype,
        target=torch_dtype(dtype),
        x=b.graph.inputs[0],
        **operands,
    )


@op("Linspace")
def linspace(
    b: Builder,
    start: TensorLike,
    stop: TensorLike,
    *,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: str | None = None,
    axis: int = 0,
) -> Any:
    """`num` numbers at equal distances, on a new axis."""
    start, stop = _ends(b, start, stop, dtype)
    steps = max(num - 1 if endpoint else num, 1)
    result = _interpolate(b, start, stop, num, steps, axis)
    result = b.cast(result, dtype) if dtype else result
    if not retstep:
        return result
    return result, b.elementwise("(stop - start) / steps", start=start, stop=stop, steps=steps)


def _ends(b: Builder, start: TensorLike, stop: TensorLike, dtype: str | None) -> tuple[Value, Value]:
    values = [rules.native(b, v) for v in (start, stop)]
    wanted = dtype if dtype and dtype.startswith("float") else rules.float_type(*values)
    one, two = (b.cast(v, wanted) for v in values)
    return one, two


def _interpolate(b: Builder, start: Value, stop: Value, num: int, steps: int, axis: int) -> Value:
    grid = rules.tensor(b, Constant([i / steps for i in range(num)], start.dtype))
    shape = b.broadcast([start.shape, stop.shape])
    rank = len(shape)
    template = "start.unsqueeze(-1) + (stop - start).unsqueeze(-1) * grid"
    y = b.op(template, shape=(*shape, num), start=start, stop=stop, grid=grid)
    a = b.axis(axis, rank + 1)
    order = list(range(rank))
    order.insert(a, rank)
    return transpose(b, y, axes=order)


@op("Logspace")
def logspace(
    b: Builder,
    start: TensorLike,
    stop: TensorLike,
    *,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: str | None = None,
    axis: int = 0,
) -> Value:
    """`num` numbers at equal ratios, between powers of `base`, on a new axis."""
    steps = max(num - 1 if endpoint else num, 1)
    start, stop = _ends(b, start, stop, dtype)
    y = binary(b, "Power", float(base), _interpolate(b, start, stop, num, steps, axis))
    return b.cast(y, dtype) if dtype else y


@op("Geomspace")
def geomspace(
    b: Builder,
    start: TensorLike,
    stop: TensorLike,
    *,
    num: int = 50,
    endpoint: bool = True,
    dtype: str | None = None,
    axis: int = 0,
) -> Value:
    """`num` numbers at equal ratios, on a new axis."""
    steps = max(num - 1 if endpoint else num, 1)
    start, stop = (rules.native(b, v, dtype or "float32") for v in (start, stop))
    sign = b.elementwise("x.sign()", x=start)
    ends = [b.elementwise("x.abs().log()", x=v) for v in (start, stop)]
    y = b.elementwise("x.exp()", x=_interpolate(b, ends[0], ends[1], num, steps, axis))
    return b.elementwise("x * y", x=y, y=sign)  # Keras adds no axis to the signs
