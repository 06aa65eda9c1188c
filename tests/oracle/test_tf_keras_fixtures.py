"""Layers that only Keras 2 has, or computes otherwise: files with what tf_keras computed.

RandomHeight and RandomWidth, and resizing by kernels that Keras 3 does not have; LocallyConnected1D and
LocallyConnected2D in all implementations; TCN of keras-tcn; layers of keras_hub, TensorFlow Addons and
keras_cv_attention_models; wrappers of TensorFlow Model Optimization.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from codegen import convert
from tests.support.conversions import assert_same, torch_outputs
from tests.support.keras_files import rewritten

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize(
    "name",
    [
        "addons",
        "autokeras",
        "fourier_features",
        "hub_blocks",
        "hub_layers",
        "kecam_layers",
        "keras2_images",
        "keras2_layers",
        "keras2_masks",
        "locally_connected",
        "tcn",
        "tcn_3.0.2",
        "tcn_3.1.2",
        "tcn_3.4.4",
        "tfmot",
        "tfmot_0.5.0",
    ],
)
def test_outputs_are_those_of_tf_keras(name: str, tmp_path: Path) -> None:
    with np.load(FIXTURES / f"{name}.npz") as stored:
        arrays = dict(stored)
    inputs = [arrays[key] for key in sorted(arrays) if key.startswith("input")]
    expected = [arrays[f"output_{index}"] for index in range(len(arrays) - len(inputs))]
    result = convert(FIXTURES / f"{name}.h5", output=tmp_path)
    assert_same(torch_outputs(result, inputs), expected)


@pytest.mark.usefixtures("against_reference")
def test_layers_of_keras_nlp_are_those_of_keras_hub(tmp_path: Path) -> None:
    """But for masks, which they see otherwise."""
    with np.load(FIXTURES / "hub_layers.npz") as stored:
        inputs = [stored[key] for key in sorted(stored) if key.startswith("input")]
    found = []
    for package in ("keras_hub", "keras_nlp"):
        folder = tmp_path / package
        folder.mkdir()
        file = Path(shutil.copy(FIXTURES / "hub_layers.h5", folder))
        names = ("PositionEmbedding", "TokenAndPositionEmbedding", "TransformerEncoder")
        rewritten(file, {f"keras_hub>{name}": f"{package}>{name}" for name in names})
        with h5py.File(file, "r+") as opened:
            text = opened.attrs["model_config"]
            opened.attrs["model_config"] = text.replace('"mask_zero": true', '"mask_zero": false')
        found.append(torch_outputs(convert(file, output=folder), inputs))
    assert_same(*found)
