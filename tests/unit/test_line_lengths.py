"""No line of a generated file is longer than 88 columns, and no statement is wrapped that need not be."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from codegen import Options
from codegen.pipeline import generate
from tests.support.configs import entry, functional, input_entry, saved

_WIDTH = 88


def _source(name: str) -> str:
    """Of a model of two Dense layers whose activations meet; they and the file have such names."""
    layers = [
        input_entry("x", 32),
        entry("Dense", f"{name}_1", [["x", 0, 0]], units=400, activation="relu"),
        entry("Dense", f"{name}_2", [["x", 0, 0]], units=400, activation="sigmoid"),
        entry("Add", f"{name}_3", [[[f"{name}_1", 0, 0], [f"{name}_2", 0, 0]]]),
        entry("Dense", "out", [[f"{name}_3", 0, 0]], units=50, activation="tanh"),
    ]
    model = saved(functional(layers, [["x", 0, 0]], ["out", 0, 0]))
    return generate(replace(model, file_name=f"{name[:40]}.h5"), Options(), "model").source


@pytest.mark.parametrize("length", range(1, 69, 4))
def test_lines_are_short(length: int) -> None:
    """Names of every length: what may stand on one line ends with some of them at the last column."""
    for size in range(length, length + 4):
        source = _source(("word_" * 20)[:size].rstrip("_"))
        assert [line for line in source.splitlines() if len(line) > _WIDTH] == []
        functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
        (forward,) = [node for node in functions if node.name == "forward"]
        wrapped = [line for line in forward.body[1:] if line.lineno != line.end_lineno]
        assert [line for line in wrapped if line.col_offset + len(ast.unparse(line)) <= _WIDTH] == []
