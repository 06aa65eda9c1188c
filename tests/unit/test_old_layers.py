"""Layers that no Keras at hand can run, by their formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codegen import convert
from tests.support.configs import entry, functional, input_entry
from tests.support.conversions import assert_same, torch_outputs
from tests.support.keras_files import write_whole_h5

pytestmark = pytest.mark.usefixtures("against_reference")

RNG = np.random.default_rng(0)
X, Y = (RNG.uniform(-2, 2, (3, 4)).astype("float32") for _ in range(2))


def outputs(layers: list[Any], inputs: list[Any], version: str, folder: Path) -> list[Any]:
    """What the converted model yields that ends in the last of the layers."""
    names = ["x", "y"][: len(inputs)]
    entries = [*(input_entry(name, 4) for name in names), *layers]
    model = functional(entries, [[name, 0, 0] for name in names], [[layers[-1]["name"], 0, 0]])
    file = write_whole_h5(folder / "model.h5", model, {}, keras_version=version)
    return torch_outputs(convert(file, output=folder), inputs)


@pytest.mark.parametrize("theta", [1.0, 0.5, -0.5])
def test_thresholded_relu(theta: float, tmp_path: Path) -> None:
    layer = entry("ThresholdedReLU", "out", [[["x", 0, 0]]], theta=theta)
    assert_same(outputs([layer], [X], "2.12.0", tmp_path), [X * (theta < X)])


def test_merge_by_cosine(tmp_path: Path) -> None:
    layer = entry("Merge", "out", [[["x", 0, 0], ["y", 0, 0]]], mode="cos", mode_type="raw", dot_axes=1)
    cosine = (X * Y).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(Y, axis=1)
    assert_same(outputs([layer], [X, Y], "1.2.2", tmp_path), [cosine[:, None, None]])


def test_arange(tmp_path: Path) -> None:
    """Keras records it only of sizes, which it does not save."""
    arange = {
        **entry("Arange", "arange", [{"args": [1, 9], "kwargs": {"step": 2}}]),
        "module": "keras.src.ops.numpy",
    }
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
        for name in ("x", "arange")
    ]
    add = {**entry("Add", "out", [{"args": tensors, "kwargs": {}}]), "module": "keras.src.ops.numpy"}
    assert_same(outputs([arange, add], [X], "3.8.0", tmp_path), [X + np.array([1, 3, 5, 7], "float32")])
