"""Graph ops that work element by element."""

from __future__ import annotations

from tests.oracle.cases.case import Case, ops
from tests.oracle.cases.ops_models import Table, group, recorded, unary

#: Of any numbers.
_ANY: Table = {
    "Absolute": lambda x: ops.absolute(x),
    "Abs": lambda x: recorded("Abs")(x),
    "Angle": lambda x: ops.angle(x),
    "Arcsinh": lambda x: ops.arcsinh(x),
    "Arctan": lambda x: ops.arctan(x),
    "Cbrt": lambda x: ops.cbrt(x),
    "Ceil": lambda x: ops.ceil(x),
    "Conj": lambda x: recorded("Conj")(x),
    "Conjugate": lambda x: ops.conjugate(x),
    "Copy": lambda x: ops.copy(x),
    "Cos": lambda x: ops.cos(x),
    "Cosh": lambda x: ops.cosh(x),
    "Deg2rad": lambda x: ops.deg2rad(x),
    "Erf": lambda x: ops.erf(x),
    "Erfc": lambda x: ops.erfc(x),
    "Exp": lambda x: ops.exp(x),
    "Exp2": lambda x: ops.exp2(x),
    "Expm1": lambda x: ops.expm1(x),
    "Fabs": lambda x: ops.fabs(x),
    "Floor": lambda x: ops.floor(x),
    "I0": lambda x: ops.i0(x),
    "Imag": lambda x: ops.imag(x),
    "Isfinite": lambda x: ops.isfinite(x),
    "Isinf": lambda x: ops.isinf(x),
    "Isnan": lambda x: ops.isnan(x),
    "Isneginf": lambda x: ops.isneginf(x),
    "Isposinf": lambda x: ops.isposinf(x),
    "Isreal": lambda x: ops.isreal(x),
    "LogicalNot": lambda x: ops.logical_not(x),
    "NanToNum": lambda x: ops.nan_to_num(x),
    "Negative": lambda x: ops.negative(x),
    "Rad2deg": lambda x: ops.rad2deg(x),
    "Real": lambda x: ops.real(x),
    "Round": lambda x: ops.round(x, decimals=1),
    "Sign": lambda x: ops.sign(x),
    "Signbit": lambda x: ops.signbit(x),
    "Sin": lambda x: ops.sin(x),
    "Sinc": lambda x: ops.sinc(x),
    "Sinh": lambda x: ops.sinh(x),
    "Square": lambda x: ops.square(x),
    "StopGradient": lambda x: ops.stop_gradient(x),
    "Tan": lambda x: ops.tan(x),
    "Tanh": lambda x: ops.tanh(x),
    "Trunc": lambda x: ops.trunc(x),
    "Clip": lambda x: ops.clip(x, -0.5, 0.75),
    "Nextafter": lambda x: ops.nextafter(x, 2 * x),
}

#: Of numbers above zero.
_POSITIVE: Table = {
    "Log": lambda x: ops.log(x),
    "Log10": lambda x: ops.log10(x),
    "Log1p": lambda x: ops.log1p(x),
    "Log2": lambda x: ops.log2(x),
    "Reciprocal": lambda x: ops.reciprocal(x),
    "Rsqrt": lambda x: ops.rsqrt(x),
    "Sqrt": lambda x: ops.sqrt(x),
    "Arccosh": lambda x: ops.arccosh(1 + x),
}

#: Of numbers between -1 and 1.
_SMALL: Table = {
    "Arccos": lambda x: ops.arccos(x),
    "Arcsin": lambda x: ops.arcsin(x),
    "Arctanh": lambda x: ops.arctanh(x),
    "Erfinv": lambda x: ops.erfinv(x),
}

