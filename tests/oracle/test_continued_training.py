"""What `--training` writes goes on where Keras stopped: losses and weights stay Keras', step by step."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from codegen import convert
from tests.oracle.cases.case import keras
from tests.support.conversions import load

Array = NDArray[Any]
L, optimizers = keras.layers, keras.optimizers

BATCH, BEFORE, AFTER = 9, 8, 8


def _rng() -> np.random.Generator:
    return np.random.default_rng(11)


def convnet() -> tuple[Any, Any, list[Array], list[Any]]:
    """Images, batch normalisation, a regulariser and constraints; no bias whose gradient is always zero."""
    inputs = keras.Input((9, 7, 3))
    x = L.Conv2D(
        6, 3, padding="same", use_bias=False, kernel_constraint=keras.constraints.MaxNorm(0.9, (0, 1, 2))
    )(inputs)
    x = L.ReLU()(L.BatchNormalization(momentum=0.9)(x))
    x = L.Conv2D(5, 3, strides=2, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.01))(x)
    x = L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(x)))
    outputs = L.Dense(4, activation="softmax", bias_constraint="non_neg")(x)
    steps = range(BEFORE + AFTER)
    rng = _rng()
    images = [rng.normal(size=(BATCH, 9, 7, 3)).astype("float32") for _ in steps]
    return (
        keras.Model(inputs, outputs),
        "sparse_categorical_crossentropy",
        images,
        [rng.integers(0, 4, BATCH) for _ in steps],
    )


def tagger() -> tuple[Any, Any, list[Array], list[Any]]:
    """Masked steps do not count; rows of the embedding are used several times in a batch."""
    inputs = keras.Input((7,), dtype="int32")
    x = L.Embedding(9, 5, mask_zero=True)(inputs)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
    outputs = L.Dense(3, activation="softmax")(x)
    rng = _rng()
    steps = range(BEFORE + AFTER)
    words = [rng.integers(0, 9, (BATCH, 7)).astype("int32") for _ in steps]
    tags = [np.eye(3, dtype="float32")[rng.integers(0, 3, (BATCH, 7))] for _ in steps]
    return (
        keras.Model(inputs, outputs),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        words,
        tags,
    )


def transformer() -> tuple[Any, Any, list[Array], list[Any]]:
    inputs = keras.Input((6, 8))
    x = inputs
    for _ in range(2):
        y = L.MultiHeadAttention(2, 4, use_bias=False)(x, x)
        x = L.LayerNormalization()(L.Add()([x, y]))
        y = L.Dense(8)(L.Dense(12, activation="gelu")(x))
        x = L.LayerNormalization()(L.Add()([x, y]))
    outputs = L.Dense(1, activation="sigmoid")(L.GlobalAveragePooling1D()(x))
    rng = _rng()
    steps = range(BEFORE + AFTER)
    inputs_ = [rng.normal(size=(BATCH, 6, 8)).astype("float32") for _ in steps]
    return (
        keras.Model(inputs, outputs),
        "binary_crossentropy",
        inputs_,
        [rng.integers(0, 2, BATCH).astype("float32") for _ in steps],
    )


def two_outputs() -> tuple[Any, Any, list[Array], list[Any]]:
    inputs = keras.Input((6,))
    x = L.Dense(7, activation="tanh")(inputs)
    outputs = [L.Dense(3, activation="softmax", name="kind")(x), L.Dense(2, name="size")(x)]
    rng = _rng()
    steps = range(BEFORE + AFTER)
    rows = [rng.normal(size=(BATCH, 6)).astype("float32") for _ in steps]
    targets = [(rng.integers(0, 3, BATCH), rng.normal(size=(BATCH, 2)).astype("float32")) for _ in steps]
    losses = {"kind": "sparse_categorical_crossentropy", "size": keras.losses.Huber()}
    return keras.Model(inputs, outputs), losses, rows, targets


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "convnet, Adam": (convnet, lambda: optimizers.Adam(5e-3)),
    "tagger, AdamW": (
        tagger,
        lambda: optimizers.AdamW(optimizers.schedules.CosineDecay(5e-3, 30), weight_decay=0.01, clipnorm=1.0),
    ),
    "tagger, Adagrad": (tagger, lambda: optimizers.Adagrad(0.02)),
    "tagger, SGD": (tagger, lambda: optimizers.SGD(0.05, clipvalue=0.01)),
    "transformer, SGD": (transformer, lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True)),
    "transformer, RMSprop": (transformer, lambda: optimizers.RMSprop(2e-3)),
    "two outputs, SGD": (
        two_outputs,
        lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.05, 10, 0.9), momentum=0.9),
    ),
    "two outputs, RMSprop": (
        two_outputs,
        lambda: optimizers.RMSprop(2e-3, momentum=0.8, centered=True, global_clipnorm=0.5),
    ),
    "two outputs, Adadelta": (two_outputs, lambda: optimizers.Adadelta(1.0, weight_decay=1e-3)),
    "two outputs, Adamax": (two_outputs, lambda: optimizers.Adamax(5e-3)),
    "two outputs, Nadam": (two_outputs, lambda: optimizers.Nadam(3e-3)),
    "two outputs, Ftrl": (
        two_outputs,
        lambda: optimizers.Ftrl(
            0.05, l1_regularization_strength=1e-3, l2_regularization_strength=1e-3, beta=0.1
        ),
    ),
    "two outputs, Lion": (two_outputs, lambda: optimizers.Lion(1e-3, weight_decay=0.01)),
    "two outputs, Lamb": (two_outputs, lambda: optimizers.Lamb(5e-3)),
    "two outputs, amsgrad": (two_outputs, lambda: optimizers.Adam(5e-3, amsgrad=True, clipvalue=0.01)),
    "two outputs, averages": (
        two_outputs,
        lambda: optimizers.Adam(5e-3, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=7),
    ),
}


def _script(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"train_{name}", folder / f"train_{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tensors(targets: Any) -> Any:
    if isinstance(targets, tuple):
        return tuple(map(torch.from_numpy, targets))
    return torch.from_numpy(targets)


@pytest.mark.parametrize("name", CASES)
def test_continued(name: str, tmp_path: Path) -> None:
    make, optimizer = CASES[name]
    keras.utils.set_random_seed(5)
    model, loss, inputs, targets = make()
    weights = {"kind": 1.0, "size": 0.3} if isinstance(loss, dict) else None
    model.compile(optimizer(), loss=loss, loss_weights=weights, run_eagerly="two" in name)

    def step(number: int) -> float:
        model.reset_metrics()
        wanted = targets[number]
        found = model.train_on_batch(inputs[number], list(wanted) if isinstance(wanted, tuple) else wanted)
        return float(np.ravel(found)[0])

    for number in range(BEFORE):
        step(number)
    suffix = ".h5" if "RMSprop" in name else ".keras"
    model.save(tmp_path / f"model{suffix}")
    result = convert(tmp_path / f"model{suffix}", output=tmp_path, training=True)
    assert not [note for note in result.notes if "not continued" in note]
    converted, script = load(result).load_model(), _script(tmp_path, "model")
    ours = script.make_optimizer(converted)
    for number in range(BEFORE, BEFORE + AFTER):
        expected = step(number)
        found = script.training_step(
            converted, ours, torch.from_numpy(inputs[number]), _tensors(targets[number])
        )
        np.testing.assert_allclose(found.item(), expected, rtol=1e-4, err_msg=f"step {number}")
    model.save(tmp_path / "after.keras")
    after = load(convert(tmp_path / "after.keras", output=tmp_path)).load_model().state_dict()
    for key, tensor in converted.state_dict().items():
        if tensor.is_floating_point():
            scale = float(after[key].abs().max()) + 1e-6
            np.testing.assert_allclose(tensor / scale, after[key] / scale, rtol=0, atol=1e-3, err_msg=key)


def test_without_compile_nothing_changes(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), L.BatchNormalization(), L.Dense(3, activation="softmax")])
    model.save(tmp_path / "model.keras")
    plain = convert(tmp_path / "model.keras", output=tmp_path / "plain")
    asked = convert(tmp_path / "model.keras", output=tmp_path / "asked", training=True)
    assert any("without compile()" in note for note in asked.notes)
    assert plain.source_path.read_bytes() == asked.source_path.read_bytes()
    assert sorted(path.name for path in (tmp_path / "asked").iterdir()) == ["model.pt", "model.py"]


def test_what_is_the_authors_own_is_named(tmp_path: Path) -> None:
    def strange(_: Any, y: Any) -> Any:
        return y

    model = keras.Sequential([keras.Input((4,)), L.Dense(3)])
    model.compile("adam", loss=strange)
    model.save(tmp_path / "model.keras")
    result = convert(tmp_path / "model.keras", output=tmp_path, training=True)
    assert any("the loss 'strange'" in note for note in result.notes)
    script = _script(tmp_path, "model")
    converted = load(result).load_model()
    with pytest.raises(NotImplementedError, match="strange"):
        script.training_step(converted, script.make_optimizer(converted), torch.ones(2, 4), torch.ones(2, 3))


def test_loss_and_metrics_take_logits(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, L.Dense(3, activation="softmax", name="kind")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.set_weights([np.full((4, 3), [[-90.0, 0.0, 90.0]], "float32"), np.zeros(3, "float32")])
    model.save(tmp_path / "model.keras")
    converted = load(convert(tmp_path / "model.keras", output=tmp_path, training=True)).load_model()
    script = _script(tmp_path, "model")
    x, classes = torch.ones(2, 4), torch.tensor([0, 2])
    expected = model.train_on_batch(x.numpy(), classes.numpy())
    outputs = converted.forward_training(x)
    found = script.metrics(outputs, classes)
    np.testing.assert_allclose(script.loss(outputs, classes).item(), expected[0], rtol=1e-6)
    assert expected[0] > 300  # where probabilities are all zero
    np.testing.assert_allclose(found["accuracy"].item(), expected[1])
    torch.testing.assert_close(converted(x), outputs.softmax(-1))
