"""Keras' losses, a value for each sample: keras/src/losses/losses.py of 3.15 and losses.py of tf_keras.

All take (..., classes) or (..., features) outputs and targets, unless they say otherwise.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def same_rank(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both with as many axes: the last one, of size 1, is added or left out as in Keras."""
    if output.dim() == target.dim() + 1 and output.shape[-1] == 1:
        if target.dim() == 1:
            return output, target.unsqueeze(-1)
        return output.squeeze(-1), target
    if target.dim() == output.dim() + 1 and target.shape[-1] == 1:
        if output.dim() == 1:
            return output.unsqueeze(-1), target
        return output, target.squeeze(-1)
    return output, target


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each sample."""
    output, target = same_rank(output, target)
    return (output - target).square().mean(-1)


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of each sample."""
    output, target = same_rank(output, target)
    return (output - target).abs().mean(-1)


def absolute_percentage_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error in percent of the target."""
    output, target = same_rank(output, target)
    return 100 * ((target - output) / target.abs().clamp(min=1e-7)).abs().mean(-1)


def squared_logarithmic_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of log(1 + x)."""
    output, target = same_rank(output, target)
    difference = output.clamp(min=1e-7).log1p() - target.clamp(min=1e-7).log1p()
    return difference.square().mean(-1)


def huber(output: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Squared near zero, absolute beyond `delta`."""
    output, target = same_rank(output, target)
    target = target.to(output.dtype)
    return F.huber_loss(output, target, delta=delta, reduction="none").mean(-1)


def log_cosh(output: Tensor, target: Tensor) -> Tensor:
    """Mean logarithm of the hyperbolic cosine of the error."""
    output, target = same_rank(output, target)
    error = output - target
    return (error + F.softplus(-2 * error) - math.log(2)).mean(-1)


def poisson(output: Tensor, target: Tensor) -> Tensor:
    """Mean of `output - target * log(output)`."""
    output, target = same_rank(output, target)
    return (output - target * (output + 1e-7).log()).mean(-1)


def kl_divergence(output: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the target."""
    output, target = same_rank(output, target)
    target, output = target.clamp(1e-7, 1), output.clamp(1e-7, 1)
    return (target * (target / output).log()).sum(-1)


def cosine_distance(output: Tensor, target: Tensor, dim: int = -1) -> Tensor:
    """The negative cosine of the angle between output and target."""
    output, target = same_rank(output, target)
    lengths = [x.square().sum(dim, keepdim=True).clamp(min=1e-12).sqrt() for x in (output, target)]
    return -(output / lengths[0] * (target / lengths[1])).sum(dim)


def signs(target: Tensor) -> Tensor:
    """Targets of 0 and 1 as -1 and 1; others stay."""
    if bool(((target == 0) | (target == 1)).all()):
        return 2 * target - 1
    return target


def hinge(output: Tensor, target: Tensor) -> Tensor:
    """Mean of what the margin lacks to 1."""
    output, target = same_rank(output, target)
    return F.relu(1 - signs(target) * output).mean(-1)


def squared_hinge(output: Tensor, target: Tensor) -> Tensor:
    """Mean square of what the margin lacks to 1."""
    output, target = same_rank(output, target)
    return F.relu(1 - signs(target) * output).square().mean(-1)


def categorical_hinge(output: Tensor, target: Tensor) -> Tensor:
    """What the true class lacks to be 1 above the best other one."""
    output, target = same_rank(output, target)
    right, wrong = (target * output).sum(-1), ((1 - target) * output).amax(-1)
    return F.relu(wrong - right + 1)


def class_cross_entropy(logits: Tensor, target: Tensor, ignored: int = -100) -> Tensor:
    """Of (..., classes) logits and (...) or (..., 1) numbers of classes; 0 for the `ignored` one."""
    target = target.reshape(logits.shape[:-1]).long()
    logits = logits.movedim(-1, 1)
    return F.cross_entropy(logits, target, ignore_index=ignored, reduction="none")


def probability_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Of probabilities, both (..., classes)."""
    output = output / output.sum(-1, keepdim=True)
    return -(target * output.clamp(1e-7, 1 - 1e-7).log()).sum(-1)


def binary_cross_entropy(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Of the logits of 1; `smoothing` moves the targets towards one half."""
    logits, target = same_rank(logits, target.to(logits))
    target = target * (1 - smoothing) + 0.5 * smoothing
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(-1)


def binary_cross_entropy_of_probabilities(
    output: Tensor, target: Tensor, smoothing: float = 0.0, offset: float = 0.0
) -> Tensor:
    """Of the probabilities of 1; `offset` is added before their logarithm."""
    output, target = same_rank(output.clamp(1e-7, 1 - 1e-7), target)
    target = target * (1 - smoothing) + 0.5 * smoothing
    logs = (output + offset).log(), (1 - output + offset).log()
    return -(target * logs[0] + (1 - target) * logs[1]).mean(-1)


def focal_cross_entropy(output: Tensor, target: Tensor, alpha: float, gamma: float) -> Tensor:
    """Of (..., classes) probabilities: what is well classified counts less."""
    output = output / output.sum(-1, keepdim=True)
    output = output.clamp(1e-7, 1 - 1e-7)
    return (alpha * (1 - output).pow(gamma) * -target * output.log()).sum(-1)


def binary_focal_cross_entropy(
    output: Tensor, target: Tensor, gamma: float, alpha: float | None = None, smoothing: float = 0.0
) -> Tensor:
    """Of the probabilities of 1: what is right counts less; `alpha` balances the classes."""
    output, target = same_rank(output, target)
    target = target * (1 - smoothing) + 0.5 * smoothing
    kept = output.clamp(1e-7, 1 - 1e-7)
    entropy = -(target * kept.log() + (1 - target) * (1 - kept).log())
    right = target * output + (1 - target) * (1 - output)
    values = (1 - right).pow(gamma) * entropy
    if alpha is not None:
        values = values * (target * alpha + (1 - target) * (1 - alpha))
    return values.mean(-1)


def ctc(logits: Tensor, target: Tensor) -> Tensor:
    """Connectionist temporal classification of (N, T, classes) logits; label 0 is blank and pads (N, S)."""
    steps = torch.full((len(logits),), logits.shape[1], dtype=torch.long)
    labels = (target != 0).sum(-1)
    log_probabilities = logits.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_probabilities, target.long(), steps, labels, reduction="none")


