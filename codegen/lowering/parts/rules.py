"""What all graph ops share: dtype promotion, constants, numbers known on the host, axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from codegen.graph import Host, Op, Value
from codegen.graph.core import is_whole
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS, promote
from codegen.graph.recipe import Weight
from codegen.lowering import layout
from codegen.lowering.builder import Builder
from codegen.lowering.parts.operands import Axis, Number, TensorLike, Term, is_host, is_tensor
from codegen.lowering.registry import ClassNames, lowers
from codegen.model.packages import OPS
from codegen.model.spec import Constant, Shape

F = TypeVar("F", bound=Callable[..., Any])


def op(*class_names: ClassNames) -> Callable[[F], F]:
    """Register a function for classes of `keras.ops`, see `lowers`; ops hand no mask on."""
    return lowers(*class_names, package=OPS, masks="drop")


# -------------------------------------------------------------------- dtypes


def kind_of(operand: Term) -> str:
    """The dtype with which an operand takes part in a promotion."""
    if isinstance(operand, Host):
        return "int" if is_whole(operand) else "float"
    if isinstance(operand, Value):
        return operand.dtype
    if isinstance(operand, Constant):
        return operand.dtype
    return "bool" if isinstance(operand, bool) else "int" if isinstance(operand, int) else "float"


def result_type(*operands: Term) -> str:
    """The dtype that Keras computes these operands in."""
    return promote(*(kind_of(operand) for operand in operands))


def float_type(*operands: Term) -> str:
    """The same for functions that yield floating-point numbers: integers become float32."""
    dtype = result_type(*operands)
    return dtype if dtype in FLOATS or dtype in COMPLEX else "float32"


def torch_type(operands: Sequence[Term]) -> str:
    """The dtype that torch would compute these operands in, if all tensors have at least one axis."""
    strong = {kind_of(x) for x in operands if is_tensor(x)}
    floats = strong & (FLOATS | COMPLEX)
    if floats:
        return promote(*floats)
    weak = {kind_of(x) for x in operands} - strong
    if "float" in weak:
        return "float32"
    integers = strong & INTEGERS
    if integers:
        return promote(*integers)
    return "int64" if "int" in weak else "bool"


def in_one_dtype(b: Builder, operands: Sequence[Term], dtype: str) -> list[Value | Number]:
    """The operands, ready to be combined element by element in `dtype`."""
    like = next((x for x in operands if isinstance(x, Value) and not x.is_native and x.flat is None), None)
    ready = [_plain(b, operand, dtype, like) for operand in operands]
    if not any(isinstance(x, Value) for x in ready):
        ready[0] = tensor(b, operands[0], dtype)
    values = [x for x in ready if isinstance(x, Value)]
    with_axes = all(x.rank or isinstance(x, Host) for x in values)
    if torch_type(ready) == dtype and (with_axes or len(set(map(kind_of, values))) == 1):
        return ready
    return [b.cast(x, dtype) if is_tensor(x) else x for x in ready]


def _plain(b: Builder, operand: Term, dtype: str, like: Value | None) -> Value | Number:
    """An operand as a tensor or a number; where truth values are none in `dtype`, they are 0 and 1."""
    plain = operand.values if isinstance(operand, Constant) else operand
    if isinstance(plain, bool):
        return plain if dtype == "bool" else int(plain)
    if isinstance(plain, (int, float, Value)):
        return plain
    return constant(b, Constant(plain, dtype), like)


# -------------------------------------------------------------------- constants


def constant(b: Builder, value: Constant, like: Value | None = None) -> Value:
    """A constant tensor as a buffer, in the layout of `like` if it has at least as many axes."""
    array = as_array(b, value.values)
    weight, perm = Weight.constant(array), tuple(range(array.ndim))
    if like is not None and like.rank >= array.ndim:
        perm = like.perm
        weight = weight.reshape(*(1,) * (like.rank - array.ndim), *array.shape).permute(*perm)
    shape = tuple(weight.shape[perm.index(axis)] for axis in range(len(perm)))
    part = b.session.part(b.owner, "constant", lambda known: known.state[""] == weight)
    buffer = b.buffer(part, weight, dtype=value.dtype)
    return b.op("buffer", shape=shape, dtype=value.dtype, perm=perm, buffer=buffer)


def as_array(b: Builder, values: TensorLike) -> np.ndarray[Any, Any]:
    """Nested lists of numbers as an array."""
    try:
        array = np.asarray(values)
    except ValueError:
        b.malformed("a constant in a call is ragged")
    if array.dtype.kind not in "biufc":
        b.malformed("a constant in a call holds something else than numbers")
    return array


def as_constant(b: Builder, values: TensorLike) -> Constant:
    """Numbers as a tensor of the dtype that Keras gives them."""
    if isinstance(values, Constant):
        return values
    kind = as_array(b, values).dtype.kind
    return Constant(values, {"b": "bool", "f": "float32", "c": "complex64"}.get(kind, "int32"))


def tensor(b: Builder, operand: TensorLike, dtype: str | None = None) -> Value:
    """An operand as a tensor, also where it is a number or nested lists of numbers."""
    if is_tensor(operand):
        return b.cast(operand, dtype) if dtype else operand
    if isinstance(operand, Host):
        return b.from_host(operand, dtype)
    if isinstance(operand, (list, tuple)) and any(isinstance(x, Value) for x in operand):
        numbers = [x for x in operand if is_host(x)]
        if len(numbers) == len(operand):
            return b.from_host(sizes(b, numbers), dtype or "int32")
        parts = [tensor(b, x, dtype) for x in operand]
        shape = (len(parts), *common_shape(b, [part.shape for part in parts]))
        parts = [b.keras_layout(part) for part in parts]
        return b.op(
            "torch.stack(parts)",
            shape=shape,
            dtype=parts[0].dtype,
            parts=parts,
        )
    value = as_constant(b, operand)
    return constant(b, Constant(value.values, dtype or value.dtype))


def common_shape(b: Builder, shapes: Sequence[Shape], *, but: int | None = None) -> Shape:
    """The shape that tensors of these shapes have, as far as any says it, `but` for one axis.

    Raises:
        MalformedConfig: They have different ones.
    """
    known = [
        {*sizes} - {None} if axis != but else set[int | None]()
        for axis, sizes in enumerate(zip(*shapes, strict=False))
    ]
    if len({*map(len, shapes)}) > 1 or any(len(sizes) > 1 for sizes in known):
        b.malformed(f"tensors of shapes {', '.join(map(str, shapes))} do not go together")
    return tuple(next(iter(sizes), None) for sizes in known)


# -------------------------------------------------------------------- numbers on the host


def known_number(b: Builder, value: Number) -> Host:
    """A number that is known already, as a value."""
    return b.host_op("n", n=value)


def sizes(b: Builder, parts: Sequence[Number | Host]) -> Host:
    """A tuple of numbers of the host, as a value."""
    return b.host_op("parts", shape=(len(parts),), parts=tuple(parts))


def host(value: object) -> Any:
    """What a value of the host is: a number or a tuple if it is known now, else the value itself."""
    if isinstance(value, Constant):
        return value.values
    if not isinstance(value, Host) or value.node is None:
        return value
    if value.node.op is Op.NUMBER:
        return value.node.operands["n"]
    if value.node.op is Op.NUMBERS:
        return tuple(host(part) for part in value.node.operands["parts"])
    return value


def host_map(
    b: Builder, template: str, function: Callable[..., Number], operands: Sequence[TensorLike]
) -> Host:
    """Arithmetic on the host, item by item for tuples; what is known is computed now."""
    known = [host(x) for x in operands]
    length = next((len(x) for x in known if isinstance(x, (list, tuple))), None)
    if length is None:
        return _host_number(b, template, function, known)
    rows = [x if isinstance(x, (list, tuple)) else (x,) * length for x in known]
    return sizes(b, [host(_host_number(b, template, function, row)) for row in zip(*rows, strict=True)])


def _host_number(b: Builder, template: str, function: Callable[..., Number], operands: Sequence[Any]) -> Host:
    if all(isinstance(x, (bool, int, float)) for x in operands):
        return known_number(b, function(*operands))
    if not all(is_host(x) for x in operands):
        b.malformed("it computes with a size and something that is no number")
    return b.host_op(template, **dict(zip("xyz", operands, strict=False)))


def shape_argument(b: Builder, shape: TensorLike, option: str = "shape") -> tuple[Number | Host, ...]:
    """An argument that names sizes: whole numbers, or values of the host."""
    shape = host(shape)
    if is_host(shape):
        return (shape,)
    if not isinstance(shape, (list, tuple)):
        b.unsupported(option, shape, "supported: sizes of other tensors")
    parts = tuple(host(part) for part in shape)
    for part in parts:
        if not (part is None or is_host(part)):
            b.unsupported(option, "<tensor>", "supported: numbers and sizes of other tensors")
        if isinstance(part, float):
            b.unsupported(option, part, "supported: whole numbers")
    return tuple(-1 if part is None else part for part in parts)


def open_shape(parts: Sequence[Any]) -> Shape:
    """Sizes as a shape: None for those that are not known now."""
    return tuple(part if isinstance(part, int) and part >= 0 else None for part in parts)


# -------------------------------------------------------------------- axes and reductions


def axes_of(b: Builder, axis: Axis | list[int], rank: int) -> tuple[int, ...]:
    """An axis option, counted from the front; all axes if None."""
    if axis is None:
        return tuple(range(rank))
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(dict.fromkeys(b.axis(a, rank) for a in given))


def reduced_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """The shape after a reduction over `axes`."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def without_axes(perm: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    """The layout of what is left when `axes` are gone."""
    kept = [axis for axis in perm if axis not in axes]
    return tuple(sorted(kept).index(axis) for axis in kept)


def reduce(
    b: Builder,
    x: Value,
    template: str,
    axis: Axis,
    keepdims: bool,
    *,
    dtype: str | None = None,
    whole: str = "",
    **operands: Any,
) -> Value:
    """A reduction.

    Args:
        b: The layer's builder.
        x: What is reduced.
        template: An expression of `x`, `d` (its dims: a number, or a tuple of them) and `keep`.
        axis: Over which axes; all if None.
        keepdims: Whether they stay with size 1.
        dtype: Of the result, if not that of `x`.
        whole: The expression of `x` for a reduction over all axes to a scalar.
        operands: What else the template reads.
    """
    x = to_keras_order(b, x)
    axes = axes_of(b, axis, x.rank)
    shape = reduced_shape(x.shape, axes, keepdims)
    perm = x.perm if keepdims else without_axes(x.perm, axes)
    if not axes:
        return b.cast(x, dtype) if dtype else x
    if len(axes) == x.rank and whole and not keepdims:
        return b.op(whole, shape=(), dtype=dtype, x=x, **operands)
    dims = tuple(sorted(x.dim(a) for a in axes))
    template = template.replace("keep", "keepdim=True") if keepdims else template.replace(", keep", "")
    return b.op(
        template, shape=shape, perm=perm, dtype=dtype, x=x, d=dims[0] if len(dims) == 1 else dims, **operands
    )


def to_keras_order(b: Builder, x: Value) -> Value:
    """`x` with its features in Keras' order."""
    return layout.unflatten(b, x) if x.flat is not None else x


def native(b: Builder, operand: TensorLike, dtype: str | None = None) -> Value:
    """An operand as a tensor in Keras' own layout."""
    return b.keras_layout(tensor(b, operand, dtype))
