"""What quantised layers make of their input."""

import torch
from torch import Tensor


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
