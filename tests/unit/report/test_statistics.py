"""The numbers of an array in a few figures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.report import statistics as module
from codegen.report.statistics import BINS, Statistics, statistics


@pytest.mark.parametrize("chunk", [7, 2**20])
def test_figures_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    array = np.random.default_rng(3).normal(2.0, 3.0, (5, 7, 3)).astype(np.float32)
    array[0, :, 0] = 0
    found = statistics(array)
    wide = array.astype(np.float64)
    assert found.mean == pytest.approx(wide.mean(), rel=1e-9)
    assert found.deviation == pytest.approx(wide.std(), rel=1e-9)
    assert (found.minimum, found.maximum) == (array.min(), array.max())
    assert (found.zeros, found.nan, found.infinite) == (7, 0, 0)
    counts, _ = np.histogram(wide, BINS)
    assert found.histogram == tuple(counts)


def test_what_is_no_number_is_counted_and_left_out() -> None:
    array = np.array([1.0, np.nan, np.inf, -np.inf, 3.0], np.float16)
    found = statistics(array)
    assert (found.nan, found.infinite, found.mean, found.minimum, found.maximum) == (1, 2, 2.0, 1.0, 3.0)
    assert sum(found.histogram) == 2


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.full(3, np.nan)])
def test_nothing_finite_has_no_figures(array: NDArray[np.float64]) -> None:
    found = statistics(array)
    assert (found.mean, found.deviation, found.minimum, found.maximum, found.histogram) == (*[None] * 4, ())


def test_equal_numbers_stand_in_the_middle() -> None:
    found = statistics(np.full((2, 2), 5, np.int64))
    assert found == Statistics(5.0, 0.0, 5.0, 5.0, 0, 0, 0, tuple(4 * (i == BINS // 2) for i in range(BINS)))


def test_large_numbers_do_not_overflow() -> None:
    found = statistics(np.array([-1.5e308, 1.5e308]))
    assert (found.mean, found.deviation) == (0.0, 1.5e308)
    assert (found.histogram[0], found.histogram[-1]) == (1, 1)


def test_complex_numbers_and_truth_values_have_figures() -> None:
    assert statistics(np.array([3 + 4j])).maximum == 5.0
    assert statistics(np.array([True, False])).zeros == 1
