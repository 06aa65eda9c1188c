"""TensorFlow functions that count elements, tell them apart, and part them."""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras.linalg import made
from codegen.ops.tensorflow.functions import dtype_name, function_name, number, tf


@tf("math.bincount")
def bincount(
    b: Builder,
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = "int32",
    axis: Any = None,
    binary_output: bool = False,
) -> Value:
    """How often each of the numbers 0, 1, ... is there: in all, or in each row."""
    x = rules.native(b, arr)
    least, most = (None if n is None else int(number(b, n, "length")) for n in (minlength, maxlength))
    if axis not in (None, 0, -1) or (axis == -1 and x.rank > 2) or (weights is not None and axis == -1):
        b.unsupported("axis", axis, "supported: None, or -1 of a matrix without weights")
    count = _length(b, x, least, most)
    size = count if isinstance(count, int) else None
    if axis == -1:
        template = "(x.unsqueeze(-1) == torch.arange(n, device=x.device)).sum(dim=-2)"
        y = made(b, template, (*x.shape[:-1], size), "int64", x=x, n=count)
    elif weights is None:
        y = made(b, "torch.bincount(x.flatten(), minlength=n)[:n]", (size,), "int64", x=x, n=count)
    else:
        w, template = rules.native(b, weights), "torch.bincount(x.flatten(), w.flatten(), minlength=n)[:n]"
        y = made(b, template, (size,), w.dtype, x=x, n=count, w=w)
        dtype = w.dtype
    if binary_output:
        y = b.elementwise("y.clamp(max=1)", y=y)
    return b.cast(y, dtype_name(b, dtype))


def _length(b: Builder, x: Value, least: int | None, most: int | None) -> Any:
    """How many numbers are counted: up to the greatest that is there, within bounds."""
    if least is not None and least == most:
        return least
    length: Any = b.host_op("int(x.max()) + 1", x=x)
    if least is not None:
        length = rules.host_map(b, "max(x, y)", max, (length, least))
    if most is not None:
        length = rules.host_map(b, "min(x, y)", min, (length, most))
    return rules.host(length)


@tf("histogram_fixed_width")
def histogram_fixed_width(
    b: Builder, values: Any, value_range: Any, nbins: Any = 100, dtype: Any = "int32"
) -> Value:
    """How many elements each of equal parts of a range holds, the outer ones with all beyond them."""
    known = rules.host(value_range)
    if not isinstance(known, (list, tuple)) or len(known) != 2:
        b.unsupported("value_range", "<tensor>", "supported: two numbers")
    bounds = [number(b, bound, "value_range") for bound in known]
    x, count = rules.native(b, values), int(number(b, nbins, "nbins"))
    low, high = np.asarray(bounds, "float32").tolist() if x.dtype == "float32" else bounds
    places = b.elementwise(  # in float64, as TensorFlow does
        "((x - low) / step).clamp(0, n - 1).long()", dtype="int64", x=b.cast(x, "float64"), low=low,
        step=(high - low) / count, n=count,
    )  # fmt: skip
    y = made(b, "torch.bincount(x.flatten(), minlength=n)", (count,), "int64", x=places, n=count)
    return b.cast(y, dtype_name(b, dtype))


@tf("math.confusion_matrix")
def confusion_matrix(
    b: Builder,
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    weights: Any = None,
    dtype: Any = "int32",
) -> Value:
    """How often each class is predicted where each class is right."""
    if weights is not None:
        b.unsupported("weights", "<tensor>", "supported: None")
    n = int(number(b, num_classes, "num_classes"))
    x, y = rules.native(b, labels), rules.native(b, predictions)
    template = "torch.bincount(x.flatten() * n + y.flatten(), minlength=n * n).reshape(n, n)"
    return b.cast(made(b, template, (n, n), "int64", x=x, y=y, n=n), dtype_name(b, dtype))


@tf("unique", "unique_with_counts")
def unique(b: Builder, x: Any, out_idx: Any = "int32") -> list[Value]:
    """The different elements in the order in which they come, where each is among them, how often."""
    x = rules.native(b, x)
    values, places = b.value((None,), dtype=x.dtype), b.value(x.shape, dtype="int64")
    counts = b.value((None,), dtype="int64")
    b.emit("unique(x)", (values, places, counts), x=x)
    kind = dtype_name(b, out_idx, "out_idx")
    results = [values, b.cast(places, kind)]
    return [*results, b.cast(counts, kind)] if function_name(b).endswith("counts") else results


@tf("dynamic_partition")
def dynamic_partition(b: Builder, data: Any, partitions: Any, num_partitions: Any) -> list[Value]:
    """The rows of each part."""
    x, parts = rules.native(b, data), rules.native(b, partitions)
    shape = (None, *x.shape[parts.rank :])
    count = int(number(b, num_partitions, "num_partitions"))
    return [made(b, "x[parts == i]", shape, x=x, parts=parts, i=i) for i in range(count)]
