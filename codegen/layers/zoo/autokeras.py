"""Layers with which the models of AutoKeras begin."""

from __future__ import annotations

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.registry import lowers
from codegen.model.packages import CUSTOM


@lowers("CastToFloat32", package=CUSTOM, masks="drop", note="AutoKeras")
def cast_to_float32(b: Builder, x: Value) -> Value:
    """Numbers as float32."""
    return b.cast(x, "float32")


@lowers("ExpandLastDim", package=CUSTOM, masks="drop", note="AutoKeras")
def expand_last_dim(b: Builder, x: Value) -> Value:
    """(N, ...) -> (N, ..., 1)."""
    return b.reshape(x, (*x.shape, 1))


@lowers("MultiCategoryEncoding", package=CUSTOM, masks="drop", note="AutoKeras")
def multi_category_encoding(b: Builder, x: Value, *, encoding: tuple[str, ...]) -> Value:
    """The columns of a table as float32, with 0 for what is missing."""
    if not set(encoding) <= {"none", "one-hot"}:
        b.unsupported("encoding", encoding, "it makes strings of categories; supported: 'none', 'one-hot'")
    if not encoding or x.shape[-1] != len(encoding):
        b.malformed(f"its input {x.shape} has not the {len(encoding)} columns of its encoding")
    return b.elementwise("torch.where(x.isnan(), 0.0, x)", x=b.cast(x, "float32"))