def dice(output: Tensor, target: Tensor, dim: tuple[int, ...] | None = None) -> Tensor:
    """What output and target do not share, of all or along `dim`."""
    output, target = same_rank(output, target)
    shared = 2 * (target * output).sum(dim)
    return 1 - shared / (target.sum(dim) + output.sum(dim) + 1e-7)


def tversky(
    output: Tensor, target: Tensor, alpha: float, beta: float, dim: tuple[int, ...] | None = None
) -> Tensor:
    """The same with weights for what is too little and too much."""
    output, target = same_rank(output, target)
    shared = (target * output).sum(dim)
    missed, added = (target * (1 - output)).sum(dim), (output * (1 - target)).sum(dim)
    return 1 - shared / (shared + missed * alpha + added * beta + 1e-7)


def circle(output: Tensor, target: Tensor, gamma: float, margin: float, diagonal: bool) -> Tensor:
    """Circle loss of (N, features) embeddings and (N,) numbers of classes; with the `diagonal` or without."""
    distance = F.relu(1 - output @ output.T)
    same = target.reshape(-1, 1) == target.reshape(1, -1)
    positive = same if diagonal else same & ~torch.eye(len(output), dtype=torch.bool, device=output.device)
    near = -gamma * F.relu(margin + distance) * (margin - distance)
    far = gamma * F.relu(1 + margin - distance) * (1 - margin - distance)
    sums = [
        scores.masked_fill(~chosen, -math.inf).logsumexp(1)
        for scores, chosen in ((near, positive), (far, ~same))
    ]
    return F.softplus(sums[0] + sums[1])


def generalized_cross_entropy(output: Tensor, target: Tensor, q: float) -> Tensor:
    """Of (..., classes) probabilities and (...) numbers of classes; robust against wrong ones."""
    target = target.reshape(output.shape[:-1]).long()
    return (1 - output.gather(-1, target.unsqueeze(-1)).squeeze(-1).pow(q)) / q
