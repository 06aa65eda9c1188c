"""Layers that Keras does not train are frozen in the generated model."""

from __future__ import annotations

from typing import Any

import pytest

from codegen import Options
from codegen.pipeline import generate
from tests.support.configs import entry, functional, input_entry, saved


def _frozen(layers: list[Any], **config: Any) -> list[str]:
    """The statements of `__init__` that freeze something."""
    model = functional([input_entry("x", 4), *layers], [["x", 0, 0]], [layers[-1]["name"], 0, 0])
    model["config"] |= config
    source = generate(saved(model, "2.12.0"), Options(), "model").source
    return [line.strip() for line in source.splitlines() if "requires_grad" in line]


def test_a_frozen_layer() -> None:
    layers = [
        entry("Dense", "body", [[["x", 0, 0]]], units=3, trainable=False),
        entry("Dense", "head", [[["body", 0, 0]]], units=2),
    ]
    assert _frozen(layers) == ["self.body.requires_grad_(False)"]


@pytest.mark.parametrize("trainable", [True, False])
def test_a_layer_in_a_model(trainable: bool) -> None:
    layers = [input_entry("y", 4), entry("Dense", "body", [[["y", 0, 0]]], units=3)]
    inner = functional(layers, [["y", 0, 0]], [["body", 0, 0]], "inner")
    inner["config"]["trainable"] = trainable
    model = {**inner, "inbound_nodes": [[["x", 0, 0]]]}
    assert bool(_frozen([model])) is not trainable
