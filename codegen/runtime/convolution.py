"""Convolutions that torch does not have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ScaledStandardizedConv2d(nn.Conv2d):
    """A convolution whose kernel is standardised for each filter, as in NFNet (Brock et al. 2021).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Of the windows.
        gamma: What the activation before it makes up for.
        eps: Lower limit of what is divided by.
        options: Further options of `nn.Conv2d`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        gamma: float = 1.0,
        eps: float = 1e-5,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)
        self.gamma = gamma
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(out_channels, dtype=self.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        kernel = self.weight.flatten(1)
        variance, mean = torch.var_mean(kernel, dim=1, correction=0, keepdim=True)
        scale = torch.rsqrt((variance * kernel.shape[1]).clamp(min=self.eps))
        kernel = (kernel - mean) * scale * (self.gamma * self.gain.unsqueeze(1))
        y: Tensor = self._conv_forward(x, kernel.view_as(self.weight), self.bias)
        return y
