"""What quantised layers make of their input."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def round_to_steps(x: Tensor, dim: list[int], low: int, high: int, eps: float) -> Tensor:
    """Round to `high` steps of the largest absolute value along `dim`.

    The gradient is that of the input, as in Keras.
    """
    limit = x.abs().amax(dim=dim, keepdim=True) + eps
    scale = torch.full_like(limit, high) / limit
    rounded = (x * scale).round().clamp(low, high) / scale
    return rounded.detach() + (x - x.detach())


def round_to_float8(x: Tensor, scale: Tensor) -> Tensor:
    """Round to the multiples of `scale` that 8 bits with an exponent of 4 bits hold.

    The gradient is that of the input, as in Keras.
    """
    numbers = (x / scale).clamp(-448.0, 448.0).to(torch.float8_e4m3fn)
    rounded = numbers.to(x.dtype) * scale
    return rounded.detach() + (x - x.detach())


class FakeQuantize(nn.Module):
    """Round to the numbers that 8 bits can tell apart in a range, as TensorFlow emulates quantisation.

    The range from `min` to `max` is moved so that zero is one of the numbers. The gradient is that of
    the input inside the range, and zero outside.

    Args:
        num_bits: Of the numbers.
        narrow_range: Whether they are one less, so that there are as many on both sides of zero.
    """

    min: Tensor
    max: Tensor

    def __init__(
        self, num_bits: int = 8, *, narrow_range: bool = False, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.first = int(narrow_range)
        self.levels = 2**num_bits - 1 - self.first
        self.register_buffer("min", torch.tensor(-6.0, dtype=dtype))
        self.register_buffer("max", torch.tensor(6.0, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Round `x`, of any shape."""
        scale = (self.max - self.min).clamp(min=1e-30) / self.levels
        zero = torch.floor(self.first - self.min / scale + 0.5) - self.first
        zero = zero.clamp(0, self.levels)
        low = -zero * scale
        x = x.clamp(low, (self.levels - zero) * scale)
        rounded: Tensor = torch.floor((x - low) / scale - zero + 0.5) * scale
        return rounded.detach() + (x - x.detach())
