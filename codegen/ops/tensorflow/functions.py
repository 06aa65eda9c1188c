"""What all TensorFlow functions of a functional model share: reading their arguments, and dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from codegen.graph import Host, Value
from codegen.graph.dtypes import COMPLEX, FLOATS, INTEGERS
from codegen.lowering.binder import check_variants
from codegen.lowering.builder import Builder
from codegen.lowering.masks import MaskRule
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import is_tensor
from codegen.lowering.registry import Names, lowers, variants
from codegen.model.packages import TENSORFLOW
from codegen.model.spec import Constant

F = TypeVar("F", bound=Callable[..., Any])

DTYPES = FLOATS | INTEGERS | COMPLEX | {"bool"}

#: Arguments of TensorFlow 1 under the names that TensorFlow 2 has for them.
_OLD_NAMES = {
    "dim": "axis",
    "dimension": "axis",
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "squeeze_dims": "axis",
}

#: Arguments that say how to compute, not what.
_HINTS = frozenset({"name", "validate_indices", "use_cudnn_on_gpu", "layout", "optimize", "dtype_hint"})


def tf(*names: Names, masks: MaskRule = "drop", second: str = "") -> Callable[[F], F]:
    """Register what stands for TensorFlow functions, by the names under which Keras 2 saves them.

    The function's parameters are named as TensorFlow names them; the names of TensorFlow 1 are
    understood as well. What a call passes beyond them is refused.

    Args:
        names: "math.add", "compat.v1.transpose", ..., or mappings to arguments bound for them, see `lowers`.
        masks: See `LayerFunction`; a TensorFlow function hands no mask on.
        second: Name of the parameter that takes the second argument, whatever TensorFlow calls it.
    """

    def register(function: F) -> F:
        bound = variants(names)
        check_variants(function, bound)
        for name, variant in bound.items():
            lowers(name, package=TENSORFLOW, masks=masks)(_adapted(function, variant, second))
        return function

    return register


def _adapted(function: Callable[..., Any], variant: Mapping[str, Any], second: str) -> Callable[..., Any]:
    """A layer function that passes a call's arguments to `function` under its own names for them."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    known = {parameter.name for parameter in parameters} - variant.keys()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)

    def lower(b: Builder, /, *args: Any, **kwargs: Any) -> Any:
        given: dict[str, Any] = {}
        for name, value in kwargs.items():
            if name in _HINTS and name not in known:
                continue
            own = name if name in known else second or _OLD_NAMES.get(name, name)
            is_known = own in known or (takes_any and own not in variant)
            if is_known and given.get(own) is None:
                given[own] = value
            elif value is not None:
                b.unsupported(name, value, "no such argument is known")
        return function(b, *args, **given, **variant)

    return lower


def function_name(b: Builder) -> str:
    """The TensorFlow function that the layer stands for."""
    return str(b.spec.config.get("function", ""))


def dtype_name(b: Builder, dtype: Any, option: str = "dtype") -> str:
    """The dtype that an argument names; refused if torch has none like it."""
    if dtype not in DTYPES:
        b.unsupported(option, dtype, "supported: dtypes of numbers")
    return str(dtype)


def operands(b: Builder, *xs: Any) -> list[Any]:
    """Arguments of an element-wise function: lists of numbers in the dtype of its tensors.

    TensorFlow promotes no tensors; numbers and arrays of the graph take a tensor's dtype.
    """
    dtype = next((x.dtype for x in xs if is_tensor(x)), None)
    ready = []
    for x in xs:
        if isinstance(x, (list, tuple)) and not any(isinstance(item, Value) for item in x):
            x = rules.as_constant(b, x)
            if dtype is not None:
                x = Constant(x.values, dtype)
        ready.append(x)
    return ready


def tensors(b: Builder, *xs: Any) -> list[Value]:
    """The arguments as tensors, numbers and lists in the dtype of the first that is one."""
    dtype = next((x.dtype for x in xs if is_tensor(x)), None)
    return [rules.tensor(b, x, None if is_tensor(x) else dtype) for x in xs]


def natives(b: Builder, *xs: Any) -> list[Value]:
    """The same in Keras' layout."""
    return [b.keras_layout(x) for x in tensors(b, *xs)]


def number(b: Builder, value: Any, option: str) -> Any:
    """An argument that must be known before the model runs: a number."""
    known = rules.host(value)
    if isinstance(known, (list, tuple)) and len(known) == 1:
        (known,) = known
    if not isinstance(known, (bool, int, float)):
        b.unsupported(option, value, "supported: a number")
    return known


def integers(b: Builder, value: Any, option: str) -> tuple[int, ...]:
    """An argument that must be known before the model runs: whole numbers."""
    known = rules.host(value)
    items = known if isinstance(known, (list, tuple)) else (known,)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        b.unsupported(option, value, "supported: whole numbers")
    return tuple(items)


def axes(b: Builder, axis: Any, option: str = "axis") -> int | tuple[int, ...] | None:
    """An axis argument: None, a number or several."""
    known = rules.host(axis)
    if known is None or (isinstance(known, int) and not isinstance(known, bool)):
        return known
    return integers(b, known, option)


def same(b: Builder, x: Value) -> Value:
    """A value of its own that equals `x`."""
    return b.op("x", shape=x.shape, flat=x.flat, non_negative=x.non_negative, x=x)


def same_host(x: Any, y: Any) -> bool:
    """Whether two numbers of the host, or tuples of them, are for sure the same."""
    return bool(_meaning(x) == _meaning(y))


def _meaning(part: Any) -> Any:
    """What a number of the host is: a number, or the expression that computes it."""
    part = rules.host(part)
    if isinstance(part, tuple):
        return tuple(map(_meaning, part))
    if isinstance(part, Host) and part.node is not None:
        return part.node.form, tuple(map(_meaning, part.node.operands.values()))
    return part
