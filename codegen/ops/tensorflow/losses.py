"""Loss functions of Keras 2 that a functional model calls, which keep all axes but the last."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras import losses
from codegen.ops.keras.reductions import reduction
from codegen.ops.tensorflow import backend
from codegen.ops.tensorflow.functions import function_name, number, tf
from codegen.ops.tensorflow.reductions import l2_normalize

#: Losses of one element, of the prediction `x` and the target `y`, whose mean is taken.
_OF_ELEMENTS = {
    "mean_squared_error": "(x - y).square()",
    "mean_absolute_error": "(x - y).abs()",
    "mean_absolute_percentage_error": "100 * ((y - x) / y.abs().clamp(min=1e-07)).abs()",
    "mean_squared_logarithmic_error": "(x.clamp(min=1e-07).log1p() - y.clamp(min=1e-07).log1p()).square()",
    "hinge": "(1 - y * x).clamp(min=0)",
    "squared_hinge": "(1 - y * x).clamp(min=0).square()",
    "log_cosh": "x - y + F.softplus(2 * (y - x)) - math.log(2)",
    "poisson": "x - y * (x + 1e-07).log()",
}


def _names(*losses: str) -> list[str]:
    return [f"keras.{module}.{loss}" for loss in losses for module in ("losses", "metrics")]


def _pair(b: Builder, y_true: Any, y_pred: Any) -> tuple[Value, Value]:
    """Prediction and target, in the dtype of the prediction."""
    x = rules.tensor(b, y_pred)
    return x, rules.tensor(b, y_true, x.dtype)


@tf(*_names(*_OF_ELEMENTS))
def mean_loss(b: Builder, y_true: Any, y_pred: Any) -> Value:
    """The mean of the losses of the elements."""
    x, y = _pair(b, y_true, y_pred)
    name = function_name(b).rpartition(".")[2]
    if "hinge" in name:
        template = "torch.where(((y == 0) | (y == 1)).all(), 2 * y - 1, y)"  # labels 0 and 1 mean -1 and 1
        y = b.elementwise(template, y=y)
    return reduction(b, "Mean", b.elementwise(_OF_ELEMENTS[name], x=x, y=y), -1)


@tf(*_names("huber"))
def huber(b: Builder, y_true: Any, y_pred: Any, delta: Any = 1.0) -> Value:
    """The mean of `F.huber_loss`."""
    x, y = (rules.tensor(b, value, "float32") for value in (y_pred, y_true))
    template = 'F.huber_loss(x, y, reduction="none", delta=delta)'
    return reduction(b, "Mean", b.elementwise(template, x=x, y=y, delta=float(number(b, delta, "delta"))), -1)


@tf(*_names("categorical_hinge"))
def categorical_hinge(b: Builder, y_true: Any, y_pred: Any) -> Value:
    """How far the largest score of a wrong class comes near that of the right one."""
    x, y = _pair(b, y_true, y_pred)
    right = reduction(b, "Sum", b.elementwise("y * x", x=x, y=y), -1)
    wrong = reduction(b, "Amax", b.elementwise("(1 - y) * x", x=x, y=y), -1)
    return b.elementwise("(wrong - right + 1).clamp(min=0)", wrong=wrong, right=right)


@tf(*_names("kl_divergence"))
def kl_divergence(b: Builder, y_true: Any, y_pred: Any) -> Value:
    """The Kullback-Leibler divergence of distributions."""
    x, y = (b.elementwise("x.clamp(1e-07, 1)", x=value) for value in _pair(b, y_true, y_pred))
    return reduction(b, "Sum", b.elementwise("y * (y / x).log()", x=x, y=y), -1)


@tf(*_names("cosine_similarity"))
def cosine_similarity(b: Builder, y_true: Any, y_pred: Any, axis: Any = -1) -> Value:
    """The cosine of the angle between vectors, negated."""
    x, y = (l2_normalize(b, value, axis) for value in (y_pred, y_true))
    total = reduction(b, "Sum", b.elementwise("x * y", x=x, y=y), int(number(b, axis, "axis")))
    return b.elementwise("-x", x=total)


@tf(*_names("binary_crossentropy"))
def binary_crossentropy(
    b: Builder,
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: Any = -1,
) -> Value:
    """The mean of the cross entropies of the elements."""
    x, y = _pair(b, y_true, y_pred)
    y = _smooth(b, y, label_smoothing, 2)
    loss = backend.binary_crossentropy(b, y, x, from_logits=from_logits)
    return reduction(b, "Mean", loss, int(number(b, axis, "axis")))


@tf(*_names("categorical_crossentropy"))
def categorical_crossentropy(
    b: Builder,
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: Any = -1,
) -> Value:
    """The cross entropy of distributions."""
    x, y = _pair(b, y_true, y_pred)
    y = _smooth(b, y, label_smoothing, b.known(y, -1))
    axis = int(number(b, axis, "axis"))
    return losses.categorical_crossentropy(b, y, x, from_logits=from_logits, axis=axis)


@tf(*_names("sparse_categorical_crossentropy"))
def sparse_categorical_crossentropy(
    b: Builder, y_true: Any, y_pred: Any, from_logits: bool = False, axis: Any = -1
) -> Value:
    """The cross entropy of distributions and class numbers."""
    axis = int(number(b, axis, "axis"))
    return losses.sparse_categorical_crossentropy(b, y_true, y_pred, from_logits=from_logits, axis=axis)


def _smooth(b: Builder, y: Value, smoothing: Any, classes: int) -> Value:
    """Targets of which a share goes to all classes alike."""
    share = float(number(b, smoothing, "label_smoothing"))
    if not share:
        return y
    return b.elementwise("y * kept + share", y=y, kept=1 - share, share=share / classes)
