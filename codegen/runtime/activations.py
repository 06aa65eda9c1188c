"""Activations that torch does not have as one function."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def lisht(x: Tensor) -> Tensor:
    """Linearly scaled tanh: x * tanh(x)."""
    return x * torch.tanh(x)


def snake(x: Tensor, frequency: float | Tensor = 1.0) -> Tensor:
    """Identity with a periodic part: x + sin(frequency * x)^2 / frequency."""
    return x + torch.sin(frequency * x).square() / frequency


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, x from 1 on, and the parabola (x + 1)^2 / 4 in between."""
    return torch.where(x >= 1, x, 0.25 * (x.clamp(min=-1) + 1).square())


def squareplus(x: Tensor, b: float = 4.0) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, a smooth ReLU."""
    return 0.5 * (x + torch.sqrt(x.square() + b))


def sparsemax(x: Tensor, dim: int = -1) -> Tensor:
    """Keras' sparsemax along `dim`.

    Keras takes the threshold from the sum of all partial sums of the support, where
    Martins and Astudillo (2016) take the last one, so its results need not sum to one.
    """
    descending = x.sort(dim=dim, descending=True).values
    partial = descending.cumsum(dim=dim)
    rank = torch.ones_like(x).cumsum(dim=dim)
    support = descending - (partial - 1) / rank > 0
    total = partial.masked_fill(~support, 0.0).sum(dim=dim, keepdim=True)
    return F.relu(x - (total - 1) / support.sum(dim=dim, keepdim=True))


def simplex_projection(x: Tensor, dim: int = -1) -> Tensor:
    """The point of the probability simplex that is closest to `x` along `dim`.

    Martins and Astudillo (2016): subtract the threshold tau from every element and cut
    at zero, where tau is such that what is left sums to one.
    """
    z = x - x.amax(dim=dim, keepdim=True)
    descending = z.sort(dim=dim, descending=True).values
    excess = descending.cumsum(dim=dim) - 1
    rank = torch.ones_like(z).cumsum(dim=dim)
    support = (rank * descending > excess).sum(dim=dim, keepdim=True)
    return F.relu(z - excess.gather(dim, support - 1) / support)


def thresholded_relu(
    x: Tensor,
    max_value: float | None = None,
    negative_slope: float = 0.0,
    threshold: float = 0.0,
) -> Tensor:
    """A ReLU that starts at `threshold`, ends at `max_value` and may leak below.

    Args:
        x: Any shape.
        max_value: Upper bound of the result.
        negative_slope: Slope below `threshold`, where the result is
            `negative_slope * (x - threshold)`.
        threshold: Elements up to here do not pass.
    """
    above = F.threshold(x, threshold, 0.0)
    if max_value is not None:
        above = above.clamp(0.0, max_value)
    return above - negative_slope * F.relu(threshold - x)


def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    """The input where positive, else alpha * x; `alpha` broadcasts against `x`."""
    return F.relu(x) - alpha * F.relu(-x)


def srelu(
    x: Tensor,
    t_left: Tensor,
    a_left: Tensor,
    t_right: Tensor,
    a_right: Tensor,
    capped: bool = False,
) -> Tensor:
    """Identity from `t_left` to `t_right`, with own slopes on either side.

    `t_right` is counted from `t_left`, so that it cannot be smaller. All four
    parameters broadcast against `x`. If `capped`, as in Theano, what a negative slope
    makes of small numbers does not exceed `t_right` either.
    """
    upper = t_left + t_right.abs()
    below = t_left + a_left * (x - t_left)
    if capped:
        below = torch.minimum(below, upper)
    above = upper + a_right * (x - upper)
    return torch.where(x < t_left, below, torch.where(x < upper, x, above))


def softmax_over(x: Tensor, dims: list[int]) -> Tensor:
    """Softmax over several dims at once."""
    return torch.exp(x - torch.logsumexp(x, dim=dims, keepdim=True))


def masked_softmax(x: Tensor, mask: Tensor, dims: list[int]) -> Tensor:
    """Softmax over `dims` where `mask` holds, and zero elsewhere.

    Args:
        x: Scores, any shape.
        mask: bool, broadcasts against `x`. A row without any True yields zeros.
        dims: What sums to one.
    """
    scores = x.masked_fill(~mask, torch.finfo(x.dtype).min)
    scores = scores - scores.amax(dim=dims, keepdim=True)
    exponentials = scores.exp()
    result = exponentials / exponentials.sum(dim=dims, keepdim=True)
    return result.masked_fill(~mask, 0.0)


def shifted_softplus(x: Tensor) -> Tensor:
    """A softplus that is 0 at 0, the `softplus2` of MEGNet."""
    return F.softplus(x) - math.log(2)


def pelu(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """`alpha * (exp(x / beta) - 1)` below zero, a line through zero above."""
    return torch.where(x < 0, alpha * torch.expm1(x / beta), alpha / beta * x)
