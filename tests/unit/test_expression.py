"""Operands are put into templates as trees: parentheses, splices and literals come out right."""

from __future__ import annotations

import ast
import math

import pytest

from codegen.graph import Module, Operand, Symbol, Value
from codegen.graph.expression import build, literal_tree, text


def _write(template: str, **operands: Operand) -> str:
    return text(
        build(
            template,
            operands,
            lambda v: ast.parse(v.layer, mode="eval").body,
            lambda m: ast.Name(m.name, ast.Load()),
        )
    )


def test_parentheses_follow_from_precedence() -> None:
    total = Value((2,), layer="a + b")
    assert _write("x * y", x=total, y=2.5) == "(a + b) * 2.5"
    assert _write("F.relu(x)", x=total) == "F.relu(a + b)"
    assert _write("x.mean(dim=dims)", x=total, dims=(2, 3)) == "(a + b).mean(dim=(2, 3))"


def test_a_starred_tuple_is_spliced() -> None:
    x = Value((2, 3), layer="x")
    assert _write("x.reshape(*sizes)", x=x, sizes=(-1, 3)) == "x.reshape(-1, 3)"
    assert _write("torch.cat([*parts], dim=1)", parts=(x, x)) == "torch.cat([x, x], dim=1)"


def test_slices_and_modules() -> None:
    x = Value((2, 3), layer="x")
    index = (slice(None), None, slice(1, None, 2), Ellipsis, -1)
    assert (
        _write("m(x)[index]", m=Module("conv", "nn.Conv2d"), x=x, index=index)
        == "conv(x)[:, None, 1::2, ..., -1]"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (-1, "-1"),
        (-0.0, "-0.0"),
        (1e-05, "1e-05"),
        (math.inf, "math.inf"),
        (-math.inf, "-math.inf"),
        (math.nan, "math.nan"),
        ((1,), "(1,)"),
        ([True, None], "[True, None]"),
        ('it\'s "x"\n', repr('it\'s "x"\n')),
        (Symbol("torch.float16"), "torch.float16"),
    ],
)
def test_literals(value: object, written: str) -> None:
    assert text(literal_tree(value)) == written


def test_an_object_without_a_literal_form_is_refused() -> None:
    with pytest.raises(TypeError):
        literal_tree({1, 2})
