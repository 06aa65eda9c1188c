"""TensorFlow functions that reduce segments: rows that belong together."""

from __future__ import annotations

from codegen.graph import Host, Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras.math import extreme
from codegen.ops.tensorflow.arguments import Given, Native
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
