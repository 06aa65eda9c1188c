"""Writes a converted model and its weights, after they were imported, loaded and run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegen.commands.garbage import no_collection
from codegen.commands.self_check import SelfCheckFailed, self_check
from codegen.errors import ConversionError, MalformedConfig
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read import read_model
from codegen.weights import write_state_dict


@dataclass(frozen=True)
class Conversion:
    """What `convert` wrote.

    Attributes:
        source_path: The generated module.
        weights_path: Its state dict.
        parameter_count: Number of weights of the Keras model.
        torch_names: The torch modules that hold the weights of each Keras layer, by the layer's name;
            by its path, "encoder/dense", inside a nested model.
    """

    source_path: Path
    weights_path: Path
    parameter_count: int
    torch_names: dict[str, tuple[str, ...]]


@takes_options
def convert(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath = ".",
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Conversion:
    """Convert a saved Keras model to `<output>/<name>.py` and `<output>/<name>.pt`.

    Args:
        path: `.h5`, `.hdf5`, `.keras`, or the JSON of an architecture.
        options: How to convert it.
        output: Folder to write to; made if it does not exist.
        progress: Called with a few words at every stage.
        changes: Single options, by name, in place of those in `options`.

    Raises:
        ConversionError: The file cannot be read or cannot be converted exactly; nothing was written.
    """
    from codegen.pipeline import generate  # passes, emit and black are much to load, and `inspect` needs none

    options = replace(options, **changes)
    folder = Path(output)
    module_name = options.module_name(path)
    source_path, weights_path = folder / f"{module_name}.py", folder / f"{module_name}.pt"
    progress("reading")
    with no_collection(), read_model(Path(path), options.weights) as saved:
        draft = generate(saved, options, module_name)
        _make_folder(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".k2t-gen-") as scratch:
            new_weights = Path(scratch, weights_path.name)
            progress("writing weights")
            write_state_dict(new_weights, draft.state(saved))
            progress("checking")
            try:
                self_check(draft.source, new_weights, draft.lowered.graph, options.class_name)
            except SelfCheckFailed as failure:
                if draft.lowered.contradictions:  # then the file is to blame
                    raise MalformedConfig(draft.lowered.contradictions[0]) from failure
                raise
            new_source = Path(scratch, source_path.name)
            new_source.write_text(draft.source, encoding="utf-8", newline="\n")
            new_weights.replace(weights_path)
            new_source.replace(source_path)
    return Conversion(source_path, weights_path, draft.parameter_count, draft.torch_names)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConversionError(f"cannot write to {folder.name!r}: {error.strerror}") from error
