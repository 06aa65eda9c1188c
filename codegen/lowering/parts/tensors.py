"""What layers and ops do to whole tensors: permute, join, pad, cast within bounds, code classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from codegen.graph import Host, Op, Value
from codegen.graph.dtypes import FLOATS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Number, TensorLike

#: Of what numpy does not know.
_BFLOAT16 = (-3.3895313892515355e38, 3.3895313892515355e38)


def torch_dim(x: Value, axis: int) -> int:
    """Where Keras' `axis` is stored; -1 for the last dim, as torch code writes it."""
    dim = x.dim(axis)
    return -1 if dim == x.rank - 1 else dim


def along(b: Builder, template: str, x: Value, axis: int, *, non_negative: bool = False) -> Value:
    """A function with the shape of `x` that treats all elements along `axis` alike.

    The order of the elements does not matter to it, so a pending order of a flattened value stays.

    Args:
        b: The layer's builder.
        template: The expression, over `x` and the torch dim `d`.
        x: The input.
        axis: In Keras' order.
        non_negative: Whether the result is never below zero.
    """
    b.axis(axis, x.rank)
    dim = torch_dim(x, axis)
    return b.op(template, shape=x.shape, non_negative=non_negative, x=x, like=x, d=dim)


# -------------------------------------------------------------------- order and size


def transpose(b: Builder, x: TensorLike, *, axes: Sequence[int] | None = None) -> Value:
    """Axes reordered: only the layout changes, torch moves the data when a reader needs it."""
    x = rules.native(b, x)
    order = tuple(reversed(range(x.rank))) if axes is None else tuple(b.axis(a, x.rank) for a in axes)
    if sorted(order) != list(range(x.rank)):
        b.malformed(f"axes {axes} do not reorder a tensor of rank {x.rank}")
    shape = tuple(x.shape[a] for a in order)
    if order == tuple(range(x.rank)):
        return b.op("x", shape=shape, x=x)
    moved = [i for i, a in enumerate(order) if i != a]
    if len(moved) == 2 and x.rank != 2:
        d, e = (i - x.rank if moved[0] and moved[1] == x.rank - 1 else i for i in moved)
        return b.op("x.transpose(d, e)", shape=shape, x=x, d=d, e=e)
    if x.rank == 2:
        return b.op("x.T", shape=shape, x=x)
    return b.op("x.permute(*order)", shape=shape, x=x, order=order)


def same_layout(b: Builder, xs: Sequence[TensorLike]) -> list[Value]:
    """The arguments of a join in one dtype and in Keras' layout."""
    values = [rules.tensor(b, x) for x in xs]
    dtype = rules.result_type(*values)
    return [b.keras_layout(b.cast(value, dtype)) for value in values]


def concatenate(b: Builder, xs: Sequence[TensorLike], *, axis: int = 0) -> Value:
    """`torch.cat(xs, dim)`; tuples of the host stay on the host."""
    return _host_tuple(b, xs) or _cat(b, _in_one_layout(b, xs), axis)


def _host_tuple(b: Builder, xs: Sequence[TensorLike]) -> Host | None:
    """Tuples of the host, one behind the other; None if these are others, or all are known now."""
    known = [rules.host(x) for x in xs if isinstance(x, (list, tuple, Host))]
    parts = [part for part in known if isinstance(part, (list, tuple))]
    if len(parts) < len(xs) or not any(isinstance(x, Host) for x in xs):
        return None
    return rules.sizes(b, [rules.host(item) for part in parts for item in part])


def _in_one_layout(b: Builder, xs: Sequence[TensorLike]) -> list[Value]:
    """Tensors in one dtype and one layout: the one that all have, or Keras' own."""
    values = [rules.tensor(b, x) for x in xs]
    dtype = rules.result_type(*values)
    has_one = len({value.perm for value in values}) == 1 and all(value.flat is None for value in values)
    return [b.cast(value if has_one else b.keras_layout(value), dtype) for value in values]


