"""Keras' layers that hash integers into bins: Hashing and HashedCrossing."""

from __future__ import annotations

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS, INTEGERS
from codegen.layers.categorical import Encoding, Salt, encode, hashed
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Size
from codegen.lowering.registry import lowers


@lowers("Hashing", masks="drop", training_only=("sparse",))
def hashing(
    b: Builder,
    x: Value,
    *,
    num_bins: Size,
    mask_value: int | None = None,
    salt: Salt = None,
    output_mode: Encoding = "int",
) -> Value:
    """The bin of each integer; bin 0 is kept for `mask_value`."""
    x = b.cast(_integers(b, x), "int64")
    if mask_value is None or num_bins == 1:
        return encode(b, hashed(b, x, num_bins, salt), output_mode, num_bins, b.dtype)
    y = hashed(b, x, num_bins - 1, salt)
    y = b.elementwise("(y + 1).masked_fill(x == token, 0)", y=y, x=x, token=mask_value)
    return encode(b, y, output_mode, num_bins, b.dtype)


@lowers("HashedCrossing", masks="drop", training_only=("sparse",))
def hashed_crossing(b: Builder, xs: list[Value], *, num_bins: Size, output_mode: Encoding = "int") -> Value:
    """The bin of each combination of integers."""
    columns = [_integers(b, x) for x in xs]
    if len(columns) < 2 or any(x.shape != columns[0].shape or x.dtype in FLOATS for x in columns):
        b.malformed("it must be called with at least two tensors of integers of one shape")
    y = b.op(
        "hash_crossed(columns, bins)", shape=columns[0].shape, dtype="int64", columns=columns, bins=num_bins
    )
    return encode(b, y, output_mode, num_bins, b.dtype)


# -------------------------------------------------------------------- parts


def _integers(b: Builder, x: Value) -> Value:
    if x.dtype not in INTEGERS | FLOATS:
        b.unsupported("dtype", x.dtype, "supported: numbers; torch has no tensors of strings")
    return b.keras_layout(x)
