"""Layers of the packages keras_hub and keras_nlp that a config tells all of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.masks import MaskRule
from codegen.lowering.registry import F as Function
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec


def _hub(class_name: str, *, masks: MaskRule = "keep") -> Callable[[Function], Function]:
    """Register under both names that the package has had."""

    def register(function: Function) -> Function:
        for package in ("keras_hub", "keras_nlp"):
            lowers(class_name, package=package, masks=masks, training_only=("initializer",))(function)
        return function

    return register


@_hub("PositionEmbedding", masks="drop")
def position_embedding(b: Builder, x: Value, *, sequence_length: int) -> Value:
    """One learned vector for each position, whatever stands there."""
    x = b.keras_layout(x)
    size, steps = b.known(x, -1), b.size(x, -2)
    table = b.parameter("embeddings", b.weight("embeddings", (sequence_length, size)))
    return b.op("table[:steps].expand_as(x)", shape=x.shape, dtype=b.dtype, table=table, steps=steps, x=x)


@_hub("TokenAndPositionEmbedding", masks="own")
def token_and_position_embedding(
    b: Builder,
    x: Value,
    *,
    vocabulary_size: int,
    sequence_length: int,
    embedding_dim: int,
    tie_weights: bool = True,
    mask_zero: bool = False,
) -> Value:
    """The sum of a learned vector for each token and one for each position."""
    sizes = {"input_dim": vocabulary_size, "output_dim": embedding_dim, "mask_zero": mask_zero}
    token = LayerSpec("token_embedding", "ReversibleEmbedding", {**sizes, "tie_weights": tie_weights})
    tokens: Value = b.call(token, x, attribute="token_embedding", part="token_embedding")
    position = LayerSpec(
        "position_embedding", "PositionEmbedding", {"sequence_length": sequence_length}, package="keras_hub"
    )
    positions = b.call(position, tokens, attribute="position_embedding", part="position_embedding")
    result = b.elementwise("x + y", x=tokens, y=positions)
    result.mask = tokens.mask
    return result


@_hub("TransformerEncoder")
def transformer_encoder(
    b: Builder, x: Value, *, intermediate_dim: int, num_heads: int, dropout: float = 0.0,
    activation: str | LayerSpec = "relu", layer_norm_epsilon: float = 1e-5, normalize_first: bool = False,
    kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
) -> Value:  # fmt: skip
    """Self-attention and a feed-forward network, each added to its input and normalised."""
    if b.spec.package == "keras_nlp" and b.mask(x) is not None:
        b.unsupported("mask", "<tensor>", "keras_nlp runs on Keras 2 and 3, which attend otherwise with one")
    size = b.known(x, -1)
    starts = {"kernel_initializer": kernel_initializer, "bias_initializer": bias_initializer}
    heads = {"num_heads": num_heads, "key_dim": size // num_heads, "dropout": dropout, **starts}
    norm, drop = {"epsilon": layer_norm_epsilon}, {"rate": dropout}
    wide = {"units": intermediate_dim, "activation": activation, **starts}
    layers = {
        "self_attention_layer": ("MultiHeadAttention", heads),
        "self_attention_layer_norm": ("LayerNormalization", norm),
        "self_attention_dropout": ("Dropout", drop),
        "feedforward_layer_norm": ("LayerNormalization", norm),
        "feedforward_intermediate_dense": ("Dense", wide),
        "feedforward_output_dense": ("Dense", {"units": size, **starts}),
        "feedforward_dropout": ("Dropout", drop),
    }
    specs = {name: LayerSpec(name, *layer, dtype=b.spec.dtype) for name, layer in layers.items()}
    for name, spec in specs.items():  # in the order in which Keras makes them
        b.sublayer(name, spec)

    def call(name: str, *args: Value) -> Value:
        result: Value = b.call(specs[name], *args, attribute=name, part=name)
        return result

    y = call("self_attention_layer_norm", x) if normalize_first else x
    y = call("self_attention_dropout", call("self_attention_layer", y, y))
    x = b.elementwise("x + y", x=y, y=x)
    if not normalize_first:
        x = call("self_attention_layer_norm", x)
    y = call("feedforward_layer_norm", x) if normalize_first else x
    y = call("feedforward_output_dense", call("feedforward_intermediate_dense", y))
    x = b.elementwise("x + y", x=call("feedforward_dropout", y), y=x)
    return x if normalize_first else call("feedforward_layer_norm", x)
