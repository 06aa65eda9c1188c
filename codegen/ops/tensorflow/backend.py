"""Functions of `keras.backend` that Keras 2 saves as such, not as the TensorFlow functions inside of them."""

from __future__ import annotations

from codegen.graph import Value
from codegen.graph.shapes import element_count
from codegen.lowering.builder import Builder
from codegen.ops.keras import choosing, losses
from codegen.ops.tensorflow.arguments import Given, Native, Peer, Tensor
from codegen.ops.tensorflow.functions import tf


@tf("keras.backend.batch_flatten")
def batch_flatten(b: Builder, x: Tensor) -> Value:
    """(N, ...) -> (N, product of the rest)."""
    return b.flatten(x)


@tf("keras.backend.flatten")
def flatten(b: Builder, x: Native) -> Value:
    """All elements in one axis."""
    return b.reshape(x, (element_count(x.shape),))


@tf("keras.backend.switch")
def switch(b: Builder, condition: Given, then_expression: Peer, else_expression: Peer) -> Value:
    """`torch.where(condition, x, y)`, of one condition."""
    return choosing.where(b, condition, then_expression, else_expression)


@tf("keras.backend.binary_crossentropy")
def binary_crossentropy(b: Builder, target: Tensor, output: Tensor, from_logits: bool = False) -> Value:
    """The loss of each element."""
    x, from_logits = losses.logits(output, from_logits, "torch.sigmoid")
    if from_logits:
        return b.elementwise('F.binary_cross_entropy_with_logits(x, y, reduction="none")', x=x, y=target)
    x = b.elementwise("x.clamp(1e-07, 1 - 1e-07)", x=x)
    return b.elementwise("-(y * (x + 1e-07).log() + (1 - y) * (1 - x + 1e-07).log())", x=x, y=target)


@tf("keras.backend.categorical_crossentropy")
def categorical_crossentropy(
    b: Builder, target: Given, output: Given, from_logits: bool = False, axis: int = -1
) -> Value:
    """The loss of each sample, for targets as distributions."""
    return losses.categorical_crossentropy(b, target, output, from_logits=from_logits, axis=axis)


@tf("keras.backend.sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    b: Builder,
    target: Given,
    output: Given,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Value:
    """The loss of each sample, for targets as class numbers."""
    if ignore_class is not None:
        b.unsupported("ignore_class", ignore_class, "supported: None")
    return losses.sparse_categorical_crossentropy(b, target, output, from_logits=from_logits, axis=axis)


@tf("keras.backend.ctc_batch_cost")
def ctc_batch_cost(
    b: Builder, y_true: Given, y_pred: Tensor, input_length: Peer, label_length: Peer
) -> Value:
    """The CTC loss of each sample, (N, 1); the last class is the blank."""
    if y_pred.rank != 3 or not y_pred.shape[-1]:
        b.malformed(f"its predictions {y_pred.shape} are not (batch, steps, classes)")
    x = b.elementwise("(x + 1e-07).log()", x=y_pred)
    inputs, labels = (b.reshape(v, v.shape[:-1]) for v in (input_length, label_length))
    loss = losses.ctc_loss(b, y_true, x, labels, inputs, mask_index=-1)
    return b.op("x.unsqueeze(1)", shape=(*loss.shape, 1), x=loss)
