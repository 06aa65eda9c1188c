"""Refusals are one line for each reason, whatever the names and calls of a file are."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.parse import parse
from codegen.errors import ConversionError, MalformedConfig, UnsupportedLayer, UnsupportedOption, summary
from codegen.lowering.lower import lower, survey
from tests.support.configs import entry, functional, input_entry, saved, tensor


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "layer 'a'"),
        (["lambda", "lambda_1", "lambda_2", "lambda_4"], "layers 'lambda' to 'lambda_2', 'lambda_4'"),
        (["a_9", "a_10", "_"], "layers 'a_9', 'a_10', '_'"),
        (["a_" + "9" * 5000, "a"], f"layers 'a_{'9' * 196}… 'a'"),
    ],
    ids=["one", "numbered", "few", "huge"],
)
def test_layers_with_the_same_reason(names: list[str], text: str) -> None:
    problems = [UnsupportedLayer(name, "Alien", "is odd") for name in names]
    assert summary(problems) == (f"{text}: Alien is odd",)


def test_what_is_of_no_layer_is_said_once() -> None:
    assert summary([ConversionError("no weights"), ConversionError("no weights")]) == ("no weights",)


@pytest.mark.parametrize(
    ("inputs", "args"),
    [(["x", 0, 0], []), (["x", 0, 0], [None]), ({"x": ["x", 0, 0]}, [{"y": tensor("image")}])],
)
def test_a_nested_model_that_is_called_without_its_input(inputs: Any, args: list[Any]) -> None:
    layer = entry("Flatten", "flat", [{"args": [tensor("x")], "kwargs": {}}])
    inner = functional([input_entry("x", None, 3), layer], inputs, ["flat", 0, 0], "inner")
    inner |= {"name": "inner", "inbound_nodes": [{"args": args, "kwargs": {}}]}
    outer = functional([input_entry("image", None, 3), inner], ["image", 0, 0], ["inner", 0, 0])
    with pytest.raises(MalformedConfig, match="it is called with 0 tensors, but has 1 inputs"):
        lower(parse(saved(outer, "3.8.0")))


@pytest.mark.parametrize("policy", ["{}", "mixed_{}", "int8_from_{}"])
def test_the_dtype_of_a_layer_never_becomes_code(policy: str) -> None:
    dtype = policy.format("float32 if print() else torch.float32")
    dense = entry("Dense", "dense", [["x", 0, 0]], units=2, dtype=dtype)
    model = functional([input_entry("x", None, 3), dense], ["x", 0, 0], ["dense", 0, 0])
    with pytest.raises(ConversionError, match="is no dtype that torch has"):
        lower(parse(saved(model)))


def test_an_input_of_strings_is_refused() -> None:
    image = input_entry("x", None, 3)
    image["config"]["dtype"] = "string"
    relu = entry("ReLU", "relu", [["x", 0, 0]])
    builder, _ = survey(parse(saved(functional([image, relu], ["x", 0, 0], ["relu", 0, 0]))))
    (problem,) = builder.session.problems
    assert str(problem).startswith("layer 'x': InputLayer(dtype='string') is not supported")


@pytest.mark.parametrize(
    ("class_name", "option", "value"),
    [
        ("RepeatVector", "n", float("nan")),
        ("RepeatVector", "n", float("inf")),
        ("Dropout", "rate", 10**400),
    ],
)
def test_numbers_that_no_option_can_be(class_name: str, option: str, value: float) -> None:
    layer = entry(class_name, "layer", [["x", 0, 0]], **{option: value})
    model = functional([input_entry("x", 3), layer], ["x", 0, 0], ["layer", 0, 0])
    with pytest.raises(UnsupportedOption, match=option):
        lower(parse(saved(model)))


def test_a_refused_option_names_every_layer_that_has_it() -> None:
    """Those behind the first one, too, whose inputs are not known by then, and those of models inside."""
    layers = [input_entry("x", 4, 4, 3)]
    for index, axis in enumerate((0, 0, 3, 0)):
        source = layers[-1]["name"]
        layers.append(entry("GroupNormalization", f"norm_{index}", [[source, 0, 0]], axis=axis, groups=1))
    inner_norm = entry("GroupNormalization", "inner_norm", [["y", 0, 0]], axis=0, groups=1)
    alien = entry("Alien", "alien", [["inner_norm", 0, 0]])
    inner = functional([input_entry("y", 4, 4, 3), inner_norm, alien], ["y", 0, 0], ["alien", 0, 0], "inner")
    layers.append({**inner, "name": "inner", "inbound_nodes": [[["norm_3", 0, 0, {}]]]})
    model = functional(layers, ["x", 0, 0], ["inner", 0, 0])
    builder, _ = survey(parse(saved(model)))
    norms, unknown = summary(builder.session.problems)
    assert norms.startswith("layers 'norm_0', 'norm_1', 'norm_3', 'inner_norm': GroupNormalization(axis=0)")
    assert unknown.startswith("layer 'alien': Alien")
