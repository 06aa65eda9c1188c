"""Collects what there is to say about a conversion; nothing but the page is written."""

from __future__ import annotations

import tempfile
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
    against: FilePath | None = None,
    with_keras: bool = False,
    python: FilePath | None = None,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Report:
    """Convert a model in memory and say what a reviewer wants to know about it.

    Args:
        path: As for `convert`.
        options: As for `convert`. Without weights the report has no numbers.
        output: The page to write, an HTML file; by default none.
        against: What `record` wrote: the page shows how the numbers compare with it.
        with_keras: Whether they are compared with what the Keras of this environment computes.
        python: The Python of another environment, whose Keras they are compared with.
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
    verification = None
    if against is not None or with_keras or python is not None:
        verification = _verified(path, options, name, progress, against, python, with_keras=with_keras)
    progress("reading")
    with read_model(path, options.weights, alone=options.model is not None) as saved:
        without_weights = replace(options, no_weights=options.no_weights or saved.weights is None)
        progress("converting")
        made = generate(saved, without_weights, name)
        found = collect(saved, made, f"{name}.py", sealed(made.source), verification, progress)
    if output is not None:
        progress("writing")
        with whole_file(Path(output)) as file:
            file.write(page(found).encode())
    return found


def _verified(
    path: FilePath,
    options: Options,
    name: str,
    progress: Progress,
    against: FilePath | None,
    python: FilePath | None,
    *,
    with_keras: bool,
) -> Verification:
    """How the numbers of a fresh conversion compare with Keras'."""
    from codegen.commands.convert import convert
    from codegen.commands.verify import verify

    with tempfile.TemporaryDirectory(prefix="k2t-gen-") as folder:
        convert(path, options, output=folder, progress=progress)
        found = verify(
            path, options, output=folder, against=against, with_keras=with_keras, python=python,
            progress=progress,
        )  # fmt: skip
    return replace(found, source=f"{name}.py")
