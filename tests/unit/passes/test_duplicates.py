"""What is computed twice from the same values is computed once."""

from __future__ import annotations

import pytest

from codegen.passes.duplicates import merge_duplicates
from tests.support.graph_text import rewritten


def _twice(expression: str) -> str:
    return f"""
        class Net:
            self.drop = nn.Dropout(0.5)
            %0 = input  # (N, 4) float32 x
            %1 = {expression}  # (N, 4) float32 a
            %2 = {expression}  # (N, 4) float32 b
            %3 = %1 + %2 + {{drop: self.drop}}(%0)  # (N, 4) float32 add
            return %3
    """


@pytest.mark.parametrize(
    "expression", ["torch.tanh(%0)", "F.pad(%0, {pads: (1, 0)})", "%0[{index: slice(1, None, None)}]"]
)
def test_the_second_time_is_the_first(expression: str) -> None:
    (line,) = [line for line in rewritten(merge_duplicates, _twice(expression)).splitlines() if "+" in line]
    assert "%2 = %1 + {y: %1}" in line


@pytest.mark.parametrize(
    "expression",
    [
        "F.dropout(%0, training=self.training)",
        "torch.rand_like(%0)",
        "gaussian_noise(%0, {stddev: 0.1}, self.training)",
        "F.alpha_dropout(%0)",
        "{drop: self.drop}(%0)",
        "%0.clamp_(0)",
    ],
)
def test_what_differs_from_time_to_time_stays(expression: str) -> None:
    assert rewritten(merge_duplicates, _twice(expression)) == _twice(expression)


def test_what_follows_from_duplicates_is_one_too() -> None:
    before = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 a
            %2 = F.relu(%0)  # (N, 4) float32 b
            %3 = torch.exp(%1)  # (N, 4) float32 c
            %4 = torch.exp(%2)  # (N, 4) float32 d
            %5 = %3 - %4  # (N, 4) float32 subtract
            return %5
    """
    after = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 a
            %2 = torch.exp(%1)  # (N, 4) float32 c
            %3 = %2 - {y: %2}  # (N, 4) float32 subtract
            return %3
    """
    assert rewritten(merge_duplicates, before) == after


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("F.pad(%0, {pads: (1, 0)})  # (N, 5) float32 a", "F.pad(%0, {pads: (0, 1)})  # (N, 5) float32 b"),
        ("F.relu(%0)  # (N, 4) float32 a", "F.relu6(%0)  # (N, 4) float32 b"),
        ("%0.sum(0, True)  # (1, 4) float32 a", "%0.sum(0, {keepdim: True})  # (1, 4) float32 b"),
        ("F.f(%0, {n: 1})  # (N, 4) float32 a", "F.f(%0, {n: True})  # (N, 4) float32 b"),
    ],
)
def test_what_differs_stays(first: str, second: str) -> None:
    text = f"""
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = {first}
            %2 = {second}
            %3 = torch.cat([%1, %2])  # (N, 4) float32 join
            return %3
    """
    assert rewritten(merge_duplicates, text) == text


def test_an_output_keeps_its_own_expression() -> None:
    text = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 a
            %2 = F.relu(%0)  # (N, 4) float32 b
            return %1, %2
    """
    assert rewritten(merge_duplicates, text) == text
