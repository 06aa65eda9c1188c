"""Recurrent layers as Keras computes them, where torch's own do not suffice."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StepwiseRNN(nn.Module):
    """A recurrent layer that runs step by step, with Keras' rules for masked steps.

    A subclass computes in `project` what does not depend on the step before, for all
    steps at once, and in `step` the rest. The first state tensor is the output.

    Args:
        hidden_size: Features of each state tensor.
        num_states: Number of state tensors.
        num_gates: Number of projections, each of which drops other features.
        dropout: Rate for the input, the same features at all steps.
        recurrent_dropout: The same for the output of the step before.
    """

    def __init__(
        self,
        hidden_size: int,
        num_states: int,
        num_gates: int,
        dropout: float,
        recurrent_dropout: float,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.num_states = num_states
        self.num_gates = num_gates
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """Project the input of all steps.

        Args:
            x: (N, T, features, ...).
            noise: (num_gates, N, 1, features, ...), to multiply `x` with.
        """
        raise NotImplementedError

    def step(self, x: Tensor, state: list[Tensor], noise: Tensor | None) -> list[Tensor]:
        """The state after one step.

        Args:
            x: One step of what `project` yields.
            state: The state before, each (N, hidden_size, ...).
            noise: (num_gates, N, hidden_size, ...), to multiply the output before with.
        """
        raise NotImplementedError

    def forward(
        self, x: Tensor, state: list[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Run over all steps.

        Args:
            x: (N, T, features, ...).
            state: The state before the first step; zeros if not given.
            mask: bool, (N, T), False where a step is skipped: it leaves the state as it
                is and repeats the output before, which is zero at first.

        Returns:
            The outputs (N, T, hidden_size, ...) and the state after the last step.
        """
        steps = self.project(x, self.noise(x[:, :1], self.dropout))
        output = torch.zeros_like(steps[:, 0, : self.hidden_size])
        if state is None:
            state = [output] * self.num_states
        noise = self.noise(output, self.recurrent_dropout)
        outputs: list[Tensor] = []
        for index, step in enumerate(steps.unbind(1)):
            new_state = self.step(step, state, noise)
            if mask is None:
                output = new_state[0]
            else:
                keep = mask[:, index].reshape([-1] + [1] * (output.dim() - 1))
                output = torch.where(keep, new_state[0], output)
                for i, old in enumerate(state):
                    new_state[i] = torch.where(keep, new_state[i], old)
            state = new_state
            outputs.append(output)
        return torch.stack(outputs, dim=1), state

    def noise(self, x: Tensor, rate: float) -> Tensor | None:
        """Dropout's factors for each gate, (num_gates, *x.shape); None in eval mode."""
        if rate == 0 or not self.training:
            return None
        return F.dropout(torch.stack([torch.ones_like(x)] * self.num_gates), rate)


