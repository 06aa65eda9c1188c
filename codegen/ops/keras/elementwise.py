"""Graph ops that work element by element: tables from Keras' op to torch's expression."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Number, TensorLike, Term, is_host, is_tensor
from codegen.lowering.parts.rules import op
from codegen.model.spec import Constant

#: What an op does to the dtype. "same": nothing; "magnitude": the same, but complex numbers become real;
#: "float": integers become float32, as torch does itself; "cast": the same, but torch would not; "part":
#: "float", and complex numbers become real; "quotient": "float", and torch makes float32 of integers as Keras
#: does; "bool": the result is bool.
DtypeRule = Literal["same", "magnitude", "float", "cast", "part", "quotient", "bool"]


@dataclass(frozen=True)
class Unary:
    """A function of one argument.

    Attributes:
        template: torch's expression of `x`.
        dtype: What becomes of the dtype.
        bools: The expression for truth values, if they do not count as numbers.
        reals: The expression for real numbers, if it is another.
        complexes: The expression for complex numbers, if it is another.
        wide: Whether it makes float64 of int64, and not float32.
        non_negative: Whether no result is below zero.
    """

    template: str
    dtype: DtypeRule
    bools: str = ""
    reals: str = ""
    complexes: str = ""
    wide: bool = False
    non_negative: bool = False


@dataclass(frozen=True)
class Binary:
    """A function of two arguments.

    Attributes:
        template: torch's expression of `x` and `y`.
        dtype: What becomes of the dtype.
        host: The same for numbers of the host; None if torch needs tensors on both sides.
        weak: Whether Python's numbers take on the other side's dtype; else they are int32 and float32.
        bools: Whether truth values "count" as numbers, or torch has to be given numbers ("cast").
        wide: Whether it makes float64 of int64, and not float32.
        shifts: Whether it shifts bits.
    """

    template: str
    dtype: DtypeRule
    host: Callable[..., Number] | None = None
    weak: bool = False
    bools: Literal["", "count", "cast"] = ""
    wide: bool = False
    shifts: bool = False


UNARY = {
    "Absolute": Unary("x.abs()", "magnitude", bools="x", non_negative=True),
    "Abs": Unary("x.abs()", "magnitude", bools="x", non_negative=True),
    "Angle": Unary("x.angle()", "part"),
    "Arccos": Unary("x.acos()", "float"),
    "Arccosh": Unary("x.acosh()", "float"),
    "Arcsin": Unary("x.asin()", "float"),
    "Arcsinh": Unary("x.asinh()", "float"),
    "Arctan": Unary("x.atan()", "float"),
    "Arctanh": Unary("x.atanh()", "float"),
    "BitwiseInvert": Unary("~x", "same", bools="~x"),
    "BitwiseNot": Unary("~x", "same", bools="~x"),
    "Cbrt": Unary("x.sign() * x.abs() ** (1 / 3)", "cast", wide=True),
    "Ceil": Unary("x.ceil()", "cast"),
    "Conj": Unary("torch.conj_physical(x)", "same", reals="x"),
    "Conjugate": Unary("torch.conj_physical(x)", "same", reals="x"),
    "Cos": Unary("x.cos()", "float"),
    "Cosh": Unary("x.cosh()", "float"),
    "Deg2rad": Unary("torch.deg2rad(x)", "float", wide=True),
    "Erf": Unary("torch.erf(x)", "float"),
    "Erfc": Unary("torch.erfc(x)", "float"),
    "Erfinv": Unary("torch.erfinv(x)", "float"),
    "Exp": Unary("x.exp()", "float", non_negative=True),
    "Exp2": Unary("x.exp2()", "float", non_negative=True),
    "Expm1": Unary("x.expm1()", "float"),
    "Fabs": Unary("x.abs()", "cast", non_negative=True),
    "Floor": Unary("x.floor()", "cast"),
    "I0": Unary("torch.i0(x)", "float", wide=True),
    "Isfinite": Unary("x.isfinite()", "bool"),
    "Isinf": Unary("x.isinf()", "bool"),
    "Isnan": Unary("x.isnan()", "bool"),
    "Isneginf": Unary("x.isneginf()", "bool"),
    "Isposinf": Unary("x.isposinf()", "bool"),
    "Isreal": Unary("x.isreal()", "bool"),
    "Log": Unary("x.log()", "float"),
    "Log10": Unary("x.log10()", "float"),
    "Log1p": Unary("x.log1p()", "float"),
    "Log2": Unary("x.log2()", "float"),
    "LogicalNot": Unary("x.logical_not()", "bool", bools="~x"),
    "Negative": Unary("-x", "same"),
    "Rad2deg": Unary("torch.rad2deg(x)", "float", wide=True),
    "Reciprocal": Unary("x.reciprocal()", "float"),
    "Rsqrt": Unary("x.rsqrt()", "float"),
    "Sign": Unary("x.sign()", "same", complexes="x.sgn()"),
    "Signbit": Unary("x.signbit()", "bool"),
    "Sin": Unary("x.sin()", "float"),
    "Sinc": Unary("x.sinc()", "float"),
    "Sinh": Unary("x.sinh()", "float"),
    "Sqrt": Unary("x.sqrt()", "float", non_negative=True),
    "Square": Unary("x.square()", "same", non_negative=True),
    "StopGradient": Unary("x.detach()", "same", bools="x"),
    "Tan": Unary("x.tan()", "float"),
    "Tanh": Unary("x.tanh()", "float"),
    "Trunc": Unary("x.trunc()", "same", bools="x"),
}

BINARY = {
    "Add": Binary("x + y", "same", host=operator.add, weak=True),
    "Subtract": Binary("x - y", "same", host=operator.sub, weak=True, bools="cast"),
    "Multiply": Binary("x * y", "same", host=operator.mul, weak=True),
    "Divide": Binary("x / y", "quotient", host=operator.truediv, weak=True),
    "TrueDivide": Binary("x / y", "quotient", host=operator.truediv, weak=True),
    "FloorDivide": Binary("x // y", "same", host=operator.floordiv, weak=True, bools="count"),
    "Mod": Binary("x % y", "same", host=operator.mod, bools="count"),
    "Power": Binary("x ** y", "same", host=operator.pow, weak=True, bools="count"),
    "Equal": Binary("x == y", "bool", host=operator.eq),
    "NotEqual": Binary("x != y", "bool", host=operator.ne),
    "Greater": Binary("x > y", "bool", host=operator.gt),
    "GreaterEqual": Binary("x >= y", "bool", host=operator.ge),
    "Less": Binary("x < y", "bool", host=operator.lt),
    "LessEqual": Binary("x <= y", "bool", host=operator.le),
    "BitwiseAnd": Binary("x & y", "same", host=operator.and_),
    "BitwiseOr": Binary("x | y", "same", host=operator.or_),
    "BitwiseXor": Binary("x ^ y", "same", host=operator.xor),
    "BitwiseLeftShift": Binary("x << y", "same", host=operator.lshift, shifts=True),
    "LeftShift": Binary("x << y", "same", host=operator.lshift, shifts=True),
    "BitwiseRightShift": Binary("x >> y", "same", host=operator.rshift, shifts=True),
    "RightShift": Binary("x >> y", "same", host=operator.rshift, shifts=True),
    "Arctan2": Binary("torch.atan2(x, y)", "float"),
    "Fmax": Binary("torch.fmax(x, y)", "same", weak=True),
    "Fmin": Binary("torch.fmin(x, y)", "same", weak=True),
    "Fmod": Binary("torch.fmod(x, y)", "same", bools="count"),
    "Gcd": Binary("torch.gcd(x, y)", "same"),
    "Heaviside": Binary("torch.heaviside(x, y)", "float", wide=True),
    "Hypot": Binary("torch.hypot(x, y)", "float", wide=True),
    "Lcm": Binary("torch.lcm(x, y).abs()", "same"),
    "Ldexp": Binary("torch.ldexp(x, y)", "float"),
    "Logaddexp": Binary("torch.logaddexp(x, y)", "float"),
    "Logaddexp2": Binary("torch.logaddexp2(x, y)", "float"),
    "Nextafter": Binary("torch.nextafter(x, y)", "float"),
    "DivideNoNan": Binary("torch.where(y == 0, torch.zeros_like(x / y), x / y)", "float", weak=True),
}

#: What TensorFlow has, but `keras.ops` has not.
OTHER_UNARY = {
    "Digamma": Unary("torch.digamma(x)", "float"),
    "Lgamma": Unary("torch.lgamma(x)", "float"),
    "Ndtri": Unary("torch.special.ndtri(x)", "float"),
}
OTHER_BINARY = {
    "SquaredDifference": Binary("(x - y) ** 2", "same", host=lambda x, y: (x - y) ** 2),
    "MultiplyNoNan": Binary("torch.where(y == 0, torch.zeros_like(x * y), x * y)", "float"),
    "Xdivy": Binary("torch.where(x == 0, torch.zeros_like(x / y), x / y)", "float"),
    "Xlogy": Binary("torch.xlogy(x, y)", "float"),
    "Xlog1py": Binary("torch.special.xlog1py(x, y)", "float"),
    "TruncateDiv": Binary('torch.div(x, y, rounding_mode="trunc")', "same"),
}

#: Ops of bitwise names call their arguments otherwise.
_XY = frozenset(name for name in BINARY if name.startswith(("Bitwise", "LeftShift", "RightShift")))


def unary(b: Builder, name: str, x: TensorLike) -> Value:
    """Apply a function of `UNARY` or `OTHER_UNARY`."""
    function = UNARY.get(name) or OTHER_UNARY[name]
    x = rules.tensor(b, x)
    if x.dtype == "bool" and function.bools:
        return b.elementwise(function.bools, x=x)
    if x.dtype == "bool" and function.dtype != "bool":
        x = b.cast(x, "int32" if function.dtype in ("same", "magnitude") else "float32")
    if x.dtype == "int64" and function.wide:
        x = b.cast(x, "float64")
    is_complex = x.dtype in COMPLEX
    dtype = _result_type(function.dtype, x)
    template = (function.complexes if is_complex else function.reals) or function.template
    if function.dtype == "cast":
        x = b.cast(x, dtype)
    non_negative = function.non_negative and dtype not in COMPLEX
    return b.elementwise(template, dtype=dtype, non_negative=non_negative, x=x)


def _result_type(rule: DtypeRule, x: Value) -> str:
    """The dtype of a function of `x`."""
    if rule in ("part", "magnitude") and x.dtype in COMPLEX:
        return "float64" if x.dtype == "complex128" else "float32"
    return x.dtype if rule in ("same", "magnitude") else "bool" if rule == "bool" else rules.float_type(x)


def binary(b: Builder, name: str, x: TensorLike, y: TensorLike) -> Value:
    """Apply a function of `BINARY` or `OTHER_BINARY`."""
    function = BINARY.get(name) or OTHER_BINARY[name]
    if function.host and is_host(x) and is_host(y):
        return rules.host_map(b, function.template, function.host, (x, y))
    if function.shifts:
        return _shift(b, function, x, y)
    if not function.weak:
        x, y = _strong(x), _strong(y)
    if function.wide and rules.result_type(operand(b, x), operand(b, y)) == "int64":
        x, y = rules.tensor(b, x, "float64"), rules.tensor(b, y, "float64")
    return elementwise(b, function, x, y)


def _shift(b: Builder, function: Binary, x: TensorLike, y: TensorLike) -> Value:
    """A shift by at least no bit and at most all but one, as TensorFlow shifts."""
    x = _strong(x)
    dtype = rules.result_type(operand(b, x), operand(b, y))
    bits = 8 * np.dtype(dtype).itemsize
    if isinstance(y, int):  # in the dtype of `x`, where a number below zero may be a large one
        y = min(max(y % 2 ** bits if dtype.startswith("u") else y, 0), bits - 1)
    else:
        y = b.elementwise("y.clamp(0, last)", y=rules.tensor(b, y, dtype), last=bits - 1)
    return elementwise(b, function, x, y)


def _strong(value: TensorLike) -> TensorLike:
    """A number of Python as a tensor."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return Constant(value, "int32" if isinstance(value, int) else "float32")


