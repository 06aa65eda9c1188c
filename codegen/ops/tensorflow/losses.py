"""Loss functions of Keras 2 that a functional model calls, which keep all axes but the last."""

from __future__ import annotations

from collections.abc import Mapping

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras import losses
from codegen.ops.keras.reductions import reduction
from codegen.ops.tensorflow import backend
from codegen.ops.tensorflow.arguments import Given, Tensor
from codegen.ops.tensorflow.functions import tf
from codegen.ops.tensorflow.reductions import l2_normalize

#: Losses of one element, of the prediction `x` and the target `y`, whose mean is taken.
_OF_ELEMENTS = {
    "mean_squared_error": "(x - y).square()",
    "mean_absolute_error": "(x - y).abs()",
    "mean_absolute_percentage_error": "100 * ((y - x) / y.abs().clamp(min=1e-07)).abs()",
    "mean_squared_logarithmic_error": "(x.clamp(min=1e-07).log1p() - y.clamp(min=1e-07).log1p()).square()",
    "log_cosh": "x - y + F.softplus(2 * (y - x)) - math.log(2)",
    "poisson": "x - y * (x + 1e-07).log()",
}
#: The same for targets -1 and 1.
_OF_SIGNS = {"hinge": "(1 - y * x).clamp(min=0)", "squared_hinge": "(1 - y * x).clamp(min=0).square()"}


def _names(*losses: str) -> list[str]:
    return [f"keras.{module}.{loss}" for loss in losses for module in ("losses", "metrics")]


def _variants(templates: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"template": template} for loss, template in templates.items() for name in _names(loss)}


@tf(_variants(_OF_ELEMENTS))
def mean_loss(b: Builder, y_true: Given, y_pred: Tensor, *, template: str) -> Value:
    """The mean of the losses of the elements."""
    y = rules.tensor(b, y_true, y_pred.dtype)
    return reduction(b, "Mean", b.elementwise(template, x=y_pred, y=y), -1)


@tf(_variants(_OF_SIGNS))
def hinge(b: Builder, y_true: Given, y_pred: Tensor, *, template: str) -> Value:
    """The same, where targets 0 and 1 mean -1 and 1."""
    y = rules.tensor(b, y_true, y_pred.dtype)
    y = b.elementwise("torch.where(((y == 0) | (y == 1)).all(), 2 * y - 1, y)", y=y)
    return mean_loss(b, y, y_pred, template=template)


@tf(*_names("huber"))
def huber(b: Builder, y_true: Given, y_pred: Given, delta: float = 1.0) -> Value:
    """The mean of `F.huber_loss`."""
    x, y = (rules.tensor(b, value, "float32") for value in (y_pred, y_true))
    template = 'F.huber_loss(x, y, reduction="none", delta=delta)'
    return reduction(b, "Mean", b.elementwise(template, x=x, y=y, delta=delta), -1)


@tf(*_names("categorical_hinge"))
def categorical_hinge(b: Builder, y_true: Given, y_pred: Tensor) -> Value:
    """How far the largest score of a wrong class comes near that of the right one."""
    x, y = y_pred, rules.tensor(b, y_true, y_pred.dtype)
    right = reduction(b, "Sum", b.elementwise("y * x", x=x, y=y), -1)
    wrong = reduction(b, "Amax", b.elementwise("(1 - y) * x", x=x, y=y), -1)
    return b.elementwise("(wrong - right + 1).clamp(min=0)", wrong=wrong, right=right)


@tf(*_names("kl_divergence"))
def kl_divergence(b: Builder, y_true: Given, y_pred: Tensor) -> Value:
    """The Kullback-Leibler divergence of distributions."""
    pair = (y_pred, rules.tensor(b, y_true, y_pred.dtype))
    x, y = (b.elementwise("x.clamp(1e-07, 1)", x=value) for value in pair)
    return reduction(b, "Sum", b.elementwise("y * (y / x).log()", x=x, y=y), -1)


@tf(*_names("cosine_similarity"))
def cosine_similarity(b: Builder, y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Value:
    """The cosine of the angle between vectors, negated."""
    x, y = (l2_normalize(b, value, axis) for value in (y_pred, y_true))
    total = reduction(b, "Sum", b.elementwise("x * y", x=x, y=y), axis)
    return b.elementwise("-x", x=total)


@tf(*_names("binary_crossentropy"))
def binary_crossentropy(
    b: Builder,
    y_true: Given,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Value:
    """The mean of the cross entropies of the elements."""
    y = _smooth(b, rules.tensor(b, y_true, y_pred.dtype), label_smoothing, 2)
    loss = backend.binary_crossentropy(b, y, y_pred, from_logits=from_logits)
    return reduction(b, "Mean", loss, axis)


@tf(*_names("categorical_crossentropy"))
def categorical_crossentropy(
    b: Builder,
    y_true: Given,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Value:
    """The cross entropy of distributions."""
    y = rules.tensor(b, y_true, y_pred.dtype)
    y = _smooth(b, y, label_smoothing, b.known(y, -1))
    return losses.categorical_crossentropy(b, y, y_pred, from_logits=from_logits, axis=axis)


@tf(*_names("sparse_categorical_crossentropy"))
def sparse_categorical_crossentropy(
    b: Builder, y_true: Given, y_pred: Given, from_logits: bool = False, axis: int = -1
) -> Value:
    """The cross entropy of distributions and class numbers."""
    return losses.sparse_categorical_crossentropy(b, y_true, y_pred, from_logits=from_logits, axis=axis)


def _smooth(b: Builder, y: Value, share: float, classes: int) -> Value:
    """Targets of which a share goes to all classes alike."""
    if not share:
        return y
    return b.elementwise("y * kept + share", y=y, kept=1 - share, share=share / classes)
