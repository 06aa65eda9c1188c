"""Learning rates by the number of steps, as `learning_rate_schedule.py` has them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from codegen.training.losses import NotContinued
from codegen.training.schedules import lower_schedule
from codegen.training.spec import Saved


def rate(name: str, options: dict[str, Any], step: int) -> float:
    """What the statements return."""
    source = "\n".join(
        ["def learning_rate(step):", *(f"    {line}" for line in lower_schedule(Saved(name, options)))]
    )
    space: dict[str, Any] = {"math": math}
    exec(source, space)
    return float(space["learning_rate"](step))


START = {"initial_learning_rate": 0.1}


@pytest.mark.parametrize(
    ("name", "options", "step", "expected"),
    [
        ("ExponentialDecay", {**START, "decay_steps": 10, "decay_rate": 0.5}, 5, 0.1 * 0.5**0.5),
        ("ExponentialDecay", {**START, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}, 19, 0.05),
        ("InverseTimeDecay", {**START, "decay_steps": 10, "decay_rate": 0.5}, 20, 0.05),
        ("PiecewiseConstantDecay", {"boundaries": [3, 6], "values": [1.0, 0.5, 0.1]}, 3, 1.0),
        ("PiecewiseConstantDecay", {"boundaries": [3, 6], "values": [1.0, 0.5, 0.1]}, 6, 0.5),
        ("PiecewiseConstantDecay", {"boundaries": [3, 6], "values": [1.0, 0.5, 0.1]}, 7, 0.1),
        ("PolynomialDecay", {**START, "decay_steps": 10, "end_learning_rate": 0.02, "power": 2.0}, 5, 0.04),
        ("PolynomialDecay", {**START, "decay_steps": 10, "end_learning_rate": 0.02}, 99, 0.02),
        ("PolynomialDecay", {**START, "decay_steps": 10, "end_learning_rate": 0.0, "cycle": True}, 15, 0.025),
        ("CosineDecay", {**START, "decay_steps": 10, "alpha": 0.0}, 5, 0.05),
        ("CosineDecay", {**START, "decay_steps": 10, "alpha": 0.2}, 20, 0.02),
        ("CosineDecay", {**START, "decay_steps": 10, "warmup_target": 0.3, "warmup_steps": 4}, 2, 0.2),
        ("CosineDecay", {**START, "decay_steps": 10, "warmup_target": 0.3, "warmup_steps": 4}, 9, 0.15),
        ("CosineDecayRestarts", {**START, "first_decay_steps": 4, "t_mul": 2.0, "m_mul": 0.5}, 8, 0.025),
        ("CosineDecayRestarts", {**START, "first_decay_steps": 4, "t_mul": 1.0, "m_mul": 1.0}, 6, 0.05),
    ],
)
def test_rates(name: str, options: dict[str, Any], step: int, expected: float) -> None:
    assert rate(name, options, step) == pytest.approx(expected)


@pytest.mark.parametrize(
    "schedule",
    [
        Saved("Warmup", START),
        Saved("CosineDecay", START, own=True),
        Saved("CosineDecay", {**START, "decay_steps": "ten"}),
        Saved("PiecewiseConstantDecay", {"boundaries": [3], "values": [1.0]}),
    ],
)
def test_code_and_nonsense_are_not_continued(schedule: Saved) -> None:
    with pytest.raises(NotContinued):
        lower_schedule(schedule)
