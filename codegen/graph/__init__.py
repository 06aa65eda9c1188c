"""The torch-level graph: values, the nodes that compute them, the modules that hold weights."""

from codegen.graph.core import (
    Derived,
    FlatOrder,
    Graph,
    Host,
    Loop,
    Module,
    Node,
    Operand,
    Parameter,
    Symbol,
    Targets,
    Value,
    definitions,
    with_children,
)
from codegen.graph.ops import Op
from codegen.graph.text import graph_text

__all__ = [
    "Derived",
    "FlatOrder",
    "Graph",
    "Host",
    "Loop",
    "Module",
    "Node",
    "Op",
    "Operand",
    "Parameter",
    "Symbol",
    "Targets",
    "Value",
    "definitions",
    "with_children",
]

Graph.__str__ = graph_text  # type: ignore[assignment,method-assign]  # `core` knows no text
