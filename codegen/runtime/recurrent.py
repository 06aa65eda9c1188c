"""Recurrent layers as Keras computes them, where torch's own do not suffice."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StepwiseRNN(nn.Module):
    """A recurrent layer that runs step by step, with Keras' rules for masked steps.

    A subclass computes in `project` what does not depend on the step before, for all
    steps at once, and in `step` the rest.

    Args:
        hidden_size: Features of the output.
        num_gates: Number of projections, each of which drops other features.
        dropout: Rate for the input, the same features at all steps.
        recurrent_dropout: The same for the output of the step before.
    """

    def __init__(self, hidden_size: int, num_gates: int, dropout: float, recurrent_dropout: float) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.num_gates = num_gates
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """Project the input of all steps.

        Args:
            x: (N, T, features).
            noise: (num_gates, N, 1, features), to multiply `x` with.
        """
        raise NotImplementedError

    def step(self, x: Tensor, h: Tensor, noise: Tensor | None) -> Tensor:
        """The output after one step.

        Args:
            x: One step of what `project` yields.
            h: The output before, (N, hidden_size).
            noise: (num_gates, N, hidden_size), to multiply `h` with.
        """
        raise NotImplementedError

    def forward(
        self, x: Tensor, state: list[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Run over all steps.

        Args:
            x: (N, T, features).
            state: The output before the first step; zeros if not given.
            mask: bool, (N, T), False where a step is skipped: it repeats the output
                before, which is zero at first.

        Returns:
            The outputs, (N, T, hidden_size).
            The state after the last step.
        """
        input_noise: Tensor | None = None
        if self.dropout > 0 and self.training:
            input_noise = gate_dropout(x[:, :1], self.num_gates, self.dropout)
        steps = self.project(x, input_noise)
        h = torch.zeros_like(steps[:, 0, : self.hidden_size])
        if state is not None:
            h = state[0]
        noise: Tensor | None = None
        if self.recurrent_dropout > 0 and self.training:
            noise = gate_dropout(h, self.num_gates, self.recurrent_dropout)
        outputs: list[Tensor] = []
        if mask is None:
            for step in steps.unbind(1):
                h = self.step(step, h, noise)
                outputs.append(h)
        else:
            keep = mask.unsqueeze(-1)
            for index, step in enumerate(steps.unbind(1)):
                h = torch.where(keep[:, index], self.step(step, h, noise), h)
                outputs.append(h)
        y = torch.stack(outputs, dim=1)
        if mask is not None and state is not None:
            y = torch.where((mask.cumsum(dim=1) > 0).unsqueeze(-1), y, 0.0)
        return y, [h]


