"""Checkpoints of real training runs: exactly the layers that were trained differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from codegen import convert, diff


def _net(activation: str = "relu", strides: int = 2) -> Any:
    image = keras.Input((12, 10, 3), name="image")
    x = layers.Conv2D(5, 3, padding="same", activation=activation, name="stem")(image)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Conv2D(4, 3, strides=strides, padding="same", name="mid")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(3, name="out")(layers.Dense(6, name="hidden")(x)), name="net")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A folder with checkpoints of one run in all formats, and what was trained between them."""
    folder = tmp_path_factory.mktemp("checkpoints")
    keras.utils.set_random_seed(5)
    model = _net()
    for frozen in ("bn", "mid", "hidden"):
        model.get_layer(frozen).trainable = False
    model.compile("sgd", "mse")
    x = np.random.default_rng(5).normal(size=(32, 12, 10, 3)).astype("float32")
    for step in (1, 2):
        model.fit(x, np.ones((32, 3), "float32"), verbose=0)
        model.save(folder / f"step_{step}.keras")
        model.save(folder / f"step_{step}.h5")
        model.save_weights(folder / f"step_{step}.weights.h5")
    (folder / "net.json").write_text(model.to_json(), encoding="utf-8")
    return folder, {"stem", "out"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("step_1.keras", "step_2.keras"),
        ("step_1.h5", "step_2.h5"),
        ("step_1.keras", "step_2.h5"),
        ("step_1.weights.h5", "step_2.weights.h5"),
        ("out/step_1.py", "step_2.keras"),
        ("step_1.h5", "out/step_2.pt"),
        ("out/step_1.pt", "out/step_2.py"),
    ],
)
def test_exactly_the_layers_that_were_trained_differ(
    checkpoints: tuple[Path, set[str]], one: str, other: str
) -> None:
    folder, trained = checkpoints
    for step in (1, 2):
        convert(folder / f"step_{step}.keras", output=folder / "out", name=f"step_{step}")
    architecture = folder / "net.json" if one.endswith(".weights.h5") else None
    found = diff(folder / one, folder / other, architecture=architecture)
    assert found.source == ""
    assert found.layers is not None
    assert {layer.path: layer.status for layer in found.layers} == {
        name: "changed" if name in trained else "equal" for name in ("stem", "bn", "mid", "hidden", "out")
    }


def test_exactly_the_changed_lines_of_an_architecture_differ(tmp_path: Path) -> None:
    _net().save(tmp_path / "one.keras")
    _net("gelu", strides=1).save(tmp_path / "other.keras")
    found = diff(tmp_path / "one.keras", tmp_path / "other.keras")
    assert found.source
    assert [line for line in found.source.splitlines()[2:] if line[0] in "+-"] == [
        "-        self.mid = nn.Conv2d(5, 4, kernel_size=3, stride=2)",
        "+        self.mid = nn.Conv2d(5, 4, kernel_size=3, padding=1)",
        "-        x = F.pad(self.bn(F.relu(self.stem(x))), (0, 1, 0, 1))  # (N, 5, 13, 11)",
        "+        x = self.bn(F.gelu(self.stem(x)))  # (N, 5, 12, 10)",
    ]
