"""TensorFlow functions that reduce segments: rows that belong together."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras.linalg import made
from codegen.ops.keras.math import extreme
from codegen.ops.tensorflow.functions import function_name, number, tf

#: How torch calls each reduction, and what stands in a segment without elements: if the numbers of
#: the segments are sorted, and if they are not (None: the least or largest number of the dtype).
_MODES: dict[str, tuple[str, float, float | None]] = {
    "sum": ("sum", 0, 0),
    "prod": ("prod", 1, 1),
    "max": ("amax", 0, None),
    "min": ("amin", 0, None),
    "mean": ("mean", 0, 0),
}


@tf(*(f"math.segment_{name}" for name in _MODES))
def segment(b: Builder, data: Any, segment_ids: Any) -> Value:
    """Rows with the same number, which are sorted, reduced to one."""
    x, ids = rules.native(b, data), rules.native(b, segment_ids)
    known = rules.host(segment_ids)
    if isinstance(known, (list, tuple)) and known:
        count: Any = int(max(known)) + 1
    else:
        count = b.host_op("int(ids[-1]) + 1", ids=ids)
    mode, fill, _ = _MODES[function_name(b).rpartition("_")[2]]
    return _reduced(b, x, ids, count, mode, fill)


@tf(*(f"math.unsorted_segment_{name}" for name in (*_MODES, "sqrt_n")))
def unsorted_segment(b: Builder, data: Any, segment_ids: Any, num_segments: Any) -> Value:
    """Rows with the same number reduced to one."""
    x, ids = rules.native(b, data), rules.native(b, segment_ids)
    if ids.rank != 1:
        count = rules.elements(ids.shape)
        x = b.reshape(x, (count, *x.shape[ids.rank :]))
        ids = b.reshape(ids, (count,))
    name = function_name(b).removeprefix("math.unsorted_segment_")
    count = int(number(b, num_segments, "num_segments"))
    if name == "sqrt_n":
        total = _reduced(b, x, ids, count, "sum", 0)
        template = "segment_reduce(torch.ones_like(x), ids, count, mode, fill).clamp(min=1).sqrt()"
        root = made(b, template, total.shape, x=x, ids=ids, count=count, mode="sum", fill=0.0)
        return b.elementwise("x / y", x=total, y=root)
    mode, _, fill = _MODES[name]
    empty = extreme(x.dtype, name == "max") if fill is None else fill
    return _reduced(b, x, ids, count, mode, empty)


def _reduced(b: Builder, x: Value, ids: Value, count: Any, mode: str, fill: float) -> Value:
    rows = count if isinstance(count, int) else None
    return made(
        b, "segment_reduce(x, ids, count, mode, fill)", (rows, *x.shape[1:]),
        x=x, ids=ids, count=count, mode=mode, fill=float(fill) if x.dtype in FLOATS else fill,
    )  # fmt: skip
