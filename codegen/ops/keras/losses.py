"""Graph ops of `keras.ops.nn` that code classes and measure losses."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.graph.dtypes import promote
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import one_hot
from codegen.ops.keras.reductions import reduction

op("OneHot")(one_hot)


@op("MultiHot")
def multi_hot(
    b: Builder,
    inputs: TensorLike,
    *,
    num_classes: int,
    axis: int = -1,
    dtype: str | None = None,
    sparse: bool = False,
) -> Value:
    """1 for each class that occurs among the samples."""
    x = rules.tensor(b, inputs)
    codes = one_hot(b, x, num_classes=num_classes, axis=axis, dtype="bool", sparse=sparse)
    return b.cast(reduction(b, "Any", codes, 1 if x.rank > 1 else 0), dtype or "float32")


# -------------------------------------------------------------------- losses


@op("BinaryCrossentropy")
def binary_crossentropy(
    b: Builder, target: TensorLike, output: TensorLike, *, from_logits: bool = False
) -> Value:
    """The loss of each element."""
    x, from_logits = logits(rules.tensor(b, output), from_logits, "torch.sigmoid")
    y = rules.tensor(b, target)
    rules.common_shape(b, [y.shape, x.shape])
    name = "binary_cross_entropy_with_logits" if from_logits else "binary_cross_entropy"
    if not from_logits:
        x = b.elementwise("x.clamp(1e-07, 1 - 1e-07)", x=x)
    return b.elementwise(f"F.{name}(x, y, reduction='none')", x=x, y=b.cast(y, x.dtype))


@op("CategoricalCrossentropy")
def categorical_crossentropy(
    b: Builder, target: TensorLike, output: TensorLike, *, from_logits: bool = False, axis: int = -1
) -> Value:
    """The loss of each sample, for targets as distributions."""
    x, from_logits = logits(rules.tensor(b, output), from_logits, "F.softmax")
    x = b.keras_layout(x)
    d = b.axis(axis, x.rank)
    y = rules.native(b, target, x.dtype)
    rules.common_shape(b, [y.shape, x.shape])
    template = "(x / x.sum(dim=d, keepdim=True)).clamp(1e-07, 1 - 1e-07).log()"
    x = b.op("F.log_softmax(x, dim=d)" if from_logits else template, shape=x.shape, x=x, d=d)
    shape = rules.reduced_shape(x.shape, (d,), keepdims=False)
    return b.op("-(y * x).sum(dim=d)", shape=shape, y=y, x=x, d=d)


@op("SparseCategoricalCrossentropy")
def sparse_categorical_crossentropy(
    b: Builder, target: TensorLike, output: TensorLike, *, from_logits: bool = False, axis: int = -1
) -> Value:
    """The loss of each sample, for targets as class numbers; probabilities are made to sum to one."""
    x, from_logits = logits(rules.tensor(b, output), from_logits, "F.softmax")
    x = b.keras_layout(x)
    if b.axis(axis, x.rank) != x.rank - 1:
        b.unsupported("axis", axis, "supported: the last axis")
    y = rules.native(b, target)
    if y.rank == x.rank and y.shape[-1] == 1:
        y = b.reshape(y, y.shape[:-1])
    rules.common_shape(b, [y.shape, x.shape[:-1]])
    if not from_logits:
        x = b.elementwise("x.clamp(1e-07, 1 - 1e-07).log()", x=x)
    if x.rank == 2:
        return b.op("F.cross_entropy(x, y.long(), reduction='none')", shape=x.shape[:1], x=x, y=y)
    template = "-x.log_softmax(dim=-1).gather(-1, y.long().unsqueeze(-1)).squeeze(-1)"
    return b.op(template, shape=x.shape[:-1], x=x, y=y)


def logits(x: Value, from_logits: bool, activation: str) -> tuple[Value, bool]:
    """What a loss is computed of: Keras looks through the activation that it expects."""
    if x.node is not None and x.node.function == activation:
        return x.node.source, True
    return x, from_logits


@op("PSNR")
def psnr(b: Builder, x1: TensorLike, x2: TensorLike, *, max_val: float) -> Value:
    """Peak signal-to-noise ratio of all elements."""
    error = b.elementwise("x - y", x=rules.tensor(b, x1), y=rules.tensor(b, x2))
    error = reduction(b, "Mean", b.elementwise("x.square()", x=error))
    return b.op("20 * math.log10(peak) - 10 * error.log10()", shape=(), error=error, peak=max_val)


# -------------------------------------------------------------------- connectionist temporal classification


@op("CTCLoss")
def ctc_loss(
    b: Builder,
    target: TensorLike,
    output: TensorLike,
    target_length: TensorLike,
    output_length: TensorLike,
    *,
    mask_index: int = 0,
) -> Value:
    """`F.ctc_loss` of each sample."""
    x = rules.native(b, output)
    dtype = promote(x.dtype, "float32")
    operands: dict[str, Any] = {
        "y": rules.native(b, target, "int64"),
        "n": rules.native(b, output_length, "int64"),
        "m": rules.native(b, target_length, "int64"),
    }
    template = "F.ctc_loss(x.log_softmax(dim=-1).transpose(0, 1), y, n, m, blank=blank, reduction='none')"
    blank = mask_index % b.known(x, -1)
    return b.op(template, shape=x.shape[:1], x=b.cast(x, dtype), blank=blank, **operands)


@op("CTCDecode")
def ctc_decode(
    b: Builder,
    inputs: TensorLike,
    sequence_lengths: TensorLike,
    *,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> list[Value]:
    """The most probable class of each step, repeats and blanks left out; padded with -1."""
    if strategy != "greedy":
        b.unsupported("strategy", strategy, "supported: 'greedy'")
    del beam_width, top_paths  # of the other strategy
    x = rules.native(b, inputs)
    x = b.cast(x, promote(x.dtype, "float32"))
    blank = (-1 if mask_index is None else mask_index) % b.known(x, -1)
    paths = b.value((1, *x.shape[:2]), dtype="int32")
    scores = b.value((x.shape[0], 1), dtype=x.dtype)
    b.emit(
        "ctc_greedy_decode(x, lengths, blank=blank, merge_repeated=merge)", (paths, scores),
        x=x, lengths=rules.native(b, sequence_lengths), blank=blank, merge=merge_repeated,
    )  # fmt: skip
    return [paths, scores]
