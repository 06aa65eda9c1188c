"""Keras' optimizers, where torch has none with the same formula: `optimizers/` of Keras 3 and tf_keras."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from codegen.training.library.gradients import by_use


class KerasAdam(torch.optim.AdamW):
    """Adam as Keras computes it: epsilon is added before the bias is corrected, `iterations` counts steps.

    `weight_decay` is decoupled, as in AdamW; 0 for plain Adam.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float],
        epsilon: float,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, weight_decay=weight_decay, amsgrad=amsgrad)
        for group in self.param_groups:
            group.update(epsilon=epsilon, iterations=0)

    def step(self, closure: Any = None) -> Any:
        """Update all parameters that have a gradient."""
        for group in self.param_groups:
            group["iterations"] += 1
            correction = 1 - group["betas"][1] ** group["iterations"]
            group["eps"] = group["epsilon"] / math.sqrt(correction)
        return super().step(closure)


class KerasOptimizer(torch.optim.Optimizer):
    """The same rule of Keras for every parameter; `iterations` counts the steps."""

    def __init__(self, parameters: Iterable[Tensor], **options: Any) -> None:
        super().__init__(parameters, {"iterations": 0, **options})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update all parameters that have a gradient."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            group["iterations"] += 1
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    self.update(parameter, parameter.grad, state, group)
        return loss

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        raise NotImplementedError


class KerasAdamByUse(KerasOptimizer):
    """Adam as Keras 3 computes it for embeddings: rows that are used several times have more variance."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            for name in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
                state[name] = torch.zeros_like(parameter)
        first, second = group["betas"]
        squares = state["exp_avg_sq"].lerp_(by_use(torch.square, grad), 1 - second)
        average = state["exp_avg"].lerp_(grad.to_dense(), 1 - first)
        if group["amsgrad"]:
            squares = torch.maximum(state["max_exp_avg_sq"], squares)
            state["max_exp_avg_sq"].copy_(squares)
        rate = group["lr"] * math.sqrt(1 - second ** group["iterations"])
        rate /= 1 - first ** group["iterations"]
        parameter.sub_(rate * average / (squares.sqrt() + group["epsilon"]))


class KerasSGD(KerasOptimizer):
    """Momentum that holds the learning rate of each step."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            state["velocity"] = torch.zeros_like(parameter)
        step = group["lr"] * grad
        velocity = state["velocity"].mul_(group["momentum"]).sub_(step)
        if group["nesterov"]:
            parameter.add_(group["momentum"] * velocity - step)
        else:
            parameter.add_(velocity)


class KerasRMSprop(KerasOptimizer):
    """RMSprop with epsilon under the root."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            state["velocity"] = torch.zeros_like(parameter)
            if group["centered"]:
                state["average"] = torch.zeros_like(parameter)
            if group["momentum"]:
                state["momentum"] = torch.zeros_like(parameter)
        rho = group["rho"]
        squares = by_use(torch.square, grad)
        grad = grad.to_dense()
        denominator = state["velocity"].mul_(rho).add_((1 - rho) * squares)
        if group["centered"]:
            average = state["average"].mul_(rho).add_((1 - rho) * grad)
            denominator = denominator - average.square()
        step = group["lr"] * grad / (denominator + group["epsilon"]).sqrt()
        if group["momentum"]:
            step = state["momentum"].mul_(group["momentum"]).add_(step)
        parameter.sub_(step)


class KerasAdagrad(KerasOptimizer):
    """Adagrad with epsilon under the root."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            state["sum"] = torch.full_like(parameter, group["initial_accumulator_value"])
        total = state["sum"].add_(by_use(torch.square, grad))
        parameter.sub_(group["lr"] * grad.to_dense() / (total + group["epsilon"]).sqrt())


class KerasAdadelta(KerasOptimizer):
    """Adadelta for embeddings of Keras 3."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            for name in ("square_avg", "acc_delta"):
                state[name] = torch.zeros_like(parameter)
        rho, epsilon = group["rho"], group["epsilon"]
        squares = state["square_avg"].mul_(rho).add_((1 - rho) * by_use(torch.square, grad))
        root = ((state["acc_delta"] + epsilon) / (squares + epsilon)).sqrt()
        changes = by_use(torch.square, grad) * root.square()
        state["acc_delta"].mul_(rho).add_((1 - rho) * changes)
        parameter.sub_(group["lr"] * grad.to_dense() * root)


class KerasAdamax(KerasOptimizer):
    """Adamax with epsilon beside the norm."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            for name in ("exp_avg", "exp_inf"):
                state[name] = torch.zeros_like(parameter)
        first, second = group["betas"]
        average = state["exp_avg"].lerp_(grad.to_dense(), 1 - first)
        norm = torch.maximum(state["exp_inf"].mul_(second), by_use(torch.abs, grad))
        state["exp_inf"].copy_(norm)
        rate = group["lr"] / (1 - first ** group["iterations"])
        parameter.sub_(rate * average / (norm + group["epsilon"]))


class KerasNadam(KerasOptimizer):
    """Adam with Nesterov momentum, whose first beta grows."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(parameter)
        first, second = group["betas"]
        count = group["iterations"]
        momenta = [first * (1 - 0.5 * 0.96 ** (group["schedule_decay"] * n)) for n in range(1, count + 2)]
        product, after = math.prod(momenta[:-1]), math.prod(momenta)
        squares = state["exp_avg_sq"].lerp_(by_use(torch.square, grad), 1 - second)
        grad = grad.to_dense()
        average = state["exp_avg"].lerp_(grad, 1 - first)
        direction = average * (momenta[-1] / (1 - after))
        direction += grad * ((1 - momenta[-2]) / (1 - product))
        root = (squares / (1 - second**count)).sqrt()
        parameter.sub_(group["lr"] * direction / (root + group["epsilon"]))


class KerasFtrl(KerasOptimizer):
    """Follow the regularized leader."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            state["sum"] = torch.full_like(parameter, group["initial_accumulator_value"])
            state["linear"] = torch.zeros_like(parameter)
        rate, power, l1 = group["lr"], -group["power"], group["l1"]
        l2 = group["l2"] + group["beta"] / (2 * rate)
        before = state["sum"].pow(power)
        after = state["sum"].add_(by_use(torch.square, grad)).pow(power)
        grad = grad.to_dense()
        step = grad + 2 * group["shrinkage"] * parameter
        linear = state["linear"].add_(step - (after - before) / rate * parameter)
        parameter.copy_((linear.clamp(-l1, l1) - linear) / (after / rate + 2 * l2))


class KerasLion(KerasOptimizer):
    """Steps of one size, in the direction of the sign."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            state["exp_avg"] = torch.zeros_like(parameter)
        first, second = group["betas"]
        direction = state["exp_avg"] * first + grad * (1 - first)
        parameter.sub_(group["lr"] * direction.sign())
        state["exp_avg"].mul_(second).add_(grad * (1 - second))


class KerasLamb(KerasOptimizer):
    """Adam whose steps are as long as the parameter, times the learning rate."""

    def update(
        self, parameter: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Update one parameter and its state."""
        if not state:
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(parameter)
        first, second = group["betas"]
        count = group["iterations"]
        squares = state["exp_avg_sq"].lerp_(by_use(torch.square, grad), 1 - second)
        average = state["exp_avg"].lerp_(grad.to_dense(), 1 - first) / (1 - first**count)
        root = (squares / (1 - second**count)).sqrt()
        step = average / (root + group["epsilon"])
        length, size = parameter.norm(), step.norm()
        ratio = torch.where((length > 0) & (size > 0), length / size, 1.0)
        parameter.sub_(ratio * group["lr"] * step)
