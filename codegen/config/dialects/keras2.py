"""Keras 2 and tf.keras -> Keras 3: names, values and defaults of a layer's options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from codegen.config.dialects.draft import Draft

_GATED = frozenset({"LSTM", "LSTMCell", "GRU", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})
_RECURRENT = _GATED | {"SimpleRNN", "SimpleRNNCell", "RNN", "StackedRNNCells"}
_WITH_UNITS = frozenset({"LSTM", "LSTMCell", "GRU", "GRUCell", "SimpleRNN", "SimpleRNNCell"})

#: Layers that had no `data_format` in early versions, which meant channels last.
_CHANNELS_LAST = frozenset(
    {"Conv1D", "Flatten", "LocallyConnected1D", "SeparableConv1D", "DepthwiseConv1D", "Conv1DTranspose"}
    | {f"{kind}Pooling1D" for kind in ("Average", "GlobalAverage", "GlobalMax", "Max")}
    | {f"Random{kind}" for kind in ("Crop", "Flip", "Rotation", "Translation", "Zoom")}
    | {"CenterCrop", "Resizing"}
)

#: Layers that have `groups` in Keras 3 too.
_GROUPED = frozenset({"Conv1D", "Conv2D", "Conv3D", "GroupNormalization"})

#: Options that say nothing when they have this value; with any other they stay, for the layer to judge.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "groups": (1,),
    "ragged": (False, None),
    "renorm": (False,),
    "reverse_state_order": (False,),
    "robust_masking": (False,),
    "sparse": (False, None),
    "time_major": (False,),
    "fused": (None, True, False),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
}

#: Options that say nothing at all about what a layer computes.
_DROPPED = ("input_length", "query_shape", "key_shape", "value_shape", "rng_type")


def to_keras3(draft: Draft) -> None:
    """Rewrite a layer of Keras 2, in place, into the words of Keras 3."""
    config = draft.config
    for key in _DROPPED:
        config.pop(key, None)
    for key, neutral in _NEUTRAL.items():
        if key in config and config[key] in neutral and (key != "groups" or draft.class_name not in _GROUPED):
            del config[key]
    if draft.class_name in _RECURRENT:
        _recurrent(draft)
    if draft.class_name in _CHANNELS_LAST and config.get("data_format") is None:
        config["data_format"] = "channels_last"
    if draft.class_name in _RULES:
        _RULES[draft.class_name](draft)


def _recurrent(draft: Draft) -> None:
    config = draft.config
    if draft.class_name not in _WITH_UNITS:
        config.pop("implementation", None)
    if draft.class_name in _GATED and config.get("recurrent_activation") is None:
        since_tf2 = draft.origin.tf and draft.origin.version >= (2, 3)
        config["recurrent_activation"] = "sigmoid" if since_tf2 else "hard_sigmoid"
    if draft.class_name in ("GRU", "GRUCell") and config.get("reset_after") is None:
        config["reset_after"] = config.get("use_bias") is not False and _has_two_biases(draft)


def _has_two_biases(draft: Draft) -> bool:
    """Whether a GRU stores a bias for the input and one for the state, and no single one."""
    units = draft.config.get("units")
    has = draft.has_weight_of_shape
    return isinstance(units, int) and has((2, 3 * units)) and not has((3 * units,))


def _cudnn(draft: Draft) -> None:
    draft.class_name = draft.class_name.removeprefix("CuDNN")
    draft.config |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
    if draft.class_name == "GRU":
        draft.config["reset_after"] = True
    draft.stored = "cudnn"


def _leaky_relu(draft: Draft) -> None:
    draft.config["negative_slope"] = draft.config.pop("alpha", draft.config.get("negative_slope", 0.3))


def _one_axis(draft: Draft) -> None:
    axis = draft.config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        draft.config["axis"] = axis[0]


def _causal(draft: Draft) -> None:
    if draft.config.pop("causal", False):
        draft.call_options["use_causal_mask"] = True


def _integer_lookup(draft: Draft) -> None:
    for old, new in (("max_values", "max_tokens"), ("mask_value", "mask_token"), ("oov_value", "oov_token")):
        if old in draft.config:
            draft.config[new] = draft.config.pop(old)


def _locally_connected(draft: Draft) -> None:
    draft.config.setdefault("implementation", 1)


def _category_encoding(draft: Draft) -> None:
    config = draft.config
    if "max_tokens" in config:
        config["num_tokens"] = config.pop("max_tokens")
    if config.get("output_mode") == "binary":
        config["output_mode"] = "multi_hot"


def _discretization(draft: Draft) -> None:
    if "bins" in draft.config:
        draft.config["bin_boundaries"] = draft.config.pop("bins")


def _embedding(draft: Draft) -> None:
    """Keras 2.0 saves the dtype of the indices, not of the vectors."""
    if draft.config.get("dtype") in ("int32", "int64"):
        del draft.config["dtype"]


def _multi_head_attention(draft: Draft) -> None:
    draft.config.pop("softmax_robust_masking", None)


def to_keras_tcn(draft: Draft) -> None:
    """keras-tcn 3.0, which saves what 3.1 does, had one more convolution, and its blocks other names."""
    is_early = not {"go_backwards", "use_weight_norm"} & draft.config.keys()
    if is_early and draft.weight_shape("residual_block_0/kernel"):
        draft.config["main_conv"] = True


_RULES: Mapping[str, Callable[[Draft], None]] = {
    "AdditiveAttention": _causal,
    "Attention": _causal,
    "BatchNormalization": _one_axis,
    "CategoryEncoding": _category_encoding,
    "CuDNNGRU": _cudnn,
    "CuDNNLSTM": _cudnn,
    "Discretization": _discretization,
    "Embedding": _embedding,
    "IntegerLookup": _integer_lookup,
    "LayerNormalization": _one_axis,
    "LeakyReLU": _leaky_relu,
    "LocallyConnected1D": _locally_connected,
    "LocallyConnected2D": _locally_connected,
    "MultiHeadAttention": _multi_head_attention,
}
