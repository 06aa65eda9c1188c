"""How Keras makes one number of a loss's values: weights and masks, by generation.

`reduce_weighted_values` of Keras 3, `LossesContainer` of tf_keras, `weighted_masked_objective` of Keras 2.2.
"""

from __future__ import annotations

from torch import Tensor


def spread(weight: Tensor, values: Tensor) -> Tensor:
    """A weight for each value of (N, ...), of (N,), (N, 1) or (N, ...) weights."""
    weight = weight.to(values)
    if weight.dim() > values.dim():
        return weight.squeeze(-1)
    return weight.reshape(*weight.shape, *[1] * (values.dim() - weight.dim()))


def weighted_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean of the weighted values; weights do not count in the divisor."""
    return values.mean() if weight is None else (values * spread(weight, values)).mean()


def weighted_sum(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """The sum of the weighted values."""
    return values.sum() if weight is None else (values * spread(weight, values)).sum()


def mean_by_weight(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """The sum of the weighted values by that of the weights."""
    if weight is None:
        return values.mean()
    return (values * spread(weight, values)).sum() / weight.sum()


def only(mask: Tensor, weight: Tensor | None) -> Tensor:
    """Weights that are zero where the mask is."""
    kept = mask.float()
    return kept if weight is None else kept * spread(weight, kept)


def shared_out(mask: Tensor, weight: Tensor | None) -> Tensor:
    """The same, and what is kept counts for what is not: then the mean is that of what is kept."""
    kept = only(mask, weight)
    return kept * (mask.numel() / mask.sum().clamp(min=1))


def mean_of_weighted(
    values: Tensor, weight: Tensor | None = None, mask: Tensor | None = None, epsilon: float = 0.0
) -> Tensor:
    """Keras 2.2: the mean of what the mask keeps, and of the samples whose weight is not zero."""
    if mask is not None:
        values = values * mask / (mask.float().mean() + epsilon)
    if weight is None:
        return values.mean()
    values = values.reshape(*weight.shape, -1).mean(-1) * weight
    return values.mean() / (weight != 0).float().mean()
