"""The parser on single layers: every dialect's words come out as Keras 3's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from codegen.errors import MalformedConfig
from codegen.read.saved_model import LayerWeights, SavedModel, StoredTensor
from codegen.spec import LayerSpec, parse

Shapes = dict[str, tuple[int, ...]]


def layer(
    class_name: str,
    version: str = "2.2.4",
    backend: str = "tensorflow",
    weights: Shapes | None = None,
    **config: Any,
) -> LayerSpec:
    """The layer as it comes out of a Sequential of nothing else."""
    first = {
        "class_name": class_name,
        "config": {"name": "x", "batch_input_shape": [None, 8, 8, 3], **config},
    }
    names = weights if weights is not None else {"x/kernel:0": (1,)}
    arrays = tuple(
        StoredTensor(name, name, shape, "float32", lambda: np.zeros(1)) for name, shape in names.items()
    )
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [first]}}
    return parse(SavedModel(model, LayerWeights({"x": arrays}), version, backend, "m.h5", "")).layer("x")


THEANO: Shapes = {"x_W": (1,)}


@pytest.mark.parametrize(
    ("class_name", "config", "canonical", "expected"),
    [
        (
            "Convolution2D",
            {
                "nb_filter": 4,
                "nb_row": 3,
                "nb_col": 5,
                "subsample": [1, 2],
                "border_mode": "same",
                "bias": False,
            }
            | {"dim_ordering": "th", "init": "he_normal", "W_regularizer": None, "activation": "relu"},
            "Conv2D",
            {"filters": 4, "kernel_size": [3, 5], "strides": [1, 2], "padding": "same", "use_bias": False}
            | {"data_format": "channels_first", "kernel_initializer": "he_normal", "kernel_regularizer": None}
            | {"activation": "relu"},
        ),
        (
            "AtrousConvolution1D",
            {
                "nb_filter": 4,
                "filter_length": 3,
                "subsample_length": 1,
                "border_mode": "valid",
                "atrous_rate": 2,
            },
            "Conv1D",
            {"filters": 4, "kernel_size": 3, "strides": 1, "padding": "valid", "dilation_rate": 2}
            | {"data_format": "channels_last"},
        ),
        (
            "Convolution3D",
            {"nb_filter": 4, "kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3, "dim_ordering": "tf"},
            "Conv3D",
            {"filters": 4, "kernel_size": [1, 2, 3], "data_format": "channels_last"},
        ),
        (
            "Deconvolution2D",
            {"nb_filter": 4, "output_shape": [None, 6, 6, 4], "dim_ordering": "tf"},
            "Conv2DTranspose",
            {"filters": 4, "output_shape": [6, 6, 4], "data_format": "channels_last"},
        ),
        ("Dense", {"output_dim": 4, "bias": True, "input_dim": 3}, "Dense", {"units": 4, "use_bias": True}),
        ("TimeDistributedDense", {"output_dim": 4}, "Dense", {"units": 4}),
        ("MaxoutDense", {"output_dim": 4, "nb_feature": 2}, "MaxoutDense", {"units": 4, "nb_feature": 2}),
        ("Dropout", {"p": 0.5}, "Dropout", {"rate": 0.5}),
        ("GaussianNoise", {"sigma": 0.1}, "GaussianNoise", {"stddev": 0.1}),
        (
            "Embedding",
            {
                "input_dim": 9,
                "output_dim": 2,
                "init": "uniform",
                "input_length": 5,
                "mask_zero": False,
                "dropout": 0.0,
            },
            "Embedding",
            {"input_dim": 9, "output_dim": 2, "mask_zero": False, "embeddings_initializer": "uniform"},
        ),
        (
            "MaxPooling1D",
            {"pool_length": 3, "stride": 2, "border_mode": "valid"},
            "MaxPooling1D",
            {"pool_size": 3, "strides": 2, "padding": "valid", "data_format": "channels_last"},
        ),
        ("UpSampling1D", {"length": 2}, "UpSampling1D", {"size": 2}),
        ("ZeroPadding1D", {"padding": {"left_pad": 1}}, "ZeroPadding1D", {"padding": [1, 0]}),
        (
            "ZeroPadding2D",
            {"padding": [1, 2, 3, 4]},
            "ZeroPadding2D",
            {"padding": [[1, 2], [3, 4]], "data_format": "channels_last"},
        ),
        ("BatchNormalization", {"mode": 0, "axis": 1}, "BatchNormalization", {"axis": 1}),
        ("BatchNormalization", {"mode": 2, "axis": 1}, "BatchNormalization", {"axis": 1, "mode": 2}),
        ("Merge", {"mode": "max", "mode_type": "raw"}, "Maximum", {}),
        ("Merge", {"mode": "dot", "mode_type": "raw", "dot_axes": [1, 2]}, "Dot", {"axes": [1, 2]}),
        ("Merge", {"mode": "cos", "mode_type": "raw", "dot_axes": 1}, "Merge", {"mode": "cos", "axes": 1}),
        (
            "Merge",
            {"mode": ["4wEA", None, None], "mode_type": "lambda", "output_shape": [3], "arguments": {"k": 1}},
            "Lambda",
            {"function": "<lambda>", "output_shape": [3], "arguments": {"k": 1}},
        ),
    ],
)
def test_keras_1_words(
    class_name: str, config: dict[str, Any], canonical: str, expected: dict[str, Any]
) -> None:
    spec = layer(class_name, "1.2.2", "", **config)
    assert (spec.class_name, spec.config, spec.stored) == (canonical, expected, "keras1")


def test_keras_1_lstm() -> None:
    spec = layer(
        "LSTM",
        "1.2.2",
        "",
        output_dim=3,
        inner_activation="hard_sigmoid",
        inner_init="orthogonal",
        forget_bias_init="one",
        dropout_W=0.1,
        dropout_U=0.2,
        consume_less="gpu",
        input_dim=3,
        input_length=4,
    )
    assert spec.config == {
        "units": 3,
        "recurrent_activation": "hard_sigmoid_legacy",
        "recurrent_initializer": "orthogonal",
        "unit_forget_bias": True,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "implementation": 2,
    }


def test_keras_1_on_theano() -> None:
    """Its names have no `:0`; kernels are flipped and "same" pads otherwise."""
    spec = layer("Convolution2D", "1.2.2", "", THEANO, border_mode="same", dim_ordering="th")
    assert (spec.stored, spec.config["padding"]) == ("keras1-theano", "same_theano")
    assert (
        layer("Convolution2D", "1.2.2", "", THEANO, border_mode="half", dim_ordering="th").config["padding"]
        == "half"
    )
    assert (
        layer("Cropping2D", "1.2.2", "", THEANO, cropping=[[1, 1], [1, 1]]).config["data_format"]
        == "channels_last"
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([None, 4, 5, 2], "channels_last"),
        ([None, 2, 4, 5], "channels_first"),
        ([None, 3, None, None], "channels_first"),
    ],
)
def test_keras_1_axes_that_nothing_orders_are_told_from_the_shape(shape: list[Any], expected: str) -> None:
    spec = layer("UpSampling2D", "1.2.2", "", {}, size=[2, 2], batch_input_shape=shape)
    assert spec.config["data_format"] == expected


def test_keras_1_prelu_takes_its_shared_axes_from_the_weight() -> None:
    assert layer("PReLU", "1.2.2", "", {"x_alphas": (1, 1, 3)}, init="zero").config["shared_axes"] == [1, 2]
    assert layer("PReLU", "1.2.2", "", {"x_alphas": (8, 8, 3)}, init="zero").config["shared_axes"] is None


def test_keras_2_on_theano() -> None:
    spec = layer("MaxPooling2D", backend="theano", padding="same")
    assert (spec.stored, spec.config["padding"]) == ("theano", "same_theano")


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
        (
            "UpSampling2D",
            {"interpolation": "bilinear"},
            {"interpolation": "bilinear_legacy", "casts": "no"},
        ),
        (
            "UpSampling2D",
            {"interpolation": "nearest"},
            {"interpolation": "nearest", "casts": "no"},
        ),
        ("LocallyConnected1D", {}, {"implementation": 1, "data_format": "channels_last"}),
        ("Softmax", {"axis": 1, "robust_masking": False}, {"axis": 1}),
        (
            "CategoryEncoding",
            {"max_tokens": 3, "output_mode": "binary"},
            {"num_tokens": 3, "output_mode": "multi_hot"},
        ),
        ("Embedding", {"input_dim": 9, "input_length": 4}, {"input_dim": 9}),
        ("Activation", {"activation": "hard_sigmoid"}, {"activation": "hard_sigmoid_legacy"}),
        ("Dense", {"activation": "softmax_v2"}, {"activation": "softmax"}),
        ("Dense", {"activation": None}, {"activation": "linear"}),
    ],
)
def test_keras_2_words(class_name: str, config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert layer(class_name, **config).config == expected


def test_defaults_of_the_writer() -> None:
    assert layer("UpSampling2D", "2.2.4-tf", interpolation="bilinear").config["interpolation"] == "bilinear"
    old = layer("GRU", units=2, implementation=2, time_major=False).config
    assert old == {
        "units": 2,
        "implementation": 2,
        "recurrent_activation": "hard_sigmoid_legacy",
        "reset_after": False,
    }
    assert layer("GRU", weights={"x/bias:0": (2, 6)}, units=2).config["reset_after"] is True
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
    assert layer(class_name).config == {}
    masked = {
        "class_name": "Masking",
        "config": {"name": "m", "batch_input_shape": [None, 4, 3], "mask_value": 0.0},
    }
    layers = [masked, {"class_name": class_name, "config": {"name": "x"}}]
    config = {"class_name": "Sequential", "config": layers}
    model = parse(SavedModel(config, None, "2.2.4", "tensorflow", "m", ""))
    assert model.layer("x").config == {"mask_mode": "and"}


def test_only_keras_itself_repeats_masked_outputs_of_a_bidirectional() -> None:
    inner = {"class_name": "LSTM", "config": {"name": "l", "units": 2}}
    assert layer("Bidirectional", layer=inner).config["zero_output_for_mask"] is False
    assert "zero_output_for_mask" not in layer("Bidirectional", "2.4.0", layer=inner).config


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
        ({"class_name": "DTypePolicyMap", "config": {"default_policy": None, "policy_map": {}}}, "float32"),
    ],
)
def test_dtype_policies(saved: Any, dtype: str) -> None:
    assert layer("Dense", "3.9.2", dtype=saved).dtype == dtype


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
        ("MaxPool2D", {}, ("MaxPooling2D", "keras.layers")),
        ("GroupedQueryAttention", {}, ("GroupQueryAttention", "keras.layers")),
    ],
)
def test_classes_and_packages(class_name: str, extra: dict[str, Any], expected: tuple[str, str]) -> None:
    first = {"class_name": class_name, "config": {"name": "x", "batch_input_shape": [None, 3]}, **extra}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first]}}
    spec = parse(SavedModel(config, None, "2.13.1", "tensorflow", "m", "")).layer("x")
    assert (spec.class_name, spec.package) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"function": ["4wEA", None, None], "function_type": "lambda"}, {"function": "<lambda>"}),
        (
            {"function": "scale", "function_type": "function", "arguments": {"k": 2}},
            {"function": "scale", "arguments": {"k": 2}},
        ),
        ({"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}, {"function": "<lambda>"}),
        (
            {"function": {"class_name": "function", "config": "scale"}, "output_shape": [3]},
            {"function": "scale", "output_shape": [3]},
        ),
        (
            {
                "function": ["4w"],
                "function_type": "lambda",
                "output_shape": ["4w"],
                "output_shape_type": "lambda",
            },
            {"function": "<lambda>", "output_shape": "<lambda>"},
        ),
    ],
)
def test_lambda_code_is_left_behind(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert layer("Lambda", **config).config == expected


@pytest.mark.parametrize(
    ("version", "class_name", "expected"),
    [
        ("2.15.0", "RandomCrop", {"inference": "resize"}),
        ("3.5.0", "RandomCrop", {"inference": "resize"}),
        ("3.7.0", "RandomCrop", {"inference": "crop"}),
        ("3.8.0", "RandomCrop", {}),
        ("3.5.0", "Resizing", {"casts": "truncate"}),
        ("3.6.0", "Resizing", {}),
        ("3.5.0", "RandomContrast", {"casts": "policy"}),
    ],
)
def test_images_as_each_version_treats_them(version: str, class_name: str, expected: dict[str, Any]) -> None:
    config = layer(class_name, version).config
    assert {key: config[key] for key in ("inference", "casts") if key in config} == expected
