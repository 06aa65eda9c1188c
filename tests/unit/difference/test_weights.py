"""Layers are paired, and arrays compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.difference.weights import Layer, Tensor, distance, layer_changes


def layer(path: str, *numbers: float, kind: str = "Dense", **more: NDArray[Any]) -> Layer:
    arrays = {"kernel": np.array(numbers, np.float32), **more}
    tensors = {name: Tensor(array.shape, array.copy) for name, array in arrays.items()}
    return Layer(path, kind, tensors)


def test_layers_are_new_gone_reshaped_and_equal() -> None:
    before = [layer("a", 1, 2), layer("gone", 1, kind="Conv2D"), layer("b", 1, 2, 3)]
    after = [layer("a", 1, 2), layer("b", 1, 2), layer("new", 5, 6, 7, 8)]
    assert [(change.path, change.status) for change in layer_changes(before, after)] == [
        ("a", "equal"), ("gone", "gone"), ("b", "reshaped"), ("new", "new"),
    ]  # fmt: skip


def test_layers_of_equal_structure_in_order_were_renamed() -> None:
    before = [layer("dense", 1, 2), layer("conv", 1, kind="Conv2D"), layer("dense_1", 1, 2)]
    after = [layer("dense_2", 1, 2), layer("conv", 1, kind="Conv2D"), layer("dense_3", 1, 3)]
    assert [(change.path, change.renamed, change.status) for change in layer_changes(before, after)] == [
        ("dense", "dense_2", "equal"), ("conv", "", "equal"), ("dense_1", "dense_3", "changed"),
    ]  # fmt: skip


def test_a_layer_with_a_new_bias_changed() -> None:
    (change,) = layer_changes([layer("a", 1, 2)], [layer("a", 1, 2, bias=np.zeros(2))])
    assert change.status == "changed"
    assert [(tensor.name, tensor.status) for tensor in change.tensors] == [
        ("kernel", "equal"),
        ("bias", "new"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], (0.0, 0.0)),
        ([3.0, 4.0], [3.0, 4.5], (0.5, 0.1)),
        ([0.0, 0.0], [0.0, 1.0], (1.0, math.inf)),
        ([np.nan, 4.0], [np.nan, 4.0], (0.0, 0.0)),
        ([np.nan, 4.0], [np.nan, 5.0], (1.0, 0.25)),
        ([np.nan, 4.0], [1.0, 4.0], (math.inf, math.inf)),
        ([np.inf], [np.inf], (0.0, 0.0)),
        ([np.inf], [-np.inf], (math.inf, math.inf)),
        ([1 + 1j], [1 + 2j], (1.0, 0.5**0.5)),
        ([True, False], [True, True], (1.0, 1.0)),
        ([255, 0], [0, 0], (255.0, 1.0)),
    ],
)
def test_distances(before: list[Any], after: list[Any], expected: tuple[float, float]) -> None:
    kind = np.uint8 if before == [255, 0] else None
    assert distance(np.array(before, kind), np.array(after, kind)) == pytest.approx(expected)