def elementwise(b: Builder, function: Binary, x: TensorLike, y: TensorLike, **operands: Any) -> Value:
    """Apply a function to two arguments as they are; `operands` are what else its template reads."""
    x, y = operand(b, x), operand(b, y)
    dtype = rules.result_type(x, y)
    if function.dtype in ("float", "quotient"):
        dtype = rules.float_type(x, y)
    elif dtype == "bool" and function.bools:
        dtype = "int32"
    wanted = dtype
    if function.dtype == "quotient" and dtype == "float32":
        given = rules.torch_type([v for v in (x, y) if not isinstance(v, Constant)])
        wanted = given if given in INTEGERS else dtype
    ready = rules.in_one_dtype(b, (x, y), wanted)
    if function.bools == "cast":
        ready = [b.cast(v, wanted) if isinstance(v, Value) and v.dtype == "bool" else v for v in ready]
    if function.host is None:
        ready = _tensors(b, ready, wanted)
    x, y = ready
    return b.elementwise(
        function.template, dtype="bool" if function.dtype == "bool" else dtype, x=x, y=y, **operands
    )


def _tensors(b: Builder, values: list[Value | Number], dtype: str) -> list[Value | Number]:
    """The values in a dtype, numbers as tensors on the device of the first that is one."""
    ready = [b.cast(v, dtype) if is_tensor(v) else v for v in values]
    like = next((v for v in ready if is_tensor(v)), None) or rules.tensor(b, values[0], dtype)
    return [
        v if is_tensor(v) else b.op("x.new_full((), n)", shape=(), dtype=dtype, x=like, n=v) for v in ready
    ]


