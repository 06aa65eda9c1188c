"""Graph ops of `keras.ops.core` and `keras.ops.einops`, and counting, binning, searching."""

from __future__ import annotations

import re
from typing import Any, Literal

from codegen.builder import Builder
from codegen.dtypes import INTEGERS
from codegen.graph import Value
from codegen.layers import op_rules as rules
from codegen.layers.op_rules import op
from codegen.layers.ops_shapes import permuted

_RANGES = {
    "float16": (-65504.0, 65504.0),
    "bfloat16": (-3.3895313892515355e38, 3.3895313892515355e38),
    "uint8": (0, 255),
    "int8": (-128, 127),
    "int16": (-32768, 32767),
    "int32": (-2147483648, 2147483647),
}


@op("Cast")
def cast(b: Builder, x: Any, *, dtype: str) -> Value:
    """`x.to(dtype)`."""
    return cast_to(b, x, dtype)


def cast_to(b: Builder, x: Any, dtype: str) -> Value:
    """A tensor in another dtype; numbers of the host stay numbers."""
    if isinstance(x, Value) and x.dtype == rules.SIZE:
        return x
    x = rules.tensor(b, x)
    return b.op("x", shape=x.shape, flat=x.flat, x=x) if x.dtype == dtype else b.cast(x, dtype)


@op("SaturateCast")
def saturate_cast(b: Builder, x: Any, *, dtype: str) -> Value:
    """Clipped to what the dtype can hold, then cast."""
    x = rules.tensor(b, x)
    if dtype in _RANGES and x.dtype not in ("bool", dtype):
        low, high = _RANGES[dtype]
        x = b.elementwise("x.clamp(low, high)", x=x, low=low, high=high)
    return b.cast(x, dtype)


@op("ConvertToTensor", "Array", "View")
def convert(
    b: Builder, x: Any, *, dtype: str | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Value:
    """Its input, maybe in another dtype."""
    if sparse or ragged:
        b.unsupported("sparse", sparse, "supported: dense tensors")
    if b.spec.class_name == "View" and dtype is not None:
        b.unsupported("dtype", dtype, "bits cannot be read as another dtype")
    if isinstance(x, Value) and x.dtype == rules.SIZE:
        return x
    x = rules.tensor(b, x)
    return b.cast(x, dtype) if dtype else x


@op("Size", "Ndim")
def size(b: Builder, x: Any) -> Value:
    """The number of elements or of axes."""
    x = rules.tensor(b, x)
    if b.spec.class_name == "Ndim":
        return rules.number(b, x.rank)
    count = rules.elements(x.shape)
    return b.op("x.numel()", shape=(), dtype=rules.SIZE, x=x) if count is None else rules.number(b, count)


@op("Rearrange")
def rearrange(b: Builder, tensor: Any, pattern: str, **axes_lengths: int) -> Value:
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
    x = permuted(b, x, [names.index(name) for name in target])
    return b.reshape(x, tuple(rules.elements(tuple(sizes[name] for name in group)) for group in outputs))


def _groups(text: str) -> list[tuple[str, ...]]:
    return [tuple(group.strip("()").split()) for group in re.findall(r"\([^)]*\)|\S+", text)]


# -------------------------------------------------------------------- bins, sets, positions


@op("Digitize")
def digitize(b: Builder, x: Any, bins: Any) -> Value:
    """`torch.bucketize(x, bins, right=True)` as int32."""
    return _bucket(b, x, bins, "right")


@op("SearchSorted")
def search_sorted(
    b: Builder, sorted_sequence: Any, values: Any, *, side: Literal["left", "right"] = "left"
) -> Value:
    """`torch.searchsorted(sequence, values)` as int32."""
    return _bucket(b, values, sorted_sequence, side)


def _bucket(b: Builder, x: Any, bins: Any, side: str) -> Value:
    x, bins = rules.native(b, x), rules.native(b, bins)
    dtype = rules.result_type(x, bins)
    x, bins = b.cast(x, dtype), b.cast(bins, dtype)
    arguments = ", right=True" if side == "right" else ""
    return b.op(
        f"torch.bucketize(x, bins, out_int32=True{arguments})", shape=x.shape, dtype="int32", x=x, bins=bins
    )


@op("IsIn")
def isin(b: Builder, x1: Any, x2: Any, *, assume_unique: bool = False, invert: bool = False) -> Value:
    """`torch.isin(x, y)`."""
    del assume_unique  # only makes it faster
    x, y = rules.native(b, x1), rules.native(b, x2)
    dtype = rules.result_type(x, y)
    arguments = ", invert=True" if invert else ""
    return b.op(
        f"torch.isin(x, y{arguments})", shape=x.shape, dtype="bool", x=b.cast(x, dtype), y=b.cast(y, dtype)
    )


@op("Bincount")
def bincount(b: Builder, x: Any, *, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Value:
    """`torch.bincount(x)` of each row."""
    if sparse:
        b.unsupported("sparse", sparse, "supported: dense tensors")
    if weights is not None:
        b.unsupported("weights", "<constant>", "supported: None")
    x = rules.native(b, x)
    if x.rank != 1:
        b.unsupported("x", x.shape, "supported: one axis")
    return b.cast(
        b.op("torch.bincount(x, minlength=n)", shape=(None,), dtype="int64", x=x, n=minlength), "int32"
    )


@op("UnravelIndex")
def unravel_index(b: Builder, indices: Any, *, shape: tuple[int, ...]) -> list[Value]:
    """`torch.unravel_index(indices, shape)`."""
    x = rules.native(b, indices)
    results = [b.value(x.shape, dtype="int64") for _ in shape]
    b.emit("torch.unravel_index(x, shape_)", tuple(results), x=x, shape_=shape)
    return [b.cast(result, x.dtype if x.dtype in INTEGERS else "int32") for result in results]


@op("Histogram")
def histogram(
    b: Builder, x: Any, *, bins: int = 10, range: tuple[float, float] | None = None
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
