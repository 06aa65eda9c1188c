"""TensorFlow functions that work element by element, casts among them."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen.graph import Host, Value
from codegen.graph.core import is_whole
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS, torch_dtype
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike, is_tensor
from codegen.model.spec import Constant
from codegen.ops.keras import choosing, core, elementwise
from codegen.ops.keras import complex as complex_numbers
from codegen.ops.tensorflow.arguments import (
    DType,
    Given,
    GivenList,
    Native,
    Peer,
    PeerTerm,
    Tensor,
    terms,
)
from codegen.ops.tensorflow.functions import tf

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


def combine(b: Builder, name: str, x: TensorLike, y: TensorLike) -> Value:
    """An op of two arguments in the dtype of its tensors; tuples of the host stay on the host."""
    x, y = terms(b, x, y)
    if not is_tensor(x) and not is_tensor(y):
        parts = [v for v in (x, y) if isinstance(v, Host)]
        function = elementwise.BINARY.get(name) or elementwise.OTHER_BINARY[name]
        if name == "Subtract" and len(parts) == 2 and same_host(*parts):
            count = (parts[0].shape[0] or 0) if parts[0].rank else None
            return rules.known_number(b, 0) if count is None else rules.sizes(b, [0] * count)
        if parts and function.host and name not in ("Equal", "NotEqual"):
            return rules.host_map(b, function.template, function.host, (x, y))
    dtype = next((v.dtype for v in (x, y) if is_tensor(v)), None)
    if dtype is not None:  # a number has the tensor's dtype, whatever Keras' op would make of it
        x, y = (Constant(v, dtype) if isinstance(v, (bool, int, float)) else v for v in (x, y))
    return elementwise.binary(b, name, x, y)


def same_host(x: object, y: object) -> bool:
    """Whether two numbers of the host, or tuples of them, are for sure the same."""
    return bool(_meaning(x) == _meaning(y))


def _meaning(part: object) -> object:
    """What a number of the host is: a number, or the expression that computes it."""
    part = rules.host(part)
    if isinstance(part, tuple):
        return tuple(map(_meaning, part))
    if isinstance(part, Host) and part.node is not None:
        return part.node.form, tuple(map(_meaning, part.node.operands.values()))
    return part


def _variants(functions: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    return {function: {"name": name} for name, own in functions.items() for function in own}


@tf(_variants(UNARY))
def unary(b: Builder, x: Given, *, name: str) -> Value:
    """An op of Keras of one argument."""
    if name in HOST and isinstance(x, Host) and not x.rank:
        return rules.host_map(b, *HOST[name], (x,))
    return elementwise.unary(b, name, x)


@tf(_variants(BINARY), second="second")
def binary(b: Builder, first: Given, second: Given | None = None, *, name: str) -> Value:
    """An op of Keras of two arguments."""
    if second is None:  # as `x == y` and `x != y` are saved
        b.malformed("the file does not hold its second operand: Keras 2 does not save it")
    return combine(b, name, first, second)


@tf({name: {"template": template} for name, template in SPECIAL.items()})
def special(b: Builder, x: Tensor, *, template: str) -> Value:
    """A function of one argument that keras.ops lacks."""
    return b.elementwise(template, x=x)


@tf({name: {"template": template} for name, template in SPECIAL_BINARY.items()}, second="second")
def special_binary(b: Builder, first: Peer, second: Peer, *, template: str) -> Value:
    """A function of two arguments that keras.ops lacks."""
    return b.elementwise(template, x=first, y=second)


@tf({"math.maximum": {"larger": True}, "math.minimum": {"larger": False}})
def extremum(b: Builder, x: PeerTerm, y: PeerTerm, *, larger: bool) -> Value:
    """The larger or the smaller of two."""
    return choosing.extremum(b, x, y, larger=larger)


@tf("math.truediv", "math.divide", "realdiv")
def truediv(b: Builder, x: PeerTerm, y: PeerTerm) -> Value:
    """`x / y`; of whole numbers as TensorFlow does it, in float64, or float32 for small ones."""
    if not is_tensor(x) and not is_tensor(y):
        return rules.host_map(b, "x / y", operator.truediv, (x, y))
    dtype = next(v.dtype for v in (x, y) if is_tensor(v))
    if dtype in INTEGERS:
        wide = "float32" if dtype in ("int8", "uint8", "int16", "uint16") else "float64"
        x, y = (rules.tensor(b, v, wide) for v in (x, y))
    return elementwise.binary(b, "Divide", x, y)


@tf("compat.v1.div")
def div(b: Builder, x: PeerTerm, y: PeerTerm) -> Value:
    """Python 2's division: that of whole numbers yields whole numbers."""
    dtype = next((v.dtype for v in (x, y) if is_tensor(v)), "int32")
    return truediv(b, x, y) if dtype in FLOATS else combine(b, "FloorDivide", x, y)


@tf(
    {f"math.logical_{name}": {"symbol": symbol} for name, symbol in (("and", "&"), ("or", "|"), ("xor", "^"))}
)
def logical(b: Builder, x: Given, y: Given, *, symbol: str) -> Value:
    """`x & y`, `x | y` or `x ^ y` of truth values."""
    return choosing.logical(b, x, y, symbol=symbol)


