"""TensorFlow functions that work element by element, casts among them."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS, torch_dtype
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import is_tensor
from codegen.model.spec import Constant
from codegen.ops.keras import core, elementwise
from codegen.ops.keras.elementwise import binary, logical_of, unary
from codegen.ops.keras.linalg import made
from codegen.ops.tensorflow.functions import (
    dtype_name,
    function_name,
    number,
    operands,
    same_host,
    tensors,
    tf,
)

#: TensorFlow's functions of one argument, by the op of Keras that computes the same.
UNARY = {
    "Abs": ("math.abs",),
    "Angle": ("math.angle",),
    "Arccos": ("math.acos",),
    "Arccosh": ("math.acosh",),
    "Arcsin": ("math.asin",),
    "Arcsinh": ("math.asinh",),
    "Arctan": ("math.atan",),
    "Arctanh": ("math.atanh",),
    "BitwiseInvert": ("bitwise.invert",),
    "Ceil": ("math.ceil",),
    "Conj": ("math.conj",),
    "Cos": ("math.cos",),
    "Cosh": ("math.cosh",),
    "Digamma": ("math.digamma",),
    "Erf": ("math.erf",),
    "Erfc": ("math.erfc",),
    "Erfinv": ("math.erfinv",),
    "Exp": ("math.exp",),
    "Expm1": ("math.expm1",),
    "Floor": ("math.floor",),
    "I0": ("math.bessel_i0",),
    "Isfinite": ("math.is_finite",),
    "Isinf": ("math.is_inf",),
    "Isnan": ("math.is_nan",),
    "Lgamma": ("math.lgamma",),
    "Log": ("math.log",),
    "Log1p": ("math.log1p",),
    "LogicalNot": ("math.logical_not",),
    "Ndtri": ("math.ndtri",),
    "Negative": ("math.negative",),
    "Reciprocal": ("math.reciprocal",),
    "Rsqrt": ("math.rsqrt",),
    "Sign": ("math.sign",),
    "Sin": ("math.sin",),
    "Sinh": ("math.sinh",),
    "Sqrt": ("math.sqrt",),
    "Square": ("math.square",),
    "StopGradient": ("stop_gradient", "compat.v1.stop_gradient"),
    "Tan": ("math.tan",),
    "Tanh": ("math.tanh",),
}

#: The same for two arguments; the first is always passed by place, the second by one of these names.
BINARY = {
    "Add": ("math.add", "__operators__.add"),
    "Subtract": ("math.subtract",),
    "Multiply": ("math.multiply", "math.scalar_mul", "compat.v1.math.scalar_mul"),
    "FloorDivide": ("math.floordiv", "compat.v1.floor_div"),
    "Mod": ("math.floormod",),
    "Power": ("math.pow",),
    "SquaredDifference": ("math.squared_difference",),
    "Equal": ("math.equal", "__operators__.eq"),
    "NotEqual": ("math.not_equal", "__operators__.ne"),
    "Greater": ("math.greater",),
    "GreaterEqual": ("math.greater_equal",),
    "Less": ("math.less",),
    "LessEqual": ("math.less_equal",),
    "BitwiseAnd": ("bitwise.bitwise_and",),
    "BitwiseOr": ("bitwise.bitwise_or",),
    "BitwiseXor": ("bitwise.bitwise_xor",),
    "BitwiseLeftShift": ("bitwise.left_shift",),
    "BitwiseRightShift": ("bitwise.right_shift",),
    "Arctan2": ("math.atan2",),
    "DivideNoNan": ("math.divide_no_nan",),
    "Fmod": ("truncatemod",),
    "MultiplyNoNan": ("math.multiply_no_nan",),
    "Nextafter": ("math.nextafter",),
    "TruncateDiv": ("truncatediv",),
    "Xdivy": ("math.xdivy",),
    "Xlog1py": ("math.xlog1py",),
    "Xlogy": ("math.xlogy",),
}

#: The same for numbers of the host, which sizes are made of.
HOST: dict[str, tuple[str, Callable[..., Any]]] = {
    "Ceil": ("math.ceil(x)", math.ceil),
    "Floor": ("math.floor(x)", math.floor),
    "Negative": ("-x", operator.neg),
    "Sqrt": ("math.sqrt(x)", math.sqrt),
    "Square": ("x ** 2", lambda x: x**2),
}

#: Functions that keras.ops lacks, as expressions of `x`, and of `x` and `y`.
SPECIAL = {
    "math.bessel_i0e": "torch.special.i0e(x)",
    "math.bessel_i1": "torch.special.i1(x)",
    "math.bessel_i1e": "torch.special.i1e(x)",
    "math.erfcinv": "torch.erfinv(1 - x)",
    "math.reciprocal_no_nan": "torch.where(x == 0, torch.zeros_like(x), x.reciprocal())",
    "math.special.bessel_j0": "torch.special.bessel_j0(x)",
    "math.special.bessel_j1": "torch.special.bessel_j1(x)",
    "math.special.bessel_y0": "torch.special.bessel_y0(x)",
    "math.special.bessel_y1": "torch.special.bessel_y1(x)",
    "math.special.bessel_k0": "torch.special.modified_bessel_k0(x)",
    "math.special.bessel_k1": "torch.special.modified_bessel_k1(x)",
    "math.special.bessel_k0e": "torch.special.scaled_modified_bessel_k0(x)",
    "math.special.bessel_k1e": "torch.special.scaled_modified_bessel_k1(x)",
}
SPECIAL_BINARY = {
    "math.igamma": "torch.special.gammainc(x, y)",
    "math.igammac": "torch.special.gammaincc(x, y)",
    "math.zeta": "torch.special.zeta(x, y)",
}


def combine(b: Builder, name: str, x: Any, y: Any) -> Value:
    """An op of two arguments in the dtype of its tensors; tuples of the host stay on the host."""
    x, y = operands(b, x, y)
    if not is_tensor(x) and not is_tensor(y):
        parts = [v for v in (x, y) if isinstance(v, Value)]
        function = elementwise.BINARY[name][2]
        if name == "Subtract" and len(parts) == 2 and same_host(*parts):
            return rules.host_map(
                b, "x - y", lambda _x, _y: 0, [(0,) * (x.shape[0] or 0), 0] if x.rank else [0, 0]
            )
        if parts and function and name not in ("Equal", "NotEqual"):
            return rules.host_map(b, elementwise.BINARY[name][0], function, (x, y))
    dtype = next((v.dtype for v in (x, y) if is_tensor(v)), None)
    if dtype is not None:  # a number has the tensor's dtype, whatever Keras' op would make of it
        x, y = (Constant(v, dtype) if isinstance(v, (bool, int, float)) else v for v in (x, y))
    return binary(b, name, x, y)


def _lower_unary(name: str) -> Callable[..., Value]:
    def lower(b: Builder, x: Any) -> Value:
        if name in HOST and isinstance(x, Host) and not x.rank:
            return rules.host_map(b, *HOST[name], (x,))
        return unary(b, name, x)

    return lower


def _lower_binary(name: str) -> Callable[..., Value]:
    def lower(b: Builder, first: Any, second: Any = None) -> Value:
        if second is None:  # as `x == y` and `x != y` are saved
            b.malformed("the file does not hold its second operand: Keras 2 does not save it")
        return combine(b, name, first, second)

    return lower


def _lower_special(template: str) -> Callable[..., Value]:
    def lower(b: Builder, x: Any) -> Value:
        return b.elementwise(template, x=rules.tensor(b, x))

    return lower


def _lower_special_binary(template: str) -> Callable[..., Value]:
    def lower(b: Builder, first: Any, second: Any) -> Value:
        x, y = tensors(b, first, second)
        return b.elementwise(template, x=x, y=y)

    return lower


for _name, _functions in UNARY.items():
    tf(*_functions)(_lower_unary(_name))
for _name, _functions in BINARY.items():
    tf(*_functions, second="second")(_lower_binary(_name))
for _name, _template in SPECIAL.items():
    tf(_name)(_lower_special(_template))
for _name, _template in SPECIAL_BINARY.items():
    tf(_name, second="second")(_lower_special_binary(_template))


@tf("math.maximum", "math.minimum")
def maximum(b: Builder, x: Any, y: Any) -> Value:
    """The larger or the smaller of two."""
    name = "Maximum" if function_name(b).endswith("maximum") else "Minimum"
    return elementwise.extremum(b, name, *operands(b, x, y))


@tf("math.truediv", "math.divide", "realdiv")
def truediv(b: Builder, x: Any, y: Any) -> Value:
    """`x / y`; of whole numbers as TensorFlow does it, in float64, or float32 for small ones."""
    x, y = operands(b, x, y)
    if not is_tensor(x) and not is_tensor(y):
        return rules.host_map(b, "x / y", operator.truediv, (x, y))
    dtype = next(v.dtype for v in (x, y) if is_tensor(v))
    if dtype in INTEGERS:
        wide = "float32" if dtype in ("int8", "uint8", "int16", "uint16") else "float64"
        x, y = (rules.tensor(b, v, wide) for v in (x, y))
    return binary(b, "Divide", x, y)


@tf("compat.v1.div")
def div(b: Builder, x: Any, y: Any) -> Value:
    """Python 2's division: that of whole numbers yields whole numbers."""
    dtype = next((v.dtype for v in (x, y) if is_tensor(v)), "int32")
    return truediv(b, x, y) if dtype in FLOATS else combine(b, "FloorDivide", x, y)