def operand(b: Builder, value: TensorLike) -> Term:
    """An argument as something that an expression can hold: lists become constants."""
    if isinstance(value, (list, tuple)) or value is None:
        tensors = any(isinstance(item, Value) for item in value or ())
        return rules.tensor(b, value) if tensors else rules.as_constant(b, value)
    if isinstance(value, Host) and value.rank:
        return rules.tensor(b, value)
    if not isinstance(value, (Value, Constant, bool, int, float)):
        b.malformed(f"it takes tensors and numbers, not {value!r}")
    known = rules.host(value)
    return known if isinstance(known, (bool, int, float)) and not isinstance(value, Constant) else value


def _lower_unary(name: str) -> Callable[..., Value]:
    def lower(b: Builder, x: TensorLike) -> Value:
        return unary(b, name, x)

    lower.__doc__ = f"`{UNARY[name].template}`, element by element."
    return lower


def _lower_binary(name: str) -> Callable[..., Value]:
    def lower(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
        return binary(b, name, x1, x2)

    def lower_xy(b: Builder, x: TensorLike, y: TensorLike) -> Value:
        return binary(b, name, x, y)

    function = lower_xy if name in _XY else lower
    function.__doc__ = f"`{BINARY[name].template}`, element by element."
    return function


for _name in UNARY:
    op(_name)(_lower_unary(_name))
for _name in BINARY:
    op(_name)(_lower_binary(_name))


@op("Round")
def round_(b: Builder, x: Value, *, decimals: int = 0) -> Value:
    """`x.round()`, halves to even."""
    x = rules.tensor(b, x)
    if x.dtype in INTEGERS and decimals >= 0:
        return b.elementwise("x", x=x)
    operands: dict[str, Any] = {"decimals": decimals} if decimals else {}
    operands["x"] = b.cast(x, "float32") if x.dtype in INTEGERS else x
    return b.cast(b.elementwise(f"x.round({'decimals=decimals' if decimals else ''})", **operands), x.dtype)


@op("NanToNum")
def nan_to_num(
    b: Builder, x: Value, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Value:
    """`x.nan_to_num()`."""
    x = rules.tensor(b, x)
    if x.dtype not in FLOATS:
        return b.elementwise("x", x=x)
    options = {"nan": nan, "posinf": posinf, "neginf": neginf}
    given: dict[str, Any] = {name: value for name, value in options.items() if value not in (None, 0.0)}
    arguments = ", ".join(f"{name}={name}" for name in given)
    return b.elementwise(f"x.nan_to_num({arguments})", x=x, **given)


@op("Copy")
def copy(b: Builder, x: Value) -> Value:  # noqa: ARG001 - a layer function's first parameter
    """Its input."""
    return x
