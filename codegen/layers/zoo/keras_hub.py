"""Layers of the packages keras_hub and keras_nlp that a config tells all of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from codegen.graph import Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.recipe import Weight
from codegen.layers.attention.masks import insert_axes
from codegen.layers.core import reversible_embedding
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.masks import MaskRule
from codegen.lowering.ranges import NonNegative, Rate, Size
from codegen.lowering.registry import F as Function
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

_PACKAGES = ("keras_hub", "keras_nlp")

#: Options of rotary embeddings of a type that is refused.
_YARN = ("beta_fast", "beta_slow", "original_max_position_embeddings", "truncate")


def _hub(
    class_name: str, *, masks: MaskRule = "keep", unused: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Register under both names that the package has had; nothing depends on `unused` options."""

    def register(function: Function) -> Function:
        for package in _PACKAGES:
            ignored = ("initializer", *unused)
            lowers(class_name, package=package, masks=masks, training_only=ignored)(function)
        return function

    return register


_hub("ReversibleEmbedding", masks="own")(reversible_embedding)


# -------------------------------------------------------------------- positions


@_hub("PositionEmbedding", masks="drop")
def position_embedding(b: Builder, x: Value, start_index: int = 0, *, sequence_length: int) -> Value:
    """One learned vector for each position, whatever stands there."""
    x = b.keras_layout(x)
    size, steps = b.known(x, -1), b.size(x, -2)
    table = b.parameter("embeddings", b.weight("embeddings", (sequence_length, size)))
    if not start_index:
        template = "table[:steps].expand_as(x)"
        return b.op(template, shape=x.shape, dtype=b.dtype, table=table, steps=steps, x=x)
    template = "table[first : first + steps].expand_as(x)"
    return b.op(template, shape=x.shape, dtype=b.dtype, table=table, steps=steps, x=x, first=start_index)