@tf("math.logical_and", "math.logical_or", "math.logical_xor")
def logical(b: Builder, x: Any, y: Any) -> Value:
    """`x & y`, `x | y` or `x ^ y` of truth values."""
    return logical_of(b, {"and": "&", "or": "|", "xor": "^"}[function_name(b).rpartition("_")[2]], x, y)


@tf("math.add_n", "math.accumulate_n")
def add_n(b: Builder, inputs: Any, shape: Any = None, tensor_dtype: Any = None) -> Value:
    """The sum of several tensors."""
    del shape, tensor_dtype  # those that the tensors have
    values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    total: Value = functools.reduce(lambda x, y: combine(b, "Add", x, y), values)
    return total


@tf("math.round", "math.rint")
def round_(b: Builder, x: Any) -> Value:
    """`x.round()`, halves to even."""
    return elementwise.round_(b, x)


@tf("math.real", "math.imag")
def complex_part(b: Builder, input: Any) -> Value:
    """`x.real` or `x.imag`; of real numbers, the number itself or zero."""
    x = rules.tensor(b, input)
    part = function_name(b).rpartition(".")[2]
    if x.dtype not in COMPLEX:
        return b.elementwise("x" if part == "real" else "torch.zeros_like(x)", x=x)
    return b.elementwise(f"x.{part}", dtype="float64" if x.dtype == "complex128" else "float32", x=x)


