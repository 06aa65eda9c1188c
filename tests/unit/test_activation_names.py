"""Activations that today's Keras does not know: of other packages and tf.keras 1, by their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen import convert
from tests.support.conversions import assert_same, torch_outputs
from tests.support.keras_files import write_whole_h5

Array = NDArray[Any]
X = np.random.default_rng(0).uniform(-3, 3, (4, 6)).astype(np.float32)


def sparsemax(x: Array) -> Array:
    """The projection onto the simplex (Martins and Astudillo, 2016)."""
    ordered = np.sort(x, axis=-1)[:, ::-1]
    sums = ordered.cumsum(axis=-1)
    count = (1 + np.arange(1, x.shape[-1] + 1) * ordered > sums).sum(axis=-1, keepdims=True)
    threshold = (np.take_along_axis(sums, count - 1, axis=-1) - 1) / count
    result: Array = np.maximum(x - threshold, 0)
    return result


def softmax(x: Array) -> Array:
    """Shares of the exponentials."""
    result: Array = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    return result


def within(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function that is not a number outside of its domain, without numpy's warning."""

    def quiet(x: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return function(x)

    return quiet


def approximate_gelu(x: Array) -> Array:
    """By a hyperbolic tangent (Hendrycks and Gimpel, 2016)."""
    result: Array = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result


def gelu(x: Array) -> Array:
    """By the error function."""
    result: Array = 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return result


FORMULAS: dict[str, Callable[[Array], Array]] = {
    "NoOpActivation": lambda x: x,
    **{name: within(getattr(np, f"arc{name[1:]}")) for name in ("acos", "acosh", "asin", "asinh", "atanh")},
    "hard_sigmoid_torch": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "keras_nlp>gelu_approximate": approximate_gelu,
    "phish": lambda x: x * np.tanh(gelu(x)),
    "Addons>gelu": approximate_gelu,
    **dict.fromkeys(("Addons>hardshrink", "hardshrink"), lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    **dict.fromkeys(("Addons>lisht", "lisht"), lambda x: x * np.tanh(x)),
    "Addons>mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "softplus2": lambda x: np.log(np.exp(x) + 1) - np.log(2),
    **dict.fromkeys(("Addons>snake", "snake"), lambda x: x + np.sin(x) ** 2),
    **dict.fromkeys(
        ("Addons>softshrink", "softshrink"), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)
    ),
    "Addons>sparsemax": sparsemax,
    **dict.fromkeys(("Addons>tanhshrink", "tanhshrink"), lambda x: x - np.tanh(x)),
    **dict.fromkeys(("kecamCommon>hard_swish", "hard_swish"), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "atan": np.arctan,
    "erfc": np.vectorize(math.erfc),
    "exp": np.exp,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "identity": lambda x: x,
    "log_softmax_v2": lambda x: np.log(softmax(x)),
    "neg": np.negative,
    "sinc": np.sinc,
    "softmax_v2": softmax,
}


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("name", FORMULAS)
def test_activation(name: str, tmp_path: Path) -> None:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 6]}},
        {"class_name": "Activation", "config": {"name": "y", "activation": name}},
    ]
    config = {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}
    path = write_whole_h5(tmp_path / "model.h5", config, {"y": {}}, keras_version="2.9.0")
    result = convert(path, output=tmp_path)
    assert_same(torch_outputs(result, [X]), [FORMULAS[name](X).astype(np.float32)])
