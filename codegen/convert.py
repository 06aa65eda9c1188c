"""The pipeline, and nothing else: file -> SavedModel -> ModelSpec -> Graph -> SourceFile -> text."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen import naming
from codegen.custom import custom_layers
from codegen.emit import emit
from codegen.emit.attributes import Names, name_everything, parameter_dtype, state_dict, torch_names
from codegen.emit.source import Origin
from codegen.emit.training import regularizer_notes, training_methods
from codegen.errors import ConversionError, shorten
from codegen.garbage import no_collection
from codegen.lower import Lowered, lower
from codegen.passes.idioms import write_idioms
from codegen.passes.outline import outline
from codegen.read import SavedModel, read_model
from codegen.self_check import check as self_check
from codegen.spec import parse
from codegen.spec.variables import count_parameters
from codegen.version import VERSION
from codegen.weight import Leaf, Weight
from codegen.weights import bind, write_state_dict

Progress = Callable[[str], None]


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


@dataclass(frozen=True)
class Options:
    """How a model is to be converted.

    Attributes:
        name: Of the module that is written, without ending; the file's if None.
        weights: File with the weights, where the model's file has only the architecture.
        class_name: Name of the generated class.
        channels_first: Take and return images as N,C,H,W.
        flat: Keep everything in one class, without blocks.
        custom: The user's own layer functions.
        template_dir: Folder with templates that replace ours.
    """

    name: str | None = None
    weights: Path | None = None
    class_name: str = "ConvertedModel"
    channels_first: bool = False
    flat: bool = False
    custom: tuple[Path, ...] = ()
    template_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.class_name not in (naming.class_name(self.class_name), "ConvertedModel"):
            raise ConversionError(f"--class-name {shorten(self.class_name)} is no CamelCase class name")
        if self.class_name != "ConvertedModel" and naming.classes().claim(self.class_name) != self.class_name:
            raise ConversionError(f"--class-name {self.class_name!r} is taken in the generated file")

    def module_name(self, path: str | os.PathLike[str]) -> str:
        """Name of the module that the model at `path` becomes.

        Raises:
            ConversionError: The name asked for is none that Python can import.
        """
        if self.name is None:
            return naming.identifier(Path(path).name.split(".")[0], "model")
        if self.name != naming.identifier(self.name):
            raise ConversionError(f"--name {shorten(self.name)} is no Python module name")
        return self.name


@dataclass(frozen=True)
class Draft:
    """A converted model before anything is written."""

    lowered: Lowered
    names: Names
    source: str

    @property
    def parameter_count(self) -> int:
        """Number of weights of the Keras model."""
        return count_parameters(self.lowered.tree)

    @property
    def torch_names(self) -> dict[str, tuple[str, ...]]:
        """The torch modules that hold the weights of each Keras layer."""
        return torch_names(self.lowered.graph, self.names)

    def state(self, saved: SavedModel) -> Iterator[tuple[str, Weight, str]]:
        """Every key of the state dict with its recipe over the file's arrays, and its dtype."""
        bound = dict[Leaf, Weight](bind(self.lowered.tree, saved).items())
        for key, module, weight in state_dict(self.lowered.graph, self.names):
            yield key, weight.substitute(lambda leaf: bound[leaf]), parameter_dtype(module)


def generate(saved: SavedModel, options: Options, name: str) -> Draft:
    """SavedModel -> ModelSpec -> Graph -> SourceFile -> text.

    Raises:
        ConversionError: The model cannot be converted exactly.
    """
    from codegen.render import render  # black and jinja2 cost `inspect` much time, which needs neither

    spec = parse(saved)
    with custom_layers(options.custom):
        lowered = lower(spec, channels_first=options.channels_first)
    write_idioms(lowered.graph)
    if not options.flat:
        outline(lowered.graph)
    names = name_everything(lowered.graph, options.class_name)
    notes = lowered.notes + regularizer_notes(lowered.tree)
    origin = Origin(
        saved.file_name, saved.sha256, saved.keras_version, spec.name, VERSION, f"{name}.pt", notes
    )
    methods = training_methods(lowered.graph, names, lowered.tree)
    source = emit(lowered.graph, names, origin, count_parameters(lowered.tree), methods)
    return Draft(lowered, names, render(source, options.template_dir))


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
