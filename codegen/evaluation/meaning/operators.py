"""Operators, subscripts and loops over constants and tensors, as Python and TensorFlow define them."""

from __future__ import annotations

import math
import operator as python
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen.evaluation.meaning import texts
from codegen.evaluation.meaning.budget import MAX_ELEMENTS, MAX_TEXT, check_bits, check_count
from codegen.evaluation.meaning.tools import Tools, has_tensor, non_negative
from codegen.evaluation.meaning.values import Cursor, Fields, NotEvaluated, StaticShape, Unknown
from codegen.graph import Host, Value
from codegen.graph.dtypes import INTEGERS
from codegen.model.python_code import StoredList

NUMBERS = (bool, int, float, complex, np.generic)
ARRAYS = (*NUMBERS, np.ndarray)

_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "+": python.add, "-": python.sub, "*": python.mul, "/": python.truediv, "//": python.floordiv,
    "%": python.mod, "**": python.pow, "@": python.matmul, "<<": python.lshift, ">>": python.rshift,
    "&": python.and_, "|": python.or_, "^": python.xor,
    "<": python.lt, "<=": python.le, "==": python.eq, "!=": python.ne, ">": python.gt, ">=": python.ge,
}  # fmt: skip
_TENSORFLOW = {
    "+": "math.add", "-": "math.subtract", "*": "math.multiply", "/": "math.truediv",
    "//": "math.floordiv", "%": "math.floormod", "**": "math.pow", "@": "linalg.matmul",
    "<": "math.less", "<=": "math.less_equal", "==": "math.equal", "!=": "math.not_equal",
    ">": "math.greater", ">=": "math.greater_equal",
}  # fmt: skip
_LOGICAL = {"&": ("math.logical_and", "bitwise.bitwise_and"), "|": ("math.logical_or", "bitwise.bitwise_or")}
_LOGICAL |= {"^": ("math.logical_xor", "bitwise.bitwise_xor")}


# -------------------------------------------------------------------- operators


def binary(t: Tools, operator: str, a: Any, b: Any, *, floors: bool = False, in_place: bool = False) -> Any:
    """`a operator b`.

    Args:
        t: The tools.
        operator: Python's sign, or "divide" for the `/` of Python 2.
        a: Left operand.
        b: Right operand.
        floors: Whether "divide" of whole numbers floors.
        in_place: Whether a list is changed.
    """
    refuse_unknown(a, b)
    if operator == "%" and isinstance(a, str):
        return formatted(a, b if isinstance(b, tuple) else (b,))
    if operator == "divide":
        operator = "//" if floors and is_whole(a) and is_whole(b) else "/"
    if isinstance(a, Value) or isinstance(b, Value):
        return _tensors(t, operator, a, b)
    if operator == "%" and isinstance(a, str):
        return texts.percent(a, b)
    sequences = (list, tuple, str)
    if not _has_array(a, b) and (isinstance(a, sequences) or isinstance(b, sequences)):
        return _sequences(operator, a, b, in_place=in_place)
    if not isinstance(a, (*ARRAYS, list, tuple)) or not isinstance(b, (*ARRAYS, list, tuple)):
        raise NotEvaluated(f"computes {_kind(a)} {operator} {_kind(b)}")
    _check_size(operator, a, b)
    return python_result(_PYTHON[operator], a, b)


def formatted(text: str, values: Sequence[Any]) -> Any:
    """`text % values` of texts and whole numbers in their plain form; others are only for messages."""
    is_plain = all(isinstance(value, (str, int)) for value in values)
    if not is_plain or len(_PLACE.findall(text)) != len(values) or _PLACE.sub("", text).count("%"):
        return Unknown("a text")
    rest = iter(values)
    return _PLACE.sub(lambda _: str(next(rest)), text)


#: Where a plain value stands in a text.
_PLACE = re.compile("%[sd]")


def _has_array(a: Any, b: Any) -> bool:
    return isinstance(a, np.ndarray) or isinstance(b, np.ndarray)


def is_whole(value: Any) -> bool:
    """Whether Python 2 divides it without a rest."""
    if isinstance(value, Value):
        return isinstance(value, Host) or value.dtype in INTEGERS
    return isinstance(value, (int, np.integer)) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "iu"
    )


