"""What a reviewer reads first: whether the conversion can be trusted, and what there is to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codegen.evidence.facts import Verification
from codegen.report.facts import Report
from codegen.report.figures import count_text, number_text


@dataclass(frozen=True)
class Statement:
    """One thing that is sure, or not.

    Attributes:
        state: "good", "bad", or "open" where nobody has looked.
        title: In a few words.
        text: The rest of it.
    """

    state: Literal["good", "bad", "open"]
    title: str
    text: str


def verdict(report: Report) -> tuple[Statement, ...]:
    """What is known of a conversion."""
    return _layers(report), _weights(report), _numbers(report.verification)


def _layers(report: Report) -> Statement:
    layers = [layer for layer in report.layers if not layer.is_model]
    computing = [layer for layer in layers if layer.class_name != "InputLayer"]
    without = [layer for layer in computing if not any(p.own for call in layer.calls for p in call.places)]
    text = f"of {len({layer.class_name for layer in layers})} classes; none was left out"
    if without:
        names = ", ".join(layer.path for layer in without[:3]) + (" …" if len(without) > 3 else "")
        verb = "computes" if len(without) == 1 else "compute"
        text = f"{count_text(len(without))} of them {verb} nothing in a finished model: {names}"
    return Statement("good", f"{count_text(len(layers))} layers converted", text)


def _weights(report: Report) -> Statement:
    if report.arrays is None:
        return Statement("open", "No weights", "a new model starts as Keras initialises it")
    broken = [
        f"{layer.path}/{variable.name}"
        for layer in report.layers
        for variable in layer.variables
        if variable.statistics and (variable.statistics.nan or variable.statistics.infinite)
    ]
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        return Statement(
            "bad", "Weights are not finite", f"NaN or infinity in {broken[0]}{more}, as in the file"
        )
    count, shared = report.arrays.count, report.arrays.shared
    text = "no array is missing, none is left over"
    if shared:
        text += f"; {count_text(shared)} are shared by several layers"
    each = "each used once" if not shared else "all used"
    return Statement("good", f"{count_text(count)} arrays, {each}", text)


def _numbers(verification: Verification | None) -> Statement:
    if verification is None:
        return Statement(
            "open", "Numbers not compared", "record the model where Keras is, then k2t-gen verify"
        )
    if (first := verification.first) is not None:
        return Statement(
            "bad", "Numbers differ", f"first at {first.name}; compared with {verification.origin}"
        )
    compared = [result.float32.relative for result in verification.layers if result.float32]
    compared = compared or [result.float32.relative for result in verification.outputs if result.float32]
    worst = number_text(max(compared, default=0.0))
    return Statement(
        "good", "Same numbers as Keras",
        f"{count_text(len(compared))} layer calls, at most {worst} apart; {verification.origin}",
    )  # fmt: skip