_BINARY: Table = {
    "Add": lambda x, y: ops.add(x, y),
    "Subtract": lambda x, y: ops.subtract(x, y),
    "Multiply": lambda x, y: ops.multiply(x, y),
    "Divide": lambda x, y: ops.divide(x, y),
    "DivideNoNan": lambda x, y: ops.divide_no_nan(x, ops.floor(y)),
    "TrueDivide": lambda x, y: ops.true_divide(x, y),
    "FloorDivide": lambda x, y: ops.floor_divide(x, y),
    "Mod": lambda x, y: ops.mod(x, y),
    "Fmod": lambda x, y: ops.fmod(x, y),
    "Power": lambda x, y: ops.power(ops.abs(x) + 0.1, y),
    "Equal": lambda x, y: ops.equal(ops.floor(x), ops.floor(y)),
    "NotEqual": lambda x, y: ops.not_equal(ops.floor(x), ops.floor(y)),
    "Greater": lambda x, y: ops.greater(x, y),
    "GreaterEqual": lambda x, y: ops.greater_equal(x, y),
    "Less": lambda x, y: ops.less(x, y),
    "LessEqual": lambda x, y: ops.less_equal(x, y),
    "Maximum": lambda x, y: ops.maximum(x, y),
    "Minimum": lambda x, y: ops.minimum(x, y),
    "Fmax": lambda x, y: ops.fmax(x, y),
    "Fmin": lambda x, y: ops.fmin(x, y),
    "Arctan2": lambda x, y: ops.arctan2(x, y),
    "Heaviside": lambda x, y: ops.heaviside(ops.floor(x), y),
    "Hypot": lambda x, y: ops.hypot(x, y),
    "Logaddexp": lambda x, y: ops.logaddexp(x, y),
    "Logaddexp2": lambda x, y: ops.logaddexp2(x, y),
    "LogicalAnd": lambda x, y: ops.logical_and(x > 0, y > 0),
    "LogicalOr": lambda x, y: ops.logical_or(x > 0, y > 0),
    "LogicalXor": lambda x, y: ops.logical_xor(x > 0, y > 0),
    "Isclose": lambda x, y: ops.isclose(ops.floor(x), ops.floor(y)),
    "Where": lambda x, y: ops.where(x > 0, x, y),
    "Select": lambda x, y: ops.select([x > 1, y > 1], [x, y], 0.5),
}

_INTEGERS: Table = {
    "BitwiseAnd": lambda x, y: ops.bitwise_and(x, y),
    "BitwiseInvert": lambda x, y: ops.bitwise_invert(x + y),
    "BitwiseNot": lambda x, y: ops.bitwise_not(x - y),
    "BitwiseOr": lambda x, y: ops.bitwise_or(x, y),
    "BitwiseXor": lambda x, y: ops.bitwise_xor(x, y),
    "BitwiseLeftShift": lambda x, y: ops.bitwise_left_shift(x, y),
    "LeftShift": lambda x, y: ops.left_shift(x, y),
    "BitwiseRightShift": lambda x, y: ops.bitwise_right_shift(x, y),
    "RightShift": lambda x, y: ops.right_shift(x, y),
    "Gcd": lambda x, y: ops.gcd(x, y),
    "Lcm": lambda x, y: ops.lcm(x, y),
    "Ldexp": lambda x, y: ops.ldexp(x, y),
    "Divide": lambda x, y: ops.divide(x, y + 1),
    "FloorDivide": lambda x, y: ops.floor_divide(x, y + 1),
    "Mod": lambda x, y: ops.mod(x, y + 1),
    "Power": lambda x, y: ops.power(x, y),
}

#: Integers with numbers of Python: a float makes floats of them.
_NUMBERS: Table = {
    "Arctan2": lambda x: ops.arctan2(x, 1.5),
    "BitwiseLeftShift": lambda x: ops.bitwise_left_shift(x, -1),
    "BitwiseRightShift": lambda x: ops.bitwise_right_shift(ops.cast(x, "uint8"), -1),
    "Clip": lambda x: ops.clip(x, 3, 1),
    "DivideNoNan": lambda x: ops.divide_no_nan(1.5, x),
    "Fmax": lambda x: ops.fmax(x, 2.5),
    "Fmod": lambda x: ops.fmod(x, 1.5),
    "Isclose": lambda x: ops.isclose(x, 2.0),
    "Logaddexp": lambda x: ops.logaddexp(0.5, x),
    "Round": lambda x: ops.round(7 * x, -1),
    "Subtract": lambda x: ops.subtract(x, True),
}

#: Ops that torch or Keras have for floating-point numbers only.
_FLOATS_ONLY = ("Nextafter", "Clip", "Erf", "Erfc", "I0", "Round")

_COMPLEX: Table = {
    "Polar": lambda x, y: ops.abs(ops.polar(x, y)),
    "Angle": lambda x, y: ops.angle(ops.polar(x, y)),
    "ViewAsReal": lambda x, y: ops.view_as_real(ops.polar(x, y)),
}


def _without(table: Table, names: tuple[str, ...]) -> Table:
    return {name: make for name, make in table.items() if name not in names}


CASES: list[Case] = [
    unary("ops_any", _ANY),
    unary("ops_positive", _POSITIVE, lambda x: ops.abs(x) + 0.1),
    unary("ops_small", _SMALL, lambda x: x * 0.6),
    unary("ops_any_integers", _without(_ANY, _FLOATS_ONLY), dtype="int32"),
    group("ops_binary", _BINARY, [(5, 4), (1, 4)]),
    group("ops_binary_image", {n: _BINARY[n] for n in ("Add", "Where", "Maximum")}, [(5, 4, 3), (1, 1, 3)]),
    group("ops_integers", _INTEGERS, [(5, 4), (5, 4)], ["int32", "int32"]),
    unary("ops_numbers", _NUMBERS, dtype="int32"),
    group("ops_complex", _COMPLEX, [(5, 2), (5, 2)]),
]
