"""Graph ops that work element by element: tables from Keras' op to torch's expression."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import Number, TensorLike, Term, is_host, is_tensor
from codegen.lowering.parts.rules import op
from codegen.model.spec import Constant

#: What an op does to the dtype. "same": nothing; "float": integers become float32, as torch does itself;
#: "cast": the same, but torch would not; "bool": the result is bool.
DtypeRule = Literal["same", "float", "cast", "bool"]

UNARY: dict[str, tuple[str, DtypeRule]] = {
    "Absolute": ("x.abs()", "same"),
    "Abs": ("x.abs()", "same"),
    "Angle": ("x.angle()", "float"),
    "Arccos": ("x.acos()", "float"),
    "Arccosh": ("x.acosh()", "float"),
    "Arcsin": ("x.asin()", "float"),
    "Arcsinh": ("x.asinh()", "float"),
    "Arctan": ("x.atan()", "float"),
    "Arctanh": ("x.atanh()", "float"),
    "BitwiseInvert": ("~x", "same"),
    "BitwiseNot": ("~x", "same"),
    "Cbrt": ("x.sign() * x.abs() ** (1 / 3)", "cast"),
    "Ceil": ("x.ceil()", "cast"),
    "Conj": ("torch.conj_physical(x)", "same"),
    "Conjugate": ("torch.conj_physical(x)", "same"),
    "Cos": ("x.cos()", "float"),
    "Cosh": ("x.cosh()", "float"),
    "Deg2rad": ("torch.deg2rad(x)", "float"),
    "Erf": ("torch.erf(x)", "float"),
    "Erfc": ("torch.erfc(x)", "float"),
    "Erfinv": ("torch.erfinv(x)", "float"),
    "Exp": ("x.exp()", "float"),
    "Exp2": ("x.exp2()", "float"),
    "Expm1": ("x.expm1()", "float"),
    "Fabs": ("x.abs()", "cast"),
    "Floor": ("x.floor()", "cast"),
    "I0": ("torch.i0(x)", "float"),
    "Isfinite": ("x.isfinite()", "bool"),
    "Isinf": ("x.isinf()", "bool"),
    "Isnan": ("x.isnan()", "bool"),
    "Isneginf": ("x.isneginf()", "bool"),
    "Isposinf": ("x.isposinf()", "bool"),
    "Isreal": ("x.isreal()", "bool"),
    "Log": ("x.log()", "float"),
    "Log10": ("x.log10()", "float"),
    "Log1p": ("x.log1p()", "float"),
    "Log2": ("x.log2()", "float"),
    "LogicalNot": ("x.logical_not()", "bool"),
    "Negative": ("-x", "same"),
    "Rad2deg": ("torch.rad2deg(x)", "float"),
    "Reciprocal": ("x.reciprocal()", "float"),
    "Rsqrt": ("x.rsqrt()", "float"),
    "Sign": ("x.sign()", "same"),
    "Signbit": ("x.signbit()", "bool"),
    "Sin": ("x.sin()", "float"),
    "Sinc": ("x.sinc()", "float"),
    "Sinh": ("x.sinh()", "float"),
    "Sqrt": ("x.sqrt()", "float"),
    "Square": ("x.square()", "same"),
    "StopGradient": ("x.detach()", "same"),
    "Tan": ("x.tan()", "float"),
    "Tanh": ("x.tanh()", "float"),
    "Trunc": ("x.trunc()", "same"),
    "Digamma": ("torch.digamma(x)", "float"),
    "Lgamma": ("torch.lgamma(x)", "float"),
    "Ndtri": ("torch.special.ndtri(x)", "float"),
    "Rint": ("x.round()", "same"),
}

_NON_NEGATIVE = frozenset({"Absolute", "Abs", "Fabs", "Exp", "Exp2", "Square", "Sqrt"})

#: What leaves truth values as they are.
_KEEPS_BOOL = frozenset({"Absolute", "Abs", "StopGradient", "Trunc", "BitwiseInvert", "BitwiseNot"})

#: What makes float64 of int64; all others make float32.
_WIDE = frozenset({"Cbrt", "Deg2rad", "Rad2deg", "I0", "Heaviside", "Hypot"})

#: Template, what becomes of the dtype, and the same for numbers of the host (None: needs tensors on
#: both sides).
BINARY: dict[str, tuple[str, DtypeRule, Callable[..., Number] | None]] = {
    "Add": ("x + y", "same", operator.add),
    "Subtract": ("x - y", "same", operator.sub),
    "Multiply": ("x * y", "same", operator.mul),
    "Divide": ("x / y", "float", operator.truediv),
    "TrueDivide": ("x / y", "float", operator.truediv),
    "FloorDivide": ("x // y", "same", operator.floordiv),
    "Mod": ("x % y", "same", operator.mod),
    "Power": ("x ** y", "same", operator.pow),
    "SquaredDifference": ("(x - y) ** 2", "same", lambda x, y: (x - y) ** 2),
    "Equal": ("x == y", "bool", operator.eq),
    "NotEqual": ("x != y", "bool", operator.ne),
    "Greater": ("x > y", "bool", operator.gt),
    "GreaterEqual": ("x >= y", "bool", operator.ge),
    "Less": ("x < y", "bool", operator.lt),
    "LessEqual": ("x <= y", "bool", operator.le),
    "BitwiseAnd": ("x & y", "same", operator.and_),
    "BitwiseOr": ("x | y", "same", operator.or_),
    "BitwiseXor": ("x ^ y", "same", operator.xor),
    "BitwiseLeftShift": ("x << y", "same", operator.lshift),
    "LeftShift": ("x << y", "same", operator.lshift),
    "BitwiseRightShift": ("x >> y", "same", operator.rshift),
    "RightShift": ("x >> y", "same", operator.rshift),
    "Arctan2": ("torch.atan2(x, y)", "float", None),
    "Fmax": ("torch.fmax(x, y)", "same", None),
    "Fmin": ("torch.fmin(x, y)", "same", None),
    "Fmod": ("torch.fmod(x, y)", "same", None),
    "Gcd": ("torch.gcd(x, y)", "same", None),
    "Heaviside": ("torch.heaviside(x, y)", "float", None),
    "Hypot": ("torch.hypot(x, y)", "float", None),
    "Lcm": ("torch.lcm(x, y).abs()", "same", None),
    "Ldexp": ("torch.ldexp(x, y)", "float", None),
    "Logaddexp": ("torch.logaddexp(x, y)", "float", None),
    "Logaddexp2": ("torch.logaddexp2(x, y)", "float", None),
    "Nextafter": ("torch.nextafter(x, y)", "float", None),
    "DivideNoNan": ("torch.where(y == 0, torch.zeros_like(x / y), x / y)", "float", None),
    "MultiplyNoNan": ("torch.where(y == 0, torch.zeros_like(x * y), x * y)", "float", None),
    "Xdivy": ("torch.where(x == 0, torch.zeros_like(x / y), x / y)", "float", None),
    "Xlogy": ("torch.xlogy(x, y)", "float", None),
    "Xlog1py": ("torch.special.xlog1py(x, y)", "float", None),
    "TruncateDiv": ('torch.div(x, y, rounding_mode="trunc")', "same", None),
}

#: What functions of TensorFlow have, but `keras.ops` does not.
_NO_OPS = frozenset({
    "Digamma", "Lgamma", "MultiplyNoNan", "Ndtri", "Rint", "SquaredDifference", "TruncateDiv", "Xdivy",
    "Xlog1py", "Xlogy",
})  # fmt: skip

#: Ops in which Python's numbers are tensors of int32 and float32; in all others they take on the other
#: side's dtype.
_STRONG = frozenset(BINARY) - {
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "DivideNoNan", "FloorDivide", "Power", "Fmax",
    "Fmin",
}  # fmt: skip

#: What Keras does with truth values as numbers.
_NO_BOOLS = frozenset({"x - y", "x // y", "x % y", "x ** y", "torch.fmod(x, y)"})

#: Ops of bitwise names call their arguments otherwise.
_XY = frozenset(name for name in BINARY if name.startswith(("Bitwise", "LeftShift", "RightShift")))


def unary(b: Builder, name: str, x: TensorLike) -> Value:
    """Apply an op of `UNARY`."""
    template, rule = UNARY[name]
    x = rules.tensor(b, x)
    if x.dtype == "bool" and name in _KEEPS_BOOL and not name.startswith("Bitwise"):
        return b.elementwise("x", x=x)
    if x.dtype == "bool" and rule != "bool" and name not in _KEEPS_BOOL:
        x = b.cast(x, "int32" if rule == "same" else "float32")
    if x.dtype == "int64" and name in _WIDE:
        x = b.cast(x, "float64")
    dtype = x.dtype if rule == "same" else "bool" if rule == "bool" else rules.float_type(x)
    if name == "LogicalNot" and x.dtype == "bool":
        template = "~x"
    if name.startswith("Conj") and x.dtype not in COMPLEX:
        return b.elementwise("x", x=x, dtype=dtype)
    if rule == "cast":
        x = b.cast(x, dtype)
    if name == "Sign" and x.dtype in COMPLEX:
        template = "x.sgn()"
    if name == "Angle" and x.dtype in COMPLEX:
        dtype = "float64" if x.dtype == "complex128" else "float32"
    return b.elementwise(template, dtype=dtype, non_negative=name in _NON_NEGATIVE, x=x)


def binary(b: Builder, name: str, x: TensorLike, y: TensorLike) -> Value:
    """Apply an op of `BINARY`."""
    template, rule, function = BINARY[name]
    if function and is_host(x) and is_host(y):
        return rules.host_map(b, template, function, (x, y))
    if name.endswith("Shift"):
        return _shifted(b, template, _strong(x), y)
    if name in _STRONG:
        x, y = (_strong(v) for v in (x, y))
    if name in _WIDE and rules.result_type(operand(b, x), operand(b, y)) == "int64":
        x, y = (rules.tensor(b, v, "float64") for v in (x, y))
    return elementwise(b, template, rule, x, y, tensors=function is None)


def _shifted(b: Builder, template: str, x: TensorLike, y: TensorLike) -> Value:
    """A shift by at least no bit and at most all but one, as TensorFlow shifts."""
    dtype = rules.result_type(operand(b, x), operand(b, y))
    bits = 8 * np.dtype(dtype).itemsize
    if isinstance(y, int):  # in the dtype of `x`, where a number below zero may be a large one
        y = min(max(y % 2 ** bits if dtype.startswith("u") else y, 0), bits - 1)
    else:
        y = b.elementwise("y.clamp(0, last)", y=rules.tensor(b, y, dtype), last=bits - 1)
    return elementwise(b, template, "same", x, y)


def _strong(value: TensorLike) -> Any:
    """A number of Python as a tensor."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return Constant(value, "int32" if isinstance(value, int) else "float32")


