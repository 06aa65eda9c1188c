"""Graph ops whose results have as many elements as the data say: nonzero, unique; and argpartition."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import transpose


@op("Nonzero")
def nonzero(b: Builder, x: TensorLike) -> list[Value]:
    """`x.nonzero(as_tuple=True)` as int32."""
    x = rules.native(b, x)
    positions = [b.value((None,), dtype="int64") for _ in range(x.rank)]
    b.emit("x.nonzero(as_tuple=True)", tuple(positions), x=x)
    return [b.cast(position, "int32") for position in positions]


@op("Unique")
def unique(
    b: Builder,
    x: TensorLike,
    *,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> list[Value]:
    """`torch.unique(x)`, maybe with where each value first occurs, which it is, and how often it occurs."""
    x = rules.native(b, x)
    whole = x.shape
    if axis is None:
        x = b.reshape(x, (element_count(x.shape),))
    a = 0 if axis is None else b.axis(axis, x.rank)
    shape = (*x.shape[:a], None, *x.shape[a + 1 :])
    values = b.value(shape, dtype=x.dtype)
    first, inverse, counts = (b.value((n,), dtype="int64") for n in (None, x.shape[a], None))
    b.emit("unique_values(x, a, in_order)", (values, first, inverse, counts), x=x, a=a, in_order=sorted)
    if size is not None:
        fill = fill_value or 0
        values, first, counts = (
            _with_length(b, part, dim, size, number)
            for part, dim, number in ((values, a, float(fill)), (first, 0, 1.0), (counts, 0, 0.0))
        )
    if axis is None:
        inverse = b.reshape(inverse, whole)
    asked = ((first, return_index), (inverse, return_inverse), (counts, return_counts))
    return [values, *(b.cast(part, "int32") for part, wanted in asked if wanted)]


def _with_length(b: Builder, x: Value, dim: int, size: int, fill: float) -> Value:
    shape = (*x.shape[:dim], size, *x.shape[dim + 1 :])
    operands: dict[str, Any] = {"dim": dim, "size": size, "fill": fill if x.dtype in FLOATS else int(fill)}
    return b.op("fixed_length(x, dim, size, fill)", shape=shape, x=x, **operands)


@op("Argpartition")
def argpartition(b: Builder, x: TensorLike, *, kth: int, axis: int | None = -1) -> Value:
    """An order with the `kth` smallest in its place, as Keras makes it on TensorFlow: of whole numbers."""
    x = rules.native(b, x, "int32")
    if axis is None:
        x, axis = b.reshape(x, (element_count(x.shape),)), -1
    a = b.axis(axis, x.rank)
    order = list(range(x.rank))
    order[a], order[-1] = order[-1], order[a]
    x = x if a == x.rank - 1 else transpose(b, x, axes=order)
    y = b.op("argpartition(x, kth)", shape=x.shape, dtype="int32", x=x, kth=kth)
    return y if a == x.rank - 1 else transpose(b, y, axes=order)
