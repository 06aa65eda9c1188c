"""A converted model without its weights starts like the Keras model, and has its regularisers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from codegen import convert
from codegen.initializers import torch_initializer
from codegen.regularizers import torch_penalty
from tests.cases.case import keras
from tests.oracle import build, load, randomise
from tests.test_layers import CASES

L, I, R = keras.layers, keras.initializers, keras.regularizers


def convnet() -> Any:
    return keras.Sequential(
        [
            keras.Input((9, 8, 24)),
            L.Conv2D(40, 3),
            L.BatchNormalization(),
            L.Conv2D(48, 3, groups=2, kernel_initializer="he_normal", bias_initializer="ones"),
            L.DepthwiseConv2D(5, padding="same", depthwise_initializer="he_uniform"),
            L.DepthwiseConv2D(5, padding="same", depth_multiplier=2),
            L.SeparableConv2D(64, 5, padding="same", pointwise_initializer="lecun_uniform"),
            L.Conv2DTranspose(30, 5, strides=2, kernel_initializer="he_normal"),
            L.PReLU(shared_axes=[1, 2]),
            L.GlobalAveragePooling2D(),
            L.Dense(70, kernel_initializer=I.VarianceScaling(1 / 3, "fan_out", "uniform")),
            L.Dense(60, kernel_initializer=I.VarianceScaling(0.5, "fan_avg", "untruncated_normal")),
            L.Dense(50, kernel_initializer=I.TruncatedNormal(stddev=0.2), bias_initializer=I.Constant(0.3)),
            L.Dense(64, kernel_initializer="orthogonal"),
            L.Dense(64, kernel_initializer="identity", use_bias=False),
        ]
    )


def recurrent() -> Any:
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            L.Embedding(300, 32),
            L.Bidirectional(L.LSTM(40, return_sequences=True)),
            L.GRU(48, return_sequences=True),
            L.LSTM(32, activation="elu", return_sequences=True),
            L.SimpleRNN(40, recurrent_initializer="glorot_normal", return_sequences=True),
            L.GRU(36, reset_after=False),
        ]
    )


def attention() -> Any:
    inputs = keras.Input((7, 48))
    x = L.MultiHeadAttention(4, 16)(inputs, inputs)
    x = L.LayerNormalization()(x + inputs)
    return keras.Model(inputs, L.AdditiveAttention()([x, x]))


def statistics(array: NDArray[Any]) -> NDArray[Any]:
    """Mean, deviation, least and greatest element."""
    return np.array([array.mean(), array.std(), array.min(), array.max()])


def is_orthogonal(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and np.allclose(array.T @ array, np.eye(array.shape[1]), atol=1e-4)


@pytest.mark.parametrize("make", [convnet, recurrent, attention])
def test_starts_like_keras(make: Any, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = make()
    model.save(tmp_path / "model.keras")
    module = load(convert(tmp_path / "model.keras", output=tmp_path))
    expected = {key: value.numpy() for key, value in module.load_model().state_dict().items()}
    torch.manual_seed(1)
    for key, tensor in module.ConvertedModel().state_dict().items():
        ours, theirs = tensor.numpy(), expected[key]
        assert is_orthogonal(ours) == is_orthogonal(theirs), key
        spread = theirs.std()
        if spread == 0 or "bias" in key:
            np.testing.assert_array_equal(ours, theirs, key)
        else:
            tolerance = 5 * spread / ours.size**0.5 + 1e-6
            np.testing.assert_allclose(ours.mean(), theirs.mean(), atol=2 * tolerance, err_msg=key)
            np.testing.assert_allclose(ours.std(), spread, rtol=0.02 + 5 / ours.size**0.5, err_msg=key)
            if ours.size > 1000 and not is_orthogonal(ours):
                widest = np.abs(theirs).max()
                np.testing.assert_allclose(np.abs(ours).max(), widest, rtol=0.25, err_msg=key)
    assert np.any(statistics(next(iter(expected.values()))))
