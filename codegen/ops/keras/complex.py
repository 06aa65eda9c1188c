"""Graph ops of complex numbers."""

from __future__ import annotations

from codegen.graph import Value
from codegen.graph.dtypes import COMPLEX
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op


@op({"Real": {"part": "real"}, "Imag": {"part": "imag"}})
def complex_part(b: Builder, x: TensorLike, *, part: str) -> Value:
    """`x.real` or `x.imag`; of real numbers, the number itself or zero."""
    x = rules.tensor(b, x)
    if x.dtype not in COMPLEX:
        return b.elementwise("x" if part == "real" else "torch.zeros_like(x)", x=x)
    return b.elementwise(f"x.{part}", dtype="float64" if x.dtype == "complex128" else "float32", x=x)


@op("ViewAsComplex")
def view_as_complex(b: Builder, x: Value) -> Value:
    """The last axis as real and imaginary part."""
    x = rules.native(b, x)
    dtype = "complex128" if x.dtype == "float64" else "complex64"
    return b.op("torch.view_as_complex(x)", shape=x.shape[:-1], dtype=dtype, x=x)


@op("ViewAsReal")
def view_as_real(b: Builder, x: Value) -> Value:
    """Real and imaginary part on a new last axis."""
    x = rules.native(b, x)
    if x.dtype not in COMPLEX:
        template = "torch.stack((x, torch.zeros_like(x)), dim=-1)"
        return b.op(template, shape=(*x.shape, 2), x=x)
    dtype = "float64" if x.dtype == "complex128" else "float32"
    return b.op("torch.view_as_real(x)", shape=(*x.shape, 2), dtype=dtype, x=x)


@op("Polar")
def polar(b: Builder, abs_: Value, angle: Value) -> Value:
    """Complex numbers from absolute value and angle."""
    dtype = "complex128" if rules.result_type(abs_, angle) == "float64" else "complex64"
    return b.elementwise("torch.polar(x, y)", dtype=dtype, x=abs_, y=angle)
