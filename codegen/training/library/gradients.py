"""Clipping of gradients and averages of weights as Keras has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def on_uses(function: Callable[[Tensor], Tensor], grad: Tensor) -> Tensor:
    """A function of a gradient; of a sparse one, of the gradient of each use of a row by itself."""
    if not grad.is_sparse:
        return function(grad)
    values = function(grad._values())
    return torch.sparse_coo_tensor(grad._indices(), values, grad.shape, check_invariants=False)


def by_use(function: Callable[[Tensor], Tensor], grad: Tensor) -> Tensor:
    """The same, added up: Keras 3 squares gradients of embeddings before it adds the uses of a row up."""
    return on_uses(function, grad).to_dense()


def add_uses(parameters: Iterable[Tensor]) -> None:
    """Make sparse gradients dense."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = parameter.grad.to_dense()


def clip_values(parameters: Iterable[Tensor], limit: float) -> None:
    """Clip each number of each gradient."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = on_uses(lambda grad: grad.clamp(-limit, limit), parameter.grad)


def clip_each(parameters: Iterable[Tensor], limit: float) -> None:
    """Scale each gradient whose norm is above the limit."""
    for parameter in parameters:
        if parameter.grad is not None:
            norm = by_use(torch.square, parameter.grad).sum().sqrt()
            parameter.grad = parameter.grad * (limit / norm.clamp(min=limit))


def clip_together(parameters: Iterable[Tensor], limit: float) -> None:
    """Scale all gradients, if their common norm is above the limit."""
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    grads = [p.grad for p in trained if p.grad is not None]
    squares = torch.stack([by_use(torch.square, grad).sum() for grad in grads])
    norm = squares.sum().sqrt().clamp(min=limit)
    for parameter, grad in zip(trained, grads, strict=True):
        parameter.grad = grad.to_dense() * (limit / norm)


@torch.no_grad()
def average_weights(optimizer: torch.optim.Optimizer, momentum: float, replace_every: int | None) -> None:
    """Keep moving averages of the weights after a step; every so many steps they replace the weights."""
    for group in optimizer.param_groups:
        is_due = replace_every is not None and group["iterations"] % replace_every == 0
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if group["iterations"] == 1 or "average" not in state:
                state["average"] = parameter.clone()
            average = state["average"].lerp_(parameter, 1 - momentum)
            if is_due:
                parameter.copy_(average)


@torch.no_grad()
def decay_weights(parameters: Iterable[Tensor], share: float) -> None:
    """Take a share away from each weight that has a gradient."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.mul_(1 - share)
