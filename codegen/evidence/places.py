"""Where a Keras layer is in the source: the lines that make its modules and compute its output."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import torch

from codegen.evidence.facts import Place


class Lines:
    """The lines of a converted module.

    Args:
        text: Its source.
        model: The model that it makes.
    """

    def __init__(self, text: str, model: torch.nn.Module) -> None:
        self._model = model
        self._made: dict[tuple[str, str], int] = {}
        self._methods: list[range] = []
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef):
                self._read(node)

    def _read(self, node: ast.ClassDef) -> None:
        for method in node.body:
            if not isinstance(method, ast.FunctionDef):
                continue
            self._methods.append(range(method.lineno, (method.end_lineno or method.lineno) + 1))
            for part in ast.walk(method) if method.name == "__init__" else ():
                name = _made_by(part)
                if name is not None and isinstance(part, ast.stmt):
                    self._made.setdefault((node.name, name), part.lineno)

    def place(self, modules: Iterable[str], at_work: Iterable[int] = ()) -> Place:
        """The place of a layer with these torch modules, computed while these lines were at work."""
        modules = tuple(modules)
        made = [self._line(name) for name in modules]
        computed = next((line for line in at_work if any(line in method for method in self._methods)), None)
        found = {line for line in (*made, computed) if line is not None}
        return Place(modules, tuple(sorted(found)))

    def _line(self, name: str) -> int | None:
        """Where a module is made: the last attribute on its path that a class of the source sets."""
        line, owner = None, self._model
        for part in name.split("."):
            line = self._made.get((type(owner).__name__, part), line)
            owner = getattr(owner, part, owner)
        return line


def _made_by(node: ast.AST) -> str | None:
    """The attribute that a statement sets: `self.conv = ...`, `self.register_buffer("table", ...)`."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
        return node.targets[0].attr
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
        first = node.value.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
    return None
