"""What quantised layers make of their input."""

from torch import Tensor


def round_to_steps(
    x: Tensor, dim: list[int], low: int, high: int, eps: float
) -> Tensor:
    """Round to `high` steps of the largest absolute value along `dim`.

    The gradient is that of the input, as in Keras.
    """
    scale = high / (x.abs().amax(dim=dim, keepdim=True) + eps)
    rounded = (x * scale).round().clamp(low, high) / scale
    return x + (rounded - x).detach()
