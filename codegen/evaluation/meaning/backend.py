"""`keras.backend`: its functions in terms of TensorFlow's, of ops and of layers, after Keras 2's source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from codegen.evaluation.meaning import operators
from codegen.evaluation.meaning.tools import Tools, non_negative
from codegen.evaluation.meaning.values import Function, NotEvaluated
from codegen.graph import Value

FUNCTIONS: dict[str, Callable[..., Any]] = {}


def backend(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function of `keras.backend`; its parameters are the backend's, behind the tools."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[name] = function
        return function

    return register


# -------------------------------------------------------------------- element by element

_ELEMENTWISE = {
    "cos": "math.cos", "log": "math.log", "round": "math.round", "sign": "math.sign", "sin": "math.sin",
    "softplus": "math.softplus", "softsign": "nn.softsign", "stop_gradient": "stop_gradient",
    "tanh": "math.tanh", "identity": "identity", "zeros_like": "zeros_like",
}  # fmt: skip
_NON_NEGATIVE = {"abs": "math.abs", "exp": "math.exp", "sigmoid": "math.sigmoid", "square": "math.square"}
_NON_NEGATIVE["ones_like"] = "ones_like"
_PAIRS = {
    "equal": "math.equal", "greater": "math.greater", "greater_equal": "math.greater_equal",
    "less": "math.less", "less_equal": "math.less_equal", "minimum": "math.minimum",
    "not_equal": "math.not_equal", "pow": "math.pow",
}  # fmt: skip


def _one(function: str, *, is_non_negative: bool = False) -> Callable[..., Any]:
    def call(t: Tools, x: Any, dtype: Any = None, name: Any = None) -> Any:
        del name
        result = t.tf(function, x, **({"dtype": dtype} if dtype is not None else {}))
        return non_negative(result) if is_non_negative else result

    return call


def _two(function: str) -> Callable[..., Any]:
    return lambda t, x, y: t.tf(function, x, y)


FUNCTIONS |= {name: _one(function) for name, function in _ELEMENTWISE.items()}
FUNCTIONS |= {name: _one(function, is_non_negative=True) for name, function in _NON_NEGATIVE.items()}
FUNCTIONS |= {name: _two(function) for name, function in _PAIRS.items()}


@backend("maximum")
def _maximum(t: Tools, x: Any, y: Any) -> Any:
    result = t.tf("math.maximum", x, y)
    return non_negative(result) if t.is_non_negative(x) or t.is_non_negative(y) else result


@backend("sqrt")
def _sqrt(t: Tools, x: Any) -> Any:
    """Numbers below zero count as zero."""
    return non_negative(t.tf("math.sqrt", x if t.is_non_negative(x) else t.tf("math.maximum", x, 0.0)))


@backend("clip")
def _clip(t: Tools, x: Any, min_value: Any, max_value: Any) -> Any:
    bounds = (min_value, max_value)
    if isinstance(min_value, (int, float)) and isinstance(max_value, (int, float)) and max_value < min_value:
        bounds = (min_value, min_value)
    low = -np.inf if bounds[0] is None else bounds[0]
    return t.tf("clip_by_value", x, low, np.inf if bounds[1] is None else bounds[1])


@backend("relu")
def _relu(t: Tools, x: Any, alpha: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Any:
    if not alpha and max_value is None and not threshold:
        return non_negative(t.tf("nn.relu", x))
    config = {"max_value": max_value, "negative_slope": alpha, "threshold": threshold}
    return t.layer("ReLU", config, t.tensor(x))


@backend("elu")
def _elu(t: Tools, x: Any, alpha: Any = 1.0) -> Any:
    return t.tf("nn.elu", x) if alpha == 1 else t.layer("ELU", {"alpha": alpha}, t.tensor(x))


@backend("hard_sigmoid")
def _hard_sigmoid(t: Tools, x: Any) -> Any:
    """clip(x / 5 + 0.5, 0, 1), in Keras 3 as well."""
    return t.activation("hard_sigmoid", x, slope="1/5")


@backend("softmax")
def _softmax(t: Tools, x: Any, axis: Any = -1) -> Any:
    return t.tf("nn.softmax", x, axis=axis)


@backend("cast")
def _cast(t: Tools, x: Any, dtype: Any) -> Any:
    return t.cast(x, dtype)


@backend("cast_to_floatx")
def _cast_to_floatx(t: Tools, x: Any) -> Any:
    return t.cast(x, "float32")


@backend("switch")
def _switch(t: Tools, condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """A condition of fewer axes has its own in front, unlike in numpy."""
    if isinstance(condition, (bool, np.bool_)):
        return _made(t, then_expression if condition else else_expression)
    then, otherwise = _made(t, then_expression), _made(t, else_expression)
    missing = t.rank(then) - t.rank(condition)
    if missing and t.rank(condition) == 1:
        raise NotEvaluated("calls K.switch with a condition of one axis")
    if missing and t.rank(condition):
        condition = t.tf("reshape", condition, [*_open_shape(t.static_shape(condition)), *[1] * missing])
    return t.tf("where", condition, then, otherwise)


def _made(t: Tools, value: Any) -> Any:
    return t.call(value, [], {}) if isinstance(value, Function) else value


def _open_shape(shape: Sequence[int | None]) -> list[int]:
    """A shape for `reshape`."""
    if list(shape).count(None) > 1:
        raise NotEvaluated("reshapes a tensor of several open sizes")
    return [-1 if size is None else size for size in shape]


@backend("in_train_phase")
def _in_train_phase(t: Tools, x: Any, alt: Any, training: Any = None) -> Any:
    if training not in (None, False, 0):
        raise NotEvaluated("computes as in training")
    if x is not alt:
        t.b.note(f"{t.b.spec.name} computes something else in training, which is left out")
    return _made(t, alt)


@backend("in_test_phase")
def _in_test_phase(t: Tools, x: Any, alt: Any, training: Any = None) -> Any:
    return _in_train_phase(t, alt, x, training)


# -------------------------------------------------------------------- reductions


def _reduction(function: str, *, truths: bool = False, default: Any = None) -> Callable[..., Any]:
    def call(t: Tools, x: Any, axis: Any = default, keepdims: bool = False) -> Any:
        operand = x
        if truths and isinstance(x, Value) and x.dtype == "bool":
            operand = t.cast(x, "float32")
        result = t.tf(function, operand, axis=axis, keepdims=keepdims)
        return non_negative(result) if t.is_non_negative(x) else result

    return call


FUNCTIONS |= {
    "logsumexp": _reduction("math.reduce_logsumexp"),
    "max": _reduction("math.reduce_max"),
    "mean": _reduction("math.reduce_mean", truths=True),
    "min": _reduction("math.reduce_min"),
    "prod": _reduction("math.reduce_prod"),
    "sum": _reduction("math.reduce_sum"),
}


@backend("var")
def _var(t: Tools, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    operand = t.cast(x, "float32") if isinstance(x, Value) and x.dtype == "bool" else x
    return non_negative(t.tf("math.reduce_variance", operand, axis=axis, keepdims=keepdims))


@backend("std")
def _std(t: Tools, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    operand = t.cast(x, "float32") if isinstance(x, Value) and x.dtype == "bool" else x
    return non_negative(t.tf("math.reduce_std", operand, axis=axis, keepdims=keepdims))


def _quantified(function: str) -> Callable[..., Any]:
    def call(t: Tools, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return t.tf(function, t.cast(x, "bool"), axis=axis, keepdims=keepdims)

    return call


FUNCTIONS |= {"all": _quantified("math.reduce_all"), "any": _quantified("math.reduce_any")}


@backend("argmax")
def _argmax(t: Tools, x: Any, axis: Any = -1) -> Any:
    return t.tf("math.argmax", x, axis=axis)


@backend("argmin")
def _argmin(t: Tools, x: Any, axis: Any = -1) -> Any:
    return t.tf("math.argmin", x, axis=axis)


@backend("cumsum")
def _cumsum(t: Tools, x: Any, axis: Any = 0) -> Any:
    return t.tf("math.cumsum", x, axis=axis)


@backend("cumprod")
def _cumprod(t: Tools, x: Any, axis: Any = 0) -> Any:
    return t.tf("math.cumprod", x, axis=axis)


@backend("l2_normalize")
def _l2_normalize(t: Tools, x: Any, axis: Any = None) -> Any:
    return t.tf("math.l2_normalize", x, axis=axis)


# -------------------------------------------------------------------- shapes


@backend("int_shape")
def _int_shape(t: Tools, x: Any) -> Any:
    return tuple(t.static_shape(x))


@backend("shape")
def _shape(t: Tools, x: Any) -> Any:
    return t.tf("shape", x)


@backend("ndim")
def _ndim(t: Tools, x: Any) -> int:
    return t.rank(x)


@backend("dtype")
def _dtype(_: Tools, x: Any) -> str:
    if not isinstance(x, (Value, np.ndarray)):
        raise NotEvaluated("asks for the dtype of what has none")
    return str(x.dtype)


@backend("reshape")
def _reshape(t: Tools, x: Any, shape: Any) -> Any:
    return t.tf("reshape", x, shape)


@backend("flatten")
def _flatten(t: Tools, x: Any) -> Any:
    return t.tf("reshape", x, [-1])


@backend("batch_flatten")
def _batch_flatten(t: Tools, x: Any) -> Any:
    return t.tf("keras.backend.batch_flatten", x)


@backend("expand_dims")
def _expand_dims(t: Tools, x: Any, axis: Any = -1) -> Any:
    return t.tf("expand_dims", x, axis)


@backend("squeeze")
def _squeeze(t: Tools, x: Any, axis: Any) -> Any:
    return t.tf("squeeze", x, [axis])


@backend("permute_dimensions")
def _permute_dimensions(t: Tools, x: Any, pattern: Any) -> Any:
    return t.tf("transpose", x, perm=list(operators.items(t, pattern)))


@backend("transpose")
def _transpose(t: Tools, x: Any) -> Any:
    return t.tf("transpose", x)


@backend("concatenate")
def _concatenate(t: Tools, tensors: Any, axis: Any = -1) -> Any:
    return t.tf("concat", list(operators.items(t, tensors)), axis)


@backend("stack")
def _stack(t: Tools, x: Any, axis: Any = 0) -> Any:
    return t.tf("stack", list(operators.items(t, x)), axis=axis)


@backend("repeat")
def _repeat(t: Tools, x: Any, n: Any) -> Any:
    return t.layer("RepeatVector", {"n": n}, t.tensor(x))


@backend("repeat_elements")
def _repeat_elements(t: Tools, x: Any, rep: Any, axis: Any) -> Any:
    return t.tf("repeat", x, rep, axis=axis)


@backend("tile")
def _tile(t: Tools, x: Any, n: Any) -> Any:
    return t.tf("tile", x, [n] if isinstance(n, int) else n)


@backend("reverse")
def _reverse(t: Tools, x: Any, axes: Any) -> Any:
    return t.tf("reverse", x, [axes] if isinstance(axes, int) else list(operators.items(t, axes)))