class StepwiseLSTM(nn.Module):
    """A recurrent layer with a cell state, otherwise like `StepwiseRNN`.

    Args:
        hidden_size: Features of the output, and of the cell state.
        num_gates: Number of projections, each of which drops other features.
        dropout: Rate for the input, the same features at all steps.
        recurrent_dropout: The same for the output of the step before.
    """

    def __init__(self, hidden_size: int, num_gates: int, dropout: float, recurrent_dropout: float) -> None:
        super().__init__()
        self.hidden_size = hidden_size
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

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """The output and the cell state after one step.

        Args:
            x: One step of what `project` yields.
            h: The output before, (N, hidden_size, ...).
            c: The cell state before, (N, hidden_size, ...).
            noise: (num_gates, N, hidden_size, ...), to multiply `h` with.
        """
        raise NotImplementedError

    def expand(self, mask: Tensor) -> Tensor:
        """(N, T) -> a mask that goes with outputs, (N, T, 1)."""
        return mask.unsqueeze(-1)

    def forward(
        self, x: Tensor, state: list[Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Run over all steps.

        Args:
            x: (N, T, features, ...).
            state: Output and cell state before the first step; zeros if not given.
            mask: bool, (N, T), False where a step is skipped: it leaves the cell state
                as it is and repeats the output before, which is zero at first.

        Returns:
            The outputs, (N, T, hidden_size, ...).
            Output and cell state after the last step.
        """
        input_noise: Tensor | None = None
        if self.dropout > 0 and self.training:
            input_noise = gate_dropout(x[:, :1], self.num_gates, self.dropout)
        steps = self.project(x, input_noise)
        h = c = torch.zeros_like(steps[:, 0, : self.hidden_size])
        if state is not None:
            h, c = state
        noise: Tensor | None = None
        if self.recurrent_dropout > 0 and self.training:
            noise = gate_dropout(h, self.num_gates, self.recurrent_dropout)
        outputs: list[Tensor] = []
        if mask is None:
            for step in steps.unbind(1):
                h, c = self.step(step, h, c, noise)
                outputs.append(h)
        else:
            keep = self.expand(mask)
            for index, step in enumerate(steps.unbind(1)):
                new_h, new_c = self.step(step, h, c, noise)
                h = torch.where(keep[:, index], new_h, h)
                c = torch.where(keep[:, index], new_c, c)
                outputs.append(h)
        y = torch.stack(outputs, dim=1)
        if mask is not None and state is not None:
            y = torch.where(self.expand(mask.cumsum(dim=1) > 0), y, 0.0)
        return y, [h, c]


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


class ConvLSTM(StepwiseLSTM):
    """LSTM over images, signals or volumes; gates in the order i, f, c, o.

    Args:
        conv: `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d`.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Of both convolutions.
        stride: Of the input's convolution.
        padding: Of the input's convolution; the recurrent one keeps the size.
        dilation: Of the input's convolution.
        around: How the recurrent convolution's input is padded; None if torch does it.
        rank: Number of spatial dims.
        bias: Whether the gates have a bias.
        activation: Of the candidate and the output.
        recurrent_activation: Of the gates.
        dropout: See `StepwiseLSTM`.
        recurrent_dropout: See `StepwiseLSTM`.
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
        around: list[int] | None = None,
        rank: int = 2,
        bias: bool = True,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(out_channels, 4, dropout, recurrent_dropout)
        self.around = around
        self.rank = rank
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
        self.recurrent_conv = conv(
            out_channels,
            4 * out_channels,
            kernel_size,
            padding="same" if around is None else 0,
            bias=False,
            dtype=dtype,
        )

    def project(self, x: Tensor, noise: Tensor | None) -> Tensor:
        """See `StepwiseLSTM.project`."""
        if noise is None:
            frames: Tensor = self.input_conv(x.flatten(0, 1))
        else:
            frames = each_own_gate(
                [self.input_conv((x * dropped).flatten(0, 1)) for dropped in noise.unbind()]
            )
        return frames.reshape(x.shape[:2] + frames.shape[1:])

    def step(self, x: Tensor, h: Tensor, c: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `StepwiseLSTM.step`."""
        if self.around is not None:
            h = F.pad(h, self.around)
            noise = None if noise is None else F.pad(noise, self.around)
        if noise is None:
            gates = x + self.recurrent_conv(h)
        else:
            gates = x + each_own_gate([self.recurrent_conv(h * dropped) for dropped in noise.unbind()])
        i, f, candidate, o = gates.chunk(4, dim=1)
        new_c = self.recurrent_activation(f) * c
        new_c = new_c + self.recurrent_activation(i) * self.activation(candidate)
        return self.recurrent_activation(o) * self.activation(new_c), new_c

    def expand(self, mask: Tensor) -> Tensor:
        """(N, T) -> a mask that goes with outputs, (N, T, 1, 1, ...)."""
        return mask.reshape(list(mask.shape) + [1] * (self.rank + 1))


def gate_dropout(x: Tensor, num_gates: int, rate: float) -> Tensor:
    """Dropout's factors for each gate, (num_gates, *x.shape)."""
    return F.dropout(torch.stack([torch.ones_like(x)] * num_gates), rate)


def linear_by_gate(x: Tensor, weight: Tensor, bias: Tensor | None, noise: Tensor) -> Tensor:
    """A linear map whose rows stand gate by gate, of another `x * noise` for each gate.

    Args:
        x: (..., F).
        weight: (H, F), for all gates.
        bias: (H,), or None.
        noise: (gates, ...), broadcastable against `x`.

    Returns:
        (..., H).
    """
    weights = weight.chunk(noise.shape[0])
    y = torch.cat([F.linear(x * noise[i], w) for i, w in enumerate(weights)], dim=-1)
    return y if bias is None else y + bias


def each_own_gate(parts: list[Tensor]) -> Tensor:
    """Of tensors (N, gates * H, ...), one for each gate, the part that is of that gate."""
    return torch.cat([part.chunk(len(parts), dim=1)[i] for i, part in enumerate(parts)], dim=1)


def legacy_hard_sigmoid(x: Tensor) -> Tensor:
    """The piecewise linear sigmoid of Keras 1 and 2: slope 0.2 between -2.5 and 2.5."""
    return torch.clamp(0.2 * x + 0.5, min=0, max=1)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """The piecewise linear sigmoid with slope 0.5 between -1 and 1."""
    return torch.clamp(0.5 * x + 0.5, min=0, max=1)


def identity(x: Tensor) -> Tensor:
    """No activation."""
    return x
