"""Every loss of `--training`: values and gradients are those of Keras, with weights and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codegen.training.library import losses as library
from codegen.training.library import reductions
from codegen.training.losses import lower_loss
from codegen.training.spec import Saved
from tests.oracle.cases.case import keras

Array = NDArray[Any]
N, T, C = 5, 4, 3


def _rng() -> np.random.Generator:
    return np.random.default_rng(3)


def _probabilities(*shape: int) -> Array:
    logits = _rng().normal(size=shape)
    found: Array = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype("float32")
    return found


def _normal(*shape: int) -> Array:
    return _rng().normal(size=shape).astype("float32")


def _one_hot(*shape: int) -> Array:
    return np.eye(C, dtype="float32")[_rng().integers(0, C, shape)]


def _classes(*shape: int) -> Array:
    return _rng().integers(0, C, shape)


def _bits(*shape: int) -> Array:
    return _rng().integers(0, 2, shape).astype("float32")


L = keras.losses
CASES: dict[str, tuple[Callable[[], Any], Array, Array]] = {
    "mse": (L.MeanSquaredError, _normal(N, C), _normal(N, C) + 1),
    "mse of one number": (L.MeanSquaredError, _normal(N, 1), _bits(N)),
    "mse of sequences": (L.MeanSquaredError, _normal(N, T, 1), _bits(N, T)),
    "mae": (L.MeanAbsoluteError, _normal(N, C), _bits(N, C)),
    "mape": (L.MeanAbsolutePercentageError, _normal(N, C), _bits(N, C) + 0.5),
    "msle": (L.MeanSquaredLogarithmicError, np.abs(_normal(N, C)) + 0.1, _bits(N, C)),
    "huber": (lambda: L.Huber(delta=0.7), _normal(N, C), _bits(N, C)),
    "log cosh": (L.LogCosh, _normal(N, C), _bits(N, C)),
    "poisson": (L.Poisson, np.abs(_normal(N, C)) + 0.1, _bits(N, C)),
    "kl": (L.KLDivergence, _probabilities(N, C), _probabilities(N, C)[::-1].copy()),
    "cosine": (L.CosineSimilarity, _normal(N, C), _bits(N, C) + 0.2),
    "hinge": (L.Hinge, _normal(N, C), _bits(N, C)),
    "hinge of signs": (L.Hinge, _normal(N, C), 2 * _bits(N, C) - 1),
    "squared hinge": (L.SquaredHinge, _normal(N, C), _bits(N, C)),
    "categorical hinge": (L.CategoricalHinge, _normal(N, C), _one_hot(N)),
    "categorical": (L.CategoricalCrossentropy, _probabilities(N, C), _one_hot(N)),
    "categorical, logits": (
        lambda: L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        _normal(N, C),
        _one_hot(N),
    ),
    "categorical, smoothed": (
        lambda: L.CategoricalCrossentropy(label_smoothing=0.1),
        _probabilities(N, T, C),
        _one_hot(N, T),
    ),
    "categorical of sequences": (
        lambda: L.CategoricalCrossentropy(from_logits=True),
        _normal(N, T, C),
        _one_hot(N, T),
    ),
    "sparse": (L.SparseCategoricalCrossentropy, _probabilities(N, C), _classes(N)),
    "sparse, logits": (
        lambda: L.SparseCategoricalCrossentropy(from_logits=True),
        _normal(N, C),
        _classes(N, 1),
    ),
    "sparse of sequences": (
        lambda: L.SparseCategoricalCrossentropy(from_logits=True),
        _normal(N, T, C),
        _classes(N, T),
    ),
    "sparse, a class ignored": (
        lambda: L.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1),
        _normal(N, T, C),
        _classes(N, T),
    ),
    "binary": (L.BinaryCrossentropy, _probabilities(N, C), _bits(N, C)),
    "binary, logits": (
        lambda: L.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
        _normal(N, 1),
        _bits(N),
    ),
    "focal": (
        lambda: L.CategoricalFocalCrossentropy(alpha=0.4, gamma=1.5),
        _probabilities(N, C),
        _one_hot(N),
    ),
    "focal, logits": (
        lambda: L.CategoricalFocalCrossentropy(from_logits=True, label_smoothing=0.1),
        _normal(N, C),
        _one_hot(N),
    ),
    "binary focal": (
        lambda: L.BinaryFocalCrossentropy(apply_class_balancing=True, gamma=1.5),
        _probabilities(N, C),
        _bits(N, C),
    ),
    "binary focal, logits": (lambda: L.BinaryFocalCrossentropy(from_logits=True), _normal(N, C), _bits(N, C)),
    "ctc": (L.CTC, _normal(N, 7, C), np.array([[1, 2, 0], [2, 0, 0], [1, 1, 2], [1, 0, 0], [2, 1, 0]])),
    "dice": (L.Dice, _probabilities(N, C), _one_hot(N)),
    "dice, by sample": (lambda: L.Dice(axis=(1, 2)), _probabilities(N, T, C), _one_hot(N, T)),
    "tversky": (lambda: L.Tversky(alpha=0.3, beta=0.6), _probabilities(N, C), _one_hot(N)),
    "circle": (lambda: L.Circle(gamma=8.0, margin=0.3), _normal(N, C) / 2, _classes(N)),
    "generalized": (lambda: L.CategoricalGeneralizedCrossEntropy(q=0.4), _probabilities(N, C), _classes(N)),
    "sum": (lambda: L.MeanSquaredError(reduction="sum"), _normal(N, C), _bits(N, C)),
    "by weight": (
        lambda: L.MeanSquaredError(reduction="mean_with_sample_weight"),
        _normal(N, C),
        _bits(N, C),
    ),
}


def _weights(values: Any) -> list[Array | None]:
    """No weights, one for each sample, and one for each value."""
    found: list[Array | None] = [None]
    if len(values.shape):
        found.append(np.random.default_rng(5).uniform(0.1, 2, size=(N, *[1] * (len(values.shape) - 1))))
        found.append(np.random.default_rng(6).uniform(0.1, 2, size=tuple(values.shape)))
    return [None if weight is None else weight.astype("float32") for weight in found]


def _ours(loss: Any, output: Tensor, target: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor:
    """As a script computes it: the terms of the saved loss over the library."""
    options = {**loss.get_config(), **loss._fn_kwargs}  # Keras 3.15 does not save the delta of Huber
    terms = lower_loss(Saved(type(loss).__name__, options), "keras3", output.dim(), logits=False)
    names = {"F": F, **vars(library)}
    written = terms.values.format(output="output", target="target")
    values: Tensor = eval(written, names, {"output": output, "target": target})
    kept = mask
    if terms.valid:
        valid = eval(terms.valid.format(target="target"), {}, {"target": target, "values": values})
        kept = valid if mask is None else mask & valid
    function = reductions.shared_out if terms.reduction == "mean" else reductions.only
    weight = weight if kept is None else function(kept, weight)
    reduce = {
        "mean": reductions.weighted_mean,
        "sum": reductions.weighted_sum,
        "weight": reductions.mean_by_weight,
    }[terms.reduction]
    return reduce(values, weight)


def _compare(loss: Any, output: Array, target: Array, weight: Array | None, mask: Array | None) -> None:
    tensor = tf.constant(output)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        given = tf.identity(tensor)
        if mask is not None:
            given._keras_mask = tf.constant(mask)
        value = loss(tf.constant(target), given, sample_weight=weight)
    gradient = tf.convert_to_tensor(tape.gradient(value, tensor)).numpy()
    x = torch.from_numpy(output.copy()).requires_grad_()
    weights = None if weight is None else torch.from_numpy(weight)
    ours = _ours(loss, x, torch.from_numpy(target), weights, None if mask is None else torch.from_numpy(mask))
    torch.autograd.backward(ours)
    assert x.grad is not None
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(ours.detach().numpy(), value.numpy(), rtol=1e-5)
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("name", CASES)
def test_loss(name: str) -> None:
    make, output, target = CASES[name]
    loss = make()
    values = loss.call(tf.constant(target), tf.constant(output))
    for weight in _weights(values):
        _compare(loss, output, target, weight, None)


@pytest.mark.parametrize(
    "name", ["categorical of sequences", "sparse of sequences", "sparse, a class ignored"]
)
def test_mask(name: str) -> None:
    make, output, target = CASES[name]
    mask = np.random.default_rng(7).integers(0, 2, (N, T)).astype(bool)
    for weight in (None, np.random.default_rng(5).uniform(0.1, 2, size=(N, T)).astype("float32")):
        _compare(make(), output, target, weight, mask)
