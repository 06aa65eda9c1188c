"""Collects what there is to say about a conversion; nothing but the page is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from codegen.commands.seal import sealed
from codegen.evidence.facts import Verification
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read.reader import read_model
from codegen.report.facts import Report


@takes_options
def report(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath | None = None,
    verification: Verification | None = None,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Report:
    """Convert a model in memory and say what a reviewer wants to know about it.

    Args:
        path: As for `convert`.
        options: As for `convert`. Without weights the report has no numbers.
        output: The page to write, an HTML file; by default none.
        verification: What `verify` found, to be shown with the layers.
        progress: Called with a few words at every stage.
        changes: As for `convert`.

    Raises:
        ConversionError: The model cannot be read or converted, or the page cannot be written.
    """
    from codegen.pipeline import generate  # passes, emit and black are much to load
    from codegen.report.collect import collect
    from codegen.report.page import page
    from codegen.tensors.whole import whole_file

    options = replace(options, **changes)
    name = options.module_name(path)
    progress("reading")
    with read_model(path, options.weights) as saved:
        without_weights = replace(options, no_weights=options.no_weights or saved.weights is None)
        progress("converting")
        made = generate(saved, without_weights, name)
        found = collect(saved, made, f"{name}.py", sealed(made.source), verification, progress)
    if output is not None:
        progress("writing")
        with whole_file(Path(output)) as file:
            file.write(page(found).encode())
    return found
