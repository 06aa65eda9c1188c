"""`record` and `verify` with the Keras that is installed: every layer call of models of several kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegen import convert, record, verify
from codegen.recorder.record import main as record_here
from tests.fixtures.build_recordings import build
from tests.oracle.cases.case import keras
from tests.support.oracle import randomise

layers = keras.layers


def recorded_kind() -> Any:
    """A nested model that is called twice, and a masked sequence."""
    return build(keras)


def transformer() -> Any:
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(11, 8, name="embedding")(tokens)
    for number in range(2):
        attended = layers.MultiHeadAttention(2, 4, name=f"attention_{number}")(x, x)
        x = layers.LayerNormalization(name=f"norm_{number}")(layers.Add()([x, attended]))
        dense = layers.Dense(8, activation="gelu", name=f"dense_{number}")(x)
        x = layers.Add(name=f"sum_{number}")([x, dense])  # an op of this name is lost in Keras' own .h5
    return keras.Model(tokens, layers.Dense(3, name="logits")(keras.ops.mean(x, axis=1)))


def cnn() -> Any:
    return keras.Sequential(
        [
            keras.Input((9, 8, 3)),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.ZeroPadding2D(name="padding"),
            layers.Conv2D(4, 3, strides=2, name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.ReLU(name="relu"),
            layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(5, activation="softmax", name="predictions"),
        ]
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", [recorded_kind, transformer, cnn], ids=lambda make: make.__name__)
def test_every_layer_call_agrees(make: Callable[[], Any], suffix: str, tmp_path: Path) -> None:
    model = make()
    randomise(model)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    convert(path, output=tmp_path)
    assert record_here([str(path), "--output", str(tmp_path / "model.npz")]) == 0
    found = verify(path, against=tmp_path / "model.npz")
    assert found.is_equal, found.first
    known = {layer.name for layer in model.layers if not isinstance(layer, layers.InputLayer)}
    assert known <= {result.layer for result in found.layers}
    assert all(result.float32 is not None for result in found.layers)


def test_keras_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    model = cnn()
    path = tmp_path / "model.keras"
    model.save(path)
    convert(path, output=tmp_path)
    said: list[str] = []
    assert record(path, layers=False, progress=said.append) == tmp_path / "model.keras.recording.npz"
    assert said == ["starting Keras", "loading the model", "running the model", "writing"]
    found = verify(path, against=tmp_path / "model.keras.recording.npz", layers=False)
    assert found.is_equal and found.layers == () and "Keras 3" in found.origin
