"""Functions of Python's own, and of its module `math`, on constants and tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen.evaluation.meaning import operators
from codegen.evaluation.meaning.budget import check_bits, check_count
from codegen.evaluation.meaning.operators import NUMBERS, python_result
from codegen.evaluation.meaning.tools import Tools, has_tensor
from codegen.evaluation.meaning.values import Builtin, Cursor, Library, NotEvaluated
from codegen.graph import Host, Value

#: What is called for an error that is then raised.
ERRORS = frozenset(
    {"ArithmeticError", "AssertionError", "AttributeError", "Exception", "IndexError", "KeyError"}
    | {"NotImplementedError", "RuntimeError", "TypeError", "ValueError", "ZeroDivisionError"}
)
_HOSTILE = {
    "open": "opens files",
    "eval": "runs text as code",
    "exec": "runs text as code",
    "compile": "compiles code",
    "__import__": "imports modules by name",
    "getattr": "looks attributes up by name",
    "setattr": "sets attributes by name",
    "globals": "looks variables up by name",
    "locals": "looks variables up by name",
    "vars": "looks variables up by name",
    "input": "asks for input",
}


def call(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`name(*args, **kwargs)`."""
    if name in ERRORS:
        return Builtin(name)
    if name in _HOSTILE:
        raise NotEvaluated(f"{_HOSTILE[name]} ({name})")
    if name not in _FUNCTIONS:
        raise NotEvaluated(f"calls {name}(), which is not supported")
    if name != "print":
        operators.refuse_unknown(*args, *kwargs.values())
    try:
        return _FUNCTIONS[name](t, *args, **kwargs)
    except TypeError as error:
        raise NotEvaluated(f"calls {name}() wrongly ({error})") from error


def _range(_: Tools, *args: Any) -> range:
    numbers = [arg.item() if isinstance(arg, np.integer) else arg for arg in args]
    if not all(isinstance(number, int) for number in numbers):
        raise NotEvaluated(
            "loops as often as a tensor says" if has_tensor(*args) else "loops over what is no number"
        )
    made = python_result(range, *numbers)
    span = made.stop - made.start
    check_count(abs(span) // max(abs(made.step), 1) if span * made.step > 0 else 0)
    result: range = made
    return result


def _len(t: Tools, value: Any) -> int:
    if isinstance(value, Value):
        size = value.shape[0] if value.rank else None
        if size is None:
            raise NotEvaluated("asks for the length of an axis whose size is open")
        return size
    return len(operators.items(t, value))


def _sum(t: Tools, values: Any, start: Any = 0) -> Any:
    total = start
    for value in operators.items(t, values):
        total = operators.binary(t, "+", total, value)
    return total


def _extreme(operator: str) -> Callable[..., Any]:
    def extreme(t: Tools, *args: Any) -> Any:
        values = list(args) if len(args) > 1 else list(operators.items(t, args[0]))
        if not values:
            raise NotEvaluated("asks for the greatest of nothing")
        best = values[0]
        for value in values[1:]:
            if operators.truth(operators.compare(t, operator, value, best)):
                best = value
        return best

    return extreme


def _abs(t: Tools, value: Any) -> Any:
    return t.tf("math.abs", value) if isinstance(value, Value) else python_result(abs, value)


def _number(kind: type) -> Callable[..., Any]:
    def convert(_: Tools, value: Any = 0) -> Any:
        if isinstance(value, Value) or not isinstance(value, (*NUMBERS, np.ndarray, str)):
            raise NotEvaluated(f"makes a number of a tensor ({kind.__name__})")
        return python_result(kind, value)

    return convert


def _round(_: Tools, value: Any, digits: Any = None) -> Any:
    if not isinstance(value, NUMBERS):
        raise NotEvaluated("rounds a tensor by round()")
    return python_result(round, value, digits)


def _isinstance(_: Tools, value: Any, kinds: Any) -> bool:
    return any(is_a(value, kind) for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))


_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,), "int": (int,), "float": (float,), "str": (str,), "list": (list,), "tuple": (tuple,),
    "dict": (dict,), "set": (set,), "ndarray": (np.ndarray,),
}  # fmt: skip


def is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of a type of Python's own, or a tensor."""
    name = kind.name if isinstance(kind, Builtin) else getattr(kind, "path", "").rpartition(".")[2]
    if name in ("Tensor", "KerasTensor"):
        return isinstance(value, Value)
    if name not in _TYPES:
        raise NotEvaluated("asks for the type of a value")
    return isinstance(value, _TYPES[name]) and not isinstance(value, Value)


