"""What a training script computes the loss from, beside the outputs: logits, and the outputs' masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codegen.graph import Value
from codegen.lowering.builder import Builder

#: The functions of the last activations.
_FUNCTIONS = {"softmax": ("F.softmax", ".softmax"), "sigmoid": ("torch.sigmoid", ".sigmoid")}


@dataclass(frozen=True)
class LossInputs:
    """Which further outputs a graph has, behind the model's own: first one for each of these, then masks.

    Attributes:
        logits: Whether an output's loss is computed from what its last activation is given.
        masks: Whether an output has a mask.
        ranks: Number of axes of each output.
    """

    logits: tuple[bool, ...]
    masks: tuple[bool, ...]
    ranks: tuple[int, ...]


def loss_inputs(
    b: Builder, outputs: Sequence[Value], wanted: Sequence[str]
) -> tuple[LossInputs, list[Value]]:
    """What the losses of a model are computed from, in Keras' layout.

    Args:
        b: The builder of the whole model.
        outputs: Its outputs.
        wanted: The activation in front of which each loss is computed; "" if it takes the output.

    Returns:
        What they are, and the values: one for each output, then the masks.
    """
    found = [_logits(value, activation) for value, activation in zip(outputs, wanted, strict=True)]
    masks = [value.mask for value in outputs]
    values = [
        b.keras_layout(value if logits is None else logits)
        for value, logits in zip(outputs, found, strict=True)
    ]
    described = LossInputs(
        tuple(logits is not None for logits in found),
        tuple(mask is not None for mask in masks),
        tuple(value.rank for value in outputs),
    )
    return described, [*values, *(b.keras_layout(mask) for mask in masks if mask is not None)]


def _logits(value: Value, activation: str) -> Value | None:
    """What the activation is given that yields an output; None if it is not this activation's."""
    node = value.node
    if node is None or activation not in _FUNCTIONS or node.function not in _FUNCTIONS[activation]:
        return None
    if activation == "softmax" and node.operands.get("d", 0) % value.rank != value.dim(-1):
        return None
    source = node.source
    return (
        source if (source.shape, source.perm, source.flat) == (value.shape, value.perm, value.flat) else None
    )
