"""Removes what no output depends on."""

from __future__ import annotations

from codegen.graph import Graph, definitions
from codegen.graph.rewrite import remove_unused


def remove_dead_code(root: Graph) -> None:
    """Drop nodes that no output needs, in the model and in the models inside it; inputs stay."""
    for graph in definitions(root):
        remove_unused(graph)
