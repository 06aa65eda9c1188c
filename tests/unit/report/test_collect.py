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
from tests.support.keras_json import layer, model, nested, tensor, whole

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


def test_data_flows_through_a_model_that_is_called_twice() -> None:
    start = layer("in", "InputLayer", batch_shape=[None, 3])
    twin = model("twin", [start, layer("dense", "Dense", tensor("in"), units=3)], "in", "dense")
    layers = [
        layer("a", "InputLayer", batch_shape=[None, 3]),
        nested("twin", twin, tensor("a"), tensor("act")),
        layer("act", "ReLU", tensor("twin")),
    ]
    config = whole(model("m", layers, "a", "twin", 1))
    found = flow(parse(SavedModel(config, None, "3.8.0", "", "m.json"), None))
    paths = {number: call.path for call, number in found.numbers.items()}
    sources = {"/".join(call.path): [paths[n] for n in found.sources[call]] for call in found.sources}
    assert sources["twin/dense"] == [("a",), ("act",)]
    assert sources["act"] == [("twin", "dense")]


def test_layers_of_a_nested_model_are_in_its_class(tmp_path: Path) -> None:
    names = [f"dense_{n}" for n in range(6)]
    inner = [layer("in", "InputLayer", batch_shape=[None, 3])]
    for before, after, units in zip(["in", *names], names, range(4, 10), strict=False):
        inner.append(
            layer(after, "Dense", tensor(before), units=units, activation=["relu", "tanh"][units % 2])
        )
    layers = [
        layer("a", "InputLayer", batch_shape=[None, 3]),
        nested("encoder", model("encoder", inner, "in", names[-1]), tensor("a")),
        layer("out", "Dense", tensor("encoder"), units=2),
    ]
    path = tmp_path / "nested.json"
    path.write_text(json.dumps(whole(model("m", layers, "a", "out"))), encoding="utf-8")
    facts = report(path, flat=True)
    assert facts.modules == (ModuleFacts("encoder", "Encoder"),)
    found = {layer.path: layer for layer in facts.layers}
    lines = facts.source.splitlines()

    def own(path: str) -> list[str]:
        places = (place for place in found[path].calls[0].places if place.own)
        return [lines[place.first - 1].strip().partition("  #")[0] for place in places]

    assert (found["encoder"].is_model, found["encoder"].names) == (True, ("encoder",))
    assert own("encoder")[0] == "self.encoder = Encoder()" and "self.encoder(a)" in own("encoder")[1]
    assert found["encoder/dense_0"].names == ("encoder.dense_0",)
    assert found["encoder/dense_0"].calls[0].module == "encoder"
    assert own("encoder/dense_0")[0] == "self.dense_0 = nn.Linear(in_features=3, out_features=4)"
    assert "self.dense_0(" in own("encoder/dense_0")[1]
    assert own("encoder/in") == ["def forward(self, in_: Tensor) -> Tensor:"]
    assert facts.layers[[layer.path for layer in facts.layers].index("out")].calls[0].inputs == (
        found["encoder/dense_5"].calls[0].number,
    )


def test_the_parts_of_a_wrapper_count_as_the_wrapper(tmp_path: Path) -> None:
    lstm = {"module": "keras.layers", "class_name": "LSTM", "config": {"name": "lstm", "units": 4}}
    shape = (None, 5, 3)
    layers = [
        layer("a", "InputLayer", batch_shape=list(shape)),
        layer("both", "Bidirectional", tensor("a", shape=shape), layer=lstm, merge_mode="concat"),
    ]
    path = tmp_path / "both.json"
    path.write_text(json.dumps(whole(model("m", layers, "a", "both"))), encoding="utf-8")
    facts = report(path)
    both = facts.layers[1]
    assert both.names and all(name.startswith("both") for name in both.names)
    made = {place.first for place in both.calls[0].places if place.own and place.method == "__init__"}
    lines = facts.source.splitlines()
    targets = {lines[number - 1].strip().partition(" = ")[0].partition("_l0")[0] for number in made}
    assert {f"self.{name}" for name in both.names} <= targets
    assert {variable.name.partition("/")[0] for variable in both.variables} == {
        "forward_layer",
        "backward_layer",
    }
