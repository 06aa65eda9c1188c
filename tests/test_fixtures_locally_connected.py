"""LocallyConnected1D and LocallyConnected2D of Keras 2, from a file with what tf_keras computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codegen import convert
from tests.oracle import assert_same, torch_outputs

FIXTURES = Path(__file__).parent / "fixtures"


def test_every_implementation_of_locally_connected_layers(tmp_path: Path) -> None:
    with np.load(FIXTURES / "locally_connected.npz") as stored:
        arrays = dict(stored)
    inputs = [arrays[f"input_{index}"] for index in range(2)]
    expected = [arrays[f"output_{index}"] for index in range(len(arrays) - 2)]
    result = convert(FIXTURES / "locally_connected.h5", output=tmp_path)
    assert_same(torch_outputs(result, inputs), expected)
