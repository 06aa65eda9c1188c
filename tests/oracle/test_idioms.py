"""Activations that a model writes out: the same numbers as Keras', in torch's own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.cases.case import keras, layers
from tests.support.oracle import check_conversion, sample_inputs

ops = keras.ops


def gate(x: Any) -> Any:
    """The hard sigmoid of keras.applications' MobileNetV3."""
    return layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)


def generated(function: Callable[[Any], Any], folder: Path) -> str:
    """The `forward` of a model that computes a function of its input."""
    x = keras.Input((5, 4), name="x")
    model = keras.Model(x, function(x))
    inputs = [8 * array for array in sample_inputs(model, 3, 1)]
    result = check_conversion(model, folder / "model.keras", inputs)
    source = result.source_path.read_text(encoding="utf-8")
    return source.partition("def forward")[2].partition("def load_model")[0]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (gate, "F.hardsigmoid(x)"),
        (lambda x: layers.Multiply()([x, gate(x)]), "F.hardswish(x)"),
        (lambda x: x * ops.relu6(x + 3) / 6, "F.hardswish(x)"),
        (lambda x: ops.sigmoid(x) * x, "F.silu(x)"),
        (lambda x: x * ops.tanh(ops.softplus(x)), "F.mish(x)"),
    ],
)
def test_written_out_activations(function: Callable[[Any], Any], text: str, tmp_path: Path) -> None:
    assert f"return {text}\n" in generated(function, tmp_path)


def test_a_gate_that_others_read_stays(tmp_path: Path) -> None:
    assert "silu" not in generated(lambda x: (g := ops.sigmoid(x)) * x + g, tmp_path)


def test_a_gate_of_another_value_stays(tmp_path: Path) -> None:
    assert "silu" not in generated(lambda x: ops.sigmoid(x) * ops.relu(x), tmp_path)


def test_other_numbers_stay(tmp_path: Path) -> None:
    assert "hard" not in generated(lambda x: ops.relu6(x + 2.5) / 6, tmp_path)