@_hub("TokenAndPositionEmbedding", masks="own")
def token_and_position_embedding(
    b: Builder,
    x: Value,
    start_index: int = 0,
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
    positions = b.call(
        position, tokens, start_index, attribute="position_embedding", part="position_embedding"
    )
    result = b.elementwise("x + y", x=tokens, y=positions)
    result.mask = tokens.mask
    return result


@_hub("SinePositionEncoding", masks="drop")
def sine_position_encoding(
    b: Builder, x: Value, start_index: int = 0, *, max_wavelength: float = 10000
) -> Value:
    """Sines and cosines of the positions in turns, at growing wave lengths."""
    first: dict[str, Any] = {"first": start_index} if start_index else {}
    template = f"sine_positions(x, wavelength{', first' if first else ''})"
    return b.op(template, shape=x.shape, dtype=b.dtype, x=x, wavelength=max_wavelength, **first)


@_hub("RotaryEmbedding", masks="drop", unused=_YARN)
def rotary_embedding(
    b: Builder,
    x: Value,
    start_index: int = 0,
    *,
    max_wavelength: float = 10000,
    scaling_factor: float = 1.0,
    rope_type: Literal["linear", "dynamic"] = "linear",
    sequence_axis: int = 1,
    feature_axis: int = -1,
    denominator_dim: int | None = None,
) -> Value:
    """Pairs of features, half the axis apart, turned by angles that grow with the position (RoPE)."""
    axis = b.axis(sequence_axis, x.rank)
    if b.axis(feature_axis, x.rank) != x.rank - 1 or axis == x.rank - 1:
        b.unsupported(
            "feature_axis", feature_axis, "supported: the last axis, which is not that of the sequence"
        )
    size = b.known(x, -1)
    if size % 2:
        b.malformed(f"{size} features are no pairs")
    if start_index:
        b.unsupported("start_index", start_index, "supported: 0")
    scale = scaling_factor
    if rope_type == "dynamic":
        scale = scaling_factor ** (size / max(1, size - 2))
    given = {"wavelength": (max_wavelength, 10000), "dim": (axis, 1), "scale": (scale, 1.0)}
    given["period"] = (denominator_dim or size, size)
    used: dict[str, Any] = {name: value for name, (value, usual) in given.items() if value != usual}
    arguments = ", ".join(["x", *(f"{name}={name}" for name in used)])
    return b.op(f"rotary({arguments})", shape=x.shape, x=x, **used)


@_hub("AlibiBias", masks="drop")
def alibi_bias(b: Builder, scores: Value, *, alibi_bias_max: int = 8) -> Value:
    """Scores (N, heads, T, S) less what grows with the distance to the last key, at a rate of each head."""
    if scores.rank != 4:
        b.malformed(f"its input {scores.shape} must have four axes")
    heads = b.known(scores, 1)
    slopes = b.buffer("slopes", Weight.constant(_slopes(heads, alibi_bias_max)).reshape(heads, 1, 1))
    template = "x + slopes * torch.arange(1 - x.shape[-1], 1, device=x.device)"
    return b.op(template, shape=scores.shape, x=scores, slopes=slopes)


def _slopes(heads: int, limit: int) -> list[float]:
    """Rates of the heads (`AlibiBias._get_slopes`): powers of one number for each power of two."""
    power = 2 ** int(math.log2(heads))
    start = 2.0 ** -(2.0 ** -(math.log2(power) - math.log2(limit)))
    found = [start ** (n + 1) for n in range(power)]
    return found if power == heads else found + _slopes(2 * power, limit)[::2][: heads - power]


# -------------------------------------------------------------------- blocks


@options
class BlockOptions:
    """The options that all blocks have."""

    intermediate_dim: Size
    dropout: Rate = 0.0
    activation: str | LayerSpec = "relu"
    layer_norm_epsilon: NonNegative = 1e-5
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"

    @property
    def starts(self) -> dict[str, Any]:
        """What fills the weights."""
        return {"kernel_initializer": self.kernel_initializer, "bias_initializer": self.bias_initializer}

    @property
    def norm(self) -> tuple[str, dict[str, Any]]:
        """A normalisation."""
        return "LayerNormalization", {"epsilon": self.layer_norm_epsilon}

    @property
    def drop(self) -> tuple[str, dict[str, Any]]:
        """A dropout."""
        return "Dropout", {"rate": self.dropout}

    @property
    def wide(self) -> tuple[str, dict[str, Any]]:
        """The first layer of the feed-forward network."""
        return "Dense", {"units": self.intermediate_dim, "activation": self.activation, **self.starts}

    def narrow(self, size: int) -> tuple[str, dict[str, Any]]:
        """Its second layer."""
        return "Dense", {"units": size, **self.starts}

    def attention(self, size: int, heads: int) -> tuple[str, dict[str, Any]]:
        """An attention layer."""
        sizes = {"num_heads": heads, "key_dim": size // max(heads, 1), "dropout": self.dropout}
        return "MultiHeadAttention", {**sizes, **self.starts}


class _Block:
    """The layers of a block, made in the order in which Keras makes them."""

    def __init__(self, b: Builder, layers: Mapping[str, tuple[str, dict[str, Any]]], **quirks: Any) -> None:
        self.b = b
        self.specs = {
            name: LayerSpec(
                name, kind, config, dtype=b.spec.dtype, quirks=quirks if kind == "MultiHeadAttention" else {}
            )
            for name, (kind, config) in layers.items()
        }
        for name, spec in self.specs.items():
            b.sublayer(name, spec)

    def __call__(self, name: str, *args: Value, **kwargs: Any) -> Value:
        result: Value = self.b.call(self.specs[name], *args, attribute=name, part=name, **kwargs)
        return result

    def residual(self, x: Value, norm: str, normalize_first: bool, branch: Callable[[Value], Value]) -> Value:
        """`x` plus a branch, with the normalisation before the branch or behind the sum."""
        y = branch(self(norm, x) if normalize_first else x)
        x = self.b.elementwise("x + y", x=y, y=x)
        return x if normalize_first else self(norm, x)

    def feed_forward(self, x: Value) -> Value:
        """Two linear layers and a dropout."""
        x = self("feedforward_output_dense", self("feedforward_intermediate_dense", x))
        return self("feedforward_dropout", x)


@_hub("TransformerEncoder", masks="own")
def transformer_encoder(
    b: Builder,
    inputs: Value,
    padding_mask: Value | None = None,
    attention_mask: Value | None = None,
    *,
    num_heads: int,
    normalize_first: bool = False,
    common: BlockOptions,
) -> Value:
    """Self-attention and a feed-forward network, each added to its input and normalised."""
    x = b.autocast(inputs)
    masks = (b.mask(x), padding_mask, attention_mask)
    if b.spec.package == "keras_nlp" and any(masks):
        b.unsupported("mask", "<tensor>", "keras_nlp runs on Keras 2 and 3, which attend otherwise with one")
    size = b.known(x, -1)
    layers = {
        "self_attention_layer": common.attention(size, num_heads),
        "self_attention_layer_norm": common.norm,
        "self_attention_dropout": common.drop,
        "feedforward_layer_norm": common.norm,
        "feedforward_intermediate_dense": common.wide,
        "feedforward_output_dense": common.narrow(size),
        "feedforward_dropout": common.drop,
    }
    block = _Block(b, layers)
    mask = _allowed(b, padding_mask, attention_mask)

    def attend(x: Value) -> Value:
        y = block("self_attention_layer", x, x, **({} if mask is None else {"attention_mask": mask}))
        return block("self_attention_dropout", y)

    x = block.residual(x, "self_attention_layer_norm", normalize_first, attend)
    x = block.residual(x, "feedforward_layer_norm", normalize_first, block.feed_forward)
    x.mask = b.carried_mask(inputs)
    return x


@_hub("TransformerDecoder", masks="own", unused=("decoder_sequence_shape", "encoder_sequence_shape"))
def transformer_decoder(
    b: Builder,
    decoder_sequence: Value,
    encoder_sequence: Value | None = None,
    decoder_padding_mask: Value | None = None,
    decoder_attention_mask: Value | None = None,
    encoder_padding_mask: Value | None = None,
    encoder_attention_mask: Value | None = None,
    use_causal_mask: bool = True,
    *,
    num_heads: int,
    normalize_first: bool = False,
    common: BlockOptions,
) -> Value:
    """Causal self-attention, attention to another sequence if there is one, and a feed-forward network."""
    x = b.autocast(decoder_sequence)
    size = b.known(x, -1)
    attention = common.attention(size, num_heads)
    layers = {
        "self_attention_layer": attention,
        "self_attention_layer_norm": common.norm,
        "self_attention_dropout": common.drop,
    }
    if encoder_sequence is not None:
        layers["cross_attention_layer"] = attention
        layers["cross_attention_layer_norm"] = common.norm
        layers["cross_attention_dropout"] = common.drop
    layers["feedforward_intermediate_dense"] = common.wide
    layers["feedforward_output_dense"] = common.narrow(size)
    layers["feedforward_layer_norm"] = common.norm
    layers["feedforward_dropout"] = common.drop
    block = _Block(b, layers, implicit_masks=False)
    own = _allowed(b, decoder_padding_mask or b.mask(x), decoder_attention_mask)

    def attend(x: Value) -> Value:
        masks = {} if own is None else {"attention_mask": own}
        y = block("self_attention_layer", x, x, use_causal_mask=use_causal_mask, **masks)
        return block("self_attention_dropout", y)

    x = block.residual(x, "self_attention_layer_norm", normalize_first, attend)
    if encoder_sequence is not None:
        source = b.autocast(encoder_sequence)
        of_source = _allowed(b, encoder_padding_mask or b.mask(source), encoder_attention_mask)

        def attend_to_source(x: Value) -> Value:
            masks = {} if of_source is None else {"attention_mask": of_source}
            return block("cross_attention_dropout", block("cross_attention_layer", x, source, **masks))

        x = block.residual(x, "cross_attention_layer_norm", normalize_first, attend_to_source)
    x = block.residual(x, "feedforward_layer_norm", normalize_first, block.feed_forward)
    x.mask = b.carried_mask(decoder_sequence)
    return x


def _allowed(b: Builder, padding: Value | None, attention: Value | None) -> Value | None:
    """What may be attended to, (N, 1, T or 1, S), of the masks (N, S) and (N, T, S) of a call."""
    parts = [
        insert_axes(b, b.cast(mask, "int32") if mask.dtype in FLOATS else mask, pattern)
        for mask, pattern in ((padding, ":nn:"), (attention, ":n::"))
        if mask is not None
    ]
    if len(parts) == 2:
        return b.elementwise("x & y", x=parts[0], y=parts[1])
    return parts[0] if parts else None


@_hub("FNetEncoder", masks="drop")
def fnet_encoder(b: Builder, x: Value, *, common: BlockOptions) -> Value:
    """The real part of a Fourier transform, then a feed-forward network, each added and normalised."""
    size = b.known(x, -1)
    layers = {
        "mixing_layer_norm": common.norm,
        "output_layer_norm": common.norm,
        "intermediate_dense": common.wide,
        "output_dense": common.narrow(size),
        "output_dropout": common.drop,
    }
    block = _Block(b, layers)
    mixed = b.op("torch.fft.fft2(x).real", shape=x.shape, dtype="float32", x=b.cast(x, "float32"))
    x = b.elementwise("x + y", x=x, y=b.cast(mixed, x.dtype))
    x = block("mixing_layer_norm", x)
    y = block("output_dropout", block("output_dense", block("intermediate_dense", x)))
    return block("output_layer_norm", b.elementwise("x + y", x=x, y=y))


@_hub("MaskedLMHead", masks="drop")
def masked_lm_head(
    b: Builder,
    x: Value,
    mask_positions: Value,
    *,
    vocabulary_size: int,
    token_embedding: None = None,
    intermediate_activation: str | LayerSpec = "relu",
    activation: str | LayerSpec = "linear",
    layer_norm_epsilon: float = 1e-5,
    kernel_initializer: Any = "glorot_uniform",
    bias_initializer: Any = "zeros",
) -> Value:
    """Scores of the vocabulary at some positions of a sequence: (N, T, C), (N, M) -> (N, M, vocabulary)."""
    del token_embedding
    size = b.known(x, -1)
    starts = {"kernel_initializer": kernel_initializer, "bias_initializer": bias_initializer}
    dense = {"units": size, "activation": intermediate_activation, **starts}
    block = _Block(
        b,
        {
            "intermediate_dense": ("Dense", dense),
            "intermediate_layer_norm": ("LayerNormalization", {"epsilon": layer_norm_epsilon}),
        },
    )
    kernel = b.weight("output_kernel", (size, vocabulary_size), initializer=kernel_initializer)
    bias = b.weight("output_bias", (vocabulary_size,), initializer=bias_initializer)
    shape = (x.shape[0], mask_positions.shape[1], size)
    template = "x.take_along_dim(positions.unsqueeze(-1), dim=1)"
    x = b.op(template, shape=shape, x=x, positions=b.cast(mask_positions, "int64"))
    x = block("intermediate_layer_norm", block("intermediate_dense", x))
    x = b.module(
        "nn.Linear",
        x,
        kwargs={"in_features": size, "out_features": vocabulary_size, "bias": True},
        state={"weight": kernel.T, "bias": bias},
        shape=(*shape[:2], vocabulary_size),
        part="output",
    )
    return b.activation(x, activation)
