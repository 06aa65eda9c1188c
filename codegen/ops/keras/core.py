"""Graph ops of `keras.ops.core` and `keras.ops.einops`, and comparing, counting, binning, searching."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np

from codegen.graph import Host, Value
from codegen.graph.dtypes import INTEGERS, torch_dtype
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import in_one_piece, saturate, transpose
from codegen.ops.keras.elementwise import Binary, elementwise


@op("Cast")
def cast(b: Builder, x: TensorLike, *, dtype: str) -> Value:
    """`x.to(dtype)`; numbers of the host stay numbers."""
    if isinstance(x, Host):
        return x
    x = rules.tensor(b, x)
    return b.op("x", shape=x.shape, like=x, x=x) if x.dtype == dtype else b.cast(x, dtype)


@op("SaturateCast")
def saturate_cast(b: Builder, x: TensorLike, *, dtype: str) -> Value:
    """Clipped to what the dtype can hold, then cast."""
    return saturate(b, rules.tensor(b, x), dtype)


@op("View")
def view(b: Builder, x: TensorLike, *, dtype: str | None = None) -> Value:
    """`x.view(dtype)`: the same bits, read as another dtype."""
    x = rules.native(b, x)
    if dtype in (None, x.dtype):
        return b.op("x", shape=x.shape, x=x)
    old, new = (2 if d == "bfloat16" else np.dtype(d).itemsize for d in (x.dtype, dtype))
    target = torch_dtype(str(dtype))
    if old == new:
        return b.op("x.view(target)", shape=x.shape, dtype=dtype, x=x, target=target)
    size = x.shape[-1]
    shape = (*x.shape[:-1], size and size * old // new)
    return b.op("x.contiguous().view(target)", shape=shape, dtype=dtype, x=x, target=target)


@op("ConvertToTensor", "Array")
def convert(
    b: Builder,
    x: TensorLike,
    *,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
) -> Value:
    """Its input, maybe in another dtype."""
    if sparse or ragged:
        b.unsupported("sparse", sparse, "supported: dense tensors")
    if isinstance(x, Host):
        return x
    x = rules.tensor(b, x)
    return b.cast(x, dtype) if dtype else x


@op("Ndim")
def ndim(b: Builder, x: TensorLike) -> Value:
    """The number of axes."""
    return rules.known_number(b, rules.tensor(b, x).rank)


@op("Size")
def size(b: Builder, x: TensorLike) -> Value:
    """The number of elements."""
    x = rules.tensor(b, x)
    count = element_count(x.shape)
    return b.host_op("x.numel()", x=x) if count is None else rules.known_number(b, count)


@op("Rearrange")
def rearrange(b: Builder, tensor: TensorLike, pattern: str, **axes_lengths: int) -> Value:
    """einops' `rearrange`: split, permute and join axes by name."""
    x = rules.native(b, tensor)
    left, arrow, right = pattern.partition("->")
    if not arrow:
        b.malformed(f"{pattern!r} is no pattern of rearrange")
    inputs, outputs = _groups(left), _groups(right)
    if len(inputs) != x.rank:
        b.malformed(f"{pattern!r} does not name the axes of a tensor of rank {x.rank}")
    sizes: dict[str, int | None] = dict(axes_lengths)
    for group, total in zip(inputs, x.shape, strict=True):
        open_names = [name for name in group if name not in sizes]
        given = 1
        for name in group:
            given *= sizes.get(name) or 1
        for name in open_names:
            sizes[name] = None if total is None else total // given
    names = [name for group in inputs for name in group]
    target = [name for group in outputs for name in group]
    if sorted(names) != sorted(target):
        b.malformed(f"{pattern!r} does not name the same axes on both sides")
    x = b.reshape(x, tuple(sizes[name] for name in names))
    x = transpose(b, x, axes=[names.index(name) for name in target])
    return b.reshape(x, tuple(element_count(tuple(sizes[name] for name in group)) for group in outputs))


def _groups(text: str) -> list[tuple[str, ...]]:
    return [tuple(group.strip("()").split()) for group in re.findall(r"\([^)]*\)|\S+", text)]


# -------------------------------------------------------------------- comparing


@op("Isclose")
def isclose(
    b: Builder,
    x1: TensorLike,
    x2: TensorLike,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    *,
    equal_nan: bool = False,
) -> Value:
    """`torch.isclose(x, y)`."""
    operands = {"rtol": rtol, "atol": atol}
    template = f"torch.isclose(x, y, rtol=rtol, atol=atol{', equal_nan=True' if equal_nan else ''})"
    return elementwise(b, Binary(template, "bool"), x1, x2, **operands)


