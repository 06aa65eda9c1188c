"""Dtype names: which are integers, which a policy computes in, which of several holds them all."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from codegen.errors import ConversionError, shorten
from codegen.graph.core import Symbol

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
COMPLEX = frozenset({"complex64", "complex128"})
INTEGERS = frozenset({"uint8", "uint16", "uint32", "int8", "int16", "int32", "int64"})

#: All that torch can compute with, under Keras' names.
DTYPES = FLOATS | INTEGERS | COMPLEX | {"bool", "float8_e4m3fn", "float8_e5m2", "uint64"}

#: Each dtype and those just above it; "int" and "float" are those of Python numbers
#: (`keras.backend.result_type`).
_LATTICE: Mapping[str, tuple[str, ...]] = {
    "bool": ("int",),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int": ("uint8", "int8", "complex64"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}


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


@functools.cache
def _above(dtype: str) -> frozenset[str]:
    if dtype not in _LATTICE:
        raise ConversionError(f"{shorten(dtype)} is no dtype that torch computes in")
    return frozenset({dtype}).union(*(_above(upper) for upper in _LATTICE[dtype]))


@functools.cache
def promote(*dtypes: str) -> str:
    """The least dtype above all of these; "int" and "float" (Python numbers) yield to a tensor's.

    Raises:
        KeyError: One is not known.
    """
    common = frozenset.intersection(*(_above(dtype) for dtype in dtypes))
    (least,) = [dtype for dtype in common if common <= _above(dtype)]
    return {"int": "int32", "float": "float32"}.get(least, least)
