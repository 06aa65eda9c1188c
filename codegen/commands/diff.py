"""Says how two models differ: in their source, and in their weights, layer by layer."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from codegen.difference.facts import ModelDiff
from codegen.options import FilePath, Options, Progress, takes_options


@takes_options
def diff(
    first: FilePath,
    second: FilePath,
    options: Options = Options(),
    *,
    architecture: FilePath | None = None,
    output: FilePath | None = None,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> ModelDiff:
    """Compare two saved models, or a saved model with a module and its state dict; torch is not needed.

    Args:
        first: A saved model, a generated `.py`, or a `.pt`; of such a pair, the other file is taken too.
        second: As `first`.
        options: How saved models are converted.
        architecture: Of both, if the two are files that hold weights alone.
        output: The page to write, an HTML file; by default none.
        progress: Called with a few words at every stage.
        changes: As for `convert`.

    Raises:
        ConversionError: A file cannot be read or converted, or the page cannot be written.
    """
    # passes, emit and black are much to load
    from codegen.difference.compare import compare
    from codegen.difference.page import page
    from codegen.difference.side import open_side
    from codegen.tensors.whole import whole_file

    options = replace(options, **changes)
    of_both = Path(architecture) if architecture is not None else None
    with ExitStack() as open_files:
        progress("reading")
        one, other = (open_side(Path(path), options, of_both, open_files) for path in (first, second))
        progress("comparing weights")
        found = compare(one, other)
    if output is not None:
        progress("writing")
        with whole_file(Path(output)) as file:
            file.write(page(found).encode())
    return found
