"""The masks of one call of an attention layer, as one that broadcasts against the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import reduce

from codegen.graph import Value
from codegen.lowering.builder import Builder


@dataclass(frozen=True)
class AttentionMasks:
    """The masks of one call."""

    query: Value | None
    value: Value | None
    key: Value | None
    attention: Value | None
    _: KW_ONLY
    causal: bool
    window: int | None

    def combine(
        self, b: Builder, query: Value, value: Value, key: Value | None, over: Sequence[int]
    ) -> tuple[Value | None, bool]:
        """One mask that broadcasts to (..., heads, T, S), and whether torch shall apply a causal one instead.

        Args:
            b: The layer's builder.
            query: The layer's input.
            value: The layer's input.
            key: The layer's input.
            over: The axes attended over.

        Raises:
            MalformedConfig: The attention mask is not for these inputs.
        """
        axes = len(over)
        rank = query.rank + axes
        parts = []
        of_query = self.query or b.mask(query)
        if of_query:
            parts.append(insert_axes(b, of_query, ":" + "n" * (rank - 3) + ":n"))
        of_keys = [self.value or b.mask(value), self.key or (b.mask(key) if key else None)]
        for of_key in dict.fromkeys(mask for mask in of_keys if mask):
            parts.append(insert_axes(b, of_key, ":" + "n" * (rank - 2) + ":"))
        if self.attention:
            _check(b, self.attention, query, value, over)
            front = max(self.attention.rank - 2 * axes, 0)
            added = rank - self.attention.rank if front else 0
            parts.append(insert_axes(b, self.attention, ":" * front + "n" * added + ":" * 2 * axes))
        if self.causal and not parts and self.window is None:
            return None, True
        is_full = axes == 1 and of_query is not None and any(of_keys)
        parts += self.positional(b, query, value, causal=self.causal and not is_full)
        if axes > 1 and parts and (len(parts) > 1 or not self.attention):
            b.malformed("masks of its inputs do not go with several attention axes")
        mask = reduce(lambda p, q: b.elementwise("p & q", p=p, q=q), parts) if parts else None
        if mask and self.causal and is_full:
            mask = b.op("mask.tril()", shape=mask.shape, dtype="bool", mask=mask)
        return mask, False

    def positional(self, b: Builder, query: Value, value: Value, *, causal: bool) -> list[Value]:
        """The masks that follow from the positions alone, (T, S)."""
        size = (query.shape[1], value.shape[1])
        parts = []
        if causal:
            template = "causal_mask(query, value)"
            parts.append(b.op(template, shape=size, dtype="bool", query=query, value=value))
        if self.window is not None:
            template = "window_mask(query, value, window)"
            window = self.window
            parts.append(b.op(template, shape=size, dtype="bool", query=query, value=value, window=window))
        return parts


def _check(b: Builder, mask: Value, query: Value, value: Value, over: Sequence[int]) -> None:
    """Whether the mask ends with the axes of the scores; over one axis a size of 1 stands for all."""
    sizes = tuple(source.shape[axis] for source in (query, value) for axis in over)
    pairs = zip(mask.shape[-len(sizes) :], sizes, strict=False)
    fits = all(None in pair or pair[0] == pair[1] or (pair[0] == 1 and len(over) == 1) for pair in pairs)
    if not fits or not len(sizes) <= mask.rank <= query.rank + len(over):
        b.malformed(f"its attention_mask {mask.shape} does not end with the sizes attended over, {sizes}")


def insert_axes(b: Builder, mask: Value, pattern: str) -> Value:
    """A bool mask indexed by a pattern: ":" is an axis that it has, "n" a new one."""
    mask = b.cast(b.keras_layout(mask), "bool")
    if "n" not in pattern:
        return mask
    axes = iter(mask.shape)
    shape = tuple(next(axes) if letter == ":" else 1 for letter in pattern)
    index = tuple(slice(None) if letter == ":" else None for letter in pattern)
    return b.op("mask[index]", shape=shape, mask=mask, index=index)
