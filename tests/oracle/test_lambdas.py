"""Lambda layers: what functions compute that were read from files, against Keras.

Files of Keras 2 with functions of its backend are made by fixtures/build_lambdas.py; Keras 3 saves models
here, with the bytecode of the Python that runs the tests.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from codegen import ConversionError, convert
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import randomise

FIXTURES = sorted(Path(__file__).parents[1].glob("fixtures/*_lambdas.npz"))


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_functions_of_the_backend_compute_what_keras_2_computed(file: Path, tmp_path: Path) -> None:
    with np.load(file) as stored:
        arrays = dict(stored)
    saved = tmp_path / "model.h5"
    saved.write_bytes(gzip.decompress(file.with_suffix(".h5.gz").read_bytes()))
    inputs = [arrays[key] for key in sorted(arrays) if key.startswith("input")]
    expected = [arrays[f"output_{index}"] for index in range(len(arrays) - len(inputs))]
    assert_same(torch_outputs(convert(saved, output=tmp_path), inputs), expected)


def _closed(scale: float) -> Callable[[Any], Any]:
    offset = [0.5, -1.0, 2.0]

    def scaled(x: Any, power: int = 2) -> Any:
        return (x - offset) ** power * scale

    scaled.__name__ = "<lambda>"  # Keras 3 saves no other functions
    return scaled


LAMBDAS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: (x / 127.5 - 1.0) * 2 + x**2 - -x,
    "closure": _closed(0.3),
    "ops": lambda x: ops.mean(x, axis=-1, keepdims=True) + ops.relu(x) - ops.max(x, axis=1, keepdims=True),
    "ops_with_options": lambda x: ops.softmax(x, axis=1) + ops.clip(x, -0.5, 0.5) + ops.cumsum(x, 1),
    "ops_shapes": lambda x: ops.reshape(x, (-1, ops.shape(x)[1] * x.shape[2], 3)),
    "ops_pieces": lambda x: ops.concatenate(ops.split(x, 2, axis=1)[::-1], axis=1),
    "ops_pad": lambda x: ops.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]], "constant", 0.5),
    "ops_einsum": lambda x: ops.einsum("nhwc,nhwd->nhcd", x, x),
    "ops_where": lambda x: ops.where(x > 0, x, ops.zeros_like(x)) + ops.cast(x < 0.5, "float32"),
    "tensorflow": lambda x: tf.nn.l2_normalize(x, axis=-1) * tf.reduce_sum(x, axis=[1, 2], keepdims=True),
    "tensorflow_image": lambda x: tf.image.resize(x, (8, 9)) - tf.image.resize(x, [8, 9], method="nearest"),
    "tensorflow_moments": lambda x: sum(tf.nn.moments(x, axes=[1, 2], keepdims=True)),
    "tensorflow_top_k": lambda x: tf.nn.top_k(x, k=2).values,
    "activations": lambda x: keras.activations.gelu(x, approximate=True) + keras.activations.swish(x),
    "arrays": lambda x: (x - np.array([0.1, 0.2, 0.3], "float32")) / np.arange(1.0, 4.0).astype("float32"),
    "loop": lambda x: ops.stack([x[:, i] * math.sqrt(i + 1) for i in range(x.shape[1])], axis=1),
    "choice": lambda x: x if x.shape[-1] == 3 and len(x.shape) == 4 else -x,
    "slices": lambda x: x[:, 1:-1, ::2, :1] + x[..., 1:-1, ::2, -1:],
    "layers": lambda x: layers.concatenate([x, layers.ReLU(max_value=1.0)(x)]),
    "preprocessing": lambda x: keras.applications.resnet.preprocess_input(x),
    "two_outputs": lambda x: [ops.max(x, axis=1), ops.min(x, axis=2)],
}  # fmt: skip


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", LAMBDAS)
def test_lambdas_compute_what_keras_computes(name: str, suffix: str, tmp_path: Path) -> None:
    inputs = keras.Input((4, 6, 3))
    model = keras.Model(inputs, layers.Lambda(LAMBDAS[name], name="mine")(inputs))
    file = tmp_path / f"model{suffix}"
    model.save(file)
    x = np.random.default_rng(3).normal(size=(2, 4, 6, 3)).astype("float32")
    expected = model.predict(x, verbose=0)
    result = convert(file, output=tmp_path)
    assert_same(torch_outputs(result, [x]), expected if isinstance(expected, list) else [expected])
    assert "read from the bytecode that the file holds" in result.source_path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("against_reference")
def test_a_lambda_hands_on_the_mask_that_its_function_makes(tmp_path: Path) -> None:
    inputs = keras.Input((7, 3))
    x = layers.Masking()(inputs)
    kept = layers.Lambda(lambda x: x * 2, mask=lambda _, mask=None: mask)(x)
    dropped = layers.Lambda(lambda x: x * 2)(x)
    counted = layers.Lambda(
        lambda x, mask=None: x if mask is None else x + ops.cast(mask, "float32")[:, :, None]
    )(x)
    model = keras.Model(inputs, [layers.LSTM(4)(kept), layers.LSTM(4)(dropped), counted])
    randomise(model)
    file = tmp_path / "model.keras"
    model.save(file)
    array = np.random.default_rng(6).normal(size=(2, 7, 3)).astype("float32")
    array[:, 4:] = 0
    assert_same(torch_outputs(convert(file, output=tmp_path), [array]), model.predict(array, verbose=0))


@pytest.mark.usefixtures("against_reference")
def test_the_image_data_format_is_that_of_the_layers(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    array = np.random.default_rng(6).normal(size=(2, 3, 4, 6)).astype("float32")
    keras.backend.set_image_data_format("channels_first")
    try:
        inputs = keras.Input((3, 4, 6))
        x = layers.ZeroPadding2D()(inputs)
        x = layers.Lambda(lambda x: x * (2 if keras.backend.image_data_format() == "channels_first" else 5))(
            x
        )
        model = keras.Model(inputs, x)
        model.save(file)
        expected = model.predict(array, verbose=0)
    finally:
        keras.backend.set_image_data_format("channels_last")
    assert_same(torch_outputs(convert(file, output=tmp_path), [array]), [expected])


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "opens files (open)": (lambda x: x + len(open("k2t").read()), "open"),  # noqa: PTH123, SIM115 - not run
    "depends on the data": (lambda x: x if x[0, 0, 0, 0] > 0 else -x, "data"),
    "calls helper, which is not in the file": (
        eval("lambda x: helper(x)"),
        "helper",
    ),
    "reaches into Python itself (__class__)": (lambda x: x * len(x.__class__), "class"),
    "takes more than": (lambda x: sum([x for _ in range(10**5)]), "steps"),
    "makes a number of more than 256 bits": (lambda x: x * (7 ** (7**7)), "bits"),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_cannot_be_evaluated_is_named(says: str, tmp_path: Path) -> None:
    inputs = keras.Input((4, 6, 3))
    layer = layers.Lambda(lambda x: x, name="mine")
    model = keras.Model(inputs, layer(inputs))
    layer.function = REFUSED[says][0]  # saved, never called
    file = tmp_path / "model.keras"
    model.save(file)
    with pytest.raises(ConversionError, match="layer 'mine': Lambda") as refused:
        convert(file, output=tmp_path / "out")
    assert says in str(refused.value)
    assert not (tmp_path / "out").exists()
