"""What compile() saved is read, whatever Keras wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.training.read_config import read_compiled
from codegen.training.spec import Compiled

ADAM = {"class_name": "Adam", "config": {"lr": 0.001}}


def compiled(
    config: dict[str, Any], version: str = "3.15.0", outputs: tuple[str, ...] = ("a", "b")
) -> Compiled:
    return read_compiled(config, version, outputs)


def names(losses: tuple[Any, ...]) -> list[str | None]:
    return [loss and loss.key for loss in losses]


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        ("mse", ["mse", "mse"]),
        (["mse", None], ["mse", None]),
        ({"b": "mean_squared_error"}, [None, "meansquarederror"]),
        ({"class_name": "Huber", "config": {"delta": 2.0}}, ["huber", "huber"]),
        (
            {"a": {"module": "keras.losses", "class_name": "Huber", "config": {}}, "b": "mae"},
            ["huber", "mae"],
        ),
        (None, [None, None]),
        (7, [None, None]),
    ],
)
def test_losses_of_outputs(saved: Any, expected: list[str | None]) -> None:
    assert names(compiled({"loss": saved}).losses) == expected


def test_a_function_is_the_authors_own() -> None:
    saved = {"module": "builtins", "class_name": "function", "config": "mine", "registered_name": "function"}
    (loss,) = compiled({"loss": saved}, outputs=("a",)).losses
    assert loss is not None and loss.own and loss.name == "mine"
    registered = {"class_name": "Mine", "config": {}, "registered_name": "pack>Mine"}
    (loss,) = compiled({"loss": registered}, outputs=("a",)).losses
    assert loss is not None and loss.own


def test_weights_of_losses() -> None:
    assert compiled({"loss": "mse", "loss_weights": {"b": 0.5}}).loss_weights == (1.0, 0.5)
    assert compiled({"loss": "mse", "loss_weights": [2, 3]}).loss_weights == (2.0, 3.0)


@pytest.mark.parametrize(
    ("version", "options", "expected"),
    [
        ("2.2.4", {}, "keras2"),
        ("1.2.2", {}, "keras2"),
        ("2.2.4-tf", {}, "tf"),
        ("2.8.0", {}, "tf"),
        ("2.12.0", {"use_ema": False}, "tf_new"),
        ("2.12.0", {"decay": 0.0}, "tf"),
        ("3.0.1", {}, "keras3"),
    ],
)
def test_generations(version: str, options: dict[str, Any], expected: str) -> None:
    optimizer = {"class_name": "Adam", "config": options}
    assert compiled({"optimizer_config": optimizer, "loss": "mse"}, version).generation == expected


def test_metrics_of_outputs() -> None:
    found = compiled({"metrics": {"a": ["accuracy", "mae"]}, "weighted_metrics": ["mse"]}).metrics
    assert [names(metrics) for metrics in found] == [["accuracy", "mae", "mse"], ["mse"]]
