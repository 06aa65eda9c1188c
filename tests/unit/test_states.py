"""The states of recurrent layers in the text: handed on whole, or the last layer's picked."""

from __future__ import annotations

from typing import Any

from codegen import Options
from codegen.pipeline import generate
from tests.support.configs import entry, functional, input_entry, saved


def _forward(layers: list[Any], *outputs: list[Any]) -> str:
    """The body of the generated `forward`, on one line."""
    inputs = [[layer["name"], 0, 0] for layer in layers if layer["class_name"] == "InputLayer"]
    source = generate(saved(functional(layers, inputs, list(outputs)), "2.12.0"), Options(), "model").source
    body = source.partition("def forward")[2].partition("def load_model")[0]
    return " ".join(body.split())


def test_an_encoder_hands_its_states_to_a_decoder() -> None:
    layers = [
        input_entry("question", 7, 4),
        input_entry("answer", 5, 4),
        entry("LSTM", "encoder", [[["question", 0, 0]]], units=6, return_state=True),
        entry(
            "LSTM",
            "decoder",
            [[["answer", 0, 0], ["encoder", 0, 1], ["encoder", 0, 2]]],
            units=6,
            return_sequences=True,
        ),
    ]
    assert "self.decoder(answer, (encoder_h, encoder_c))" in _forward(layers, ["decoder", 0, 0])


def test_the_states_of_the_last_layer_are_picked_from_behind() -> None:
    layers = [input_entry("x", 7, 4), entry("LSTM", "rnn", [[["x", 0, 0]]], units=6, return_state=True)]
    forward = _forward(layers, ["rnn", 0, 1], ["rnn", 0, 2])
    assert "return rnn_h[-1], rnn_c[-1]" in forward