@tf("math.add_n", "math.accumulate_n", ignored=("shape", "tensor_dtype"))  # those that the tensors have
def add_n(b: Builder, inputs: GivenList) -> TensorLike:
    """The sum of several tensors."""
    return functools.reduce(lambda x, y: combine(b, "Add", x, y), inputs)


@tf("math.round", "math.rint")
def round_(b: Builder, x: Tensor) -> Value:
    """`x.round()`, halves to even."""
    return elementwise.round_(b, x)


@tf({"math.real": {"part": "real"}, "math.imag": {"part": "imag"}})
def complex_part(b: Builder, input: Tensor, *, part: str) -> Value:
    """`x.real` or `x.imag`; of real numbers, the number itself or zero."""
    return complex_numbers.complex_part(b, input, part=part)


@tf("dtypes.complex")
def complex_(b: Builder, real: Peer, imag: Peer) -> Value:
    """Complex numbers from their parts."""
    dtype = "complex128" if real.dtype == "float64" else "complex64"
    return b.elementwise("torch.complex(x, y)", dtype=dtype, x=real, y=imag)


@tf("clip_by_value")
def clip_by_value(b: Builder, t: Peer, clip_value_min: PeerTerm, clip_value_max: PeerTerm) -> Value:
    """`x.clamp(low, high)`; where the bounds cross, the lower one wins."""
    low, high = rules.host(clip_value_min), rules.host(clip_value_max)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low <= high:
        return b.elementwise("x.clamp(low, high)", x=t, low=low, high=high)
    return extremum(b, extremum(b, t, clip_value_max, larger=False), clip_value_min, larger=True)


@tf("math.polyval")
def polyval(b: Builder, coeffs: GivenList, x: Tensor) -> Value:
    """A polynomial by Horner's rule, the highest power first."""
    if not coeffs:
        return b.elementwise("torch.zeros_like(x)", x=x)
    result, *others = coeffs
    for term in others:
        result = combine(b, "Add", combine(b, "Multiply", result, x), term)
    return rules.tensor(b, result, x.dtype)


@tf("math.lbeta")
def lbeta(b: Builder, x: Native) -> Value:
    """The logarithm of the beta function of the last axis."""
    template = "torch.lgamma(x).sum(dim=-1) - torch.lgamma(x.sum(dim=-1))"
    return b.op(template, shape=x.shape[:-1], x=x)


@tf("math.polygamma")
def polygamma(b: Builder, a: int, x: Tensor) -> Value:
    """`torch.special.polygamma(n, x)`."""
    return b.elementwise("torch.special.polygamma(n, x)", n=a, x=x)


# -------------------------------------------------------------------- dtypes


@tf("cast", masks="own")
def cast(b: Builder, x: Given, dtype: DType) -> Value:
    """`x.to(dtype)`; TensorFlow hands back a tensor that has the dtype, with its mask."""
    wanted = dtype
    if not isinstance(x, Host):
        return cast_to(b, rules.tensor(b, x), wanted)
    if x.rank and wanted in INTEGERS:
        return x if is_whole(x) else rules.host_map(b, "int(x)", int, (x,))
    if x.rank and wanted == "float32":
        return rules.host_map(b, "float(x)", float, (x,))
    if x.rank:
        return rules.tensor(b, x, wanted)
    known = rules.host(x)
    if not isinstance(known, Value):
        return rules.known_number(b, int(known) if wanted in INTEGERS else float(known))
    if wanted in INTEGERS:
        return x if is_whole(x) else b.host_op("int(x)", x=x)
    return b.host_op("float(x)", x=x) if wanted in FLOATS else rules.tensor(b, x, wanted)


def cast_to(b: Builder, x: Value, dtype: str) -> Value:
    """A tensor in another dtype; the real part of a complex one."""
    if x.dtype in COMPLEX and dtype in FLOATS | INTEGERS:
        x = b.elementwise("x.real", dtype="float64" if x.dtype == "complex128" else "float32", x=x)
    return b.cast(x, dtype)


@tf("bitcast")
def bitcast(b: Builder, input: Native, type: DType) -> Value:
    """The same bits as numbers of another dtype; an axis is added or used up if its size differs."""
    x, wanted = input, type
    old, new = (np.dtype(name).itemsize for name in (x.dtype, wanted))
    operands: dict[str, Any] = {"x": x, "target": torch_dtype(wanted)}
    if old == new:
        return b.op("x.view(target)", shape=x.shape, dtype=wanted, **operands)
    if old > new:
        return b.op("x.unsqueeze(-1).view(target)", shape=(*x.shape, old // new), dtype=wanted, **operands)
    return b.op("x.contiguous().view(target).squeeze(-1)", shape=x.shape[:-1], dtype=wanted, **operands)


@tf("dtypes.saturate_cast")
def saturate_cast(b: Builder, value: Given, dtype: DType) -> Value:
    """Clipped to what the dtype can hold, then cast."""
    return core.saturate_cast(b, value, dtype=dtype)


@tf("convert_to_tensor", "compat.v1.convert_to_tensor", masks="own", ignored=("preferred_dtype",))
def convert_to_tensor(b: Builder, value: Given, dtype: DType | None = None) -> Value:
    """Its input: TensorFlow hands back the same tensor, with its mask."""
    return value if isinstance(value, Host) else rules.tensor(b, value, dtype)
