"""Stochastic depth: a residual branch is dropped for whole samples, or for all at once."""

import torch
from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """Drops whole samples with probability `p` in training, scales the others up."""

    def __init__(self, p: float, rank: int = 4) -> None:
        super().__init__()
        self.p = p
        self.rank = rank

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, ...)."""
        if not self.training or self.p == 0:
            return x
        keep = torch.rand([x.shape[0]] + [1] * (self.rank - 1), device=x.device) >= self.p
        return x * keep / (1 - self.p)


class StochasticBranch(nn.Module):
    """Keeps a residual branch with probability `p` in training, for all samples alike; scales it else."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        if not self.training:
            return x * self.p
        return x * torch.bernoulli(torch.full((), self.p, device=x.device))
