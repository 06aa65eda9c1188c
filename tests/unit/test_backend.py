"""The backend of a Keras 1 model without weights: asked for where it matters, and given with `--backend`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codegen import ConversionError, Options, inspect
from codegen.pipeline import generate
from codegen.read.reader import read_model


def keras1(folder: Path, class_name: str, **config: Any) -> Path:
    """The JSON of a Keras 1 model of one layer on images of 12 x 11."""
    options = {"name": "layer", "batch_input_shape": [None, 12, 11, 4], "border_mode": "same", **config}
    entry = {"class_name": class_name, "config": {"dim_ordering": "tf", **options}}
    path = folder / "model.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": [entry], "keras_version": "1.2.2"}))
    return path


def conv(size: int, step: int) -> dict[str, Any]:
    return {"nb_filter": 3, "nb_row": size, "nb_col": size, "subsample": [step, step]}


def pool(size: int, step: int) -> dict[str, Any]:
    return {"pool_size": [size, size], "strides": [step, step]}


@pytest.mark.parametrize(
    ("class_name", "options"),
    [
        ("Convolution2D", conv(3, 1)),
        ("Convolution2D", conv(5, 1)),
        ("Convolution2D", conv(1, 2)),
        ("AveragePooling2D", pool(3, 1)),
        ("MaxPooling2D", pool(1, 1)),
    ],
)
def test_where_both_backends_pad_alike_nothing_is_asked(
    class_name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    assert inspect(keras1(tmp_path, class_name, **options)).convertible


@pytest.mark.parametrize(
    ("class_name", "options"),
    [
        ("Convolution2D", conv(4, 1)),
        ("Convolution2D", conv(3, 2)),
        ("AveragePooling2D", pool(4, 1)),
        ("MaxPooling2D", pool(5, 2)),
    ],
)
def test_where_they_do_not_the_option_answers(
    class_name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = keras1(tmp_path, class_name, **options)
    (problem,) = inspect(path).problems
    assert problem.endswith("say which it was with --backend")
    with read_model(path) as saved:
        sources = [generate(saved, Options(backend=name), "m").source for name in ("theano", "tensorflow")]
    assert sources[0] != sources[1]


def test_other_backends_are_none_of_keras_1() -> None:
    with pytest.raises(ConversionError, match="--backend 'cntk' is neither theano nor tensorflow"):
        Options(backend="cntk")  # type: ignore[arg-type]  # as the command line has it
