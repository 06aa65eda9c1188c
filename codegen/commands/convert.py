"""Writes a converted model and its weights, after they were imported, loaded and run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegen.commands.garbage import no_collection
from codegen.commands.self_check import SelfCheckFailed, self_check
from codegen.errors import ConversionError, MalformedConfig, NotComputed
from codegen.graph import Graph
from codegen.graph.recipe import Weight
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read import read_model
from codegen.tensors.torch_writer import write_state_dict


@dataclass(frozen=True)
class Conversion:
    """What `convert` wrote.

    Attributes:
        source_path: The generated module.
        weights_path: Its state dict; None without weights.
        parameter_count: Number of weights of the Keras model.
        torch_names: The torch modules that hold the weights of each Keras layer, by the layer's name;
            by its path, "encoder/dense", inside a nested model.
        notes: What there is to know about the code, as in its docstring.
    """

    source_path: Path
    weights_path: Path | None
    parameter_count: int
    torch_names: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


@takes_options
def convert(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath = ".",
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Conversion:
    """Convert a saved Keras model to `<output>/<name>.py` and, unless `no_weights`, `<output>/<name>.pt`.

    Args:
        path: `.h5`, `.hdf5`, `.keras`, a SavedModel folder, or the JSON of an architecture.
        options: How to convert it.
        output: Folder to write to; made if it does not exist.
        progress: Called with a few words at every stage.
        changes: Single options, by name, in place of those in `options`.

    Raises:
        ConversionError: The file cannot be read or cannot be converted exactly; nothing was written.
    """
    from codegen.pipeline import attempts  # passes, emit and black are much to load, and `inspect` needs none

    options = replace(options, **changes)
    folder = Path(output)
    module_name = options.module_name(path)
    progress("reading")
    with no_collection(), read_model(Path(path), options.weights) as saved:
        failure: ConversionError | None = None
        for draft in attempts(saved, options, module_name):
            _make_folder(folder)
            try:
                paths = _write(
                    folder / module_name,
                    draft.source,
                    None if options.no_weights else draft.state(saved),
                    draft.lowered.graph,
                    options.class_name,
                    progress,
                )
                return Conversion(*paths, draft.parameter_count, draft.torch_names, draft.notes)
            except SelfCheckFailed as error:
                if draft.lowered.contradictions:  # then the file is to blame
                    raise MalformedConfig(draft.lowered.contradictions[0]) from error
                layer = draft.layer_at(error.line)
                failure = failure or (NotComputed(layer, error.problem) if layer else error)
    assert failure is not None
    raise failure


def _write(
    path: Path,
    source: str,
    state: Iterator[tuple[str, Weight, str]] | None,
    graph: Graph,
    class_name: str,
    progress: Progress,
) -> tuple[Path, Path | None]:
    """Write `<path>.py` and, of a state, `<path>.pt`, if they do what they should; returns both paths.

    Raises:
        SelfCheckFailed: They do not.
    """
    source_path, weights_path = path.with_name(f"{path.name}.py"), path.with_name(f"{path.name}.pt")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".k2t-gen-") as scratch:
        new_weights = Path(scratch, weights_path.name)
        if state is not None:
            progress("writing weights")
            write_state_dict(new_weights, state)
        progress("checking")
        self_check(source, new_weights if state is not None else None, graph, class_name)
        new_source = Path(scratch, source_path.name)
        new_source.write_text(source, encoding="utf-8", newline="\n")
        if state is not None:
            new_weights.replace(weights_path)
        new_source.replace(source_path)
    return source_path, weights_path if state is not None else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConversionError(f"cannot write to {folder.name!r}: {error.strerror}") from error
