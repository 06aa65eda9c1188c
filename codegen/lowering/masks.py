"""Masks: which one a layer sees for an input, and which one its output has.

A mask travels with a value (`Value.mask`), as Keras hangs `_keras_mask` on a tensor. What the versions of
Keras do otherwise is in `MaskRules`, which the dialects set for each call; what a kind of layer does with a
mask is said where it is registered (`masks="keep"`, "drop" or "own").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from codegen.graph import Value
from codegen.lowering.emitter import Emitter
from codegen.model.nested import instances
from codegen.model.spec import MaskRules

#: "keep": the output has the first input's mask; "drop": none; "own": the layer function sets it.
MaskRule = Literal["keep", "drop", "own"]


@dataclass
class Masks:
    """The masks of one call of a layer.

    Attributes:
        rules: What this version of Keras does with them.
        given: Those that stand in the call, by the input that they belong to.
    """

    rules: MaskRules = field(default_factory=MaskRules)
    given: dict[Value, Value | None] = field(default_factory=dict)

    def give(self, values: Iterable[Value], masks: Iterable[Value]) -> None:
        """Note the masks that stand in the call, in the order of its inputs."""
        self.given.update(zip(values, masks, strict=False))

    def seen(self, e: Emitter, x: Value) -> Value | None:
        """The mask that the layer sees for `x`: one of the call before the input's own.

        Raises:
            MalformedConfig: It is none of the first axes of `x`.
        """
        mask = self.given.get(x, x.mask if self.rules.sees else None)
        if mask is not None and not _is_along(mask, x):
            e.malformed(f"a mask of shape {mask.shape} does not go with its input {x.shape}")
        return mask

    def handed_on(self, x: Value) -> Value | None:
        """The mask that the layer may hand on from `x`, whether it sees it or not."""
        if self.rules.hands_on == "none":
            return None
        return x.mask if self.rules.hands_on == "own" else self.given.get(x, x.mask)

    def through_cast(self, x: Value, cast: Value) -> None:
        """Let an input that was cast to the layer's dtype have the masks that it still has in Keras."""
        cast.mask = x.mask if self.rules.casts_keep else None
        if x in self.given:
            self.given[cast] = self.given[x]

    def without_own(self) -> Masks:
        """The same for a layer that sees no mask but those of the call."""
        return replace(self, rules=replace(self.rules, sees=False))


def _is_along(mask: Value, x: Value) -> bool:
    sizes = zip(mask.shape, x.shape, strict=False)
    return mask.rank <= x.rank and all(None in pair or pair[0] in (1, pair[1]) for pair in sizes)


def carry(e: Emitter, masks: Masks, rule: MaskRule, args: Sequence[Any], result: Any) -> Any:
    """The result of a layer with the mask that Keras gives it."""
    if rule == "own" or not isinstance(result, Value):
        return result
    inputs = list(instances(args, Value))
    mask = masks.handed_on(inputs[0]) if rule == "keep" and inputs else None
    return with_mask(e, result, mask, inputs)


def with_mask(e: Emitter, result: Value, mask: Value | None, inputs: Sequence[Value]) -> Value:
    """The result with its mask; a value of its own where it is an input that has another mask."""
    if result.mask is mask:
        return result
    if result in inputs:
        result = e.expression(
            "x",
            x=result,
            shape=result.shape,
            perm=result.perm,
            flat=result.flat,
            non_negative=result.non_negative,
        )
    result.mask = mask
    return result
