"""How far two arrays are apart: absolutely, relatively, and in units in the last place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.evidence.facts import Difference

#: Numbers below this part of the largest one are near zero: their last place tells nothing.
_SMALL = 1 / 64

EQUAL = Difference(0.0, 0.0, 0.0)
APART = Difference(np.inf, np.inf, np.inf)


def difference(found: NDArray[Any], expected: NDArray[Any]) -> Difference:
    """How far `found` is from `expected` at most; infinitely, if their shapes differ."""
    if found.shape != expected.shape:
        return APART
    if not found.size:
        return EQUAL
    wide = np.complex128 if "c" in found.dtype.kind + expected.dtype.kind else np.float64
    ours, theirs = np.asarray(found, wide), np.asarray(expected, wide)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(all="ignore"):
        gaps = np.where(same, 0.0, np.abs(ours - theirs))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    absolute = float(gaps.max())
    if absolute == 0:
        return EQUAL
    sizes = np.abs(np.where(np.isfinite(theirs), theirs, 0.0))
    largest = float(sizes.max())
    unit = np.spacing(np.maximum(sizes, max(largest * _SMALL, 1e-30)).astype(np.float32))
    return Difference(absolute, absolute / (largest or 1.0), float((gaps / unit).max()))


def worse(one: Difference | None, other: Difference | None) -> Difference | None:
    """The larger of each of their numbers."""
    if one is None or other is None:
        return one or other
    return Difference(
        max(one.absolute, other.absolute), max(one.relative, other.relative), max(one.ulps, other.ulps)
    )
