"""Keras' layers with several heads: MultiHeadAttention and GroupQueryAttention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal

from codegen.graph import Module, Op, Value
from codegen.graph.recipe import Weight
from codegen.graph.shapes import element_count
from codegen.layers.attention.masks import AttentionMasks
from codegen.lowering.binder import Quirk, options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.rules import native
from codegen.lowering.ranges import Rate, Size
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

#: What a query attends to that may attend to nothing, where Keras computes the scores itself: nothing
#: (since 3.10); all alike, by the scores minus 1e9 ("add"; before 3.7 always so, "add always"), or by -1e9
#: in their place ("replace"). Where torch or TensorFlow does it in one, all alike.
Masking = Literal["zero", "add", "add always", "replace"]


@options
class AttentionOptions:
    """The options of all layers with several heads.

    Attributes:
        masking: See `Masking`.
    """

    dropout: Rate = 0.0
    use_bias: bool = True
    use_gate: bool = False
    sliding_window: int | None = None
    masking: Quirk[Masking] = "zero"


@lowers("MultiHeadAttention", masks="own", neutral={"flash_attention": False})
def multi_head_attention(
    b: Builder,
    query: Value,
    value: Value,
    key: Value | None = None,
    query_mask: Value | None = None,
    value_mask: Value | None = None,
    key_mask: Value | None = None,
    attention_mask: Any = None,
    return_attention_scores: bool = False,
    training: bool | None = None,
    use_causal_mask: bool = False,
    *,
    num_heads: Size,
    key_dim: Size,
    value_dim: Size | None = None,
    output_shape: int | tuple[int, ...] | None = None,
    attention_axes: int | tuple[int, ...] | None = None,
    common: AttentionOptions,
    query_mask_counts: Quirk[bool] = False,
    implicit_masks: Quirk[bool] = True,
) -> Any:
    """softmax(query @ key.T / sqrt(key_dim)) @ value in each head, then a projection of all heads.

    Since Keras 3.8 a `query_mask` of the call does not count, only the mask that the query has. Before
    2.10 no mask that an input has does (`implicit_masks`).
    """
    b = b if implicit_masks else replace(b, masks=b.masks.without_own())
    if attention_mask is not None:
        attention_mask = native(b, attention_mask, "bool")
    attention = _Attention(
        common,
        num_heads=num_heads,
        num_key_value_heads=num_heads,
        head_dim=key_dim,
        value_head_dim=value_dim or key_dim,
        outputs=(output_shape,) if isinstance(output_shape, int) else output_shape,
        axes=(attention_axes,) if isinstance(attention_axes, int) else attention_axes,
        attribute="{}_dense",
    )
    masks = AttentionMasks(
        query_mask if query_mask_counts else None, value_mask, key_mask, attention_mask,
        causal=use_causal_mask, window=common.sliding_window,
    )  # fmt: skip
    _refuse_training(b, training, common.dropout)
    return attention.lower(b, query, value, key, masks, return_scores=return_attention_scores)


@lowers("GroupQueryAttention", masks="own", neutral={"flash_attention": False})
def group_query_attention(
    b: Builder,
    query: Value,
    value: Value,
    key: Value | None = None,
    query_mask: Value | None = None,
    value_mask: Value | None = None,
    key_mask: Value | None = None,
    attention_mask: Any = None,
    return_attention_scores: bool = False,
    training: bool | None = None,
    use_causal_mask: bool = False,
    *,
    head_dim: Size,
    num_query_heads: Size,
    num_key_value_heads: Size,
    common: AttentionOptions,
) -> Any:
    """Multi-head attention in which several heads of the query share one of key and value."""
    if attention_mask is not None:
        attention_mask = native(b, attention_mask, "bool")
    attention = _Attention(
        common,
        num_heads=num_query_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        value_head_dim=head_dim,
        attribute="_{}_dense",
    )
    masks = AttentionMasks(
        query_mask, value_mask, key_mask, attention_mask,
        causal=use_causal_mask, window=common.sliding_window,
    )  # fmt: skip
    _refuse_training(b, training, common.dropout)
    return attention.lower(b, query, value, key, masks, return_scores=return_attention_scores)


def _refuse_training(b: Builder, training: bool | None, dropout: float) -> None:
    if training and dropout:
        b.unsupported("training", training, "dropout cannot be fixed in training mode")


def _bias(rule: Masking) -> str:
    """Expression of what is added to the scores to mask them."""
    return f"attention_bias(mask, scores{', least=-1e9' if rule == 'add' else ''})"


@dataclass(frozen=True)
class _Attention:
    """The settings of a layer with several heads.

    Attributes:
        common: The options that all such layers have.
        outputs: Sizes of the last axes of the result; the query's if None.
        axes: Axes attended over; all but the first and the last if None.
        attribute: Format of the sublayers' attributes.
    """

    common: AttentionOptions
    _: KW_ONLY
    num_heads: int
    num_key_value_heads: int
    head_dim: int
    value_head_dim: int
    attribute: str
    outputs: tuple[int, ...] | None = None
    axes: tuple[int, ...] | None = None

    def lower(
        self,
        b: Builder,
        query: Value,
        value: Value,
        key: Value | None,
        masks: AttentionMasks,
        *,
        return_scores: bool,
    ) -> Any:
        """The layer's result, with the attention weights if asked for."""
        query, value = b.autocast(query), b.autocast(value)
        key = None if key is None or key is value else b.autocast(key)
        query, value = b.keras_layout(query), b.keras_layout(value)
        key = b.keras_layout(key) if key else None
        for source in (value, key or value):
            if source.rank != query.rank:
                b.malformed(f"its inputs {query.shape} and {source.shape} should have as many axes")
        axes = tuple(b.axis(axis, query.rank) for axis in self.axes or range(1, query.rank - 1))
        mask, causal = masks.combine(b, query, value, key, axes)
        rule: Masking = self._rule(query, return_scores=return_scores) if mask else "replace"
        # Over several axes Keras' own softmax gives weights of 1 where all scores are near -1e9.
        sums = mask is not None and len(axes) > 1 and rule != "zero"
        if mask:
            mask = _mask_sequence(b, mask, len(axes))
        if causal and return_scores:
            (mask,) = masks.positional(b, query, value, causal=True)
        layers = self._layers(b, query, value, key)
        of_query, of_value = (b.floating(_sequence(b, x, axes)) for x in (query, value))
        of_key = b.floating(_sequence(b, key, axes)) if key else of_value
        q = self._heads(b, layers["query"], of_query, self.num_heads, self.head_dim)
        k = self._heads(b, layers["key"], of_key, self.num_key_value_heads, self.head_dim)
        v = self._heads(b, layers["value"], of_value, self.num_key_value_heads, self.value_head_dim)
        scores = None
        if return_scores or sums:
            x, scores = self._explicit(b, q, k, v, mask, rule, sums=sums)
        else:
            x = self._fused(b, q, k, v, mask, rule, causal=causal)
        merged = (*of_query.shape[:-1], self.num_heads * self.value_head_dim)
        template = "x.transpose(1, 2).flatten(2)" if x.rank == 4 else "x.transpose(-2, -3).flatten(-2)"
        x = b.op(template, shape=merged, x=x)
        if self.common.use_gate:
            gate = self._linear(b, layers["gate"], of_query)
            x = b.op("x * torch.sigmoid(gate)", shape=merged, x=x, gate=gate)
        x = self._restore(b, self._linear(b, layers["output"], x), query, axes)
        if scores is None or not return_scores:
            return x
        if len(axes) > 1:
            sizes = [source.shape[axis] for source in (query, value) for axis in axes]
            scores = b.reshape(scores, (*scores.shape[:-2], *sizes))
        return x, scores

    def _rule(self, query: Value, *, return_scores: bool) -> Masking:
        """What becomes of a query that may attend to nothing, in this call."""
        if self.common.masking in ("add always", "replace"):
            return "add" if self.common.masking == "add always" else "replace"
        explicit = bool(self.common.dropout) or return_scores or query.rank != 3
        return self.common.masking if explicit else "replace"

    def _linear(self, b: Builder, layer: Module, x: Value) -> Value:
        shape = (*x.shape[:-1], layer.kwargs["out_features"])
        return b.op("module(x)", shape=shape, module=layer, x=x)

    def _heads(self, b: Builder, layer: Module, x: Value, heads: int, size: int) -> Value:
        """(..., T, features) -> (..., heads, T, size), as many heads as the query has."""
        x = self._linear(b, layer, x)
        shape = (*x.shape[:-2], heads, x.shape[-2], size)
        axes = "1, 2" if x.rank == 3 else "-2, -3"
        template = f"torch.unflatten(x, -1, (heads, size)).transpose({axes})"
        x = b.op(template, shape=shape, x=x, heads=heads, size=size)
        assert x.node is not None
        x.layer = x.node.layer = layer.name
        if heads == self.num_heads:
            return x
        shape = (*x.shape[:-3], self.num_heads, *x.shape[-2:])
        repeats = self.num_heads // heads
        return b.op("x.repeat_interleave(repeats, dim=-3)", shape=shape, x=x, repeats=repeats)

    def _fused(
        self, b: Builder, q: Value, k: Value, v: Value, mask: Value | None, rule: Masking, *, causal: bool
    ) -> Value:
        """What the heads yield."""
        operands: dict[str, Any] = {"q": q, "k": k, "v": v}
        arguments = "q, k, v"
        if mask:
            operands |= {"mask": mask, "scores": q}
            arguments += f", attn_mask={_bias(rule)}"
        if self.common.dropout:
            operands["rate"] = self.common.dropout
            arguments += ", dropout_p=rate if self.training else 0.0"
        if causal:
            arguments += ", is_causal=True"
        shape = (*q.shape[:-1], self.value_head_dim)
        x = b.op(f"F.scaled_dot_product_attention({arguments})", shape=shape, **operands)
        if mask is None or rule != "zero":
            return x
        return b.op("x * mask.any(dim=-1, keepdim=True)", shape=shape, x=x, mask=mask)

    def _explicit(
        self, b: Builder, q: Value, k: Value, v: Value, mask: Value | None, rule: Masking, *, sums: bool
    ) -> tuple[Value, Value]:
        """What the heads yield, and the attention weights."""
        shape = (*q.shape[:-1], k.shape[-2])
        scores = b.op("q @ k.transpose(-1, -2) / size**0.5", shape=shape, q=q, k=k, size=self.head_dim)
        if mask:
            template = f"x + {_bias(rule)}"
            scores = b.op(template, shape=shape, x=scores, mask=mask, scores=q)
        template = "torch.exp(x - x.logsumexp(dim=-1, keepdim=True))" if sums else "x.softmax(dim=-1)"
        weights = b.op(template, shape=shape, x=scores)
        if mask and rule == "zero":
            weights = b.op("x * mask.any(dim=-1, keepdim=True)", shape=shape, x=weights, mask=mask)
        kept = weights
        if self.common.dropout:
            template = "F.dropout(x, p=rate, training=self.training)"
            kept = b.op(template, shape=shape, x=weights, rate=self.common.dropout)
        return b.op("x @ v", shape=(*q.shape[:-1], v.shape[-1]), x=kept, v=v), weights

    def _outputs(self, query: Value) -> tuple[int, ...]:
        return self.outputs or (query.shape[-1] or 0,)

    def _restore(self, b: Builder, x: Value, query: Value, axes: Sequence[int]) -> Value:
        """The result with the query's axes."""
        order = _order(query.rank, axes)
        outputs = self._outputs(query)
        if len(axes) > 1:
            x = b.reshape(x, (*(query.shape[axis] for axis in order[:-1]), x.shape[-1]))
        if order != tuple(range(query.rank)):
            dims = tuple(order.index(axis) for axis in range(query.rank))
            shape = tuple(x.shape[dim] for dim in dims)
            x = b.op("x.permute(*dims)", shape=shape, op=Op.LAYOUT, x=x, dims=dims)
        if len(outputs) > 1:
            x = b.reshape(x, (*x.shape[:-1], *outputs))
        x.mask = b.mask(query)
        return x

    def _layers(self, b: Builder, query: Value, value: Value, key: Value | None) -> dict[str, Module]:
        """The projections, made in the order in which Keras makes their variables."""
        of_query, of_key, of_value = (b.known(x, -1) for x in (query, key or value, value))
        few = self.num_key_value_heads
        layers = {
            "query": self._projection(b, "query", (of_query,), (self.num_heads, self.head_dim)),
            "key": self._projection(b, "key", (of_key,), (few, self.head_dim)),
        }
        merged = (self.num_heads, self.value_head_dim)
        if self.common.use_gate:
            layers["gate"] = self._projection(b, "gate", (of_query,), merged)
        layers["value"] = self._projection(b, "value", (of_value,), (few, self.value_head_dim))
        layers["output"] = self._projection(b, "output", merged, self._outputs(query))
        return layers

    def _projection(self, b: Builder, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Module:
        """A linear layer with Keras' kernel (*inputs, *outputs)."""
        inner = b.sublayer(self.attribute.format(name), LayerSpec(name, "EinsumDense", dtype=b.spec.dtype))
        kernel = inner.weight("kernel", (*inputs, *outputs))
        rows, columns = math.prod(inputs), math.prod(outputs)
        state: dict[str, Weight | None] = {"weight": kernel.reshape(rows, columns).T}
        if self.common.use_bias:
            state["bias"] = inner.weight("bias", outputs).reshape(columns)
        kwargs = {"in_features": rows, "out_features": columns, "bias": self.common.use_bias}
        return b.define("nn.Linear", kwargs=kwargs, state=state, part=name)


def _order(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    """All axes with those attended over just before the last."""
    return (*(axis for axis in range(rank - 1) if axis not in axes), *axes, rank - 1)


def _sequence(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """(..., T, features), where T runs over all of `axes`."""
    order = _order(x.rank, axes)
    if sorted(order) != list(range(x.rank)):
        b.malformed(f"its input {x.shape} lacks the axes {tuple(axes)} over which it attends")
    if order != tuple(range(x.rank)):
        x = b.op("x.permute(*dims)", shape=tuple(x.shape[a] for a in order), op=Op.LAYOUT, x=x, dims=order)
    if len(axes) == 1:
        return x
    batch = x.rank - 1 - len(axes)
    return b.reshape(x, (*x.shape[:batch], element_count(x.shape[batch:-1]), x.shape[-1]))


def _mask_sequence(b: Builder, mask: Value, axes: int) -> Value:
    """The mask with its last axes joined as those of query and key are."""
    if axes == 1:
        return mask
    sizes = (element_count(mask.shape[-2 * axes : -axes]), element_count(mask.shape[-axes:]))
    return b.reshape(mask, (*mask.shape[: -2 * axes], *sizes))