def _zip(t: Tools, *values: Any, strict: Any = False) -> list[Any]:
    found = [operators.items(t, value) for value in values]
    if strict and len(set(map(len, found))) > 1:
        raise NotEvaluated("zips lists of several lengths strictly")
    return [tuple(group) for group in zip(*found, strict=False)]


def _enumerate(t: Tools, values: Any, start: int = 0) -> list[Any]:
    return [(start + index, value) for index, value in enumerate(operators.items(t, values))]


def _map(t: Tools, function: Any, *values: Any) -> list[Any]:
    return [t.call(function, list(group), {}) for group in _zip(t, *values)]


def _next(_: Tools, values: Any) -> Any:
    if not isinstance(values, Cursor) or not values.has_more():
        raise NotEvaluated("asks for an item behind the last")
    return values.next()


def _quantified(*, wanted: bool) -> Callable[..., bool]:
    def quantified(t: Tools, values: Any) -> bool:
        found = [operators.truth(value) for value in operators.items(t, values)]
        return any(found) if wanted else all(found)

    return quantified


def _sorted(t: Tools, values: Any) -> list[Any]:
    found = operators.items(t, values)
    if has_tensor(list(found)):
        raise NotEvaluated("sorts tensors by sorted()")
    result: list[Any] = python_result(sorted, found)
    return result


def _hasattr(_: Tools, value: Any, name: Any) -> bool:
    if isinstance(value, Value):
        return name in ("shape", "dtype", "get_shape", "_keras_shape")
    raise NotEvaluated("asks for the attributes of a value")


def _divmod(t: Tools, a: Any, b: Any) -> tuple[Any, Any]:
    both = {"floors": False, "in_place": False}
    return operators.binary(t, "//", a, b, **both), operators.binary(t, "%", a, b, **both)


def _pow(t: Tools, a: Any, b: Any) -> Any:
    return operators.binary(t, "**", a, b)


def _str(_: Tools, value: Any = "") -> str:
    if not isinstance(value, (str, int)):
        raise NotEvaluated("makes a text of a value")
    return str(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": _abs,
    "all": _quantified(wanted=False),
    "any": _quantified(wanted=True),
    "bool": lambda _, value=False: operators.truth(value),
    "dict": lambda _, **items: items,
    "divmod": _divmod,
    "enumerate": _enumerate,
    "float": _number(float),
    "hasattr": _hasattr,
    "int": _number(int),
    "isinstance": _isinstance,
    "iter": lambda t, values: Cursor(operators.items(t, values)),
    "len": _len,
    "list": lambda t, values=(): list(operators.items(t, values)),
    "map": _map,
    "max": _extreme(">"),
    "min": _extreme("<"),
    "next": _next,
    "pow": _pow,
    "print": lambda _t, *_args, **_kwargs: None,
    "range": _range,
    "reversed": lambda t, values: list(reversed(operators.items(t, values))),
    "round": _round,
    "slice": lambda _, *bounds: python_result(slice, *bounds),
    "sorted": _sorted,
    "str": _str,
    "sum": _sum,
    "tuple": lambda t, values=(): tuple(operators.items(t, values)),
    "xrange": _range,
    "zip": _zip,
}
NAMES = frozenset(_FUNCTIONS) | ERRORS | frozenset(_HOSTILE)
#: Constants of Python's own.
CONSTANTS = {"None": None, "True": True, "False": False, "Ellipsis": ...}


# -------------------------------------------------------------------- math

_MATH: dict[str, Callable[..., Any]] = {
    "acos": math.acos, "asin": math.asin, "atan": math.atan, "atan2": math.atan2, "ceil": math.ceil,
    "cos": math.cos, "cosh": math.cosh, "degrees": math.degrees, "erf": math.erf, "exp": math.exp,
    "fabs": math.fabs, "floor": math.floor, "fmod": math.fmod, "gcd": math.gcd, "hypot": math.hypot,
    "isfinite": math.isfinite, "isinf": math.isinf, "isnan": math.isnan, "log": math.log,
    "log10": math.log10, "log1p": math.log1p, "log2": math.log2, "pow": math.pow,
    "radians": math.radians, "sin": math.sin, "sinh": math.sinh, "sqrt": math.sqrt, "tan": math.tan,
    "tanh": math.tanh, "trunc": math.trunc,
}  # fmt: skip
MATH_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan}


def call_math(name: str, args: Sequence[Any]) -> Any:
    """A function of the module `math`."""
    if name not in _MATH:
        raise NotEvaluated(f"calls math.{name}, which is not supported")
    if any(isinstance(arg, (Value, Host, Library)) for arg in args):
        raise NotEvaluated(f"calls math.{name} on a tensor")
    for arg in args:
        if isinstance(arg, int):
            check_bits(arg.bit_length())
    return python_result(_MATH[name], *args)
