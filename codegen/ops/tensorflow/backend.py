"""Functions of `keras.backend` that Keras 2 saves as such, not as the TensorFlow functions inside of them."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.ops.keras import elementwise, losses
from codegen.ops.tensorflow.functions import tensors, tf


@tf("keras.backend.batch_flatten")
def batch_flatten(b: Builder, x: Any) -> Value:
    """(N, ...) -> (N, product of the rest)."""
    return b.flatten(rules.tensor(b, x))


@tf("keras.backend.flatten")
def flatten(b: Builder, x: Any) -> Value:
    """All elements in one axis."""
    x = rules.native(b, x)
    return b.reshape(x, (rules.elements(x.shape),))


@tf("keras.backend.switch")
def switch(b: Builder, condition: Any, then_expression: Any, else_expression: Any) -> Value:
    """`torch.where(condition, x, y)`, of one condition."""
    x, y = tensors(b, then_expression, else_expression)
    return elementwise.where(b, condition, x, y)


@tf("keras.backend.binary_crossentropy")
def binary_crossentropy(b: Builder, target: Any, output: Any, from_logits: bool = False) -> Value:
    """The loss of each element."""
    x, y = rules.tensor(b, output), rules.tensor(b, target)
    x, from_logits = losses.logits(x, from_logits, "torch.sigmoid")
    if from_logits:
        return b.elementwise('F.binary_cross_entropy_with_logits(x, y, reduction="none")', x=x, y=y)
    x = b.elementwise("x.clamp(1e-07, 1 - 1e-07)", x=x)
    return b.elementwise("-(y * (x + 1e-07).log() + (1 - y) * (1 - x + 1e-07).log())", x=x, y=y)


@tf("keras.backend.categorical_crossentropy")
def categorical_crossentropy(
    b: Builder, target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Value:
    """The loss of each sample, for targets as distributions."""
    return losses.categorical_crossentropy(b, target, output, from_logits=from_logits, axis=axis)


@tf("keras.backend.sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    b: Builder,
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: Any = None,
) -> Value:
    """The loss of each sample, for targets as class numbers."""
    if ignore_class is not None:
        b.unsupported("ignore_class", ignore_class, "supported: None")
    return losses.sparse_categorical_crossentropy(b, target, output, from_logits=from_logits, axis=axis)


@tf("keras.backend.ctc_batch_cost")
def ctc_batch_cost(b: Builder, y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Value:
    """The CTC loss of each sample, (N, 1); the last class is the blank."""
    x = b.elementwise("(x + 1e-07).log()", x=rules.tensor(b, y_pred))
    inputs, labels = (b.reshape(v, v.shape[:-1]) for v in tensors(b, input_length, label_length))
    loss = losses.ctc_loss(b, y_true, x, labels, inputs, mask_index=-1)
    return b.op("x.unsqueeze(1)", shape=(*loss.shape, 1), perm=(0, 1), x=loss)
