"""The parser on layers of Keras 1: their words come out as Keras 3's."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.model.packages import ACTIVATION
from codegen.model.python_code import CompiledFunction
from codegen.model.spec import LayerSpec
from tests.support.spec_layer import Shapes, layer

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
            {"function": CompiledFunction(b"\xe3\x01\0"), "output_shape": [3], "arguments": {"k": 1}},
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
        "recurrent_activation": LayerSpec(
            "hard_sigmoid", "hard_sigmoid", package=ACTIVATION, quirks={"slope": "1/5"}
        ),
        "recurrent_initializer": "orthogonal",
        "unit_forget_bias": True,
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "implementation": 2,
    }


def test_keras_1_on_theano() -> None:
    """Its names have no `:0`; kernels are flipped and "same" pads otherwise."""
    spec = layer("Convolution2D", "1.2.2", "", THEANO, border_mode="same", dim_ordering="th")
    assert (spec.stored, spec.config["padding"]) == ("keras1-theano", "same")
    assert spec.quirks == {"same_of": "theano"}
    assert (
        layer("Convolution2D", "1.2.2", "", THEANO, border_mode="half", dim_ordering="th").config["padding"]
        == "half"
    )
    assert (
        layer("Cropping2D", "1.2.2", "", THEANO, cropping=[[1, 1], [1, 1]]).config["data_format"]
        == "channels_last"
    )


def test_pooling_without_weights_is_that_of_either_backend() -> None:
    spec = layer("AveragePooling2D", "1.2.2", "", {}, border_mode="same", dim_ordering="tf")
    assert spec.quirks == {"same_of": "unknown"}


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