@tf("dtypes.complex")
def complex_(b: Builder, real: Any, imag: Any) -> Value:
    """Complex numbers from their parts."""
    x, y = tensors(b, real, imag)
    dtype = "complex128" if x.dtype == "float64" else "complex64"
    return b.elementwise("torch.complex(x, y)", dtype=dtype, x=x, y=y)


@tf("clip_by_value")
def clip_by_value(b: Builder, t: Any, clip_value_min: Any, clip_value_max: Any) -> Value:
    """`x.clamp(low, high)`; where the bounds cross, the lower one wins."""
    x, low, high = operands(b, t, clip_value_min, clip_value_max)
    bounds = [rules.host(v) for v in (low, high)]
    x = rules.tensor(b, x)
    if all(isinstance(v, (int, float)) for v in bounds) and bounds[0] <= bounds[1]:
        return b.elementwise("x.clamp(low, high)", x=x, low=bounds[0], high=bounds[1])
    return elementwise.extremum(b, "Maximum", elementwise.extremum(b, "Minimum", x, high), low)


@tf("math.polyval")
def polyval(b: Builder, coeffs: Any, x: Any) -> Value:
    """A polynomial by Horner's rule, the highest power first."""
    x = rules.tensor(b, x)
    terms = coeffs if isinstance(coeffs, (list, tuple)) else [coeffs]
    if not terms:
        return b.elementwise("torch.zeros_like(x)", x=x)
    result = terms[0]
    for term in terms[1:]:
        result = combine(b, "Add", combine(b, "Multiply", result, x), term)
    return rules.tensor(b, result, x.dtype)


