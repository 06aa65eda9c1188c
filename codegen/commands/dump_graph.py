"""Shows the graph of a model as text, before and between the passes: for bug reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from codegen.graph import Graph
from codegen.graph.check import check_graph
from codegen.options import FilePath, Options, takes_options
from codegen.read import read_model


@takes_options
def dump_graph(
    path: FilePath, options: Options = Options(), *, write: Callable[[str], None], **changes: Any
) -> None:
    """Write the graph of a saved Keras model as it is lowered, and after each pass that changes it.

    Nothing is emitted, so that a model can be looked at that is emitted wrongly or not at all.

    Args:
        path: See `convert`.
        options: See `convert`.
        write: Called with each text, whose first line says what was done last.
        changes: See `convert`.

    Raises:
        ConversionError: The file cannot be read or cannot be lowered.
        InvalidGraph: A pass made a mistake; its graph was written before.
    """
    from codegen.pipeline import (
        transform,  # passes, emit and black are much to load, and `inspect` needs none
    )

    options = replace(options, **changes)
    before = ""

    def watch(stage: str, graph: Graph) -> None:
        nonlocal before
        if (text := str(graph)) != before:
            write(f"# {stage}\n{text}\n")
        before = text
        check_graph(graph)

    with read_model(Path(path), options.weights, alone=options.model is not None) as saved:
        transform(saved, options, watch)
