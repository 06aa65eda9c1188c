"""Rounds numbers to those that a smaller floating-point format has, as torch does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bits of the fraction, the smallest exponent of a normal number, the largest number, what lies beyond.
_FORMATS: Mapping[str, tuple[int, int, float, float]] = {
    "float16": (10, -14, 65504.0, np.inf),
    "bfloat16": (7, -126, float(2**127 * (2 - 2**-7)), np.inf),
    "float8_e5m2": (2, -14, 57344.0, np.inf),
    "float8_e4m3fn": (3, -6, 448.0, 448.0),
}


def round_to_format(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Each number rounded to the nearest one of a torch dtype, ties to even, as float32 or float64.

    torch rounds float64 to float32 first.
    """
    wide = np.array(array, np.float64 if array.dtype == np.float64 else np.float32)
    if dtype in ("float32", "float64"):
        return wide.astype(dtype).astype(wide.dtype)
    bits, smallest, largest, beyond = _FORMATS[dtype]
    numbers = wide.astype(np.float32).astype(np.float64)
    exponents = np.maximum(np.frexp(numbers)[1] - 1, smallest) - bits
    rounded = np.ldexp(np.rint(np.ldexp(numbers, -exponents)), exponents)
    rounded = np.where(np.abs(rounded) > largest, np.copysign(beyond, numbers), rounded)
    return rounded.astype(wide.dtype)
