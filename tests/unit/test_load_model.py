"""`load_model` builds the model without memory and takes the tensors of the file as they are."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch

from codegen import Options
from codegen.graph.helpers import by_name
from codegen.pipeline import generate
from tests.support.configs import entry, functional, input_entry, saved

GLOROT, ORTHOGONAL = {"class_name": "GlorotUniform"}, {"class_name": "Orthogonal", "config": {"gain": 2.0}}

#: Layers behind an input (N, 4, 4), by name.
MODELS: dict[str, list[Any]] = {
    "buffers": [entry("BatchNormalization", "norm", [[["x", 0, 0]]], axis=[2])],
    "frozen": [
        entry("Dense", "body", [[["x", 0, 0]]], units=4, kernel_initializer=ORTHOGONAL, trainable=False),
        entry("Dense", "head", [[["body", 0, 0]]], units=2, kernel_initializer=GLOROT),
    ],
    "all frozen": [
        entry("Dense", "body", [[["x", 0, 0]]], units=4, trainable=False),
        entry("Dense", "head", [[["body", 0, 0]]], units=2, trainable=False),
    ],
    "tied": [
        entry("Dense", "body", [[["x", 0, 0]], [["body", 0, 0]]], units=4),
        entry("Dense", "head", [[["body", 1, 0]]], units=2),
    ],
    "lstm": [entry("LSTM", "lstm", [[["x", 0, 0]]], units=3, return_sequences=True)],
    "stepwise": [entry("LSTM", "lstm", [[["x", 0, 0]]], units=3, recurrent_activation="relu")],
}


def module_of(layers: list[Any], folder: Path) -> dict[str, Any]:
    """What the generated file of a model defines."""
    model = functional([input_entry("x", 4, 4), *layers], [["x", 0, 0]], [layers[-1]["name"], 0, 0])
    source = generate(saved(model, "2.12.0"), Options(), "model").source
    names: dict[str, Any] = {"__file__": str(folder / "model.py")}
    exec(compile(source, "model.py", "exec"), names)
    return names


@pytest.mark.parametrize("name", MODELS)
def test_what_is_loaded_is_the_whole_model(name: str, tmp_path: Path) -> None:
    module = module_of(MODELS[name], tmp_path)
    made = module["ConvertedModel"]()
    for tensor in made.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor))
    torch.save(made.state_dict(), tmp_path / "model.pt")
    loaded = module["load_model"]()
    assert not any(tensor.is_meta for tensor in [*loaded.parameters(), *loaded.buffers()])
    assert [p.requires_grad for p in loaded.parameters()] == [p.requires_grad for p in made.parameters()]
    assert not loaded.training
    x = torch.rand(2, 4, 4)
    assert torch.equal(loaded(x), made.eval()(x))
    if any(parameter.requires_grad for parameter in loaded.parameters()):
        loaded.train()(x).sum().backward()
        with torch.no_grad():  # the file stays as it is
            next(loaded.parameters()).add_(1)
        assert torch.equal(module["load_model"]()(x), made(x))


def test_constants_that_no_file_holds_are_computed() -> None:
    """No helper holds tensors that are neither parameters nor buffers: `load_model` would lose them."""
    for helper in by_name().values():
        (tree,) = ast.parse(helper.source).body
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                called = [
                    ast.unparse(call.func) for call in ast.walk(node.value) if isinstance(call, ast.Call)
                ]
                is_parameter = "nn.Parameter" in called
                in_method = helper.name == "RecurrentState"
                assert (
                    is_parameter or in_method or not any(name.startswith("torch.") for name in called)
                ), helper
