"""`channels_first=True`: images go in and come out as N,C,H,W, everything else as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen import convert
from tests.oracle.cases.case import keras
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import keras_outputs, randomise, sample_inputs, save

L = keras.layers


def _encoder() -> Any:
    image = keras.Input((9, 6, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(image)
    y = L.Conv2D(4, 3, strides=2, padding="same")(x)
    x = L.Concatenate()([x, L.Cropping2D(((0, 1), (0, 0)))(L.UpSampling2D(2)(y))])
    return keras.Model(image, [L.Conv2D(2, 1, activation="softmax")(x), L.Dense(3)(L.Flatten()(y))])


def _two_images() -> Any:
    first, second, vector = keras.Input((None, None, 3)), keras.Input((8, 5, 2)), keras.Input((4,))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(first))
    y = L.BatchNormalization()(L.MaxPooling2D()(second))
    return keras.Model([first, vector, second], [L.Add()([x, vector]), y])


def _nested() -> Any:
    image = keras.Input((7, 6, 3))
    inner = keras.Sequential([keras.Input((7, 6, 4)), L.Conv2D(4, 3, padding="same"), L.ReLU()], name="inner")
    return keras.Model(image, L.ZeroPadding2D((1, 2))(inner(inner(L.Conv2D(4, 1)(image)))))


def _signal() -> Any:
    signal = keras.Input((9, 3))
    return keras.Model(signal, L.Conv1D(4, 3, padding="causal")(signal))


def _volume() -> Any:
    volume = keras.Input((5, 4, 6, 2))
    return keras.Model(volume, L.AveragePooling3D(2)(L.Conv3D(3, 2)(volume)))


def _first(array: NDArray[Any]) -> NDArray[Any]:
    """Channels put behind the batch."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1)) if array.ndim > 2 else array


@pytest.mark.parametrize("build", [_encoder, _two_images, _nested, _signal, _volume])
def test_images_with_their_channels_first(build: Callable[[], Any], tmp_path: Path) -> None:
    model = build()
    randomise(model)
    inputs = sample_inputs(model, 3, 7)
    expected = [_first(array) for array in keras_outputs(model, inputs)]
    result = convert(save(model, tmp_path / "model.keras"), output=tmp_path, channels_first=True)
    assert_same(torch_outputs(result, [_first(array) for array in inputs]), expected)
    assert "permute" not in result.source_path.read_text()


def test_what_no_layer_reads_channels_first_stays_as_in_keras(tmp_path: Path) -> None:
    image = keras.Input((5, 4, 3))
    model = keras.Model(image, L.Dense(2)(image))
    inputs = sample_inputs(model, 3, 7)
    result = convert(save(model, tmp_path / "model.keras"), output=tmp_path, channels_first=True)
    assert_same(torch_outputs(result, inputs), keras_outputs(model, inputs))
