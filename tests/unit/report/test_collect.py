"""The facts of a conversion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from codegen import report
from codegen.config import parse
from codegen.model.saved_model import SavedModel
from codegen.report.facts import ArrayFacts, ModuleFacts
from codegen.report.flow import flow
from codegen.report.verdict import verdict

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_facts_of_a_small_model() -> None:
    facts = report(EXAMPLES / "mlp.h5")
    assert (facts.model_name, facts.class_name, facts.source_name) == ("mlp", "Sequential", "mlp.py")
    assert (facts.parameters, facts.trainable_parameters) == (2778, 2778)
    assert facts.arrays == ArrayFacts(6, 0)
    layer = next(layer for layer in facts.layers if layer.path == "hidden_2")
    assert (layer.class_name, layer.parameters, layer.trainable) == ("Dense", 528, True)
    assert (layer.options["units"], layer.options["activation"]) == (16, "relu")
    assert layer.names == ("hidden_2",)
    (call,) = layer.calls
    assert [(tensor.dtype, tensor.shape) for tensor in call.outputs] == [("float32", (None, 16))]
    assert [facts.layers[n].path for n in call.inputs] == ["hidden_1"]
    lines = facts.source.split("\n")
    assert [(p.method, lines[p.first - 1].strip()) for p in call.places] == [
        ("__init__", "self.hidden_2 = nn.Linear(in_features=32, out_features=16)"),
        ("forward", "x = self.dropout(F.relu(self.hidden_2(x)))  # (N, 16)"),
    ]
    kernel, bias = layer.variables
    assert (kernel.name, kernel.shape, kernel.tensors) == ("kernel", (32, 16), ("hidden_2.weight",))
    assert (bias.name, bias.shape, bias.tensors) == ("bias", (16,), ("hidden_2.bias",))
    assert kernel.statistics is not None and sum(kernel.statistics.histogram) == 512


def test_facts_are_json() -> None:
    data: dict[str, Any] = json.loads(json.dumps(report(EXAMPLES / "mlp.h5").as_dict(), allow_nan=False))
    assert data["schema"] == 1
    assert data["layers"][1]["variables"][0]["statistics"]["zeros"] == 0


def test_modules_hold_calls() -> None:
    facts = report(EXAMPLES / "resnet50.json")
    assert facts.arrays is None
    assert facts.modules[:2] == (
        ModuleFacts("conv2", "nn.Sequential"), ModuleFacts("conv2.0", "BottleneckBlock"),
    )  # fmt: skip
    modules = {layer.path: layer.calls[0].module for layer in facts.layers}
    assert (modules["conv1_bn"], modules["conv2_block1_0_conv"], modules["conv2_block3_out"]) == (
        "", "conv2.0", "conv2.2",
    )  # fmt: skip


def test_what_was_not_compared_is_open() -> None:
    layers, weights, numbers = verdict(report(EXAMPLES / "unet.json"))
    assert (layers.state, layers.title) == ("good", "53 layers converted")
    assert (weights.state, numbers.state) == ("open", "open")


def _tensor(name: str, call: int = 0) -> dict[str, Any]:
    config = {"shape": [None, 3], "dtype": "float32", "keras_history": [name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def _layer(name: str, kind: str, *sources: Any, **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.layers", "class_name": kind, "name": name, "registered_name": None,
        "config": {"name": name, **config},
        "inbound_nodes": [{"args": [source], "kwargs": {}} for source in sources],
    }  # fmt: skip


def _model(name: str, layers: list[Any], start: str, end: tuple[str, int]) -> dict[str, Any]:
    return {
        "name": name, "layers": layers,
        "input_layers": [[start, 0, 0]], "output_layers": [[*end, 0]],
    }  # fmt: skip


def test_data_flows_through_a_model_that_is_called_twice() -> None:
    start = _layer("in", "InputLayer", batch_shape=[None, 3])
    twin = _model("twin", [start, _layer("dense", "Dense", _tensor("in"), units=3)], "in", ("dense", 0))
    layers = [
        _layer("a", "InputLayer", batch_shape=[None, 3]),
        {**_layer("twin", "Functional", _tensor("a"), _tensor("act")), "config": twin},
        _layer("act", "ReLU", _tensor("twin")),
    ]
    config = {"module": "keras", "class_name": "Functional", "config": _model("m", layers, "a", ("twin", 1))}
    found = flow(parse(SavedModel(config, None, "3.8.0", "", "m.json", "0" * 64), None))
    paths = {number: call.path for call, number in found.numbers.items()}
    sources = {"/".join(call.path): [paths[n] for n in found.sources[call]] for call in found.sources}
    assert sources["twin/dense"] == [("a",), ("act",)]
    assert sources["act"] == [("twin", "dense")]