class KerasLSTM(StepwiseRNN):
    """LSTM with any activations; gates in the order i, f, c, o.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        bias: Whether the gates have a bias.
        activation: Of the candidate and the output.
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
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(hidden_size, 2, 4, dropout, recurrent_dropout)
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        size = 4 * hidden_size
        self.input_projection = nn.Linear(input_size, size, bias, dtype=dtype)
        self.recurrent_projection = nn.Linear(hidden_size, size, False, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        linear = self.input_projection
        return linear_by_gate(x, linear.weight, linear.bias, noise)

    def step(self, x: Tensor, state: list[Tensor], noise: Tensor | None) -> list[Tensor]:
        """See `StepwiseRNN.step`."""
        weight = self.recurrent_projection.weight
        x = x + linear_by_gate(state[0], weight, None, noise)
        i, f, candidate, o = x.chunk(4, dim=1)
        c = self.recurrent_activation(f) * state[1]
        c = c + self.recurrent_activation(i) * self.activation(candidate)
        return [self.recurrent_activation(o) * self.activation(c), c]


class KerasGRU(StepwiseRNN):
    """GRU with any activations; gates in the order z, r, h.

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
        super().__init__(hidden_size, 1, 3, dropout, recurrent_dropout)
        self.reset_after = reset_after
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        size, both = 3 * hidden_size, bias and reset_after
        self.input_projection = nn.Linear(input_size, size, bias, dtype=dtype)
        self.recurrent_projection = nn.Linear(hidden_size, size, both, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        linear = self.input_projection
        return linear_by_gate(x, linear.weight, linear.bias, noise)

    def step(self, x: Tensor, state: list[Tensor], noise: Tensor | None) -> list[Tensor]:
        """See `StepwiseRNN.step`."""
        h = state[0]
        linear = self.recurrent_projection
        gates, last = linear.weight, linear.weight[2 * self.hidden_size :]
        gate_noise = noise
        if not self.reset_after:
            gates = linear.weight[: 2 * self.hidden_size]
            gate_noise = None if noise is None else noise[:2]
        projected = linear_by_gate(h, gates, linear.bias, gate_noise)
        recurrent = projected.chunk(3 if self.reset_after else 2, dim=1)
        x_z, x_r, x_h = x.chunk(3, dim=1)
        z = self.recurrent_activation(x_z + recurrent[0])
        r = self.recurrent_activation(x_r + recurrent[1])
        if self.reset_after:
            x_h = x_h + r * recurrent[2]
        else:
            dropped = h if noise is None else h * noise[2]
            x_h = x_h + F.linear(r * dropped, last)
        return [z * h + (1 - z) * self.activation(x_h)]


class KerasSimpleRNN(StepwiseRNN):
    """Fully connected recurrent layer with any activation.

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
        super().__init__(hidden_size, 1, 1, dropout, recurrent_dropout)
        self.activation = activation
        size = hidden_size
        self.input_projection = nn.Linear(input_size, size, bias, dtype=dtype)
        self.recurrent_projection = nn.Linear(size, size, False, dtype=dtype)

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        linear = self.input_projection
        return linear_by_gate(x, linear.weight, linear.bias, noise)

    def step(self, x: Tensor, state: list[Tensor], noise: Tensor | None) -> list[Tensor]:
        """See `StepwiseRNN.step`."""
        weight = self.recurrent_projection.weight
        recurrent = linear_by_gate(state[0], weight, None, noise)
        return [self.activation(x + recurrent)]


class ConvLSTM(StepwiseRNN):
    """LSTM over images, signals or volumes; gates in the order i, f, c, o.

    Args:
        conv: `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d`.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Of both convolutions.
        stride: Of the input's convolution.
        padding: Of the input's convolution; the recurrent one keeps the size.
        dilation: Of the input's convolution.
        bias: Whether the gates have a bias.
        activation: Of the candidate and the output.
        recurrent_activation: Of the gates.
        dropout: See `StepwiseRNN`.
        recurrent_dropout: See `StepwiseRNN`.
    """

    def __init__(
        self,
        conv: Callable[..., nn.Module],
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        bias: bool = True,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(out_channels, 2, 4, dropout, recurrent_dropout)
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.input_conv = conv(
            in_channels,
            4 * out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=bias,
            dtype=dtype,
        )
        self.recurrent_conv = conv(out_channels, 4 * out_channels, kernel_size, bias=False, dtype=dtype)
        sizes = next(self.recurrent_conv.parameters()).shape[:1:-1]  # last axis first
        self.around = [n for size in sizes for n in ((size - 1) // 2, size // 2)]

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseRNN.project`."""
        frames = x.flatten(0, 1)
        if noise is None:
            y: Tensor = self.input_conv(frames)
        else:
            gates: list[Tensor] = []
            for gate in range(self.num_gates):
                frames = (x * noise[gate]).flatten(0, 1)
                gates.append(self.input_conv(frames).chunk(4, dim=1)[gate])
            y = torch.cat(gates, dim=1)
        return y.reshape(x.shape[:2] + y.shape[1:])

    def step(self, x: Tensor, state: list[Tensor], noise: Tensor | None) -> list[Tensor]:
        """See `StepwiseRNN.step`."""
        h = state[0]
        if noise is None:
            x = x + self.recurrent_conv(F.pad(h, self.around))
        else:
            gates: list[Tensor] = []
            for gate in range(self.num_gates):
                part = self.recurrent_conv(F.pad(h * noise[gate], self.around))
                gates.append(part.chunk(4, dim=1)[gate])
            x = x + torch.cat(gates, dim=1)
        i, f, candidate, o = x.chunk(4, dim=1)
        c = self.recurrent_activation(f) * state[1]
        c = c + self.recurrent_activation(i) * self.activation(candidate)
        return [self.recurrent_activation(o) * self.activation(c), c]


def linear_by_gate(x: Tensor, weight: Tensor, bias: Tensor | None, noise: Tensor | None) -> Tensor:
    """A linear map whose rows stand gate by gate, of another `x * noise` for each gate.

    Args:
        x: (..., F).
        weight: (H, F), for all gates.
        bias: (H,), or None.
        noise: (gates, ...), broadcastable against `x`; None for plain `x`.

    Returns:
        (..., H).
    """
    if noise is None:
        return F.linear(x, weight, bias)
    weights = weight.chunk(noise.shape[0])
    y = torch.cat([F.linear(x * noise[i], w) for i, w in enumerate(weights)], dim=-1)
    return y if bias is None else y + bias


def legacy_hard_sigmoid(x: Tensor) -> Tensor:
    """The piecewise linear sigmoid of Keras 1 and 2: slope 0.2 between -2.5 and 2.5."""
    return torch.clamp(0.2 * x + 0.5, min=0, max=1)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """The piecewise linear sigmoid with slope 0.5 between -1 and 1."""
    return torch.clamp(0.5 * x + 0.5, min=0, max=1)


def identity(x: Tensor) -> Tensor:
    """No activation."""
    return x
