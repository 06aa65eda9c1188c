"""Steps of weight recipes that compute, and what stands for what is trained."""

from __future__ import annotations

import numpy as np
import pytest

from codegen.errors import WeightMismatch
from codegen.graph.recipe import Leaf, Weight
from codegen.model.saved_model import StoredTensor


def stored(*numbers: object) -> Weight:
    array = np.asarray(numbers, "float32")
    return Weight.of(StoredTensor("w", "w", array.shape, "float32", lambda: array))


def evaluated(weight: Weight) -> np.ndarray:
    def fetch(leaf: Leaf) -> np.ndarray:
        assert isinstance(leaf, StoredTensor)
        return leaf.read()

    array = weight.evaluate(fetch)
    assert array.shape == weight.shape
    return array


def test_a_sum_keeps_its_axes() -> None:
    total = stored([1, 2, 3], [4, 5, 6]).sum([0])
    np.testing.assert_array_equal(evaluated(total), [[5, 7, 9]])


def test_the_nearest_of_some_numbers_stands_for_each() -> None:
    numbers = stored(-1, 0.5, 3)
    found = stored([0, 2.6], [-0.4, 1.74]).nearest_of(numbers)
    np.testing.assert_array_equal(evaluated(found), [[0.5, 3], [-1, 0.5]])


def test_each_place_on_the_last_axis_can_have_numbers_of_its_own() -> None:
    found = stored([0.2, 0.2], [0.9, 0.9]).nearest_of(stored([0, 1], [5, 6]))
    np.testing.assert_array_equal(evaluated(found), [[0, 5], [1, 5]])


def test_a_flag_that_is_not_set_is_refused_with_its_message() -> None:
    weight = stored(1, 2)
    np.testing.assert_array_equal(evaluated(weight.only_if(stored(1), "never called")), [1, 2])
    with pytest.raises(WeightMismatch, match="never called"):
        evaluated(weight.only_if(stored(0), "never called"))


def test_what_stands_for_a_weight_is_computed_and_the_weight_is_trained() -> None:
    kernel, mask = stored([1, 2], [3, 4]), stored([1, 0], [0, 1])
    pruned = kernel.apply("multiply", mask).instead_of(kernel).T
    np.testing.assert_array_equal(evaluated(pruned), [[1, 0], [0, 4]])
    np.testing.assert_array_equal(evaluated(pruned.trained()), [[1, 3], [2, 4]])
    assert kernel.instead_of(kernel) is kernel
