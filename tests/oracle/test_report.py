"""The page with the numbers of real Keras beside ours."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from keras import layers

from codegen import report
from codegen.report.page import page
from codegen.report.verdict import verdict


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    image = keras.Input((9, 7, 3), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="stem")(image)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    path = tmp_path_factory.mktemp("model") / "net.keras"
    keras.Model(image, layers.Dense(2, activation="softmax", name="out")(x)).save(path)
    return path


def test_numbers_of_keras_stand_beside_ours(model: Path) -> None:
    facts = report(model, with_keras=True)
    assert facts.verification is not None and facts.verification.is_equal
    assert facts.verification.source == "net.py"
    numbers = verdict(facts)[2]
    assert (numbers.state, numbers.title) == ("good", "Same numbers as Keras")
    assert f"Keras {keras.__version__}" in numbers.text
    compared = {result.layer for result in facts.verification.layers if result.float32 is not None}
    assert compared >= {"stem", "pool", "out"}
    assert "units in the last place" in page(facts)