@op("AllClose")
def allclose(
    b: Builder,
    x1: TensorLike,
    x2: TensorLike,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Value:
    """`torch.isclose(x, y).all()`."""
    return b.op("x.all()", shape=(), x=isclose(b, x1, x2, rtol, atol, equal_nan=equal_nan))


# -------------------------------------------------------------------- bins, sets, positions


@op("Digitize")
def digitize(b: Builder, x: TensorLike, bins: TensorLike) -> Value:
    """`torch.bucketize(x, bins, right=True)` as int32."""
    return _bucket(b, x, bins, "right")


@op("SearchSorted")
def search_sorted(
    b: Builder, sorted_sequence: TensorLike, values: TensorLike, *, side: Literal["left", "right"] = "left"
) -> Value:
    """`torch.searchsorted(sequence, values)` as int32."""
    return _bucket(b, values, sorted_sequence, side)


def _bucket(b: Builder, x: TensorLike, bins: TensorLike, side: str) -> Value:
    x, bins = rules.native(b, x), rules.native(b, bins)
    if bins.rank != 1:
        b.malformed(f"its bins are a tensor of shape {bins.shape}; supported: a list of numbers")
    searched = in_one_piece(x)
    dtype = rules.result_type(x, bins)
    x, bins = b.cast(x, dtype), b.cast(bins, dtype)
    arguments = ", right=True" if side == "right" else ""
    template = f"torch.bucketize({searched}, bins, out_int32=True{arguments})"
    return b.op(template, shape=x.shape, dtype="int32", x=x, bins=bins)


@op("IsIn")
def isin(
    b: Builder, x1: TensorLike, x2: TensorLike, *, assume_unique: bool = False, invert: bool = False
) -> Value:
    """`torch.isin(x, y)`."""
    del assume_unique  # only makes it faster
    x, y = rules.native(b, x1), rules.native(b, x2)
    dtype = rules.result_type(x, y)
    dtype = "int32" if dtype == "bool" else dtype
    arguments = ", invert=True" if invert else ""
    return b.op(
        f"torch.isin(x, y{arguments})", shape=x.shape, dtype="bool", x=b.cast(x, dtype), y=b.cast(y, dtype)
    )


@op("Bincount")
def bincount(
    b: Builder, x: TensorLike, *, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False
) -> Value:
    """`torch.bincount(x)` of each row."""
    if sparse:
        b.unsupported("sparse", sparse, "supported: dense tensors")
    x = rules.native(b, x)
    dtype = "int32" if weights is None else rules.result_type(x, rules.tensor(b, weights))
    x = x if x.dtype in ("int32", "int64") else b.cast(x, "int32")
    if x.rank == 1 and weights is None:
        y = b.op("torch.bincount(x, minlength=n)", shape=(None,), dtype="int64", x=x, n=minlength)
        return b.cast(y, dtype)
    each = rules.tensor(b, 1, "int32") if weights is None else rules.native(b, weights)
    shape = (*x.shape[:-1], None)
    template = "bincount_rows(x, weights, n)"
    y = b.op(template, shape=shape, dtype=each.dtype, x=x, weights=each, n=minlength)
    return b.cast(y, dtype)


@op("UnravelIndex")
def unravel_index(b: Builder, indices: TensorLike, *, shape: tuple[int, ...]) -> list[Value]:
    """`torch.unravel_index(indices, shape)`; Keras reverses the shape for all but vectors."""
    x = rules.native(b, indices)
    shape = shape if x.rank == 1 else shape[::-1]
    results = [b.value(x.shape, dtype="int64") for _ in shape]
    b.emit("torch.unravel_index(x, shape_)", tuple(results), x=x, shape_=shape)
    return [b.cast(result, x.dtype if x.dtype in INTEGERS else "int32") for result in results]


@op("Histogram")
def histogram(
    b: Builder, x: TensorLike, *, bins: int = 10, range: tuple[float, float] | None = None
) -> list[Value]:
    """`torch.histogram(x, bins)`."""
    x = rules.native(b, x)
    dtype = x.dtype
    x = b.cast(x, rules.float_type(x))
    counts, edges = b.value((bins,), dtype=x.dtype), b.value((bins + 1,), dtype=x.dtype)
    operands: dict[str, Any] = {"span": range} if range else {}
    arguments = ", range=span" if range else ""
    b.emit(f"torch.histogram(x, bins{arguments})", (counts, edges), x=x, bins=bins, **operands)
    return [b.cast(counts, dtype), b.cast(edges, dtype)]
