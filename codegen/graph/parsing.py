"""Templates as Python syntax trees."""

from __future__ import annotations

import ast
from functools import cache


@cache
def parse_template(template: str) -> ast.expr:
    """The tree of a template; shared, so never to be changed."""
    return ast.parse(template, mode="eval").body


@cache
def free_names(template: str) -> tuple[str, ...]:
    """The names in a template, in the order of their first use."""
    nodes = [node for node in ast.walk(parse_template(template)) if isinstance(node, ast.Name)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in nodes))


@cache
def call_count(template: str) -> int:
    """How many calls a template makes."""
    return sum(isinstance(node, ast.Call) for node in ast.walk(parse_template(template)))
