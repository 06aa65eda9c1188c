"""Layers, functions and models whose Python source is given, against Keras, which runs it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from codegen import ConversionError, convert, inspect
from tests.oracle.cases import author
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import randomise

SOURCE = Path(author.__file__)
SHAPE = (5, 6)


def _two(x: Any) -> Any:
    return author.Attention(4)(layers.Dense(4)(x), context=layers.Dense(3)(x))


MODELS: dict[str, Callable[[Any], Any]] = {
    "weights": lambda x: author.Gate(4, activation=author.softer)(x),
    "twice": lambda x: author.Gate(3)(author.Gate(6, activation="tanh")(x)),
    "held": lambda x: author.Branches((3, 5))(x),
    "two_inputs": _two,
    "of_keras": lambda x: author.ScaledDense(4, factor=0.3, activation="relu")(x),
    "mask": lambda x: author.MaskedMean()(layers.Masking(0.0)(x)),
    "nested": lambda x: author.Block(6)(x),
    "activation": lambda x: layers.Dense(4, activation=author.softer)(x),
    "function": lambda x: layers.Lambda(author.softer)(x),
    "shared": lambda x: (lambda layer: layer(layer(x)))(author.Gate(6)),
    "wrapped": lambda x: layers.TimeDistributed(author.Gate(4))(x),
}


def _inputs(count: int = 3) -> Any:
    x = np.random.default_rng(5).normal(size=(count, *SHAPE)).astype("float32")
    x[0, 3:] = 0.0
    return x


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", MODELS)
def test_what_an_author_wrote_computes_what_it_computes_in_keras(
    name: str, suffix: str, tmp_path: Path
) -> None:
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, MODELS[name](inputs))
    randomise(model)
    model.save(tmp_path / f"model.{suffix}")
    x = _inputs()
    result = convert(tmp_path / f"model.{suffix}", output=tmp_path, source=[SOURCE])
    assert_same(torch_outputs(result, [x]), [np.asarray(model(x))])


def test_a_layer_becomes_a_class_of_its_name_with_its_attributes(tmp_path: Path) -> None:
    inputs = keras.Input(SHAPE)
    keras.Model(inputs, author.Gate(4)(inputs)).save(tmp_path / "model.keras")
    result = convert(tmp_path / "model.keras", output=tmp_path, source=[SOURCE])
    text = result.source_path.read_text(encoding="utf-8")
    (gate,) = (
        node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == "Gate"
    )
    read = {ast.unparse(node) for node in ast.walk(gate) if isinstance(node, ast.Attribute)}
    assert {"self.kernel", "self.bias", "self.level"} <= read
    assert "Gate was read from author.py" in text


@pytest.mark.parametrize("kind", ["config", "weights"])
def test_a_subclassed_model_is_converted(kind: str, tmp_path: Path) -> None:
    model = author.Net(width=4, depth=3)
    x = _inputs()[:, 0]
    model(x)
    randomise(model)
    if kind == "config":
        model.save(tmp_path / "net.keras")
        result = convert(tmp_path / "net.keras", output=tmp_path, source=[SOURCE])
    else:
        model.save_weights(tmp_path / "net.weights.h5")
        result = convert(
            tmp_path / "net.weights.h5",
            output=tmp_path,
            source=[SOURCE],
            model="Net(width=4, depth=3)",
            input=["float32(N, 6)"],
        )
    assert_same(torch_outputs(result, [x]), [np.asarray(model(x))])


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    model = author.Net()
    model(_inputs()[:, 0])
    model.save_weights(tmp_path / "net.weights.h5")
    file = tmp_path / "net.weights.h5"
    with pytest.raises(ConversionError, match="--input"):
        convert(file, output=tmp_path, source=[SOURCE], model="Net()")
    with pytest.raises(ConversionError, match="no class"):
        convert(file, output=tmp_path, source=[SOURCE], model="Other()", input=["float32(N, 6)"])
    with pytest.raises(ConversionError, match="no call with literals"):
        convert(file, output=tmp_path, source=[SOURCE], model="Net(open('f'))", input=["float32(N, 6)"])
    inputs = keras.Input(SHAPE)
    keras.Model(inputs, author.Gate(4)(inputs)).save(tmp_path / "model.keras")
    (problem,) = inspect(tmp_path / "model.keras").problems
    assert "--source" in problem
    assert not list(tmp_path.glob("*.py"))
