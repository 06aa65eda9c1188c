"""What a block holds in words, where the field has no name for it: "two separable convolutions, max pool"."""

from __future__ import annotations

from codegen.graph import Op
from codegen.passes.blocks.facts import Facts

_NUMBERS = ("no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def contents(facts: Facts) -> str:
    """The layers of a block, in words, and how its results are put together; "" for none."""
    separable = min(len(facts.depthwise), len(facts.plain))
    kinds = [
        ("separable convolution", separable),
        ("depthwise convolution", len(facts.depthwise) - separable),
        ("convolution", len(facts.plain) - separable),
        ("linear layer", len(facts.linear)),
        ("attention", int(facts.attends)),
        (f"{facts.recurrent} layer", int(bool(facts.recurrent))),
        ("normalisation", len(facts.norms)),
        ("pooling", sum(node.op is Op.POOL for node in facts.pattern.nodes)),
    ]
    said = [_counted(kind, count) for kind, count in kinds if count]
    if not said:
        return ""
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    if facts.concats:
        return f"{listed}, put together"
    return (
        f"{listed}, added to the input"
        if facts.is_residual
        else f"{listed}, with sums" if facts.adds else listed
    )


def _counted(kind: str, count: int) -> str:
    """`two convolutions`; `pooling` and `attention` have no article."""
    if count == 1:
        is_mass = kind.endswith(("pooling", "attention", "normalisation"))
        return kind if is_mass else f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} {kind}s"
