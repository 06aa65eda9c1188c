"""Numbers of the generated file as people write them."""

from __future__ import annotations

import pytest

from codegen.emit.literals import short_number, short_numbers


@pytest.mark.parametrize(
    ("number", "short"),
    [
        ("0.001", "1e-3"),
        ("1e-06", "1e-6"),
        ("1.001e-05", "1.001e-5"),
        ("1000000000.0", "1e9"),
        ("0.00012", "1.2e-4"),
        ("10000.0", "10000.0"),
        ("0.01", "0.01"),
        ("0.5", "0.5"),
        ("0.0", "0.0"),
        ("12", "12"),
        ("1j", "1j"),
        ("0x1e3", "0x1e3"),
    ],
)
def test_short_forms(number: str, short: str) -> None:
    assert short_number(number) == short


def test_only_numbers_of_the_code_change() -> None:
    text = 'x = f(0.001, "0.001", -1000000000.0)  # 0.001\n'
    assert short_numbers(text) == 'x = f(1e-3, "0.001", -1e9)  # 0.001\n'
