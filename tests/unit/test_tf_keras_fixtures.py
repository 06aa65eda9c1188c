"""Layers that only Keras 2 has, or computes otherwise: files with what tf_keras computed.

RandomHeight and RandomWidth, and resizing by kernels that Keras 3 does not have; LocallyConnected1D and
LocallyConnected2D in all implementations; TCN of keras-tcn; layers of keras_hub.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codegen import convert
from tests.support.conversions import assert_same, torch_outputs

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.usefixtures("against_keras")
@pytest.mark.parametrize(
    "name", ["fourier_features", "hub_layers", "keras2_images", "keras2_masks", "locally_connected", "tcn"]
)
def test_outputs_are_those_of_tf_keras(name: str, tmp_path: Path) -> None:
    with np.load(FIXTURES / f"{name}.npz") as stored:
        arrays = dict(stored)
    inputs = [arrays[key] for key in sorted(arrays) if key.startswith("input")]
    expected = [arrays[f"output_{index}"] for index in range(len(arrays) - len(inputs))]
    result = convert(FIXTURES / f"{name}.h5", output=tmp_path)
    assert_same(torch_outputs(result, inputs), expected)
