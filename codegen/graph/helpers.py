"""The helpers of `codegen.runtime` as text: which there are, what they need, without importing torch."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "runtime"

_DEFINED = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Helper:
    """One function or class of the runtime.

    Attributes:
        name: Its name.
        source: Its text.
        reads: All names that it reads.
        imports: The file's import statements, by the name that each binds.
    """

    name: str
    source: str
    reads: frozenset[str]
    imports: dict[str, str]


@cache
def by_name(folder: Path = _FOLDER) -> dict[str, Helper]:
    """All functions and classes of the runtime, or of another folder, by name.

    Raises:
        ValueError: Two files define the same name.
    """
    found: dict[str, Helper] = {}
    for path in sorted(folder.rglob("[a-z]*.py")):
        for helper in _read(path.read_text(encoding="utf-8")):
            if helper.name in found:
                raise ValueError(f"two runtime files define {helper.name}")
            found[helper.name] = helper
    return found


@cache
def names() -> frozenset[str]:
    """The names of all functions and classes of the runtime, without parsing it."""
    texts = (path.read_text(encoding="utf-8") for path in _FOLDER.rglob("[a-z]*.py"))
    return frozenset(name for text in texts for name in _DEFINED.findall(text))


def closure(wanted: set[str], folder: Path = _FOLDER) -> list[Helper]:
    """The helpers among `wanted` and those that they need, each after those that it needs."""
    ordered: dict[str, Helper] = {}

    def visit(name: str) -> None:
        helper = by_name(folder).get(name)
        if helper is None or name in ordered:
            return
        for needed in sorted(helper.reads - {name}):
            visit(needed)
        ordered[name] = helper

    for name in sorted(wanted):
        visit(name)
    return list(ordered.values())


def _read(text: str) -> list[Helper]:
    tree = ast.parse(text)
    imports: dict[str, str] = {}
    found = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("codegen."):
            continue  # helpers are found by name
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                imports[alias.asname or alias.name.split(".")[0]] = _import_line(node, alias)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            reads = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            source = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
            found.append(Helper(node.name, source, frozenset(reads), imports))
    return found


def _import_line(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    renamed = f" as {alias.asname}" if alias.asname else ""
    if isinstance(node, ast.Import):
        return f"import {alias.name}{renamed}"
    return f"from {node.module} import {alias.name}{renamed}"
