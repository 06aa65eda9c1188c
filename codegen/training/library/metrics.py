"""Keras' metrics of one batch, a value for each sample: `accuracy_metrics.py`."""

from __future__ import annotations

from torch import Tensor


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Whether the most probable class is that of the target, a number or a one-hot code; or the one bit."""
    if output.shape[-1] == 1:
        return binary_accuracy(output, target.reshape(output.shape))
    if target.shape == output.shape:
        target = target.argmax(-1)
    return (output.argmax(-1) == target.reshape(output.shape[:-1])).float()


def binary_accuracy(output: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """The share of the probabilities that are on the right side of the threshold."""
    right = (output > threshold) == (target.reshape(output.shape) > threshold)
    return right.float().mean(-1)


def top_k_accuracy(output: Tensor, target: Tensor, k: int) -> Tensor:
    """Whether the target is among the `k` greatest probabilities: classes or one-hot codes."""
    if target.shape == output.shape:
        target = target.argmax(-1)
    best = output.topk(k, dim=-1).indices
    return (best == target.reshape(output.shape[:-1]).unsqueeze(-1)).any(-1).float()
