"""The parts of the generated file, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codegen.emit.code import Code
from codegen.graph import Graph, Node


@dataclass(frozen=True)
class FunctionSource:
    """A function, or a method of a class, as text."""

    signature: Code
    doc: Code
    body: tuple[Code, ...]


@dataclass(frozen=True)
class ClassSource:
    """One class of the file, as text."""

    name: Code
    doc: Code
    init_parameters: tuple[Code, ...]
    buffers: tuple[Code, ...]
    init: tuple[Code, ...]
    methods: tuple[FunctionSource, ...]
    arguments: tuple[Code, ...]
    returns: Code
    forward_doc: Code
    forward: tuple[Code, ...]


@dataclass(frozen=True)
class SourceFile:
    """The generated file, as text in parts.

    Attributes:
        is_whole: Whether all that the model holds is in the file of weights.
        steps: The nodes that each statement of a class's `forward` computes.
    """

    doc: Code
    standard_imports: tuple[Code, ...]
    torch_imports: tuple[Code, ...]
    helpers: tuple[Code, ...]
    model_name: Code
    has_weights: bool
    is_whole: bool
    classes: tuple[ClassSource, ...]
    steps: Mapping[Graph, Sequence[tuple[Node, ...]]]
