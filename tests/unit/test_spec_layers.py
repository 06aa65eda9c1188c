"""The parser on single layers: every dialect's words come out as Keras 3's."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.config.dialects.origin import origin_of
from codegen.config.parse import parse
from codegen.errors import ConversionError, MalformedConfig
from codegen.model.packages import ACTIVATION
from codegen.model.python_code import CompiledFunction
from codegen.model.saved_model import SavedModel
from codegen.model.spec import LayerSpec
from tests.support.configs import saved
from tests.support.spec_layer import layer

#: The activation of that name as Keras 1 and 2 compute it.
HARD_SIGMOID = LayerSpec("hard_sigmoid", "hard_sigmoid", package=ACTIVATION, quirks={"slope": "1/5"})


def test_keras_2_on_theano() -> None:
    spec = layer("MaxPooling2D", backend="theano", padding="same")
    assert (spec.stored, spec.config["padding"]) == ("theano", "same")
    assert spec.quirks == {"same_of": "theano"}


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("LeakyReLU", {"alpha": 0.25}, {"negative_slope": 0.25}),
        ("LeakyReLU", {}, {"negative_slope": 0.3}),
        ("LeakyReLU", {"alpha": {"type": "ndarray", "value": 0.5}}, {"negative_slope": 0.5}),
        ("Flatten", {}, {"data_format": "channels_last"}),
        ("GlobalMaxPooling1D", {}, {"data_format": "channels_last"}),
        ("BatchNormalizationV1", {"axis": [3]}, {"axis": 3}),
        ("LayerNormalization", {"axis": [1, 2]}, {"axis": [1, 2]}),
        ("DepthwiseConv2D", {"groups": 1, "kernel_size": [3, 3]}, {"kernel_size": [3, 3]}),
        ("LocallyConnected1D", {}, {"implementation": 1, "data_format": "channels_last"}),
        ("Softmax", {"axis": 1, "robust_masking": False}, {"axis": 1}),
        (
            "CategoryEncoding",
            {"max_tokens": 3, "output_mode": "binary"},
            {"num_tokens": 3, "output_mode": "multi_hot"},
        ),
        ("Embedding", {"input_dim": 9, "input_length": 4}, {"input_dim": 9}),
        ("Dense", {"activation": "softmax_v2"}, {"activation": "softmax"}),
        ("Dense", {"activation": None}, {"activation": "linear"}),
    ],
)
def test_keras_2_words(class_name: str, config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert layer(class_name, **config).config == expected


def test_defaults_of_the_writer() -> None:
    old = layer("GRU", units=2, implementation=2, time_major=False).config
    assert old == {
        "units": 2,
        "implementation": 2,
        "recurrent_activation": HARD_SIGMOID,
        "reset_after": False,
    }
    assert layer("GRU", weights={"x/bias:0": (2, 6)}, units=2).config["reset_after"] is True
    square = {"x/recurrent_kernel:0": (2, 6), "x/bias:0": (6,)}
    assert layer("GRU", weights=square, units=2).config["reset_after"] is False
    assert layer("LSTM", "2.4.0", units=2).config == {"units": 2, "recurrent_activation": "sigmoid"}
    assert (
        layer("RNN", time_major=True, cell={"class_name": "LSTMCell", "config": {}}).config["time_major"]
        is True
    )


def test_cudnn_layers() -> None:
    spec = layer("CuDNNGRU", units=2)
    assert (spec.class_name, spec.stored) == ("GRU", "cudnn")
    assert spec.config == {
        "units": 2,
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "reset_after": True,
    }
    wrapper = layer("Bidirectional", layer={"class_name": "CuDNNLSTM", "config": {"name": "l", "units": 2}})
    assert wrapper.config["layer"].stored == "cudnn"


def test_causal_attention_is_said_with_the_call() -> None:
    spec = layer("Attention", "2.4.0", causal=True, use_scale=False)
    assert spec.config == {"use_scale": False}
    assert spec.calls[0].kwargs == {"use_causal_mask": True}


@pytest.mark.parametrize("class_name", ["Add", "Concatenate"])
def test_merges_say_how_keras_2_joins_masks(class_name: str) -> None:
    assert not layer(class_name).quirks
    masked = {
        "class_name": "Masking",
        "config": {"name": "m", "batch_input_shape": [None, 4, 3], "mask_value": 0.0},
    }
    layers = [masked, {"class_name": class_name, "config": {"name": "x"}}]
    config = {"class_name": "Sequential", "config": layers}
    model = parse(saved(config))
    assert model.layer("x").quirks == {"mask_mode": "and"}


def test_masks_given_in_a_call_are_joined_as_in_keras_2() -> None:
    called = {"class_name": "LSTM", "inbound_nodes": [[["x", 0, 0, {"mask": ["m", 0, 0]}]]]}
    config = {"class_name": "Model", "config": {"layers": [called]}}
    assert origin_of(SavedModel(config, None, "2.2.4", "tensorflow", "m")).masks


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", "relu"),
        (
            {
                "module": "builtins",
                "class_name": "function",
                "config": "swish",
                "registered_name": "function",
            },
            "swish",
        ),
        ({"class_name": "function", "config": "mine", "registered_name": "pkg>mine", "module": None}, "mine"),
        ({"class_name": "__lambda__", "config": {"code": "4wEA"}}, "<lambda>"),
        ("<lambda>", "<lambda>"),
    ],
)
def test_activations_are_names(activation: Any, expected: str) -> None:
    assert layer("Dense", "3.9.2", activation=activation).config == {"activation": expected}


def test_an_activation_can_be_a_layer() -> None:
    leaky = {"module": "keras.layers", "class_name": "LeakyReLU", "config": {"name": "lr", "alpha": 0.1}}
    activation = layer("Dense", "2.13.1", activation=leaky).config["activation"]
    assert (activation.class_name, activation.config) == ("LeakyReLU", {"negative_slope": 0.1})


def test_initialisers_keep_class_and_config() -> None:
    ones: dict[str, Any] = {
        "module": "keras.initializers",
        "class_name": "Ones",
        "config": {},
        "registered_name": None,
    }
    assert layer("Dense", "3.9.2", kernel_initializer=ones).config == {
        "kernel_initializer": {"class_name": "Ones", "config": {}}
    }


def _policies(**names: str) -> dict[str, Any]:
    policies = {path: {"class_name": "DTypePolicy", "config": {"name": name}} for path, name in names.items()}
    return {"class_name": "DTypePolicyMap", "config": {"default_policy": None, "policy_map": policies}}


@pytest.mark.parametrize(
    ("saved", "dtype"),
    [
        (None, "float32"),
        ("float64", "float64"),
        ("_infer", "float32"),
        ({"class_name": "Policy", "config": {"name": "mixed_float16"}}, "mixed_float16"),
        ({"class_name": "DTypePolicy", "config": {"name": "float16"}}, "float16"),
        (
            {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}},
            "int8_from_float32",
        ),
        (
            {
                "class_name": "QuantizedFloat8DTypePolicy",
                "config": {"mode": "float8", "source_name": "float32", "amax_history_length": 9},
            },
            "float8/9_from_float32",
        ),
        (_policies(), "float32"),
        (_policies(x="float16", y="float64"), "float16"),
    ],
)
def test_dtype_policies(saved: Any, dtype: str) -> None:
    assert layer("Dense", "3.9.2", dtype=saved).dtype == dtype


@pytest.mark.parametrize("path", ["x/query", "model/x", "x.*"])
def test_a_dtype_policy_for_a_part_is_refused(path: str) -> None:
    with pytest.raises(ConversionError, match="its map of dtype policies has one for"):
        layer("Dense", dtype=_policies(**{path: "float16"}))


def test_a_faulty_dtype_is_refused() -> None:
    with pytest.raises(MalformedConfig, match="layer 'x': Dense: dtype should be a policy"):
        layer("Dense", dtype=[1])


@pytest.mark.parametrize(
    ("class_name", "extra", "expected"),
    [
        ("Addons>GroupNormalization", {}, ("GroupNormalization", "Addons")),
        ("Custom>Mine", {}, ("Mine", "Custom")),
        ("Mine", {"registered_name": "pkg>Mine", "module": "my.module"}, ("Mine", "pkg")),
        ("Mine", {"registered_name": "Mine", "module": "my.module"}, ("Mine", "my.module")),
        ("Dense", {"registered_name": None, "module": "keras.layers"}, ("Dense", "keras.layers")),
        (
            "AddLoss",
            {"registered_name": "AddLoss", "module": "tf_keras.src.engine.base_layer"},
            ("AddLoss", "keras.layers"),
        ),
        ("MaxPool2D", {"module": "keras.layers"}, ("MaxPooling2D", "keras.layers")),
        ("GroupedQueryAttention", {"module": "keras.layers"}, ("GroupQueryAttention", "keras.layers")),
        ("Dense", {"registered_name": "pkg>Dense", "module": None}, ("Dense", "pkg")),
        ("Dense", {"registered_name": "Dense", "module": None}, ("Dense", "Custom")),
        (">Dense", {}, ("Dense", "Custom")),
    ],
)
def test_classes_and_packages(class_name: str, extra: dict[str, Any], expected: tuple[str, str]) -> None:
    first = {"class_name": class_name, "config": {"name": "x", "batch_input_shape": [None, 3]}, **extra}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first]}}
    spec = parse(SavedModel(config, None, "2.13.1", "tensorflow", "m")).layer("x")
    assert (spec.class_name, spec.package) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"function": ["4wEA", [2], [[1, 2]]], "function_type": "lambda"},
            {"function": CompiledFunction(b"\xe3\x01\0", (2,), ([1, 2],))},
        ),
        (
            {"function": "c\x01\x00\xe9", "function_type": "lambda"},
            {"function": CompiledFunction(b"c\x01\0\xe9")},
        ),
        (
            {"function": "scale", "function_type": "function", "arguments": {"k": 2}},
            {"function": "scale", "arguments": {"k": 2}},
        ),
        (
            {"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}},
            {"function": CompiledFunction(b"\xe3\x01\0")},
        ),
        (
            {"function": {"class_name": "function", "config": "scale"}, "output_shape": [3]},
            {"function": "scale", "output_shape": [3]},
        ),
        (
            {
                "function": ["4wEA", None, None],
                "function_type": "lambda",
                "output_shape": ["4wEA", None, None],
                "output_shape_type": "lambda",
            },
            {
                "function": CompiledFunction(b"\xe3\x01\0"),
                "output_shape": CompiledFunction(b"\xe3\x01\0"),
            },
        ),
    ],
)
def test_functions_of_lambdas(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert layer("Lambda", **config).config == expected
