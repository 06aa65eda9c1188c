"""TensorFlow functions of groups: elements counted, told apart and parted, rows reduced."""

from __future__ import annotations

import numpy as np

from codegen.graph import Host, Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras.math import extreme
from codegen.ops.tensorflow.arguments import Count, DType, Given, Native, number
from codegen.ops.tensorflow.functions import tf

#: How torch calls each reduction, and what stands in a segment without elements: if the numbers of
#: the segments are sorted, and if they are not (None: the least or largest number of the dtype).
_MODES: dict[str, tuple[str, float, float | None]] = {
    "sum": ("sum", 0, 0),
    "prod": ("prod", 1, 1),
    "max": ("amax", 0, None),
    "min": ("amin", 0, None),
    "mean": ("mean", 0, 0),
}


@tf("math.bincount")
def bincount(
    b: Builder,
    arr: Native,
    weights: Native | None = None,
    minlength: int | None = None,
    maxlength: int | None = None,
    dtype: DType = "int32",
    axis: int | None = None,
    binary_output: bool = False,
) -> Value:
    """How often each of the numbers 0, 1, ... is there: in all, or in each row."""
    x = arr
    if axis not in (None, 0, -1) or (axis == -1 and x.rank > 2) or (weights is not None and axis == -1):
        b.unsupported("axis", axis, "supported: None, or -1 of a matrix without weights")
    count = _length(b, x, minlength, maxlength)
    size = count if isinstance(count, int) else None
    if axis == -1:
        template = "(x.unsqueeze(-1) == torch.arange(n, device=x.device)).sum(dim=-2)"
        y = b.op(template, shape=(*x.shape[:-1], size), dtype="int64", x=x, n=count)
    elif weights is None:
        y = b.op("torch.bincount(x.flatten(), minlength=n)[:n]", shape=(size,), dtype="int64", x=x, n=count)
    else:
        template = "torch.bincount(x.flatten(), w.flatten(), minlength=n)[:n]"
        y = b.op(template, shape=(size,), dtype=weights.dtype, x=x, n=count, w=weights)
        dtype = weights.dtype
    if binary_output:
        y = b.elementwise("y.clamp(max=1)", y=y)
    return b.cast(y, dtype)


def _length(b: Builder, x: Value, least: int | None, most: int | None) -> int | Host:
    """How many numbers are counted: up to the greatest that is there, within bounds."""
    if least is not None and least == most:
        return least
    length = b.host_op("int(x.max()) + 1", x=x)
    if least is not None:
        length = rules.host_map(b, "max(x, y)", max, (length, least))
    if most is not None:
        length = rules.host_map(b, "min(x, y)", min, (length, most))
    return length


@tf("histogram_fixed_width")
def histogram_fixed_width(
    b: Builder, values: Native, value_range: Given, nbins: Count = 100, dtype: DType = "int32"
) -> Value:
    """How many elements each of equal parts of a range holds, the outer ones with all beyond them."""
    known = rules.host(value_range)
    if not isinstance(known, (list, tuple)) or len(known) != 2:
        b.unsupported("value_range", "<tensor>", "supported: two numbers")
    bounds = [number(b, bound, "value_range") for bound in known]
    low, high = np.asarray(bounds, "float32").tolist() if values.dtype == "float32" else bounds
    places = b.elementwise(  # in float64, as TensorFlow does
        "((x - low) / step).clamp(0, n - 1).long()", dtype="int64", x=b.cast(values, "float64"), low=low,
        step=(high - low) / nbins, n=nbins,
    )  # fmt: skip
    y = b.op("torch.bincount(x.flatten(), minlength=n)", shape=(nbins,), dtype="int64", x=places, n=nbins)
    return b.cast(y, dtype)


@tf("math.confusion_matrix")
def confusion_matrix(
    b: Builder,
    labels: Native,
    predictions: Native,
    num_classes: int,
    weights: Given | None = None,
    dtype: DType = "int32",
) -> Value:
    """How often each class is predicted where each class is right."""
    if weights is not None:
        b.unsupported("weights", "<tensor>", "supported: None")
    n = num_classes
    template = "torch.bincount(x.flatten() * n + y.flatten(), minlength=n * n).reshape(n, n)"
    return b.cast(b.op(template, shape=(n, n), dtype="int64", x=labels, y=predictions, n=n), dtype)


@tf({"unique": {"with_counts": False}, "unique_with_counts": {"with_counts": True}})
def unique(b: Builder, x: Native, out_idx: DType = "int32", *, with_counts: bool) -> list[Value]:
    """The different elements in the order in which they come, where each is among them, how often."""
    values, places = b.value((None,), dtype=x.dtype), b.value(x.shape, dtype="int64")
    counts = b.value((None,), dtype="int64")
    b.emit("unique(x)", (values, places, counts), x=x)
    results = [values, b.cast(places, out_idx)]
    return [*results, b.cast(counts, out_idx)] if with_counts else results


@tf("dynamic_partition")
def dynamic_partition(b: Builder, data: Native, partitions: Native, num_partitions: int) -> list[Value]:
    """The rows of each part."""
    shape = (None, *data.shape[partitions.rank :])
    return [b.op("x[parts == i]", shape=shape, x=data, parts=partitions, i=i) for i in range(num_partitions)]


# -------------------------------------------------------------------- segments


@tf({f"math.segment_{name}": {"name": name} for name in _MODES})
def segment(b: Builder, data: Native, segment_ids: Given, *, name: str) -> Value:
    """Rows with the same number, which are sorted, reduced to one."""
    ids, known = rules.native(b, segment_ids), rules.host(segment_ids)
    if isinstance(known, (list, tuple)) and known and all(isinstance(n, int) for n in known):
        count: int | Host = max(known) + 1
    else:
        count = b.host_op("int(ids[-1]) + 1", ids=ids)
    mode, fill, _ = _MODES[name]
    return _segment_reduce(b, data, ids, count, mode, fill)


@tf({f"math.unsorted_segment_{name}": {"name": name} for name in (*_MODES, "sqrt_n")})
def unsorted_segment(b: Builder, data: Native, segment_ids: Native, num_segments: int, *, name: str) -> Value:
    """Rows with the same number reduced to one."""
    x, ids = data, segment_ids
    if ids.rank != 1:
        rows = element_count(ids.shape)
        x = b.reshape(x, (rows, *x.shape[ids.rank :]))
        ids = b.reshape(ids, (rows,))
    if name == "sqrt_n":
        total = _segment_reduce(b, x, ids, num_segments, "sum", 0)
        template = "segment_reduce(torch.ones_like(x), ids, count, mode, fill).clamp(min=1).sqrt()"
        root = b.op(template, shape=total.shape, x=x, ids=ids, count=num_segments, mode="sum", fill=0.0)
        return b.elementwise("x / y", x=total, y=root)
    mode, _, fill = _MODES[name]
    empty = extreme(x.dtype, name == "max") if fill is None else fill
    return _segment_reduce(b, x, ids, num_segments, mode, empty)


def _segment_reduce(b: Builder, x: Value, ids: Value, count: int | Host, mode: str, fill: float) -> Value:
    rows = count if isinstance(count, int) else None
    return b.op(
        "segment_reduce(x, ids, count, mode, fill)", shape=(rows, *x.shape[1:]),
        x=x, ids=ids, count=count, mode=mode, fill=float(fill) if x.dtype in FLOATS else fill,
    )  # fmt: skip
