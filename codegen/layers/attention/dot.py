"""Keras' layers with one head and no projection: Attention and AdditiveAttention."""

from __future__ import annotations

from typing import Any, Literal

from codegen.graph import Value
from codegen.layers.attention.masks import insert_axes
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import Rate
from codegen.lowering.registry import lowers

Masks = list[Value | None]


@lowers("Attention", masks="own")
def attention(
    b: Builder,
    inputs: list[Value],
    mask: Masks | None = None,
    training: bool | None = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
    *,
    use_scale: bool = False,
    score_mode: Literal["dot", "concat"] = "dot",
    dropout: Rate = 0.0,
    causal: bool = False,
) -> Any:
    """softmax(scale * query @ key.T) @ value, or with score_mode "concat" tanh(query + key), summed."""
    query, value, key = _inputs(b, inputs)
    scale = b.parameter("scale", b.weight("scale", ())) if use_scale else None
    masks = _masks(b, inputs, mask)
    causal = causal or use_causal_mask
    penalty = _penalty(b, query, value, masks[1], causal)
    if score_mode == "dot":
        if scale:
            query = b.op("scale * query", shape=query.shape, scale=scale, query=query)
        if not dropout and not return_attention_scores:
            x = _fused(b, query, key, value, penalty, causal and masks[1] is None)
            return _hide_queries(b, x, masks[0])
        scores = b.op("query @ key.mT", shape=_scores_shape(query, key), query=query, key=key)
    else:
        weight = b.parameter("concat_score_weight", b.weight("concat_score_weight", ()))
        total = _pairs(b, query, key)
        if scale:
            total = b.op("scale * x", shape=total.shape, scale=scale, x=total)
        template = "weight * torch.tanh(x).sum(dim=-1)"
        scores = b.op(template, shape=_scores_shape(query, key), perm=None, weight=weight, x=total)
    return _attend(b, scores, value, penalty, masks[0], dropout, training, return_attention_scores)


@lowers("AdditiveAttention", masks="own")
def additive_attention(
    b: Builder,
    inputs: list[Value],
    mask: Masks | None = None,
    training: bool | None = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
    *,
    use_scale: bool = True,
    dropout: Rate = 0.0,
    causal: bool = False,
) -> Any:
    """softmax(scale * tanh(query + key), summed over the features) @ value."""
    query, value, key = _inputs(b, inputs)
    masks = _masks(b, inputs, mask)
    penalty = _penalty(b, query, value, masks[1], causal or use_causal_mask)
    pairs = _pairs(b, query, key)
    shape = _scores_shape(query, key)
    if use_scale:
        scale = b.parameter("scale", b.weight("scale", (b.known(query, -1),), initializer="glorot_uniform"))
        scores = b.op("torch.tanh(x) @ scale", shape=shape, scale=scale, x=pairs)
    else:
        scores = b.op("torch.tanh(x).sum(dim=-1)", shape=shape, x=pairs)
    return _attend(b, scores, value, penalty, masks[0], dropout, training, return_attention_scores)


def _inputs(b: Builder, inputs: list[Value]) -> tuple[Value, Value, Value]:
    """Query, value and key."""
    if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
        b.malformed("it must be called on [query, value] or [query, value, key]")
    if any(x.rank < 2 for x in inputs):
        b.malformed(f"its inputs {', '.join(str(x.shape) for x in inputs)} must have an axis of steps")
    if len({x.rank for x in inputs}) > 1:
        b.malformed(f"its inputs {', '.join(str(x.shape) for x in inputs)} should have as many axes")
    values = [b.keras_layout(x) for x in inputs]
    return values[0], values[1], values[-1]


def _masks(b: Builder, inputs: list[Value], mask: Masks | None) -> Masks:
    """The masks of query and value."""
    return [*mask[:2], None, None][:2] if mask else [b.mask(x) for x in inputs[:2]]


def _scores_shape(query: Value, key: Value) -> tuple[int | None, ...]:
    return (*query.shape[:-1], key.shape[-2])


def _pairs(b: Builder, query: Value, key: Value) -> Value:
    """The sum query + key for each pair of steps, (..., T, S, features)."""
    shape = (*query.shape[:-1], key.shape[-2], query.shape[-1])
    return b.op("query.unsqueeze(-2) + key.unsqueeze(-3)", shape=shape, query=query, key=key)


def _penalty(b: Builder, query: Value, value: Value, mask: Value | None, causal: bool) -> Value | None:
    """What to add to the scores: a large negative number where a mask forbids to attend."""
    allowed = None
    if mask is not None:
        allowed = insert_axes(b, mask, ":n:" if mask.rank == 2 else ":" * mask.rank)
    if causal:
        size = (query.shape[1], value.shape[1])
        triangle = b.op("causal_mask(query, value)", shape=size, dtype="bool", query=query, value=value)
        allowed = triangle if allowed is None else b.elementwise("x & y", x=allowed, y=triangle)
    if allowed is None:
        return None
    least = -65504.0 if b.dtype == "float16" else -1e9
    return b.op(
        "(~mask).to(query.dtype) * least",
        shape=allowed.shape,
        dtype=b.dtype,
        mask=allowed,
        query=query,
        least=least,
    )


def _fused(b: Builder, query: Value, key: Value, value: Value, penalty: Value | None, causal: bool) -> Value:
    """The attention of torch, whose scale Keras does not have.

    It is given heads, if only one: torch's fast kernels and its ONNX exporter want four dims.
    """
    operands: dict[str, Any] = {"query": query, "key": key, "value": value}
    head = "[:, None]" if query.rank == 3 else ""
    arguments = f"query{head}, key{head}, value{head}"
    if causal:
        arguments += ", is_causal=True"
    elif penalty is not None:
        arguments += f", attn_mask=penalty{head if penalty.rank == 3 else ''}"
        operands["penalty"] = penalty
    template = f"F.scaled_dot_product_attention({arguments}, scale=1.0)"
    template += "[:, 0]" if head else ""
    return b.op(template, shape=(*query.shape[:-1], value.shape[-1]), **operands)


def _attend(
    b: Builder,
    scores: Value,
    value: Value,
    penalty: Value | None,
    query_mask: Value | None,
    dropout: float,
    training: bool | None,
    return_scores: bool,
) -> Any:
    """softmax(scores) @ value, and the weights if asked for."""
    if training and dropout:
        b.unsupported("training", training, "dropout cannot be fixed in training mode")
    if penalty is not None:
        scores = b.elementwise("x + y", x=scores, y=penalty)
    weights = b.op("x.softmax(dim=-1)", shape=scores.shape, x=scores)
    dropped = weights
    if dropout:
        dropped = b.module("nn.Dropout", weights, kwargs={"p": dropout}, shape=weights.shape, part="dropout")
    x = b.op("x @ value", shape=(*weights.shape[:-1], value.shape[-1]), x=dropped, value=value)
    x = _hide_queries(b, x, query_mask)
    return (x, weights) if return_scores else x


def _hide_queries(b: Builder, x: Value, mask: Value | None) -> Value:
    """Zero where the query is masked."""
    if mask is not None:
        shown = insert_axes(b, mask, ":" * mask.rank + "n")
        x = b.elementwise("x * shown", x=x, shown=shown)
    x.mask = None if b.masks.rules.hands_on == "none" else mask
    return x
