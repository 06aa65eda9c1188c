"""Masks go where Keras sends them: which layers hand them on, and which calls do not see them."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.parse import parse
from codegen.graph import Graph
from codegen.lowering.lower import lower
from codegen.passes.dead_code import remove_dead_code
from tests.support.configs import entry, functional, input_entry, saved, tensor


def _lowered(layers: list[Any], inputs: list[str], version: str) -> Graph:
    """The graph of a model that ends in its last layer, whatever its mask."""
    places = [[name, 0, 0] for name in inputs]
    graph = lower(parse(saved(functional(layers, places, [layers[-1]["name"], 0, 0]), version))).graph
    remove_dead_code(graph)  # masks that nothing reads
    return graph


def _reads_mask(graph: Graph) -> bool:
    """Whether anything compares the words' numbers with zero."""
    return any("!=" in node.template for node in graph.nodes)


def _words() -> list[Any]:
    """Twelve words, embedded, with a mask where the number is zero."""
    embedding = entry("Embedding", "embedded", [["words", 0, 0]], input_dim=9, output_dim=4, mask_zero=True)
    return [input_entry("words", 12), embedding]


@pytest.mark.parametrize(
    ("class_name", "config", "hands_on"),
    [
        ("Activation", {"activation": "relu"}, True),
        ("Dropout", {"rate": 0.5}, True),
        ("Dense", {"units": 4}, True),
        ("LayerNormalization", {"axis": [2]}, True),
        ("Conv1D", {"filters": 4, "kernel_size": [3], "padding": "same"}, False),
        ("Permute", {"dims": [1, 2]}, False),
        ("Reshape", {"target_shape": [12, 4]}, False),
        ("ZeroPadding1D", {"padding": 0}, False),
        ("MaxPooling1D", {"pool_size": [1]}, False),
    ],
)
def test_a_layer_hands_its_mask_on(class_name: str, config: dict[str, Any], hands_on: bool) -> None:
    between = entry(class_name, "between", [["embedded", 0, 0]], **config)
    pooled = entry("GlobalAveragePooling1D", "pooled", [["between", 0, 0]])
    assert _reads_mask(_lowered([*_words(), between, pooled], ["words"], "2.12.0")) is hands_on


@pytest.mark.parametrize("class_name", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize(
    ("version", "with_state", "sees_it"),
    [("2.12.0", False, True), ("2.12.0", True, True), ("3.8.0", False, True), ("3.8.0", True, False)],
)
def test_keras_3_hides_masks_from_layers_with_given_states(
    class_name: str, version: str, with_state: bool, sees_it: bool
) -> None:
    states = ["h", "c"] if class_name == "LSTM" else ["h"]
    inputs = [input_entry(state, 5) for state in states]
    if version.startswith("3"):
        kwargs = {"initial_state": [tensor(state) for state in states]} if with_state else {}
        calls: list[Any] = [{"args": [tensor("embedded")], "kwargs": kwargs}]
    else:
        calls = [[["embedded", 0, 0], *([state, 0, 0] for state in states if with_state)]]
    layer = {**entry(class_name, "rnn", calls, units=5), "module": "keras.layers"}
    names = ["words", *(states if with_state else [])]
    graph = _lowered([*_words(), *(inputs if with_state else []), layer], names, version)
    assert _reads_mask(graph) is sees_it