def elementwise(
    b: Builder,
    template: str,
    rule: DtypeRule,
    x: TensorLike,
    y: TensorLike,
    *,
    tensors: bool = False,
    **operands: Any,
) -> Value:
    """An expression of `x` and `y`.

    Args:
        b: The layer's builder.
        template: The expression.
        rule: What becomes of the dtype.
        x: A tensor, a constant or a number.
        y: The same.
        tensors: Whether torch wants a tensor on both sides.
        operands: What else the template reads.
    """
    x, y = operand(b, x), operand(b, y)
    dtype = rules.result_type(x, y)
    if rule == "float":
        dtype = rules.float_type(x, y)
    elif dtype == "bool" and rule == "same" and template in _NO_BOOLS:
        dtype = "int32"
    wanted = "float32" if dtype == "bool" and rule == "float" else dtype
    division = template == "x / y" and rules.torch_type([v for v in (x, y) if not isinstance(v, Constant)])
    if division in INTEGERS and dtype == "float32":
        wanted = str(division)  # torch's true division makes float32 of integers, as Keras does
    x, y = rules.unify(b, (x, y), wanted)
    if template == "x - y":  # torch subtracts no truth values
        x, y = (b.cast(v, wanted) if isinstance(v, Value) and v.dtype == "bool" else v for v in (x, y))
    if tensors:
        x, y = (b.cast(v, wanted) if is_tensor(v) else v for v in (x, y))
        like = x if is_tensor(x) else y
        x, y = (
            v if is_tensor(v) else b.op("x.new_full((), n)", shape=(), dtype=wanted, x=like, n=v)
            for v in (x, y)
        )
    return b.elementwise(template, dtype="bool" if rule == "bool" else dtype, x=x, y=y, **operands)


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

    lower.__doc__ = f"`{UNARY[name][0]}`, element by element."
    return lower


