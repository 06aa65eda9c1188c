"""Writes a converted model and its weights, after they were imported, loaded and run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegen.commands.garbage import no_collection
from codegen.commands.preload import preload_torch, require_torch
from codegen.commands.seal import sealed
from codegen.commands.self_check import SelfCheckFailed, self_check
from codegen.commands.target import Status, Target, source_status, target, weights_status
from codegen.errors import ConversionError, CustomFunctionError, MalformedConfig, NotComputed
from codegen.graph import Graph
from codegen.model.saved_model import SavedModel
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read import read_model
from codegen.tensors.plan import State
from codegen.tensors.torch_writer import write_state_dict


@dataclass(frozen=True)
class Conversion:
    """What `convert` wrote.

    Attributes:
        source_path: The generated module.
        weights_path: Its state dict; None without weights.
        status: "new", "updated", or "unchanged" if both files were as they should be and were left alone.
        line_count: Lines of the module.
        parameter_count: Number of weights of the Keras model.
        torch_names: The torch modules that hold the weights of each Keras layer, by the layer's name;
            by its path, "encoder/dense", inside a nested model.
        notes: What there is to know about the code, as in its docstring.
    """

    source_path: Path
    weights_path: Path | None
    status: Status
    line_count: int
    parameter_count: int
    torch_names: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


@takes_options
def convert(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath = ".",
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Conversion:
    """Convert a saved Keras model to `<output>/<name>.py` and, unless `no_weights`, `<output>/<name>.pt`.

    Files that are as they should be are left alone. Those that k2t-gen did not write from this very model,
    or that were changed since, are not overwritten.

    Args:
        path: `.h5`, `.hdf5`, `.keras`, a SavedModel folder, or the JSON of an architecture.
        options: How to convert it.
        output: Folder to write to, made if it does not exist; or the `.py` file to write.
        force: Whether to overwrite whatever stands there.
        dry_run: Whether to write nothing, and only tell what would become of the files.
        progress: Called with a few words at every stage.
        changes: Single options, by name, in place of those in `options`.

    Raises:
        Taken: There is something that must not be overwritten; nothing was written.
        ConversionError: The file cannot be read or cannot be converted exactly; nothing was written.
    """
    from codegen.pipeline import attempts  # passes, emit and black are much to load, and `inspect` needs none

    options = replace(options, **changes)
    files = target(path, options, output)
    is_new = not files.source.exists() and not dry_run
    if is_new:
        require_torch()
        preload_torch()
    progress("reading")
    alone = options.model is not None
    with no_collection(), read_model(Path(path), options.weights, hashed=True, alone=alone) as saved:
        failure: ConversionError | None = None
        for draft in attempts(saved, options, files.name):
            new = _New.of(draft, saved, options)
            status = "updated" if force else _status(files, new)
            try:
                if status != "unchanged" and not dry_run:
                    require_torch()
                    _write(files, new, draft.lowered.graph, options.class_name, progress)
                return Conversion(
                    files.source,
                    None if options.no_weights else files.weights,
                    status,
                    draft.draft.count("\n"),
                    draft.parameter_count,
                    draft.torch_names,
                    (*draft.notes, *draft.remarks),
                )
            except SelfCheckFailed as error:
                if draft.lowered.contradictions:  # then the file is to blame
                    raise MalformedConfig(draft.lowered.contradictions[0]) from error
                failure = failure or _blamed(error, draft, options)
    assert failure is not None
    raise failure


def _blamed(error: SelfCheckFailed, draft: Any, options: Options) -> ConversionError:
    """Whose fault it is that a file does not work: a template's, a user's function's, torch's, or ours."""
    if options.template_dir is not None:
        name = Path(options.template_dir).name
        return ConversionError(f"what the template in {name!r} makes does not work: {error.problem}")
    layers = draft.layers_at(error.line)
    own = {layer: draft.lowered.own[layer] for layer in layers if layer in draft.lowered.own}
    if own:
        return CustomFunctionError(next(iter(own)), " or ".join(own.values()), error.problem)
    return NotComputed(layers[0], error.problem) if layers and not error.is_mistake else error


@takes_options
def source_text(path: FilePath, options: Options = Options(), **changes: Any) -> str:
    """The source that `convert` would write, which was not run; arguments and errors as there."""
    from codegen.pipeline import generate  # as above

    options = replace(options, **changes)
    alone = options.model is not None
    with no_collection(), read_model(Path(path), options.weights, hashed=True, alone=alone) as saved:
        return sealed(generate(saved, options, options.module_name(path)).source)


@dataclass(frozen=True)
class _New:
    """What is to be written, made when it is asked for: the text and the digests are there late.

    Attributes:
        text: The module.
        state: The tensors; None without weights.
        origin: The digests of the model's files.
        script: The text of the training script; None without.
        training: What the script and the optimizer's state are written by.
    """

    text: Callable[[], str]
    state: State | None
    origin: Callable[[], Mapping[str, str]]
    script: Callable[[], str] | None = None
    training: Any = None

    @staticmethod
    def of(draft: Any, saved: SavedModel, options: Options) -> _New:
        """From a `pipeline.Generated`.

        Raises:
            WeightMismatch: The weights are not those of the model.
        """
        return _New(
            lambda: sealed(draft.source),
            None if options.no_weights else tuple(draft.state(saved)),
            lambda: {source.name: source.sha256 for source in saved.sources()},
            (lambda: sealed(draft.script)) if draft.training else None,
            draft.training,
        )


def _status(files: Target, new: _New) -> Status:
    """What becomes of the two files together; for files that are not there no digest is waited for."""
    found: set[Status] = {source_status(files.source, new.text()) if files.source.exists() else "new"}
    if new.state is not None:
        there = files.weights.exists()
        found.add(weights_status(files.weights, new.origin(), new.state) if there else "new")
    if new.script is not None:
        script = files.source.with_name(f"train_{files.source.name}")
        found.add(source_status(script, new.script()) if script.exists() else "new")
    return found.pop() if len(found) == 1 else "updated"


def _write(files: Target, new: _New, graph: Graph, class_name: str, progress: Progress) -> None:
    """Write the files, if they do what they should.

    Raises:
        SelfCheckFailed: They do not.
    """
    _make_folder(files.source.parent)
    with tempfile.TemporaryDirectory(dir=files.source.parent, prefix=".k2t-gen-") as scratch:
        new_source, new_weights = Path(scratch, files.source.name), Path(scratch, files.weights.name)
        if new.state is not None:
            progress("writing weights")
            write_state_dict(new_weights, new.state, new.origin)
        progress("checking")
        text = new.text()
        self_check(text, None if new.state is None else new_weights, graph, class_name)
        new_source.write_text(text, encoding="utf-8", newline="\n")
        if new.script is not None:
            from codegen.commands.training import write_training  # which needs what writes source

            for made in write_training(new.training, new.script(), class_name, new_source):
                made.replace(files.source.with_name(made.name))
        if new.state is not None:
            new_weights.replace(files.weights)
        new_source.replace(files.source)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConversionError(f"cannot write to {folder.name!r}: {error.strerror}") from error
