"""Dtype names: Keras' policies, and which is an integer."""

from __future__ import annotations

from codegen.errors import ConversionError, shorten
from codegen.graph.core import Symbol

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTEGERS = frozenset({"uint8", "uint16", "uint32", "int8", "int16", "int32", "int64"})

#: All that torch can compute with, under Keras' names.
DTYPES = FLOATS | INTEGERS | {"bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "uint64"}


def compute_dtype(policy: str) -> str:
    """In which a layer of this policy computes: `mixed_float16` or `int8_from_float16` -> `float16`."""
    return policy.rpartition("_from_")[2].removeprefix("mixed_")


def torch_dtype(name: str) -> Symbol:
    """The torch dtype object, as written in source.

    Raises:
        ConversionError: A file's name for a dtype is none; it must not get into the source.
    """
    if name not in DTYPES:
        raise ConversionError(f"{shorten(name)} is no dtype that torch has")
    return Symbol(f"torch.{name}")
