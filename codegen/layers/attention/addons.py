"""TensorFlow Addons' own MultiHeadAttention.

Formulas: `tensorflow_addons/layers/multihead_attention.py` (0.20).
"""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.layers.attention.masks import insert_axes
from codegen.lowering.builder import Builder
from codegen.lowering.parts.rules import native
from codegen.lowering.ranges import Rate, Size
from codegen.lowering.registry import lowers


@lowers("MultiHeadAttention", package="Addons", masks="drop", note="TensorFlow Addons")
def addons_multi_head_attention(
    b: Builder,
    inputs: list[Value],
    training: bool | None = None,
    mask: Any = None,
    *,
    head_size: Size,
    num_heads: Size,
    output_size: Size | None = None,
    dropout: Rate = 0.0,
    use_projection_bias: bool = True,
    return_attn_coef: bool = False,
) -> Any:
    """softmax(query @ key.T / sqrt(head_size)) @ value in each head, then a projection of all heads.

    Where the mask keeps nothing, all steps are attended to alike.
    """
    if len(inputs) not in (2, 3):
        b.malformed("it must be called on [query, key] or [query, key, value]")
    if training and dropout:
        b.unsupported("training", training, "dropout cannot be fixed in training mode")
    query, key, value = (b.keras_layout(b.floating(x)) for x in (*inputs, inputs[-1])[:3])
    outputs, merged = output_size or b.known(value, -1), num_heads * head_size
    kernels = {
        name: b.weight(f"{name}_kernel", (num_heads, b.known(x, -1), head_size))
        for name, x in (("query", query), ("key", key), ("value", value))
    }
    kernel = b.weight("projection_kernel", (num_heads, head_size, outputs)).reshape(merged, outputs)
    bias = b.weight("projection_bias", (outputs,)) if use_projection_bias else None
    q, k, v = (
        _heads(b, name, x, kernels[name]) for name, x in (("query", query), ("key", key), ("value", value))
    )
    bias_of_mask: dict[str, Any] = {}
    if mask is not None:
        mask = b.keras_layout(native(b, mask, "bool"))
        if mask.rank not in (q.rank - 1, q.rank):
            b.malformed(f"its mask {mask.shape} does not go with its query {query.shape}")
        bias_of_mask["mask"] = mask if mask.rank == q.rank else insert_axes(b, mask, _with_heads(mask.rank))
    shape, scores = (*q.shape[:-1], head_size), None
    if return_attn_coef:
        size = (*q.shape[:-1], k.shape[-2])
        term = " + attention_bias(mask, q, least=-1e10)" if bias_of_mask else ""
        template = f"(q @ k.mT / head_size**0.5{term}).softmax(dim=-1)"
        scores = b.op(template, shape=size, q=q, k=k, head_size=head_size, **bias_of_mask)
        kept = scores
        if dropout:
            kept = b.op("F.dropout(x, p=p, training=self.training)", shape=size, x=scores, p=dropout)
        x = b.op("x @ v", shape=shape, x=kept, v=v)
    else:
        arguments = "q, k, v" + (", attn_mask=attention_bias(mask, q, least=-1e10)" if bias_of_mask else "")
        operands: dict[str, Any] = {"q": q, "k": k, "v": v, **bias_of_mask}
        if dropout:
            arguments += ", dropout_p=p if self.training else 0.0"
            operands["p"] = dropout
        x = b.op(f"F.scaled_dot_product_attention({arguments})", shape=shape, **operands)
    x = b.op("x.transpose(-2, -3).flatten(-2)", shape=(*query.shape[:-1], merged), x=x)
    x = _linear(b, "projection", x, kernel, bias)
    return x if scores is None else (x, scores)


def _with_heads(rank: int) -> str:
    """The index that puts the axis of the heads into a mask."""
    return ":" * (rank - 2) + "n::"


def _heads(b: Builder, name: str, x: Value, kernel: Weight) -> Value:
    """(..., T, features) -> (..., heads, T, size)."""
    heads, features, size = kernel.shape
    y = _linear(b, name, x, kernel.permute(1, 0, 2).reshape(features, heads * size), None)
    template = "torch.unflatten(y, -1, (heads, size)).transpose(-2, -3)"
    return b.op(template, shape=(*x.shape[:-2], heads, x.shape[-2], size), y=y, heads=heads, size=size)


def _linear(b: Builder, name: str, x: Value, kernel: Weight, bias: Weight | None) -> Value:
    rows, columns = kernel.shape
    kwargs = {"in_features": rows, "out_features": columns, "bias": bias is not None}
    state = {"weight": kernel.T, "bias": bias}
    return b.module("nn.Linear", x, kwargs=kwargs, state=state, shape=(*x.shape[:-1], columns), part=name)
