"""A converted model without its weights starts like the Keras model, and has its regularisers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from codegen import convert
from codegen.emit.training.initializers import torch_initializer
from codegen.emit.training.regularizers import torch_penalty
from tests.oracle.cases.case import keras
from tests.oracle.cases.tables import CASES
from tests.support.conversions import load
from tests.support.oracle import build, randomise

L, R = keras.layers, keras.regularizers


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
            L.Dense(70, kernel_initializer=keras.initializers.VarianceScaling(1 / 3, "fan_out", "uniform")),
            L.Dense(
                60,
                kernel_initializer=keras.initializers.VarianceScaling(0.5, "fan_avg", "untruncated_normal"),
            ),
            L.Dense(
                50,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.2),
                bias_initializer=keras.initializers.Constant(0.3),
            ),
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


def regularised() -> Any:
    frozen = L.Conv2D(4, 3, kernel_regularizer="l2", trainable=False)
    return keras.Sequential(
        [
            keras.Input((9, 8, 3)),
            L.Conv2D(4, 3, kernel_regularizer=R.L2(0.03), bias_regularizer=R.L1(0.02)),
            frozen,
            L.SeparableConv2D(5, 3, depthwise_regularizer="l1", pointwise_regularizer=R.L1L2(0.1, 0.2)),
            L.BatchNormalization(gamma_regularizer="l2", beta_regularizer="l2"),
            L.Reshape((-1, 10)),
            L.Bidirectional(L.GRU(4, reset_after=False, recurrent_regularizer="l2", bias_regularizer="l2")),
            L.Dense(5, name="fc", kernel_regularizer=R.OrthogonalRegularizer(0.3), activity_regularizer="l2"),
            L.Dense(6, kernel_regularizer=R.OrthogonalRegularizer(0.3, mode="columns")),
        ]
    )


def test_regularisers_of_weights(tmp_path: Path) -> None:
    model = regularised()
    randomise(model)
    expected = float(sum(model.losses))
    model.save(tmp_path / "model.keras")
    result = convert(tmp_path / "model.keras", output=tmp_path)
    loss = load(result).load_model().regularization_loss()
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-5)
    loss.backward()
    text = result.source_path.read_text(encoding="utf-8")
    assert "Note:    the regulariser l2 (l2=0.01) of the output of fc is left out" in text


@pytest.mark.parametrize(
    "saved", ["mine", {"class_name": "Mine", "config": {}}, {"class_name": 3}, [1], {"config": [2]}, 5]
)
def test_unknown_objects_are_left_alone(saved: Any) -> None:
    assert torch_initializer(saved, (3, 2), (2, 3), ordered=True) is None
    assert torch_penalty(saved, is_matrix=True, transposed=True) is None


@pytest.mark.parametrize(
    "config",
    [{"scale": "1"}, {"scale": 10**400}, {"mode": []}, {"distribution": {}}, {"scale": float("nan")}],
)
def test_strange_numbers_are_left_alone(config: dict[str, Any]) -> None:
    saved = {"class_name": "VarianceScaling", "config": config}
    assert torch_initializer(saved, (3, 2), (2, 3), ordered=True) is None


def test_every_row_starts_with_numbers(tmp_path: Path) -> None:
    """A fresh model has no leftover memory as weights."""
    for case in CASES[::7]:
        model = build(case)
        model.save(tmp_path / f"model.{case.files[0]}")
        module = load(convert(tmp_path / f"model.{case.files[0]}", output=tmp_path, force=True))
        torch.manual_seed(0)
        first = module.ConvertedModel()
        torch.manual_seed(0)
        for (key, one), two in zip(
            first.named_parameters(), module.ConvertedModel().parameters(), strict=True
        ):
            assert torch.equal(one, two), f"{case.name}: {key}"


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_starts_orthogonal(policy: str, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5, 4)), L.GRU(6, dtype=policy, name="gru")])
    model.save(tmp_path / "model.keras")
    started = load(convert(tmp_path / "model.keras", output=tmp_path)).ConvertedModel()
    kernel = started.gru.weight_hh_l0.detach().float()
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(6), atol=0.05)
