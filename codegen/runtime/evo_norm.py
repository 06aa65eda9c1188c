"""Evolved normalisations, which hold an activation of their own (Liu et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class EvoNormB0(nn.Module):
    """EvoNorm B0: divides by the deviation of the batch, or by `slope * x` plus that of the sample.

    Args:
        num_channels: Number of channels, the second dim.
        eps: Added to the variances.
        momentum: Share of the batch in the moving variance.
        dtype: Of the parameters.
    """

    running_var: Tensor

    def __init__(
        self, num_channels: int, eps: float = 1e-3, momentum: float = 0.01, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_channels, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(num_channels, dtype=dtype))
        self.slope = nn.Parameter(torch.ones(num_channels, dtype=dtype))
        self.register_buffer("running_var", torch.ones(num_channels, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same shape."""
        shape = [-1] + [1] * (x.dim() - 2)
        dims = list(range(2, x.dim()))
        variance = self.running_var
        if self.training:
            variance = x.var(dim=[0, *dims], correction=0)
            self.running_var.lerp_(variance.detach(), self.momentum)
        batch = torch.sqrt(variance + self.eps).reshape(shape)
        sample = torch.sqrt(x.var(dim=dims, correction=0, keepdim=True) + self.eps)
        x = x / torch.maximum(batch, self.slope.reshape(shape) * x + sample)
        return x * self.weight.reshape(shape) + self.bias.reshape(shape)


class EvoNormS0(nn.Module):
    """EvoNorm S0: `x * sigmoid(slope * x)` divided by the deviation of groups of channels.

    Args:
        num_groups: Number of groups.
        num_channels: Number of channels, the second dim.
        eps: Added to the variances.
        gated: Whether there is the sigmoid; without it is S0a.
        dtype: Of the parameters.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-3,
        gated: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_groups = num_groups
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_channels, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(num_channels, dtype=dtype))
        self.slope = nn.Parameter(torch.ones(num_channels, dtype=dtype)) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same shape."""
        shape = [-1] + [1] * (x.dim() - 2)
        groups = torch.unflatten(x, 1, (self.num_groups, -1))
        dims = list(range(2, groups.dim()))
        deviation = torch.sqrt(groups.var(dim=dims, correction=0, keepdim=True) + self.eps)
        deviation = deviation.expand(-1, -1, groups.shape[2], *shape[1:]).flatten(1, 2)
        if self.slope is not None:
            x = x * torch.sigmoid(self.slope.reshape(shape) * x)
        return x / deviation * self.weight.reshape(shape) + self.bias.reshape(shape)
