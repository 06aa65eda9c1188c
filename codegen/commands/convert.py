"""Writes a converted model and its weights, after they were imported, loaded and run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.commands.garbage import no_collection
from codegen.commands.self_check import check as self_check
from codegen.errors import ConversionError
from codegen.pipeline import Options, Progress, generate
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


def convert(
    path: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] = ".",
    name: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    class_name: str = "ConvertedModel",
    channels_first: bool = False,
    flat: bool = False,
    custom: Sequence[str | os.PathLike[str]] = (),
    template_dir: str | os.PathLike[str] | None = None,
    progress: Progress = lambda _: None,
) -> Conversion:
    """Convert a saved Keras model to `<output>/<name>.py` and `<output>/<name>.pt`.

    Args:
        path: `.h5`, `.hdf5`, `.keras`, or the JSON of an architecture.
        output: Folder to write to; made if it does not exist.
        name: Of the module; by default the model file's.
        weights: The weights file, if `path` holds only the architecture.
        class_name: Name of the generated class.
        channels_first: Take and return images as N,C,H,W instead of as Keras does.
        flat: Keep everything in one class, without blocks.
        custom: Python files with layer functions of the user's own.
        template_dir: Folder with Jinja2 templates that replace ours.
        progress: Called with a few words at every stage.

    Raises:
        ConversionError: The file cannot be read or cannot be converted exactly; nothing was written.
    """
    options = Options(
        name,
        Path(weights) if weights is not None else None,
        class_name,
        channels_first,
        flat,
        tuple(Path(file) for file in custom),
        Path(template_dir) if template_dir is not None else None,
    )
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
            self_check(draft.source, new_weights, draft.lowered.graph, options.class_name)
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