def _cat(b: Builder, values: list[Value], axis: int) -> Value:
    first = values[0]
    a = b.axis(axis, first.rank)
    common = rules.common_shape(b, [value.shape for value in values], but=a)
    joined = [value.shape[a] for value in values]
    total = None if None in joined else sum(size or 0 for size in joined)
    shape = (*common[:a], total, *common[a + 1 :])
    d = torch_dim(first, a)
    return b.op("torch.cat(xs, dim=d)", shape=shape, dtype=first.dtype, perm=first.perm, xs=values, d=d)


def pad_axes(
    b: Builder, x: Value, pairs: Sequence[tuple[Number | Host, Number | Host]], mode: str, value: Number
) -> Value:
    """Padded before and behind each axis, by numbers or sizes of other tensors."""
    x = rules.to_keras_order(b, x)
    if len(pairs) != x.rank:
        b.malformed(f"{len(pairs)} paddings do not fit {x.rank} axes")
    shape = tuple(
        n + low + high if n is not None and isinstance(low, int) and isinstance(high, int) else None
        for n, (low, high) in zip(x.shape, pairs, strict=True)
    )
    if mode == "constant":
        stored = [pairs[axis] for axis in x.perm]
        while len(stored) > 1 and stored[0] == (0, 0):
            stored.pop(0)
        widths = tuple(n for pair in reversed(stored) for n in pair)
        operands: dict[str, Any] = {"value": value} if value else {}
        template = "F.pad(x, widths, value=value)" if value else "F.pad(x, widths)"
        return b.op(template, shape=shape, x=x, like=x, widths=widths, **operands)
    for axis, (low, high) in enumerate(pairs):
        if low or high:
            grown = tuple(shape[i] if i == axis else n for i, n in enumerate(x.shape))
            operands = {"d": x.dim(axis), "low": low, "high": high, "mode": mode}
            x = b.op("pad_dim(x, d, low, high, mode)", shape=grown, x=x, like=x, **operands)
    return x


# -------------------------------------------------------------------- dtypes and codes


def saturate(b: Builder, x: Value, dtype: str) -> Value:
    """Clipped to what the dtype can hold, then cast."""
    if x.dtype != "bool":
        low, high = _limits(x.dtype, dtype)
        x = b.elementwise("x.clamp(low, high)", x=x, low=low, high=high)
    return b.cast(x, dtype)


def _limits(source: str, target: str) -> tuple[Any, Any]:
    """The least and largest number of one dtype that another can hold, as `_saturate_cast` of Keras."""
    ranges = [
        (0, 1) if d == "bool" else _BFLOAT16 if d == "bfloat16" else _range(d) for d in (source, target)
    ]
    kind = np.dtype("float32" if source == "bfloat16" else source)
    low, high = (
        np.asarray(pick(pair)).astype(kind)
        for pick, pair in zip((max, min), zip(*ranges, strict=True), strict=True)
    )
    if kind.kind == "f":
        low = np.nextafter(low, kind.type(0)) if low < ranges[1][0] else low
        high = np.nextafter(high, kind.type(0)) if high > ranges[1][1] else high
    return low.item(), high.item()


def _range(dtype: str) -> tuple[float, float]:
    if dtype.startswith("float"):
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def one_hot(
    b: Builder,
    x: TensorLike,
    *,
    num_classes: int,
    axis: int = -1,
    dtype: str | None = None,
    sparse: bool = False,
) -> Value:
    """1 where a class is meant, else 0, on a new axis; a class out of range is 0 throughout."""
    if sparse:
        b.unsupported("sparse", sparse, "supported: dense tensors")
    x = rules.native(b, x)
    x = b.cast(x, "int64") if x.dtype in FLOATS or x.dtype == "bool" else x
    y = b.op(
        "x.unsqueeze(-1) == torch.arange(n, device=x.device)",
        shape=(*x.shape, num_classes),
        dtype="bool",
        x=x,
        n=num_classes,
    )
    a = b.axis(axis, y.rank)
    order = list(range(x.rank))
    order.insert(a, x.rank)
    y = y if a == x.rank else transpose(b, y, axes=order)
    return b.cast(y, dtype or "float32")


def in_one_piece(x: Value) -> str:
    """How a template names an operand `x` that torch wants to be contiguous, as a part of a tensor is not."""
    while x.node is not None and x.node.op is Op.CAST:
        x = x.node.operands["x"]
    return "x" if x.node is None else "x.contiguous()"