def python_result(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a harmless function of Python or numpy makes of constants."""
    try:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)
    except (TypeError, ValueError, ArithmeticError, IndexError, KeyError) as error:
        raise NotEvaluated(
            f"computes what is an error in Python ({type(error).__name__}: {error})"
        ) from error


def _check_size(operator: str, a: Any, b: Any) -> None:
    if isinstance(a, int) and isinstance(b, int):
        bits = {
            "**": a.bit_length() * max(b, 0),
            "<<": a.bit_length() + max(b, 0),
            "*": a.bit_length() + b.bit_length(),
        }
        check_bits(bits.get(operator, 0))
    if not (isinstance(a, NUMBERS) and isinstance(b, NUMBERS)):
        shapes = (np.shape(a), np.shape(b))
        if operator == "@":
            elements = math.prod(shapes[0][:-1]) * math.prod(shapes[1][:-2]) * (shapes[1] or (1,))[-1]
        else:
            elements = math.prod(python_result(np.broadcast_shapes, *shapes))
        check_elements(elements)


def check_elements(count: float) -> None:
    """Refuse an array of more elements than a constant of a model has."""
    if count > MAX_ELEMENTS:
        raise NotEvaluated(f"makes an array of {count:.3g} elements")


def _sequences(operator: str, a: Any, b: Any, *, in_place: bool) -> Any:
    is_open = isinstance(a, StoredList) or isinstance(b, StoredList)
    if is_open and (operator != "+" or len(a) == len(b)):
        raise NotEvaluated(
            "computes with a list or an array of its closure, and the file does not tell which"
        )
    if operator == "+" and isinstance(a, str) and isinstance(b, str) and len(a) + len(b) <= MAX_TEXT:
        return a + b
    if operator == "+" and isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        check_count(len(a) + len(b))
        if in_place and type(a) is list:
            a.extend(b)
            return a
        if isinstance(a, list) == isinstance(b, list):
            return [*a, *b] if isinstance(a, list) else (*a, *b)
    sequence, count = (b, a) if isinstance(a, int) else (a, b)
    if operator == "*" and isinstance(sequence, (list, tuple)) and isinstance(count, int):
        check_count(len(sequence) * max(count, 0))
        return list(sequence) * count if isinstance(sequence, list) else tuple(sequence) * count
    raise NotEvaluated(f"computes {_kind(a)} {operator} {_kind(b)}")


def _kind(value: Any) -> str:
    return "a tensor" if isinstance(value, Value) else f"a {type(value).__name__}"


def _tensors(t: Tools, operator: str, a: Any, b: Any) -> Any:
    if operator in _LOGICAL:
        logical, bitwise = _LOGICAL[operator]
        is_bool = any(isinstance(x, Value) and x.dtype == "bool" for x in (a, b))
        return t.tf(logical if is_bool else bitwise, a, b)
    if operator not in _TENSORFLOW:
        raise NotEvaluated(f"computes {operator} of tensors")
    result = t.tf(_TENSORFLOW[operator], a, b)
    if operator in ("+", "*", "/") and t.is_non_negative(a) and t.is_non_negative(b):
        return non_negative(result)
    return result


def unary(t: Tools, operator: str, a: Any) -> Any:
    """`-a`, `+a`, `~a`, `not a`."""
    refuse_unknown(a)
    if operator == "not":
        return not truth(a)
    if isinstance(a, Value):
        if operator == "~":
            return t.tf("math.logical_not" if a.dtype == "bool" else "bitwise.invert", a)
        return a if operator == "+" else t.tf("math.negative", a)
    if not isinstance(a, ARRAYS):
        raise NotEvaluated(f"computes {operator} of {_kind(a)}")
    functions: dict[str, Callable[[Any], Any]] = {"-": python.neg, "+": python.pos, "~": python.invert}
    return python_result(functions[operator], a)


def compare(t: Tools, operator: str, a: Any, b: Any) -> Any:
    """`a < b` and the like, `a in b`, `a is b`."""
    if operator in ("is", "is not"):
        same = a is b or (isinstance(a, (bool, str)) and type(a) is type(b) and a == b)
        return same == (operator == "is")
    refuse_unknown(a, b)
    if operator in ("in", "not in"):
        found = any(compare(t, "is", a, item) or _equal(t, a, item) for item in items(t, b))
        return found == (operator == "in")
    if isinstance(a, Value) or isinstance(b, Value):
        if a is None or b is None or isinstance(a, str) or isinstance(b, str):
            return operator == "!="
        if operator in ("==", "!=") and t.versions.tensorflow != "2":
            raise NotEvaluated("compares tensors by ==, which in TensorFlow 1 asks whether they are one")
        return _tensors(t, operator, a, b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and operator in ("==", "!="):
        same = len(a) == len(b) and isinstance(a, list) == isinstance(b, list)
        equal = same and all(_equal(t, x, y) for x, y in zip(a, b, strict=True))
        return equal == (operator == "==")
    return python_result(_PYTHON[operator], a, b)


def _equal(t: Tools, a: Any, b: Any) -> bool:
    return truth(compare(t, "==", a, b))


def truth(value: Any) -> bool:
    """Whether a condition holds.

    Raises:
        NotEvaluated: It is only known when the model runs.
    """
    refuse_unknown(value)
    if isinstance(value, Value):
        raise NotEvaluated("depends on the data: a tensor decides what it does")
    if isinstance(value, np.ndarray) and value.size != 1:
        raise NotEvaluated("takes an array for a condition")
    return bool(value) if isinstance(value, (*ARRAYS, str, list, tuple, dict, set, type(None))) else True


# -------------------------------------------------------------------- parts


def items(t: Tools, value: Any) -> Sequence[Any]:
    """All that a loop over the value sees."""
    refuse_unknown(value)
    if isinstance(value, Cursor):
        return value.rest()
    if isinstance(value, (list, tuple, str)):
        return value
    if isinstance(value, (range, np.ndarray)):
        check_count(len(value))
        return list(value)
    if isinstance(value, (dict, set, frozenset)):
        return list(value)
    if isinstance(value, Value):
        first = value.shape[0] if value.rank else None
        if first is None:
            raise NotEvaluated("loops over an axis whose size is open")
        check_count(first)
        return [item(t, value, index) for index in range(first)]
    raise NotEvaluated(f"loops over {_kind(value)}")


def item(t: Tools, owner: Any, key: Any) -> Any:
    """`owner[key]`."""
    refuse_unknown(owner, key)
    if isinstance(owner, Value):
        keys = list(key) if isinstance(key, tuple) else [key]
        return t.tf("__operators__.getitem", owner, keys)
    if isinstance(owner, Mapping):
        if isinstance(key, (str, int, float, tuple)) and key in owner:
            return owner[key]
        raise NotEvaluated(
            f"looks up {key!r}, which is not there" if isinstance(key, (str, int)) else "looks up a tensor"
        )
    if isinstance(owner, (list, tuple, str, range)):
        if isinstance(key, (slice, int, np.integer)):
            found = python_result(python.getitem, owner, key)
            is_shape = isinstance(owner, StaticShape) and isinstance(key, slice)
            return StaticShape(found) if is_shape else tuple(found) if isinstance(found, Fields) else found
        raise NotEvaluated(f"takes an item of {_kind(owner)} by {_kind(key)}")
    if isinstance(owner, np.ndarray):
        if has_tensor(list(key) if isinstance(key, tuple) else key):
            return item(t, t.tensor(owner), key)
        return python_result(python.getitem, owner, key)
    raise NotEvaluated(f"takes an item of {_kind(owner)}")


def store_item(owner: Any, key: Any, value: Any) -> None:
    """`owner[key] = value`."""
    refuse_unknown(owner, key)
    if isinstance(owner, dict) and isinstance(key, (str, int, float, tuple)):
        check_count(len(owner))
        owner[key] = value
    elif (isinstance(owner, list) and isinstance(key, int)) or (
        isinstance(owner, np.ndarray) and not has_tensor(key, value)
    ):
        python_result(python.setitem, owner, key, value)
    else:
        raise NotEvaluated(f"assigns to an item of {_kind(owner)}")


def refuse_unknown(*values: Any) -> None:
    """Refuse to use a name whose value the file does not hold."""
    for value in values:
        if isinstance(value, Unknown):
            raise NotEvaluated(f"uses {value.name}, which is not in the file")
