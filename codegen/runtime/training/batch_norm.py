"""Batch normalisation whose moving variance is Keras' while training."""

from __future__ import annotations

from torch import Tensor, nn


def biased_variance(after: Tensor, before: Tensor, momentum: float | None, count: int) -> Tensor:
    """A moving variance without the correction n / (n - 1) that torch has for a batch of n numbers."""
    if count == 0 or momentum is None:
        return after
    return after - (after - (1 - momentum) * before) / count


class BiasedBatchNorm1d(nn.BatchNorm1d):
    """Its moving variance is that of the batch itself, as in Keras."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C) or (N, C, T)."""
        before = self.running_var
        if not self.training or before is None:
            return super().forward(input)
        self.running_var = before.clone()
        output = super().forward(input)
        count = input.numel() // input.shape[1]
        self.running_var = biased_variance(self.running_var, before, self.momentum, count)
        return output


class BiasedBatchNorm2d(nn.BatchNorm2d):
    """Its moving variance is that of the batch itself, as in Keras."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W)."""
        before = self.running_var
        if not self.training or before is None:
            return super().forward(input)
        self.running_var = before.clone()
        output = super().forward(input)
        count = input.numel() // input.shape[1]
        self.running_var = biased_variance(self.running_var, before, self.momentum, count)
        return output


class BiasedBatchNorm3d(nn.BatchNorm3d):
    """Its moving variance is that of the batch itself, as in Keras."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, D, H, W)."""
        before = self.running_var
        if not self.training or before is None:
            return super().forward(input)
        self.running_var = before.clone()
        output = super().forward(input)
        count = input.numel() // input.shape[1]
        self.running_var = biased_variance(self.running_var, before, self.momentum, count)
        return output
