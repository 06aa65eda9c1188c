"""Attention layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle.cases.case import Case, keras, layers

_TRIANGLE = [[True, False, False], [True, True, False], [True, True, True]]


def _heads(name: str, *shapes: tuple[int | None, ...], call: Any = None, **options: Any) -> Case:
    def attend(layer: Any, inputs: list[Any]) -> Any:
        query, *rest = inputs
        return layer(query, *(rest or [query]))

    options = {"num_heads": 2, "key_dim": 3, **options}
    return Case(f"heads_{name}", lambda: layers.MultiHeadAttention(**options), shapes, call=call or attend)


def _masked(name: str, attend: Callable[[Any, Any], Any]) -> Case:
    """A query and a value with masks of their own."""

    def build() -> Any:
        first, second = keras.Input((4,), dtype="int32"), keras.Input((5,), dtype="int32")
        query = layers.Embedding(3, 6, mask_zero=True)(first)
        value = layers.Embedding(3, 6, mask_zero=True)(second)
        return keras.Model([first, second], attend(query, value))

    return Case(name, build, [], model=True, ints=3, batch=8)


CASES = [
    _heads("self", (5, 6)),
    _heads("open_length", (None, 6)),
    _heads("cross", (5, 6), (4, 7)),
    _heads("key", (5, 6), (4, 7), (4, 8), value_dim=2, output_shape=4),
    _heads("no_bias", (5, 6), use_bias=False, dropout=0.2),
    _heads("causal", (5, 6), call=lambda layer, xs: layer(xs[0], xs[0], use_causal_mask=True)),
    _heads("scores", (5, 6), (4, 6), call=lambda layer, xs: layer(*xs, return_attention_scores=True)),
    _heads("mask", (5, 6), (5, 5), call=lambda layer, xs: layer(xs[0], xs[0], attention_mask=xs[1] > -1)),
    _heads("given_mask", (3, 6), call=lambda layer, xs: layer(xs[0], xs[0], attention_mask=_TRIANGLE)),
    _heads("two_axes", (2, 3, 6), attention_axes=(1, 2)),
    _heads("second_axis", (2, 3, 6), attention_axes=2),
    Case(
        "heads_of_integers",
        lambda: layers.MultiHeadAttention(2, 3),
        [(5, 6), (4, 6)],
        ["int32", "float32"],
        call=lambda layer, xs: layer(*xs),
    ),
    Case(
        "grouped_heads",
        lambda: layers.GroupQueryAttention(3, 4, 2),
        [(5, 6), (4, 6)],
        call=lambda layer, xs: layer(*xs),
    ),
    _masked("heads_masked", lambda q, v: layers.MultiHeadAttention(2, 3)(q, v)),
    _masked(
        "heads_masked_scores",
        lambda q, v: layers.MultiHeadAttention(2, 3)(q, v, return_attention_scores=True),
    ),
    _masked("heads_masked_causal", lambda q, v: layers.MultiHeadAttention(2, 3)(q, v, use_causal_mask=True)),
    Case("attention", lambda: layers.Attention(), [(4, 6), (5, 6)], call=lambda layer, xs: layer(xs)),
    Case(
        "attention_scaled",
        lambda: layers.Attention(use_scale=True, dropout=0.2),
        [(4, 6), (5, 3), (5, 6)],
        call=lambda layer, xs: layer(xs, return_attention_scores=True),
    ),
    Case(
        "attention_concat",
        lambda: layers.Attention(score_mode="concat", use_scale=True),
        [(4, 6), (5, 6)],
        call=lambda layer, xs: layer(xs, use_causal_mask=True),
    ),
    Case(
        "additive_attention",
        lambda: layers.AdditiveAttention(),
        [(4, 6), (5, 6)],
        call=lambda layer, xs: layer(xs),
    ),
    _masked("attention_masked", lambda q, v: layers.Attention()([q, v])),
    _masked("additive_attention_masked", lambda q, v: layers.AdditiveAttention()([q, v])),
]
