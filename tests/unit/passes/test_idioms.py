"""Arithmetic that spells out an activation becomes torch's function."""

from __future__ import annotations

import pytest

from codegen.passes.idioms import write_idioms
from tests.support.graph_text import rewritten

SWISH = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = torch.sigmoid(%0)  # (N, 4) float32 gate
            %2 = %0 * %1  # (N, 4) float32 multiply
            return %2
    """


def _one(function: str) -> str:
    return f"""
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = {function}  # (N, 4) float32 multiply
            return %1
    """


def test_a_gate_by_its_own_sigmoid_is_silu() -> None:
    assert rewritten(write_idioms, SWISH) == _one("F.silu(%0)")


def test_the_order_of_the_factors_does_not_matter() -> None:
    assert rewritten(write_idioms, SWISH.replace("%0 * %1", "%1 * %0")) == _one("F.silu(%0)")


def test_several_steps_are_one_function() -> None:
    text = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = %0 + {y: 3.0}  # (N, 4) float32 add
            %2 = F.relu6(%1)  # (N, 4) float32 relu6
            %3 = %2 * {y: 0.16666667}  # (N, 4) float32 scale
            %4 = %0 * %3  # (N, 4) float32 multiply
            return %4
    """
    assert rewritten(write_idioms, text) == _one("F.hardswish(%0)")


@pytest.mark.parametrize(
    "text",
    [
        SWISH.replace("return %2", "return %2, %1"),  # the gate is read by others, too
        SWISH.replace("%0 * %1", "%0 + %1"),
        SWISH.replace("float32", "int32"),
        SWISH.replace("torch.sigmoid(%0)", "torch.tanh(%0)"),
    ],
)
def test_what_is_something_else_stays(text: str) -> None:
    assert rewritten(write_idioms, text) == text


def test_a_gate_of_another_value_is_none() -> None:
    text = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = input  # (N, 4) float32 y
            %2 = torch.sigmoid(%1)  # (N, 4) float32 gate
            %3 = %0 * %2  # (N, 4) float32 multiply
            return %3
    """
    assert rewritten(write_idioms, text) == text
