"""Python source -> lines of HTML with the words of the language marked."""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator

from markupsafe import Markup, escape

#: Words that are marked as what Python has by itself.
_BUILTIN = frozenset(dir(builtins)) | {"self"}

#: Classes of the style sheet, by the kind of token.
_KINDS = {tokenize.STRING: "s", tokenize.COMMENT: "c", tokenize.NUMBER: "n"}


def highlighted(source: str) -> list[Markup]:
    """The lines of a module, safe to be put into a page."""
    lines = source.splitlines()
    marks: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    for kind, first, last in _tokens(source):
        for row in range(first[0], last[0] + 1):
            start = first[1] if row == first[0] else 0
            end = last[1] if row == last[0] else len(lines[row - 1])
            marks[row - 1].append((start, end, kind))
    return [_line(line, found) for line, found in zip(lines, marks, strict=True)]


def _line(line: str, marks: list[tuple[int, int, str]]) -> Markup:
    parts, position = [], 0
    for start, end, kind in marks:
        parts.append(escape(line[position:start]))
        parts.append(Markup('<i class="{}">{}</i>').format(kind, line[start:end]))
        position = end
    return Markup("").join([*parts, escape(line[position:])])


def _tokens(source: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """The marked tokens: class, start and end as row and column."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = _KINDS.get(token.type, "")
        if token.type == tokenize.NAME:
            if before in ("def", "class"):
                kind = "d"
            elif keyword.iskeyword(token.string):
                kind = "k"
            elif token.string in _BUILTIN and before != ".":
                kind = "b"
        if kind:
            yield kind, token.start, token.end
        before = token.string