def _lower_binary(name: str) -> Callable[..., Value]:
    def lower(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
        return binary(b, name, x1, x2)

    def lower_xy(b: Builder, x: TensorLike, y: TensorLike) -> Value:
        return binary(b, name, x, y)

    function = lower_xy if name in _XY else lower
    function.__doc__ = f"`{BINARY[name][0]}`, element by element."
    return function


for _name in UNARY.keys() - _NO_OPS:
    op(_name)(_lower_unary(_name))
for _name in BINARY.keys() - _NO_OPS:
    op(_name)(_lower_binary(_name))


@op("Maximum", "Minimum")
def maximum(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """`torch.maximum(x, y)` or `torch.minimum(x, y)`; with a number, `x.clamp(min=y)`."""
    return extremum(b, b.spec.class_name, x1, x2)


def extremum(b: Builder, name: str, x: TensorLike, y: TensorLike) -> Value:
    """The larger or, with name "Minimum", the smaller of two."""
    low = name == "Maximum"
    if is_host(x) and is_host(y):
        return rules.host_map(b, "max(x, y)" if low else "min(x, y)", max if low else min, (x, y))
    x, y = operand(b, x), operand(b, y)
    dtype = rules.result_type(x, y)
    x, y = rules.unify(b, (x, y), dtype)
    if is_host(x):
        x, y = y, x
    if is_host(y):
        x = rules.tensor(b, x, dtype)
        positive = low and not isinstance(y, Value) and y >= 0
        template = "F.relu(x)" if positive and y == 0 else "x.clamp(min=y)" if low else "x.clamp(max=y)"
        operands: dict[str, Any] = {} if template == "F.relu(x)" else {"y": y}
        return b.elementwise(template, dtype=dtype, non_negative=positive, x=x, **operands)
    return b.elementwise("torch.maximum(x, y)" if low else "torch.minimum(x, y)", dtype=dtype, x=x, y=y)


@op("LogicalAnd", "LogicalOr", "LogicalXor")
def logical(b: Builder, x1: TensorLike, x2: TensorLike) -> Value:
    """`x & y`, `x | y` or `x ^ y` of what is not zero."""
    return logical_of(b, {"LogicalAnd": "&", "LogicalOr": "|", "LogicalXor": "^"}[b.spec.class_name], x1, x2)


def logical_of(b: Builder, symbol: str, x: TensorLike, y: TensorLike) -> Value:
    """Combine two tensors as truth values."""
    x, y = (rules.unify(b, (operand(b, v),), "bool")[0] for v in (x, y))
    x, y = (rules.tensor(b, v, "bool") if not isinstance(v, bool) else v for v in (x, y))
    return b.elementwise(f"x {symbol} y", dtype="bool", x=x, y=y)


@op("Where")
def where(
    b: Builder, condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None
) -> Value:
    """`torch.where(condition, x, y)`."""
    if x1 is None or x2 is None:
        b.unsupported("x1", None, "the indices of a condition have no fixed number")
    condition = rules.tensor(b, condition)
    condition = b.cast(condition, "bool")
    x, y = operand(b, x1), operand(b, x2)
    dtype = rules.result_type(x, y)
    x, y = rules.unify(b, (x, y), dtype) if any(isinstance(v, (Value, Constant)) for v in (x, y)) else (x, y)
    if not any(is_tensor(v) for v in (x, y)):
        x = rules.tensor(b, x, dtype)
    return b.elementwise("torch.where(condition, x, y)", dtype=dtype, x=x, y=y, condition=condition)


@op("Select")
def select(b: Builder, condlist: list[Any], choicelist: list[Any], default: TensorLike = 0) -> Value:
    """The choice of the first condition that holds, else the default; in the dtype that numpy gives."""
    choices = [default, *choicelist]
    kinds = [v if isinstance(v, (bool, int, float)) else rules.kind_of(operand(b, v)) for v in choices]
    dtype = "bfloat16" if "bfloat16" in kinds else str(np.result_type(*kinds))
    ready = [
        Constant(v, dtype) if isinstance(v, (bool, int, float)) else rules.tensor(b, v, dtype)
        for v in choices
    ]
    result: Any = ready[0]
    for condition, choice in reversed(list(zip(condlist, ready[1:], strict=True))):
        result = where(b, condition, choice, result)
    return rules.tensor(b, result)


@op("Clip")
def clip(b: Builder, x: Value, *, x_min: TensorLike, x_max: TensorLike) -> Value:
    """`x.clamp(x_min, x_max)`."""
    x = rules.tensor(b, x)
    if x.dtype == "bool":
        x = b.cast(x, "int32")
    low, high = (rules.host(v) for v in (x_min, x_max))
    numbers = [v for v in (low, high) if isinstance(v, (int, float))]
    if is_host(low) and is_host(high) and numbers == sorted(numbers):
        return b.elementwise("x.clamp(low, high)", x=x, low=low, high=high)
    if high is not None:
        x = extremum(b, "Minimum", x, high)
    return x if low is None else extremum(b, "Maximum", x, low)


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
