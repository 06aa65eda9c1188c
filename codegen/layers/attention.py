"""Keras' layers with several heads: MultiHeadAttention and GroupQueryAttention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from codegen.builder import Builder
from codegen.graph import Module, Value
from codegen.layers.registry import lowers
from codegen.spec.model import LayerSpec, Shape
from codegen.weight import Weight


@lowers("MultiHeadAttention", masks="own", neutral={"flash_attention": False})
def multi_head_attention(
    b: Builder,
    query: Value,
    value: Value,
    key: Value | None = None,
    query_mask: Value | None = None,
    value_mask: Value | None = None,
    key_mask: Value | None = None,
    attention_mask: Value | None = None,
    return_attention_scores: bool = False,
    training: bool | None = None,
    use_causal_mask: bool = False,
    *,
    num_heads: int,
    key_dim: int,
    value_dim: int | None = None,
    dropout: float = 0.0,
    use_bias: bool = True,
    use_gate: bool = False,
    output_shape: int | tuple[int, ...] | None = None,
    attention_axes: int | tuple[int, ...] | None = None,
    sliding_window: int | None = None,
) -> Any:
    """softmax(query @ key.T / sqrt(key_dim)) @ value in each head, then a projection of all heads."""
    outputs = (output_shape,) if isinstance(output_shape, int) else output_shape
    axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
    sizes = (num_heads, num_heads, key_dim, value_dim or key_dim)
    attention = _Attention(*sizes, outputs, axes, use_bias, use_gate, dropout, "{}_dense")
    masks = _Masks(query_mask, value_mask, key_mask, attention_mask, use_causal_mask, sliding_window)
    _refuse_training(b, training, dropout)
    return attention.lower(b, query, value, key, masks, return_attention_scores)


@lowers("GroupQueryAttention", "GroupedQueryAttention", masks="own", neutral={"flash_attention": False})
def group_query_attention(
    b: Builder,
    query: Value,
    value: Value,
    key: Value | None = None,
    query_mask: Value | None = None,
    value_mask: Value | None = None,
    key_mask: Value | None = None,
    attention_mask: Value | None = None,
    return_attention_scores: bool = False,
    training: bool | None = None,
    use_causal_mask: bool = False,
    *,
    head_dim: int,
    num_query_heads: int,
    num_key_value_heads: int,
    dropout: float = 0.0,
    use_bias: bool = True,
    use_gate: bool = False,
    sliding_window: int | None = None,
) -> Any:
    """Multi-head attention in which several heads of the query share one of key and value."""
    sizes = (num_query_heads, num_key_value_heads, head_dim, head_dim)
    attention = _Attention(*sizes, None, None, use_bias, use_gate, dropout, "_{}_dense")
    masks = _Masks(query_mask, value_mask, key_mask, attention_mask, use_causal_mask, sliding_window)
    _refuse_training(b, training, dropout)
    return attention.lower(b, query, value, key, masks, return_attention_scores)


def _refuse_training(b: Builder, training: bool | None, dropout: float) -> None:
    if training and dropout:
        b.unsupported("training", training, "dropout cannot be fixed in training mode")


@dataclass(frozen=True)
class _Masks:
    """The masks of one call."""

    query: Value | None
    value: Value | None
    key: Value | None
    attention: Value | None
    causal: bool
    window: int | None

    def combine(
        self, b: Builder, query: Value, value: Value, key: Value | None, axes: int
    ) -> tuple[Value | None, bool]:
        """One mask that broadcasts to (..., heads, T, S), and whether torch shall apply a causal one instead.

        Args:
            b: The layer's builder.
            query: The layer's input.
            value: The layer's input.
            key: The layer's input.
            axes: Number of axes attended over.
        """
        rank = query.rank + axes
        parts = []
        of_query = self.query or b.mask(query)
        if of_query:
            parts.append(insert_axes(b, of_query, ":" + "n" * (rank - 3) + ":n"))
        of_keys = [self.value or b.mask(value), self.key or (b.mask(key) if key else None)]
        for mask in dict.fromkeys(mask for mask in of_keys if mask):
            parts.append(insert_axes(b, mask, ":" + "n" * (rank - 2) + ":"))
        if self.attention:
            front = max(self.attention.rank - 2 * axes, 0)
            added = rank - self.attention.rank if front else 0
            parts.append(insert_axes(b, self.attention, ":" * front + "n" * added + ":" * 2 * axes))
        if self.causal and not parts and self.window is None:
            return None, True
        parts += self.positional(b, query, value)
        if axes > 1 and parts and (len(parts) > 1 or not self.attention):
            b.malformed("masks of its inputs do not go with several attention axes")
        return (reduce(lambda p, q: b.elementwise("p & q", p=p, q=q), parts) if parts else None), False

    def positional(self, b: Builder, query: Value, value: Value) -> list[Value]:
        """The masks that follow from the positions alone, (T, S)."""
        size = (query.shape[1], value.shape[1])
        parts = []
        if self.causal:
            template = "causal_mask(query, value)"
            parts.append(b.op(template, shape=size, dtype="bool", query=query, value=value))
        if self.window is not None:
            template = "window_mask(query, value, window)"
            window = self.window
            parts.append(b.op(template, shape=size, dtype="bool", query=query, value=value, window=window))
        return parts


def insert_axes(b: Builder, mask: Value, pattern: str) -> Value:
    """A bool mask indexed by a pattern: ":" is an axis that it has, "n" a new one."""
    mask = b.cast(b.keras_layout(mask), "bool")
    if "n" not in pattern:
        return mask
    axes = iter(mask.shape)
    shape = tuple(next(axes) if letter == ":" else 1 for letter in pattern)
    index = tuple(slice(None) if letter == ":" else None for letter in pattern)
    return b.op("mask[index]", shape=shape, mask=mask, index=index)


@dataclass(frozen=True)
class _Attention:
    """The settings of a layer with several heads.

    Attributes:
        outputs: Sizes of the last axes of the result; the query's if None.
        axes: Axes attended over; all but the first and the last if None.
        attribute: Format of the sublayers' attributes.
    """

    num_heads: int
    num_key_value_heads: int
    head_dim: int
    value_head_dim: int
    outputs: tuple[int, ...] | None
    axes: tuple[int, ...] | None
    bias: bool
    gate: bool
    dropout: float
    attribute: str

    def lower(
        self, b: Builder, query: Value, value: Value, key: Value | None, masks: _Masks, return_scores: bool
    ) -> Any:
        """The layer's result, with the attention weights if asked for."""
        query, value = b.autocast(query), b.autocast(value)
        key = None if key is None or key is value else b.autocast(key)
        query, value = b.keras_layout(query), b.keras_layout(value)
        key = b.keras_layout(key) if key else None
        axes = tuple(b.axis(axis, query.rank) for axis in self.axes or range(1, query.rank - 1))
        mask, causal = masks.combine(b, query, value, key, len(axes))
        explicit = bool(self.dropout) or return_scores or query.rank != 3
        # Keras 3, which saves a seed, gives zero to a query that may attend to nothing, unless it fuses.
        zero = mask is not None and explicit and "seed" in b.spec.config
        module = self._module(b, query, value, key, zero)
        operands: dict[str, Any] = {"query": _sequence(b, query, axes), "value": _sequence(b, value, axes)}
        template = "query, value"
        if key:
            operands["key"] = _sequence(b, key, axes)
            template += ", key"
        if mask:
            operands["mask"] = _mask_sequence(b, mask, len(axes))
            template += ", mask=mask"
        if causal and return_scores:
            (operands["mask"],) = masks.positional(b, query, value)
            template += ", mask=mask"
        elif causal:
            template += ", is_causal=True"
        inner = operands["query"].shape
        total = math.prod(self._outputs(query))
        x = b.value((*inner[:-1], total))
        if not return_scores:
            b.emit(f"module({template})", x, kind="module", module=module, **operands)
            return self._restore(b, x, query, axes, masks)
        scores = b.value((*inner[:-2], self.num_heads, inner[-2], operands["value"].shape[-2]))
        b.emit(f"module.with_weights({template})", (x, scores), module=module, **operands)
        if len(axes) > 1:
            sizes = [source.shape[axis] for source in (query, value) for axis in axes]
            scores = b.reshape(scores, (*scores.shape[:-2], *sizes))
        return self._restore(b, x, query, axes, masks), scores

    def _outputs(self, query: Value) -> tuple[int, ...]:
        return self.outputs or (query.shape[-1] or 0,)

    def _restore(self, b: Builder, x: Value, query: Value, axes: Sequence[int], masks: _Masks) -> Value:
        """The result with the query's axes."""
        order = _order(query.rank, axes)
        outputs = self._outputs(query)
        if len(axes) > 1:
            x = b.reshape(x, (*(query.shape[axis] for axis in order[:-1]), x.shape[-1]))
        if order != tuple(range(query.rank)):
            dims = tuple(order.index(axis) for axis in range(query.rank))
            shape = tuple(x.shape[dim] for dim in dims)
            x = b.op("x.permute(*dims)", shape=shape, kind="permute", x=x, dims=dims)
        if len(outputs) > 1:
            x = b.reshape(x, (*x.shape[:-1], *outputs))
        x.mask = masks.query or b.mask(query)
        return x

    def _module(self, b: Builder, query: Value, value: Value, key: Value | None, zero: bool) -> Module:
        inputs = {"query": query, "value": value, "key": key or value}
        features = {name: b.known(x, -1) for name, x in inputs.items()}
        few = self.num_key_value_heads
        state: dict[str, Weight | None] = {}
        sizes = {"query": (self.num_heads, self.head_dim), "key": (few, self.head_dim)}
        if self.gate:
            features["gate"], sizes["gate"] = features["query"], (self.num_heads, self.value_head_dim)
        sizes["value"] = (few, self.value_head_dim)
        for name, heads in sizes.items():
            state.update(self._projection(b, name, (features[name],), heads))
        merged = (self.num_heads, self.value_head_dim)
        state.update(self._projection(b, "output", merged, self._outputs(query)))
        total = math.prod(self._outputs(query))
        options = {
            "embed_dim": features["query"],
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "key_dim": _unless(features["key"], features["query"]),
            "value_dim": _unless(features["value"], features["query"]),
            "value_head_dim": _unless(self.value_head_dim, self.head_dim),
            "output_dim": _unless(total, features["query"]),
            "num_key_value_heads": _unless(few, self.num_heads),
            "bias": _unless(self.bias, True),
            "gate": _unless(self.gate, False),
            "dropout": _unless(self.dropout, 0.0),
            "zero_unattended": _unless(zero, False),
        }
        kwargs = {name: option for name, option in options.items() if option is not None}
        return b.define("MultiHeadAttention", kwargs=kwargs, state=state)

    def _projection(
        self, b: Builder, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]
    ) -> dict[str, Weight | None]:
        """The state of one projection: Keras' kernel (*inputs, *outputs) as that of a linear layer."""
        inner = b.sublayer(self.attribute.format(name), LayerSpec(name, "EinsumDense", dtype=b.spec.dtype))
        kernel = inner.weight("kernel", (*inputs, *outputs))
        state: dict[str, Weight | None] = {f"{name}.weight": kernel.reshape(math.prod(inputs), -1).T}
        if self.bias:
            state[f"{name}.bias"] = inner.weight("bias", outputs).reshape(-1)
        return state


def _unless(value: Any, default: Any) -> Any:
    """The value, or None where it is the default, which is not written."""
    return None if value == default else value


def _order(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    """All axes with those attended over just before the last."""
    return (*(axis for axis in range(rank - 1) if axis not in axes), *axes, rank - 1)


def _sequence(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """(..., T, features), where T runs over all of `axes`."""
    order = _order(x.rank, axes)
    if order != tuple(range(x.rank)):
        x = b.op("x.permute(*dims)", shape=tuple(x.shape[a] for a in order), kind="permute", x=x, dims=order)
    if len(axes) == 1:
        return x
    batch = x.rank - 1 - len(axes)
    return b.reshape(x, (*x.shape[:batch], _product(x.shape[batch:-1]), x.shape[-1]))


def _mask_sequence(b: Builder, mask: Value, axes: int) -> Value:
    """The mask with its last axes joined as those of query and key are."""
    if axes == 1:
        return mask
    sizes = (_product(mask.shape[-2 * axes : -axes]), _product(mask.shape[-axes:]))
    return b.reshape(mask, (*mask.shape[: -2 * axes], *sizes))


def _product(sizes: Shape) -> int | None:
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else None
