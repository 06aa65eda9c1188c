"""Only safe text becomes code: docstrings and names from strangers."""

from __future__ import annotations

import ast
import math

import pytest

from codegen.emit.code import Code, docstring, literal, plain

UNSAFE = [
    '"""',
    '"""); import os; ("""',
    'text""""',
    "\\",
    "ends with \\",
    "\\N{BULLET}",
    "a\rb",
    "a\tb",
    "a\x00b",
    "\x1b[31m",
    "a\u2028b",
    "a\u202eb",
    "a\ufeffb",
]


@pytest.mark.parametrize("text", UNSAFE, ids=ascii)
def test_a_docstring_cannot_be_left(text: str) -> None:
    with pytest.raises(ValueError, match="unsafe docstring"):
        docstring(["`model`", text])


@pytest.mark.parametrize("text", [*UNSAFE, "`", "'", "{{ 7 * 7 }}", "a\nb", ""], ids=ascii)
def test_plain_text_is_safe_in_a_docstring(text: str) -> None:
    (statement,) = ast.parse(f'"""{docstring([plain(text)])}"""').body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert statement.value.value == plain(text)
    assert plain(text).strip()


def test_lines_of_a_docstring_have_no_blanks_at_their_ends() -> None:
    assert docstring(["a ", "", "b"]) == "a\n\nb"
    assert isinstance(docstring(["a"]), Code)


def test_long_text_is_cut() -> None:
    assert plain("a" * 80) == "a" * 80
    assert plain("a" * 81) == "a" * 79 + "…"


@pytest.mark.parametrize("value", [1, -2.5, -0.0, (1, None), [1, ()], "a'b\n", True, float("-inf")], ids=repr)
def test_literals_are_read_back(value: object) -> None:
    assert repr(eval(literal(value), {"__builtins__": {}, "math": math})) == repr(value)


def test_what_has_no_literal_form() -> None:
    with pytest.raises(TypeError, match="object has no literal form"):
        literal(object())
