"""Docstrings say what is left: entries of parameters and results go with them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from codegen.specialise.facts import docstring_of

Entries = list[list[str]]

#: A shape in an entry.
_SHAPE = re.compile(r"\(N[^()]*\)")

#: Longest line of a method's docstring, without quotes and indentation.
_WIDTH = 74


def drop_argument(body: list[ast.stmt], name: str) -> None:
    """Remove the entry of a parameter, and the section if it was the last."""
    _edit(body, "Args:", lambda entries: [item for item in entries if _name(item) != name])


def replace_argument(body: list[ast.stmt], name: str, others: Entries) -> None:
    """Put other entries in the place of that of a parameter."""

    def changed(entries: Entries) -> Entries:
        return [new for item in entries for new in (others if _name(item) == name else [item])]

    _edit(body, "Args:", changed)


def keep_result(body: list[ast.stmt], index: int, count: int) -> None:
    """Of so many results, leave the entry of one, where there is an entry for each."""
    _edit(body, "Returns:", lambda entries: [entries[index]] if len(entries) == count else entries)


def mention(body: list[ast.stmt], name: str, value: str) -> None:
    """Where a docstring speaks of a parameter, let it speak of its value."""
    text, first = docstring_of(body), body[0] if body else None
    if text is not None and isinstance(first, ast.Expr):
        first.value = ast.Constant(text.replace(f"`{name}`", value))


def condense(body: list[ast.stmt]) -> None:
    """Where one tensor goes in and one comes out, let one line say so: `Run, (N, T, F) -> (N, T, H)`."""
    taken = [*arguments(body).values()]
    given: Entries = []

    def read(entries: Entries) -> Entries:
        given.extend(entries)
        return entries

    _edit(body, "Returns:", read)
    shapes = [_SHAPE.search(entry[0]) for entry in [*taken, *given] if len(entry) == 1]
    text, first = docstring_of(body), body[0] if body else None
    if len(taken) != 1 or len(given) != 1 or len(shapes) != 2 or text is None or None in shapes:
        return
    before, after = (shape[0] for shape in shapes if shape is not None)
    summary, _, rest = text.partition("\n")
    line = f"{summary.removesuffix('.')}, {before} -> {after}."
    is_all = rest.split() == " ".join(["Args:", *taken[0], "Returns:", *given[0]]).split()
    if isinstance(first, ast.Expr) and is_all and len(line) <= _WIDTH:
        first.value = ast.Constant(line)


def arguments(body: list[ast.stmt]) -> dict[str, list[str]]:
    """The entries of the parameters, each as its lines."""
    found: Entries = []

    def read(entries: Entries) -> Entries:
        found.extend(entries)
        return entries

    _edit(body, "Args:", read)
    return {_name(item): item for item in found}


def _name(entry: list[str]) -> str:
    return entry[0].strip().partition(":")[0]


def _edit(body: list[ast.stmt], section: str, change: Callable[[Entries], Entries]) -> None:
    """Change the entries of one section of the docstring that a body begins with."""
    lines = (docstring_of(body) or "").split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip() == section), None)
    first = body[0] if body else None
    if start is None or not isinstance(first, ast.Expr):
        return
    indentation = _indentation(lines[start])
    stop = start + 1
    while stop < len(lines) and lines[stop].strip() and _indentation(lines[stop]) > indentation:
        stop += 1
    entries: Entries = []
    for line in lines[start + 1 : stop]:
        if _indentation(line) == indentation + 4 or not entries:
            entries.append([line])
        else:
            entries[-1].append(line)
    new = [line for entry in change(entries) for line in entry]
    if new:
        lines[start + 1 : stop] = new
    else:
        del lines[start - 1 : stop]
    text = "\n".join(lines)
    first.value = ast.Constant(text if len(lines) > 2 else lines[0])


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
