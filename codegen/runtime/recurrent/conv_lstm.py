"""LSTM whose projections are convolutions."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codegen.runtime.recurrent.stepwise import StepwiseLSTM


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


def each_own_gate(parts: list[Tensor]) -> Tensor:
    """Of tensors (N, gates * H, ...), one for each gate, the part of that gate."""
    return torch.cat([part.chunk(len(parts), dim=1)[i] for i, part in enumerate(parts)], dim=1)
