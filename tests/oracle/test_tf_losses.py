"""Loss functions that a functional model of Keras 2 calls, compared with those of today's Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.oracle.cases.case import keras
from tests.support.tf_models import X, chain, converted, run

pytestmark = pytest.mark.usefixtures("against_reference")

TARGET = np.array([[[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0], [0.1, 0.1, 0.8]]], "float32")
CLASSES = np.array([[0, 2], [1, 1]], "float32")


def loss(name: str, target: Any, before: str, folder: Path, **arguments: Any) -> Any:
    """What a model yields that takes a loss of a function of its input."""
    layers = chain((before, {}), (name, {}))
    layers[1]["inbound_nodes"] = [
        ["_CONSTANT_VALUE", -1, target.tolist(), {"y_pred": ["op_0", 0, 0], **arguments}]
    ]
    return run(converted(layers, folder))


@pytest.mark.parametrize(
    ("name", "target", "arguments"),
    [
        ("binary_crossentropy", TARGET, {}),
        ("binary_crossentropy", TARGET, {"label_smoothing": 0.2, "axis": 1}),
        ("binary_crossentropy", TARGET, {"from_logits": True}),
        ("categorical_crossentropy", TARGET, {"label_smoothing": 0.1}),
        ("categorical_crossentropy", TARGET, {"from_logits": True}),
        ("categorical_hinge", TARGET, {}),
        ("cosine_similarity", TARGET, {}),
        ("cosine_similarity", TARGET, {"axis": 1}),
        ("hinge", TARGET, {}),
        ("hinge", TARGET.round(), {}),
        ("huber", TARGET, {"delta": 0.3}),
        ("kl_divergence", TARGET, {}),
        ("log_cosh", TARGET, {}),
        ("mean_absolute_error", TARGET, {}),
        ("mean_absolute_percentage_error", TARGET + 0.1, {}),
        ("mean_squared_error", TARGET, {}),
        ("mean_squared_logarithmic_error", TARGET, {}),
        ("poisson", TARGET, {}),
        ("sparse_categorical_crossentropy", CLASSES, {}),
        ("sparse_categorical_crossentropy", CLASSES, {"from_logits": True}),
        ("squared_hinge", TARGET * 2 - 1, {}),
    ],
)
@pytest.mark.parametrize("module", ["losses", "metrics"])
def test_loss(name: str, target: Any, arguments: dict[str, Any], module: str, tmp_path: Path) -> None:
    before = "identity" if "from_logits" in arguments else "math.sigmoid"
    found = loss(f"keras.{module}.{name}", target, before, tmp_path, **arguments)
    prediction = X if before == "identity" else 1 / (1 + np.exp(-X))
    expected = getattr(keras.losses, name)(target, prediction, **arguments)
    np.testing.assert_allclose(found, expected, 1e-4, 1e-5)


def test_ctc_batch_cost(tmp_path: Path) -> None:
    lengths = {"input_length": [[2], [2]], "label_length": [[1], [2]]}
    layers = chain(("nn.softmax", {}), ("keras.backend.ctc_batch_cost", {}))
    arguments = {"y_pred": ["op_0", 0, 0], **lengths}
    layers[1]["inbound_nodes"] = [["_CONSTANT_VALUE", -1, [[1, 0], [0, 1]], arguments]]
    p = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
    # Class 2 is the blank: "1" is "11", "1-" or "-1"; "01" can be said in one way only.
    first = p[0, 0, 1] * p[0, 1, 1] + p[0, 0, 1] * p[0, 1, 2] + p[0, 0, 2] * p[0, 1, 1]
    ways = np.array([[first], [p[1, 0, 0] * p[1, 1, 1]]])
    np.testing.assert_allclose(run(converted(layers, tmp_path)), -np.log(ways), 1e-4)
