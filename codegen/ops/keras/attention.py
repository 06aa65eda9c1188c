"""The graph op `keras.ops.dot_product_attention`."""

from __future__ import annotations

from typing import Any

from codegen.graph import Value
from codegen.lowering.builder import Builder
from codegen.lowering.parts import rules
from codegen.lowering.parts.operands import TensorLike, Term
from codegen.lowering.parts.rules import op
from codegen.lowering.parts.tensors import transpose

#: What Keras puts in the place of a score that a mask forbids (backend.tensorflow.nn._get_large_negative).
_FORBIDDEN = -0.7 * 3.38953e38


@op("DotProductAttention")
def dot_product_attention(
    b: Builder,
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: Term | None = None,
    *,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Value:
    """`F.scaled_dot_product_attention` of (N, steps, heads, features)."""
    del flash_attention, attn_logits_soft_cap  # Keras on TensorFlow has neither
    values = [rules.tensor(b, v) for v in (query, key, value)]
    dtype = rules.result_type(*values)
    q, k, v = (transpose(b, b.cast(x, dtype), axes=(0, 2, 1, 3)) for x in values)
    heads, few = b.known(q, 1), b.known(k, 1)
    if heads != few:
        template = "x.repeat_interleave(n, dim=1)"
        k, v = (b.op(template, shape=(x.shape[0], heads, *x.shape[2:]), x=x, n=heads // few) for x in (k, v))
    operands: dict[str, Any] = {"q": q, "k": k, "v": v}
    arguments = "q, k, v"
    factor = rules.host(scale)
    if isinstance(factor, Value):
        operands["q"], factor = b.elementwise("q * scale", q=q, scale=factor), 1.0
    if dtype == "float16" and mask is not None:  # whose range is too small for what Keras puts there
        q, k, v = (b.cast(x, "float32") for x in (q, k, v))
        operands |= {"q": b.cast(operands["q"], "float32"), "k": k, "v": v}
    penalty = _penalty(b, q, k, bias, mask, is_causal)
    if penalty is not None:
        operands["penalty"] = penalty
        arguments += ", attn_mask=penalty"
    elif is_causal:
        arguments += ", is_causal=True"
    if factor is not None:
        operands["scale"] = float(factor)
        arguments += ", scale=scale"
    shape = (*q.shape[:-1], v.shape[-1])
    x = b.op(f"F.scaled_dot_product_attention({arguments})", shape=shape, **operands)
    return transpose(b, b.cast(x, dtype), axes=(0, 2, 1, 3))


def _penalty(
    b: Builder, q: Value, k: Value, bias: TensorLike | None, mask: TensorLike | None, causal: bool
) -> Value | None:
    """What to add to the scores, None if nothing or just torch's own causal mask."""
    if mask is None and bias is None:
        return None
    added = None if bias is None else rules.native(b, bias, q.dtype)
    allowed = None if mask is None else rules.native(b, mask, "bool")
    if causal:
        template = "torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device).tril()"
        triangle = b.op(template, shape=(q.shape[-2], k.shape[-2]), dtype="bool", q=q, k=k)
        allowed = triangle if allowed is None else b.elementwise("x & y", x=allowed, y=triangle)
    if allowed is None:
        return added
    if added is not None:
        template = "torch.where(mask, bias, least)"
        return b.elementwise(template, bias=added, mask=allowed, least=_FORBIDDEN, dtype=q.dtype)
    template = "torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, least)"
    return b.op(template, shape=allowed.shape, dtype=q.dtype, mask=allowed, q=q, least=_FORBIDDEN)
