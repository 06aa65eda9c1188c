"""Vocabularies that a layer was given as a file: in Keras 2 and early Keras 3 the path alone is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codegen import convert
from codegen.errors import UnsupportedOption
from tests.oracle.cases.case import keras, layers
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import keras_outputs

pytestmark = pytest.mark.usefixtures("against_reference")

X = np.array([[3, 7, -1], [12, 0, 5]], "int64")


def _saved(folder: Path, words: str, **options: Any) -> tuple[Any, Path]:
    """A model that looks words up, and where it was saved; the vocabulary stands elsewhere."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    file = elsewhere / "words.txt"
    file.write_text(words, encoding="utf-8")
    x = keras.Input((3,), dtype="int64")
    layer = layers.IntegerLookup(vocabulary=str(file), **options)
    model = keras.Model(x, layer(x))
    config = {**layer.get_config(), "vocabulary": str(file)}
    layer.get_config = lambda: config  # as Keras 2 has it
    path = folder / "model.keras"
    model.save(path)
    return model, path


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("12\n7\n3\n", {}),
        ("12\n7\n3", {"mask_token": 0, "num_oov_indices": 2}),
        ("-1\n12\n7", {}),
        ("0\n12\n7\n3", {"mask_token": 5, "invert": True}),
        ("12\n7\n3\n5\n", {"output_mode": "multi_hot", "num_oov_indices": 1}),
    ],
    ids=["plain", "masked", "with_special_token", "inverted", "multi_hot"],
)
def test_a_vocabulary_beside_the_model(words: str, options: dict[str, Any], tmp_path: Path) -> None:
    model, path = _saved(tmp_path, words, **options)
    (tmp_path / "words.txt").write_text(words, encoding="utf-8")
    assert_same(torch_outputs(convert(path, output=tmp_path / "out"), [X]), keras_outputs(model, [X]))


def test_a_vocabulary_elsewhere(tmp_path: Path) -> None:
    _, path = _saved(tmp_path, "12\n")
    with pytest.raises(UnsupportedOption, match="or a text file beside the model"):
        convert(path, output=tmp_path / "out")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    _, path = _saved(tmp_path, "12\n")
    (tmp_path / "words.txt").symlink_to(tmp_path / "elsewhere" / "words.txt")
    with pytest.raises(UnsupportedOption, match="or a text file beside the model"):
        convert(path, output=tmp_path / "out")
