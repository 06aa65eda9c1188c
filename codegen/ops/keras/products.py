"""Graph ops that multiply and sum: matmul, einsum, tensordot and their kin."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Axes, TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import transpose
from codegen.model.spec import Constant, Shape
from codegen.ops.keras.elementwise import binary


def pair(b: Builder, x: TensorLike, y: TensorLike) -> tuple[Value, Value, str]:
    """Two factors in one dtype and Keras' layout, and that dtype."""
    dtype = rules.result_type(_as_term(b, x), _as_term(b, y))
    return rules.native(b, x, dtype), rules.native(b, y, dtype), dtype


def _as_term(b: Builder, x: TensorLike) -> Value | Constant:
    """A factor as what decides on the common dtype: numbers count as tensors."""
    return x if isinstance(x, Value) else rules.as_constant(b, x)


@op("Matmul")
def matmul(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """`x @ y`."""
    x, y, dtype = pair(b, x1, x2)
    if dtype == "int8" and x.rank > 1 and y.rank > 1:
        return product(b, b.cast(x, "int32"), b.cast(y, "int32"))
    return product(b, x, y)


def whole(b: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    """Truth values as numbers, which torch can multiply and sum."""
    return (b.cast(x, "int32"), b.cast(y, "int32")) if x.dtype == "bool" else (x, y)


def product(b: Builder, x: Value, y: Value) -> Value:
    """`x @ y` of two tensors in Keras' layout."""
    if not x.rank or not y.rank:
        b.malformed("a matrix product needs tensors with axes")
    left, right = x.shape[:-2], y.shape[:-2]
    batch = b.broadcast([left, right]) if x.rank > 1 and y.rank > 1 else left if y.rank == 1 else right
    rows = x.shape[-2:-1] if x.rank > 1 else ()
    columns = y.shape[-1:] if y.rank > 1 else ()
    inner = {x.shape[-1], y.shape[-2] if y.rank > 1 else y.shape[-1]} - {None}
    if len(inner) > 1:
        b.malformed(f"shapes {x.shape} and {y.shape} do not go together")
    shape = (*batch, *rows, *columns)
    dtype = x.dtype
    x, y = whole(b, x, y)
    return b.cast(b.op("x @ y", shape=shape, x=x, y=y), dtype)


@op("Dot")
def dot(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """The sum over the last axis of `x` and the last but one of `y`."""
    x, y, _ = pair(b, x1, x2)
    if not x.rank or not y.rank:
        return b.elementwise("x * y", x=x, y=y)
    if y.rank == 1 or (x.rank <= 2 and y.rank == 2) or y.rank == 2:
        return product(b, x, y)
    return tensordot_over(b, x, y, [x.rank - 1], [y.rank - 2])


@op("Inner")
def inner(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """The sum over the last axis of both."""
    x, y, dtype = pair(b, x1, x2)
    if not x.rank or not y.rank:
        return b.elementwise("x * y", x=x, y=y)
    shape = (*x.shape[:-1], *y.shape[:-1])
    x, y = whole(b, x, y)
    return b.cast(b.op("torch.inner(x, y)", shape=shape, x=x, y=y), dtype)


@op("Vdot")
def vdot(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """The sum of all products."""
    x, y, dtype = pair(b, x1, x2)
    x, y = whole(b, x, y)
    return b.cast(b.op("torch.dot(x.flatten(), y.flatten())", shape=(), x=x, y=y), dtype)


@op("Outer")
def outer(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """All products of an element of one with an element of the other."""
    x, y, _ = pair(b, x1, x2)
    shape = (element_count(x.shape), element_count(y.shape))
    return b.op("torch.outer(x.flatten(), y.flatten())", shape=shape, x=x, y=y)


@op("Kron")
def kron(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """`torch.kron(x, y)`."""
    x, y, _ = pair(b, x1, x2)
    rank = max(x.rank, y.rank)
    one, two = ((1,) * (rank - v.rank) + v.shape for v in (x, y))
    shape = tuple(None if n is None or m is None else n * m for n, m in zip(one, two, strict=True))
    return b.op("torch.kron(x, y)", shape=shape, x=x, y=y)


@op("Tensordot")
def tensordot(b: Builder, x1: TensorLike, x2: TensorLike, *, axes: int | tuple[Axes, Axes] = 2) -> Value:
    """`torch.tensordot(x, y, dims)`."""
    x, y, _ = pair(b, x1, x2)
    if isinstance(axes, int):
        return tensordot_over(b, x, y, list(range(x.rank - axes, x.rank)), list(range(axes)))
    one, two = ([a] if isinstance(a, int) else list(a) for a in axes)
    return tensordot_over(b, x, y, [b.axis(a, x.rank) for a in one], [b.axis(a, y.rank) for a in two])


def tensordot_over(b: Builder, x: Value, y: Value, left: list[int], right: list[int]) -> Value:
    """The sum of products over these axes of `x` and those of `y`."""
    if left == [x.rank - 1] and y.rank == 2 and right == [0]:
        return product(b, x, y)
    shape = (
        *(n for axis, n in enumerate(x.shape) if axis not in left),
        *(n for axis, n in enumerate(y.shape) if axis not in right),
    )
    for one, two in zip(left, right, strict=False):
        if len({x.shape[one], y.shape[two]} - {None}) > 1:
            b.malformed(f"shapes {x.shape} and {y.shape} do not go together")
    count = len(left)
    simple = left == list(range(x.rank - count, x.rank)) and right == list(range(count))
    dims = count if simple else (left, right)
    dtype = x.dtype
    x, y = whole(b, x, y)
    template = "torch.tensordot(x, y, dims=dims)"
    return b.cast(b.op(template, shape=shape, x=x, y=y, dims=dims), dtype)


@dataclass(frozen=True)
class _Equation:
    """What is multiplied, and over what it is summed: `...ab,bc->...ac`.

    Attributes:
        terms: One for each operand: a letter for each axis, and an ellipsis for any number of axes.
        result: The same for the result.
        text: The whole, as people write it.
    """

    terms: tuple[str, ...]
    result: str
    text: str

    @property
    def sums_alone(self) -> bool:
        """Whether it sums the elements of a single operand."""
        return len(self.terms) == 1 and bool(set(self.terms[0]) - set(self.result))

    def shape(self, b: Builder, shapes: Sequence[Shape]) -> Shape:
        """Of the result, for operands of these shapes."""
        sizes: dict[str, int | None] = {}
        spread: Shape = ()  # what the ellipsis stands for
        for term, shape in zip(self.terms, shapes, strict=True):
            head, dots, tail = term.partition("...")
            behind = len(shape) - len(tail)
            if len(head) > behind or (len(head) < behind and not dots):
                b.malformed(f"{term!r} does not name the axes of a tensor of rank {len(shape)}")
            if dots:
                spread = b.broadcast([spread, shape[len(head) : behind]])
            letters = head + tail
            for letter, size in zip(letters, (*shape[: len(head)], *shape[behind:]), strict=True):
                known = sizes.get(letter)
                sizes[letter] = size if known in (None, 1) else known
        head, dots, tail = self.result.partition("...")
        return (*(sizes[c] for c in head), *(spread if dots else ()), *(sizes[c] for c in tail))


def _parse(b: Builder, subscripts: str, count: int) -> _Equation:
    """The equation for this many operands; without a result, that has all letters that occur once."""
    equation = subscripts.replace(" ", "")
    if set(equation) - set(string.ascii_letters + ",->."):
        b.malformed(f"{subscripts!r} is no equation of einsum")
    left, arrow, result = equation.partition("->")
    terms = tuple(left.split(","))
    if len(terms) != count:
        b.malformed(f"{subscripts!r} is not for {count} tensors")
    if not arrow:
        once = sorted(letter for letter in left if letter.isalpha() and left.count(letter) == 1)
        result = ("..." if "..." in left else "") + "".join(once)
    return _Equation(terms, result, equation.replace(",", ", ").replace("->", " -> "))


@op("Einsum")
def einsum(b: Builder, *operands: TensorLike, subscripts: str, **options: Any) -> Value:
    """`torch.einsum(subscripts, *operands)`."""
    del options  # how to order the products
    kinds = [_as_term(b, x) for x in operands]
    dtype = rules.result_type(*kinds)
    if dtype == "bool" or {rules.kind_of(kind) for kind in kinds} == {"int8"}:
        dtype = "int32"
    values = [rules.native(b, x, dtype) for x in operands]
    equation = _parse(b, subscripts, len(values))
    shape = equation.shape(b, [value.shape for value in values])
    wide = equation.sums_alone and dtype in INTEGERS  # torch sums integers in 64 bits
    y = b.op(
        "torch.einsum(equation, *values)", shape=shape,
        dtype="int64" if wide else dtype, equation=equation.text, values=tuple(values),
    )  # fmt: skip
    return b.cast(y, dtype)


@op("Cross")
def cross(
    b: Builder,
    x1: TensorLike,
    x2: TensorLike,
    *,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Value:
    """`torch.linalg.cross(x, y)`; vectors of two numbers lie in a plane."""
    x, y, _ = pair(b, x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = _axis_last(b, x, axisa), _axis_last(b, y, axisb)
    if x.shape[-1] == 2 and y.shape[-1] == 2:
        shape = b.broadcast([x.shape[:-1], y.shape[:-1]])
        template = "x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]"
        return b.op(template, shape=shape, x=x, y=y)
    x, y = (
        b.op("F.pad(x, (0, 1))", shape=(*v.shape[:-1], 3), x=v) if v.shape[-1] == 2 else v for v in (x, y)
    )
    shape = b.broadcast([x.shape, y.shape])
    result = b.op("torch.linalg.cross(x, y)", shape=shape, x=x, y=y)
    order = list(range(len(shape) - 1))
    order.insert(b.axis(axisc, len(shape)), len(shape) - 1)
    return transpose(b, result, axes=order)


def _axis_last(b: Builder, x: Value, axis: int) -> Value:
    a = b.axis(axis, x.rank)
    return x if a == x.rank - 1 else transpose(b, x, axes=[*(i for i in range(x.rank) if i != a), a])


@op("Correlate")
def correlate(b: Builder, x1: TensorLike, x2: TensorLike, *, mode: str = "valid") -> Value:
    """The correlation of two signals of one dimension."""
    x, y, dtype = pair(b, x1, x2)
    wide = "float64" if dtype == "int64" else dtype if dtype in FLOATS else "float32"
    x, y = b.cast(x, wide), b.cast(y, wide)
    n, m = b.known(x, 0), b.known(y, 0)
    sizes = {"valid": max(n, m) - min(n, m) + 1, "same": max(n, m), "full": n + m - 1}
    if mode not in sizes:
        b.unsupported("mode", mode, "supported: 'valid', 'same', 'full'")
    shape = (sizes[mode],)
    if n < m and mode == "valid":
        return b.op("F.conv1d(y[None, None], x[None, None])[0, 0].flip(0)", shape=shape, x=x, y=y)
    if mode == "valid":
        return b.op("F.conv1d(x[None, None], y[None, None])[0, 0]", shape=shape, x=x, y=y)
    template = "F.conv1d(x[None, None], y[None, None], padding=padding)[0, 0]"
    if mode == "full":
        return b.op(template, shape=shape, x=x, y=y, padding=m - 1)
    start = (min(n, m) - 1) // 2  # the middle of "full"
    window = slice(start, start + sizes[mode])
    template = template.replace("[0, 0]", "[0, 0, window]")
    return b.op(template, shape=shape, x=x, y=y, padding=m - 1, window=window)


@op("Corrcoef")
def corrcoef(b: Builder, x: TensorLike) -> Value:
    """`torch.corrcoef(x)`."""
    x = rules.native(b, x)
    if x.dtype == "int64":
        b.unsupported("x", x.dtype, "supported: other dtypes")  # Keras divides without a remainder there
    x = b.cast(x, rules.float_type(x))
    size = x.shape[0]
    return b.op("torch.corrcoef(x)", shape=(size, size) if x.rank == 2 else (), perm=None, x=x)


@op("Trapezoid")
def trapezoid(
    b: Builder, y: TensorLike, *, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Value:
    """`torch.trapezoid(y, dx)`."""
    y = rules.native(b, y)
    y = b.cast(y, rules.float_type(y))
    a = b.axis(axis, y.rank)
    shape = rules.reduced_shape(y.shape, (a,), keepdims=False)
    operands: dict[str, Any] = {"x": rules.native(b, x)} if x is not None else {"dx": dx}
    given = "x" if x is not None else "dx=dx"
    return b.op(
        f"torch.trapezoid(y, {given}, dim=a)",
        shape=shape,
        y=y,
        a=a,
        **operands,
    )


@op("Vander")
def vander(
    b: Builder,
    x: TensorLike,
    *,
    N: int | None = None,  # noqa: N803 - Keras' name
    increasing: bool = False,
) -> Value:
    """`torch.vander(x)`."""
    x = rules.native(b, x)
    count = b.known(x, 0) if N is None else N
    template = "torch.vander(x, count, increasing=True)" if increasing else "torch.vander(x, count)"
    dtype = x.dtype if x.dtype in FLOATS | COMPLEX else "int64"
    y = b.op(template, shape=(x.shape[0], count), x=b.cast(x, dtype), count=count)
    return b.cast(y, x.dtype)


@op("CDist")
def cdist(b: Builder, x: TensorLike, y: TensorLike) -> Value:
    """`torch.cdist(x, y)`."""
    x, y, _ = pair(b, x, y)
    difference = binary(b, "Subtract", _new_axis(b, x, -2), _new_axis(b, y, -3))
    difference = b.cast(difference, rules.float_type(difference))
    template = "torch.linalg.vector_norm(x, dim=-1)"
    shape = difference.shape[:-1]
    return b.op(template, shape=shape, x=difference)


def _new_axis(b: Builder, x: Value, axis: int) -> Value:
    a = axis + x.rank + 1
    shape = (*x.shape[:a], 1, *x.shape[a:])
    return b.op("x.unsqueeze(axis)", shape=shape, x=x, axis=axis)
