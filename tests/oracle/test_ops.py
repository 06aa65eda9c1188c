"""Graph ops that Keras on TensorFlow records but cannot run, and those that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen import ConversionError, convert
from tests.oracle.cases.case import keras, ops
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import save

Array = NDArray[np.float32]

_KERNEL = np.random.default_rng(4).uniform(-1, 1, (3, 2, 5, 4)).astype("float32")


def _complex(x: Array) -> Array:
    return np.abs(x[..., 0] + 1j * x[..., 1]).astype("float32")


#: Shape of the input, the ops, and what they must compute.
NOT_RUN: dict[str, tuple[tuple[int, ...], Callable[[Any], Any], Callable[[Array], Any]]] = {
    "ConvTranspose": (
        (5, 6, 4),
        lambda x: ops.conv_transpose(x, _KERNEL, strides=2, padding="same"),
        lambda x: ops.convert_to_numpy(ops.conv_transpose(x, _KERNEL, strides=2, padding="same")),
    ),
    "Histogram": (
        (9,),
        lambda x: ops.histogram(x[0], bins=4, range=(-1.0, 1.0))[0],
        lambda x: np.histogram(x[0], bins=4, range=(-1.0, 1.0))[0],
    ),
    "ViewAsComplex": ((3, 2), lambda x: ops.abs(ops.view_as_complex(x)), _complex),
}


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("name", NOT_RUN)
def test_ops_that_tensorflow_does_not_run(name: str, tmp_path: Path) -> None:
    shape, make, expected = NOT_RUN[name]
    image = keras.Input(shape)
    model = keras.Model(image, make(image))
    assert name in {type(operation).__name__ for operation in model.operations}
    result = convert(save(model, tmp_path / "model.keras"), output=tmp_path)
    array = np.random.default_rng(3).uniform(-1.5, 1.5, (3, *shape)).astype("float32")
    assert_same(torch_outputs(result, [array]), [expected(array)])


#: Ops that no function of today's Keras records: `Arange` wants numbers, not tensors.
REFUSED: dict[str, Callable[[Any], Any]] = {
    "Eigh": lambda x: ops.eigh(x)[0],
    "Eig": lambda x: ops.eig(x)[0],
    "ElasticTransform": lambda x: ops.image.elastic_transform(ops.expand_dims(x, -1)),
    "SVD": lambda x: ops.svd(x)[0],
    "TopK": lambda x: ops.top_k(x, 2, sorted=False)[0],
    "CTCDecode": lambda x: ops.ctc_decode(x, ops.ones_like(x[:, 0, 0]), strategy="beam_search")[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_ops_that_are_refused(name: str, tmp_path: Path) -> None:
    matrix = keras.Input((4, 4))
    file = save(keras.Model(matrix, REFUSED[name](matrix)), tmp_path / "model.keras")
    with pytest.raises(ConversionError, match=name):
        convert(file, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
