"""A builder without a model around it, for tests of what layer functions and ops append to a graph."""

from __future__ import annotations

from codegen.graph import Graph
from codegen.lowering.builder import Builder
from codegen.lowering.session import Session
from codegen.model.spec import LayerSpec
from codegen.model.variables import VariableTree


def empty_builder() -> Builder:
    """The builder of a layer that holds no others, over an empty graph."""
    spec = LayerSpec("layer", "Layer")
    return Builder(
        spec, Graph("model"), "layer", VariableTree("", spec), Session(), ("layer",), lambda *_: None
    )
