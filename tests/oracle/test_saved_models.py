"""SavedModel folders and checkpoints by real versions of TensorFlow, with what these computed.

In 2.10 the checkpoint is one of `tf.train.Checkpoint`, whose `net` is the model.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from codegen import check, convert
from codegen.errors import ConversionError
from tests.support.conversions import assert_same, torch_outputs

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = ("1.15", "2.3", "2.10", "2.15")


def unpacked(version: str, folder: Path) -> Path:
    """The models of a version."""
    with zipfile.ZipFile(FIXTURES / f"saved_model_{version}.zip") as archive:
        archive.extractall(folder)
    return folder


def assert_as_stored(model: Path, weights: Path | None = None) -> None:
    with np.load(model.with_name(f"{model.stem}.npz")) as stored:
        arrays = dict(stored)
    inputs = [arrays[key] for key in sorted(arrays) if key.startswith("input")]
    expected = [arrays[f"output_{index}"] for index in range(len(arrays) - len(inputs))]
    result = convert(model, output=model.parent / "out", weights=weights)
    assert_same(torch_outputs(result, inputs), expected)


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("version", VERSIONS)
def test_folders(version: str, tmp_path: Path) -> None:
    folder = unpacked(version, tmp_path)
    assert_as_stored(folder / "plain")
    assert not check(folder / "plain", output=folder / "out")


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("version", VERSIONS)
def test_checkpoints(version: str, tmp_path: Path) -> None:
    folder = unpacked(version, tmp_path)
    assert_as_stored(folder / "recurrent.json", folder / "recurrent")


@pytest.mark.usefixtures("against_reference")
def test_sequential_over_a_table(tmp_path: Path) -> None:
    assert_as_stored(unpacked("table", tmp_path) / "table")


@pytest.mark.usefixtures("against_reference")
def test_lookups_by_tables(tmp_path: Path) -> None:
    folder = unpacked("2.3", tmp_path)
    assert_as_stored(folder / "words")
    assert_as_stored(folder / "table.json", folder / "table")
    with pytest.raises(ConversionError, match="supported: a vocabulary that is in the file"):
        convert(folder / "table.json", output=folder / "out")


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("version", ["2.10", "2.15"])
def test_adapted_discretization_in_hdf5(version: str, tmp_path: Path) -> None:
    assert_as_stored(unpacked(version, tmp_path) / "bins.h5")
