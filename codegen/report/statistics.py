"""The numbers of one array in a few figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bars of a histogram.
BINS = 32

#: Elements that are looked at together, so that no copy of a large array is made.
_CHUNK = 2**20


@dataclass(frozen=True)
class Statistics:
    """What the numbers of an array are like; those that are no numbers count for nothing else.

    Attributes:
        mean: None, as the next three, if there is no finite number.
        deviation: Standard deviation, of all elements.
        minimum: The smallest finite number.
        maximum: The largest finite number.
        zeros: How many elements are zero.
        nan: How many are no numbers.
        infinite: How many are infinite.
        histogram: How many lie in each of equally wide ranges from the minimum to the maximum.
    """

    mean: float | None
    deviation: float | None
    minimum: float | None
    maximum: float | None
    zeros: int
    nan: int
    infinite: int
    histogram: tuple[int, ...]


def statistics(array: NDArray[Any]) -> Statistics:
    """Figures of an array of any shape, of numbers or truth values."""
    flat = array.reshape(-1)
    parts = [flat[start : start + _CHUNK] for start in range(0, flat.size, _CHUNK)]
    zeros = sum(int(np.count_nonzero(part == 0)) for part in parts)
    nan = sum(int(np.count_nonzero(np.isnan(part))) for part in parts)
    infinite = sum(int(np.count_nonzero(np.isinf(part))) for part in parts)
    count = flat.size - nan - infinite
    if not count:
        return Statistics(None, None, None, None, zeros, nan, infinite, ())
    low = min(float(part.min()) for part in map(_finite, parts) if part.size)
    high = max(float(part.max()) for part in map(_finite, parts) if part.size)
    scale = max(abs(low), abs(high)) or 1.0  # squares of large numbers would overflow
    mean = sum(float((_finite(part) / scale).sum()) for part in parts) / count
    variance = sum(float(((_finite(part) / scale - mean) ** 2).sum()) for part in parts) / count
    return Statistics(
        mean * scale, variance**0.5 * scale, low, high, zeros, nan, infinite, _histogram(parts, low, high)
    )


def _finite(part: NDArray[Any]) -> NDArray[np.float64]:
    wide = np.abs(part) if np.iscomplexobj(part) else part
    numbers = wide.astype(np.float64)
    return numbers[np.isfinite(numbers)]


def _histogram(parts: list[NDArray[Any]], low: float, high: float) -> tuple[int, ...]:
    """Counts of the numbers in equally wide ranges; all in the middle one if there is but one number."""
    counts = np.zeros(BINS, dtype=np.int64)
    width = high / BINS - low / BINS
    for part in map(_finite, parts):
        with np.errstate(all="ignore"):
            place = part / width - low / width if width else np.full(part.shape, BINS / 2)
        numbers = np.nan_to_num(np.clip(place, 0, BINS - 1)).astype(np.int64)
        counts += np.bincount(numbers, minlength=BINS)
    return tuple(map(int, counts))
