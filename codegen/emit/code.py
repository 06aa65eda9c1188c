"""`Code`: the only text that may enter a template, and the few functions that make it."""

from __future__ import annotations

import ast

from codegen.graph import expression

#: Longer pieces of a stranger's text are cut.
MAX_TEXT = 80


class Code(str):
    """Python source that is known to be safe."""

    __slots__ = ()


def expression_code(tree: ast.expr) -> Code:
    """The source of an expression."""
    return Code(expression.text(tree))


def literal(value: object) -> Code:
    """The source of a literal."""
    return expression_code(expression.literal_tree(value))


def plain(text: str) -> str:
    """A stranger's text on one line, without quotes, backslashes, control or format characters; cut to 80."""
    clean = "".join(ch if ch.isprintable() and ch not in "\"'`\\{}" else "?" for ch in text[: MAX_TEXT + 1])
    clean = " ".join(clean.split()) or "?"
    return clean if len(text) <= MAX_TEXT else clean[: MAX_TEXT - 1] + "…"


def docstring(lines: list[str]) -> Code:
    """Lines of a docstring. What comes from a file must have gone through `plain`.

    Raises:
        ValueError: A line could end the docstring or start an escape.
    """
    body = "\n".join(line.rstrip() for line in lines)
    if '"""' in body or "\\" in body or not all(ch.isprintable() or ch == "\n" for ch in body):
        raise ValueError(f"unsafe docstring: {body!r}")
    return Code(body)
