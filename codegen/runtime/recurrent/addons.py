"""The recurrent layers of TensorFlow Addons that torch does not have."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codegen.runtime.recurrent.layers import KerasLSTM, KerasSimpleRNN
from codegen.runtime.recurrent.stepwise import StepwiseLSTM, linear_by_gate


class PeepholeLSTM(KerasLSTM):
    """LSTM whose gates see the cell state.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        options: See `KerasLSTM`.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, dtype: torch.dtype | None = None, **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, dtype=dtype, **options)
        self.input_gate = nn.Parameter(torch.zeros(hidden_size, dtype=dtype))
        self.forget_gate = nn.Parameter(torch.zeros(hidden_size, dtype=dtype))
        self.output_gate = nn.Parameter(torch.zeros(hidden_size, dtype=dtype))

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `StepwiseLSTM.step`."""
        linear = self.recurrent_projection
        gates = x + (linear(h) if noise is None else linear_by_gate(h, linear.weight, None, noise))
        i, f, candidate, o = gates.chunk(4, dim=1)
        i = self.recurrent_activation(i + self.input_gate * c)
        f = self.recurrent_activation(f + self.forget_gate * c)
        new_c = f * c + i * self.activation(candidate)
        o = self.recurrent_activation(o + self.output_gate * new_c)
        return o * self.activation(new_c), new_c


class LayerNormLSTM(KerasLSTM):
    """LSTM that normalises its projections and its cell state.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        eps: Of the normalisations.
        options: See `KerasLSTM`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        eps: float,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, dtype=dtype, **options)
        self.kernel_norm = nn.LayerNorm(4 * hidden_size, eps, dtype=dtype)
        self.recurrent_norm = nn.LayerNorm(4 * hidden_size, eps, dtype=dtype)
        self.state_norm = nn.LayerNorm(hidden_size, eps, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseLSTM.project`."""
        linear = self.input_projection
        dropped = x if noise is None else x * noise[0]  # all gates drop the same features
        x = self.kernel_norm(F.linear(dropped, linear.weight))
        return x if linear.bias is None else x + linear.bias

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `StepwiseLSTM.step`."""
        dropped = h if noise is None else h * noise[0]
        gates = x + self.recurrent_norm(self.recurrent_projection(dropped))
        i, f, candidate, o = gates.chunk(4, dim=1)
        new_c = self.recurrent_activation(f) * c
        new_c = self.state_norm(new_c + self.recurrent_activation(i) * self.activation(candidate))
        return self.recurrent_activation(o) * self.activation(new_c), new_c


class LayerNormSimpleRNN(KerasSimpleRNN):
    """Fully connected recurrent layer that normalises its projections.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        eps: Of the normalisation.
        options: See `KerasSimpleRNN`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        eps: float,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, dtype=dtype, **options)
        self.norm = nn.LayerNorm(hidden_size, eps, bias=False, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        dropped = x if noise is None else x * noise[0]
        return F.linear(dropped, self.input_projection.weight)

    def step(self, x: Tensor, h: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.step`."""
        bias = self.input_projection.bias
        dropped = h if noise is None else h * noise[0]
        x = self.norm(x + self.recurrent_projection(dropped))
        return self.activation(x if bias is None else x + bias)


class EchoStateRNN(KerasSimpleRNN):
    """Fully connected recurrent layer that keeps a part of its state.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        leak: How much of the state is new at each step.
        options: See `KerasSimpleRNN`.
    """

    def __init__(self, input_size: int, hidden_size: int, *, leak: float, **options: Any) -> None:
        super().__init__(input_size, hidden_size, **options)
        self.leak = leak

    def step(self, x: Tensor, h: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.step`."""
        dropped = h if noise is None else h * noise[0]
        new = self.activation(x + self.recurrent_projection(dropped))
        return (1 - self.leak) * h + self.leak * new


class NASRNN(StepwiseLSTM):
    """Recurrent layer with the cell that neural architecture search found; the states are output and cell.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        bias: Whether there is a bias.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bias: bool = True, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(hidden_size, 8, 0.0, 0.0)
        size = 8 * hidden_size
        self.input_projection = nn.Linear(input_size, size, bias=False, dtype=dtype)
        self.recurrent_projection = nn.Linear(hidden_size, size, bias, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseLSTM.project`."""
        del noise  # there is no dropout
        projected: Tensor = self.input_projection(x)
        return projected

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `StepwiseLSTM.step`."""
        del noise
        a, b = x.chunk(8, dim=1), self.recurrent_projection(h).chunk(8, dim=1)
        first = torch.tanh(torch.sigmoid(a[0] + b[0]) * F.relu(a[1] + b[1]))
        second = torch.tanh(torch.sigmoid(a[2] + b[2]) + F.relu(a[3] * b[3]))
        third = torch.tanh(torch.tanh(a[4] + b[4]) * torch.sigmoid(a[5] + b[5]))
        fourth = torch.sigmoid(torch.tanh(a[6] + b[6]) + torch.sigmoid(a[7] + b[7]))
        new_c = torch.tanh(first + c) * second
        return torch.tanh(new_c * torch.tanh(third + fourth)), new_c