@tf("math.lbeta")
def lbeta(b: Builder, x: Any) -> Value:
    """The logarithm of the beta function of the last axis."""
    x = rules.native(b, x)
    template = "torch.lgamma(x).sum(dim=-1) - torch.lgamma(x.sum(dim=-1))"
    return b.op(template, shape=x.shape[:-1], perm=tuple(range(x.rank - 1)), x=x)


@tf("math.polygamma")
def polygamma(b: Builder, a: Any, x: Any) -> Value:
    """`torch.special.polygamma(n, x)`."""
    n = number(b, a, "a")
    return b.elementwise("torch.special.polygamma(n, x)", n=int(n), x=rules.tensor(b, x))


# -------------------------------------------------------------------- dtypes


@tf("cast", masks="own")
def cast(b: Builder, x: Any, dtype: Any) -> Any:
    """`x.to(dtype)`; TensorFlow hands back a tensor that has the dtype, with its mask."""
    wanted = dtype_name(b, dtype)
    if not isinstance(x, Host):
        return cast_to(b, rules.tensor(b, x), wanted)
    if x.rank and wanted in INTEGERS:
        return x if rules.is_whole(x) else rules.host_map(b, "int(x)", int, (x,))
    if x.rank and wanted == "float32":
        return rules.host_map(b, "float(x)", float, (x,))
    if x.rank:
        return rules.tensor(b, x, wanted)
    known = rules.host(x)
    if not isinstance(known, Value):
        return rules.number(b, int(known) if wanted in INTEGERS else float(known))
    if wanted in INTEGERS:
        return x if rules.is_whole(x) else b.host_op("int(x)", x=x)
    return b.host_op("float(x)", x=x) if wanted in FLOATS else rules.tensor(b, x, wanted)


def cast_to(b: Builder, x: Value, dtype: str) -> Value:
    """A tensor in another dtype; the real part of a complex one."""
    if x.dtype in COMPLEX and dtype in FLOATS | INTEGERS:
        x = b.elementwise("x.real", dtype="float64" if x.dtype == "complex128" else "float32", x=x)
    return b.cast(x, dtype)


@tf("bitcast")
def bitcast(b: Builder, input: Any, type: Any) -> Value:
    """The same bits as numbers of another dtype; an axis is added or used up if its size differs."""
    x, wanted = rules.native(b, input), dtype_name(b, type, "type")
    old, new = (np.dtype(name).itemsize for name in (x.dtype, wanted))
    operands: dict[str, Any] = {"x": x, "target": torch_dtype(wanted)}
    if old == new:
        return made(b, "x.view(target)", x.shape, wanted, **operands)
    if old > new:
        return made(b, "x.unsqueeze(-1).view(target)", (*x.shape, old // new), wanted, **operands)
    return made(b, "x.contiguous().view(target).squeeze(-1)", x.shape[:-1], wanted, **operands)


@tf("dtypes.saturate_cast")
def saturate_cast(b: Builder, value: Any, dtype: Any) -> Value:
    """Clipped to what the dtype can hold, then cast."""
    return core.saturate_cast(b, value, dtype=dtype_name(b, dtype))


@tf("convert_to_tensor", "compat.v1.convert_to_tensor", masks="own")
def convert_to_tensor(b: Builder, value: Any, dtype: Any = None, preferred_dtype: Any = None) -> Any:
    """Its input: TensorFlow hands back the same tensor, with its mask."""
    del preferred_dtype  # a tensor has its dtype
    if isinstance(value, Host):
        return value
    return rules.tensor(b, value, None if dtype is None else dtype_name(b, dtype))
