"""LSTM, GRU and simple recurrent layer with any activations and dropout between steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codegen.runtime.recurrent.stepwise import StepwiseLSTM, StepwiseRNN, linear_by_gate


class KerasLSTM(StepwiseLSTM):
    """LSTM, step by step; gates in the order i, f, c, o.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        bias: Whether the gates have a bias.
        activation: Of the candidate and the output.
        recurrent_activation: Of the gates.
        dropout: See `StepwiseLSTM`.
        recurrent_dropout: See `StepwiseLSTM`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(hidden_size, 4, dropout, recurrent_dropout)
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        size = 4 * hidden_size
        self.input_projection = nn.Linear(input_size, size, bias=bias, dtype=dtype)
        self.recurrent_projection = nn.Linear(hidden_size, size, bias=False, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseLSTM.project`."""
        linear = self.input_projection
        if noise is None:
            projected: Tensor = linear(x)
        else:
            projected = linear_by_gate(x, linear.weight, linear.bias, noise)
        return projected

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `StepwiseLSTM.step`."""
        linear = self.recurrent_projection
        gates = x + (linear(h) if noise is None else linear_by_gate(h, linear.weight, None, noise))
        i, f, candidate, o = gates.chunk(4, dim=1)
        new_c = self.recurrent_activation(f) * c
        new_c = new_c + self.recurrent_activation(i) * self.activation(candidate)
        return self.recurrent_activation(o) * self.activation(new_c), new_c


class KerasGRU(StepwiseRNN):
    """GRU, step by step; gates in the order z, r, h.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        bias: Whether the gates have a bias.
        reset_after: Whether the reset gate comes after the recurrent projection of the
            candidate, which then has a bias of its own; else before.
        activation: Of the candidate.
        recurrent_activation: Of the gates.
        dropout: See `StepwiseRNN`.
        recurrent_dropout: See `StepwiseRNN`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        reset_after: bool = True,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(hidden_size, 3, dropout, recurrent_dropout)
        self.reset_after = reset_after
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        size, both = 3 * hidden_size, bias and reset_after
        self.input_projection = nn.Linear(input_size, size, bias=bias, dtype=dtype)
        self.recurrent_projection = nn.Linear(hidden_size, size, bias=both, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        linear = self.input_projection
        if noise is None:
            projected: Tensor = linear(x)
        else:
            projected = linear_by_gate(x, linear.weight, linear.bias, noise)
        return projected

    def step(self, x: Tensor, h: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.step`."""
        linear = self.recurrent_projection
        x_z, x_r, x_h = x.chunk(3, dim=1)
        if self.reset_after:
            recurrent = linear(h) if noise is None else linear_by_gate(h, linear.weight, linear.bias, noise)
            h_z, h_r, h_h = recurrent.chunk(3, dim=1)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            candidate = x_h + r * h_h
        else:
            w_z, w_r, w_h = linear.weight.chunk(3)
            drop_z, drop_r, drop_h = (
                (h, h, h) if noise is None else (h * noise[0], h * noise[1], h * noise[2])
            )
            z = self.recurrent_activation(x_z + F.linear(drop_z, w_z))
            r = self.recurrent_activation(x_r + F.linear(drop_r, w_r))
            candidate = x_h + F.linear(r * drop_h, w_h)
        return z * h + (1 - z) * self.activation(candidate)


class KerasSimpleRNN(StepwiseRNN):
    """Fully connected recurrent layer, step by step.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        bias: Whether there is a bias.
        activation: Of the output.
        dropout: See `StepwiseRNN`.
        recurrent_dropout: See `StepwiseRNN`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(hidden_size, 1, dropout, recurrent_dropout)
        self.activation = activation
        self.input_projection = nn.Linear(input_size, hidden_size, bias=bias, dtype=dtype)
        self.recurrent_projection = nn.Linear(hidden_size, hidden_size, bias=False, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        linear = self.input_projection
        if noise is None:
            projected: Tensor = linear(x)
        else:
            projected = linear_by_gate(x, linear.weight, linear.bias, noise)
        return projected

    def step(self, x: Tensor, h: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.step`."""
        linear = self.recurrent_projection
        recurrent = linear(h) if noise is None else linear_by_gate(h, linear.weight, None, noise)
        return self.activation(x + recurrent)


def legacy_hard_sigmoid(x: Tensor) -> Tensor:
    """The piecewise linear sigmoid of Keras 1 and 2: slope 0.2 between -2.5 and 2.5."""
    return torch.clamp(0.2 * x + 0.5, min=0, max=1)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """The piecewise linear sigmoid with slope 0.5 between -1 and 1."""
    return torch.clamp(0.5 * x + 0.5, min=0, max=1)


def identity(x: Tensor) -> Tensor:
    """No activation."""
    return x
