"""Recurrent layers that run step by step: the loop over time, and dropout by gate."""

from __future__ import annotations

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
