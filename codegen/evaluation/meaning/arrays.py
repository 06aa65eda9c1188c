"""Functions and methods of numpy on constants; sizes are checked before anything is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codegen.evaluation.meaning.budget import MAX_ELEMENTS
from codegen.evaluation.meaning.operators import ARRAYS, check_elements, python_result
from codegen.evaluation.meaning.tools import Tools, has_tensor
from codegen.evaluation.meaning.values import NotEvaluated

CONSTANTS: dict[str, Any] = {
    "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None, "pi": math.pi,
}  # fmt: skip
DTYPES = frozenset(
    {"bool_", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16"}
    | {"uint32", "uint64"}
)
#: Functions whose result has no more elements than their operands together.
_SMALL: dict[str, Callable[..., Any]] = {
    "abs": np.abs, "absolute": np.absolute, "add": np.add, "all": np.all, "any": np.any, "amax": np.amax,
    "amin": np.amin, "arccos": np.arccos, "arcsin": np.arcsin, "arctan": np.arctan, "argmax": np.argmax,
    "argmin": np.argmin, "argsort": np.argsort, "array": np.array, "asarray": np.asarray, "ceil": np.ceil,
    "clip": np.clip, "concatenate": np.concatenate, "cos": np.cos, "cumprod": np.cumprod,
    "cumsum": np.cumsum, "divide": np.divide, "exp": np.exp, "expand_dims": np.expand_dims, "flip": np.flip,
    "fliplr": np.fliplr, "flipud": np.flipud, "float_power": np.float_power, "floor": np.floor,
    "linalg.norm": np.linalg.norm, "log": np.log, "log10": np.log10, "log2": np.log2, "max": np.max,
    "maximum": np.maximum, "mean": np.mean, "min": np.min, "minimum": np.minimum, "mod": np.mod,
    "multiply": np.multiply, "negative": np.negative, "ones_like": np.ones_like, "power": np.power,
    "prod": np.prod, "ravel": np.ravel, "reshape": np.reshape, "roll": np.roll,
    "round": np.round, "sign": np.sign,
    "sin": np.sin, "sort": np.sort, "sqrt": np.sqrt, "square": np.square, "squeeze": np.squeeze,
    "stack": np.stack, "std": np.std, "subtract": np.subtract, "sum": np.sum, "tan": np.tan,
    "tanh": np.tanh, "transpose": np.transpose, "tril": np.tril, "triu": np.triu, "var": np.var,
    "zeros_like": np.zeros_like,
}  # fmt: skip


def _counted(*numbers: Any) -> None:
    """Refuse what asks for too many elements, or for no number of them."""
    if not all(isinstance(number, (int, float, np.number)) for number in numbers):
        raise NotEvaluated("makes an array of a size that is no number")
    check_elements(math.prod(abs(float(number)) for number in numbers))


def _sizes(shape: Any) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, (list, tuple, np.ndarray)) else (shape,)


def _shaped(function: Callable[..., Any]) -> Callable[..., Any]:
    def shaped(shape: Any, *args: Any, **kwargs: Any) -> Any:
        _counted(*_sizes(shape))
        return function(shape, *args, **kwargs)

    return shaped


def _arange(*args: Any, **kwargs: Any) -> Any:
    bounds = [float(arg) for arg in args]
    start, stop, step = {1: (0.0, *bounds, 1.0), 2: (*bounds, 1.0)}.get(len(bounds), tuple(bounds))
    check_elements(abs((stop - start) / step) if step else math.inf)
    return np.arange(*args, **kwargs)


def _linspace(start: Any, stop: Any, num: Any = 50, **kwargs: Any) -> Any:
    _counted(num, np.size(start))
    return np.linspace(start, stop, num, **kwargs)


def _eye(rows: Any, columns: Any = None, **kwargs: Any) -> Any:
    _counted(rows, rows if columns is None else columns)
    return np.eye(rows, columns, **kwargs)


def _tile(array: Any, reps: Any) -> Any:
    _counted(np.size(array), *_sizes(reps))
    return np.tile(array, reps)


def _repeat(array: Any, repeats: Any, axis: Any = None) -> Any:
    _counted(np.size(array), np.sum(repeats))
    return np.repeat(array, repeats, axis)


def _meshgrid(*arrays: Any, **kwargs: Any) -> Any:
    _counted(*(np.size(array) for array in arrays))
    return list(np.meshgrid(*arrays, **kwargs))


def _product(function: Callable[..., Any]) -> Callable[..., Any]:
    def product(a: Any, b: Any) -> Any:
        _counted(np.size(a), np.size(b))
        return function(a, b)

    return product


_LARGE: dict[str, Callable[..., Any]] = {
    "arange": _arange, "dot": _product(np.dot), "eye": _eye, "identity": _eye, "full": _shaped(np.full),
    "linspace": _linspace, "matmul": _product(np.matmul), "meshgrid": _meshgrid, "ones": _shaped(np.ones),
    "outer": _product(np.outer), "repeat": _repeat, "tile": _tile, "zeros": _shaped(np.zeros),
}  # fmt: skip


def call(t: Tools, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`numpy.name(*args, **kwargs)`."""
    if name.startswith("random."):
        raise NotEvaluated(f"draws random numbers when the model is made (np.{name})")
    if has_tensor(list(args), dict(kwargs)):
        raise NotEvaluated(f"calls np.{name} on a tensor")
    ready = [_argument(t, arg) for arg in args]
    options = {key: _argument(t, value, key) for key, value in kwargs.items()}
    if name in DTYPES:
        return python_result(np.asarray, *ready, np.dtype(name.rstrip("_")))[()]
    function = _SMALL.get(name) or _LARGE.get(name)
    if function is None:
        raise NotEvaluated(f"calls np.{name}, which is not supported")
    check_elements(sum(np.size(arg) for arg in ready if isinstance(arg, ARRAYS)))
    return _checked(python_result(function, *ready, **options))


def _checked(result: Any) -> Any:
    if isinstance(result, np.ndarray) and (result.dtype.kind not in "biufc" or result.size > MAX_ELEMENTS):
        raise NotEvaluated("makes an array of something else than numbers")
    return result


def _argument(t: Tools, value: Any, name: str = "") -> Any:
    if name == "dtype":
        return np.dtype(t.dtype(value)) if value is not None else None
    if isinstance(value, (*ARRAYS, str, type(None), slice)):
        return value
    if isinstance(value, (list, tuple, range)):
        items = [_argument(t, item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return np.dtype(t.dtype(value))


#: Methods of arrays that are functions as well, by the functions' names.
_METHODS = {
    **{
        name: name
        for name in ("all", "any", "argmax", "argmin", "clip", "cumsum", "dot", "max", "mean", "min")
    },
    **{name: name for name in ("prod", "ravel", "round", "squeeze", "std", "sum", "var")},
    "copy": "array",
    "flatten": "ravel",
}


def method(t: Tools, array: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`array.name(*args, **kwargs)`."""
    if name == "astype":
        kind = np.dtype(t.dtype(args[0] if args else kwargs.get("dtype")))
        return python_result(np.asarray, array, kind)[()]
    if name in ("reshape", "transpose"):
        sizes = args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
        return call(t, name, [array, tuple(sizes)] if sizes else [array], kwargs)
    if name == "tolist":
        return array.tolist()
    if name == "item":
        return python_result(np.ndarray.item, np.asarray(array), *args)
    if name not in _METHODS:
        raise NotEvaluated(f"calls the method {name}() of an array, which is not supported")
    return call(t, _METHODS[name], [array, *args], kwargs)
