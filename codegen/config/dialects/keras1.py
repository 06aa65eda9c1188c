"""Keras 1 -> Keras 2: the words of a layer's config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from codegen.config.dialects.draft import Draft
from codegen.config.dialects.lambdas import lambda_layer
from codegen.errors import MalformedConfig, shorten

_WORDS = {
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "length": "size",
    "nb_filter": "filters",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
    "U_constraint": "recurrent_constraint",
    "U_regularizer": "recurrent_regularizer",
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
}

#: Layers of Keras 1 whose options say what they are in Keras 3.
CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "TimeDistributedDense": "Dense",
}

#: Layers of images whose config has or, in some versions, lacks `dim_ordering`.
_SPATIAL = frozenset(
    f"{kind}{rank}D"
    for kind in (
        "AtrousConvolution", "AveragePooling", "ConvLSTM", "Convolution", "Cropping", "Deconvolution",
        "GlobalAveragePooling", "GlobalMaxPooling", "LocallyConnected", "MaxPooling", "SeparableConvolution",
        "SpatialDropout", "UpSampling", "ZeroPadding",
    )
    for rank in (2, 3)
)  # fmt: skip

_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last"}


def to_keras2(draft: Draft) -> None:
    """Rewrite a layer of Keras 1, in place, into the words of Keras 2."""
    config = draft.config
    if draft.class_name in _SPATIAL:
        _data_format(draft)
    for key in [key for key in config if key in _WORDS]:
        config[_WORDS[key]] = config.pop(key)
    for parts in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if all(part in config for part in parts):
            config["kernel_size"] = [config.pop(part) for part in parts]
    if draft.class_name in _RULES:
        _RULES[draft.class_name](draft)
    draft.class_name = CLASSES.get(draft.class_name, draft.class_name)


def _data_format(draft: Draft) -> None:
    ordering = draft.config.pop("dim_ordering", None)
    if ordering in (None, "default"):
        ordering = "th" if draft.origin.channels_first else "tf"
    if ordering not in _DATA_FORMATS:
        raise MalformedConfig(f"dim_ordering should be 'th' or 'tf', but is {shorten(ordering)}")
    draft.config["data_format"] = _DATA_FORMATS[ordering]


def _units(draft: Draft) -> None:
    if "output_dim" in draft.config:
        draft.config["units"] = draft.config.pop("output_dim")


def _recurrent(draft: Draft) -> None:
    _units(draft)
    # Only "gpu" projects all gates at once: it stores them in one array and gives them the same dropout.
    draft.config["implementation"] = 2 if draft.config.pop("consume_less", "cpu") == "gpu" else 1
    if draft.class_name == "SimpleRNN":
        draft.config.setdefault("activation", "tanh")
    bias_initializer = draft.config.pop("forget_bias_init", None)
    if bias_initializer is not None:
        draft.config["unit_forget_bias"] = bias_initializer in ("one", "ones")
    if draft.class_name == "GRU":
        draft.config["reset_after"] = False


def _conv_lstm(draft: Draft) -> None:
    bias_initializer = draft.config.pop("forget_bias_init", None)
    draft.config["unit_forget_bias"] = bias_initializer in ("one", "ones")
    draft.config.pop("consume_less", None)


def _embedding(draft: Draft) -> None:
    config = draft.config
    config.pop("dropout", None)
    for word in ("initializer", "regularizer", "constraint"):
        if f"kernel_{word}" in config:
            config[f"embeddings_{word}"] = config.pop(f"kernel_{word}")


def _batch_normalization(draft: Draft) -> None:
    draft.config.pop("kernel_initializer", None)
    if draft.config.get("mode", 0) == 0:
        draft.config.pop("mode", None)


def _prelu(draft: Draft) -> None:
    draft.config["alpha_initializer"] = draft.config.pop("kernel_initializer", "zeros")
    _shared_axes(draft, "alphas")


def _srelu(draft: Draft) -> None:
    _shared_axes(draft, "t_left")


def _shared_axes(draft: Draft, weight: str) -> None:
    """The config does not say along which axes the parameters are shared, but their shape does."""
    if not draft.config.get("shared_axes"):
        shape = draft.weight_shape(f"{draft.name}_{weight}")
        shared = [axis for axis, size in enumerate(shape or (), start=1) if size == 1]
        draft.config["shared_axes"] = shared or None


def _padding_1d(draft: Draft) -> None:
    padding = draft.config.get("padding", 1)
    if isinstance(padding, Mapping):
        padding = [padding.get("left_pad", 0), padding.get("right_pad", 0)]
    draft.config["padding"] = padding


def _padding_2d(draft: Draft) -> None:
    padding = draft.config.get("padding", [1, 1])
    if isinstance(padding, Mapping):
        padding = [padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right")]
    if isinstance(padding, list) and len(padding) == 4:
        padding = [padding[:2], padding[2:]]
    draft.config["padding"] = padding


def _pooling_1d(draft: Draft) -> None:
    draft.config.setdefault("pool_size", 2)


def _deconvolution(draft: Draft) -> None:
    """Keras 1 gives the whole output's shape; its batch size says nothing."""
    shape = draft.config.get("output_shape")
    if isinstance(shape, list) and shape:
        draft.config["output_shape"] = shape[1:]


_MERGES = {
    "ave": "Average",
    "concat": "Concatenate",
    "dot": "Dot",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}


def _merge(draft: Draft) -> None:
    """Merge is the Keras 3 layer of its mode, a Lambda of Python functions, except for `cos`."""
    config = draft.config
    mode = config.get("mode", "sum")
    if config.get("mode_type", "raw") != "raw":
        draft.class_name = "Lambda"
        lambda_layer(draft, "mode")
    elif mode == "cos":
        draft.config = {"mode": mode, "axes": config.get("dot_axes", -1)}
    elif mode in _MERGES:
        draft.class_name = _MERGES[mode]
        kept = {"concat": ("axis", "concat_axis"), "dot": ("axes", "dot_axes")}.get(mode)
        draft.config = {kept[0]: config.get(kept[1], -1)} if kept else {}


_RULES: Mapping[str, Callable[[Draft], Any]] = {
    "AveragePooling1D": _pooling_1d,
    "BatchNormalization": _batch_normalization,
    "ConvLSTM2D": _conv_lstm,
    "Deconvolution2D": _deconvolution,
    "Dense": _units,
    "Embedding": _embedding,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "MaxoutDense": _units,
    "MaxPooling1D": _pooling_1d,
    "Merge": _merge,
    "PReLU": _prelu,
    "SimpleRNN": _recurrent,
    "SReLU": _srelu,
    "TimeDistributedDense": _units,
    "ZeroPadding1D": _padding_1d,
    "ZeroPadding2D": _padding_2d,
}
