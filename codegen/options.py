"""How a model is to be converted: each option once, for Python and the command line alike."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from codegen.errors import ConversionError, shorten
from codegen.graph import naming
from codegen.source.arguments import Input, ModelCall, model_call, model_input
from codegen.source.files import Sources, package_folder

FilePath = str | os.PathLike[str]
#: Called with a few words at every stage.
Progress = Callable[[str], None]
F = TypeVar("F", bound=Callable[..., Any])

#: What says of a file that it is a model, and is no part of the model's name.
_SUFFIXES = re.compile(r"(\.weights)?\.(h5|hdf5|hdf|keras|json|zip)$|\.model$", re.IGNORECASE)

Backend = Literal["theano", "tensorflow"]
BACKENDS: tuple[str, ...] = get_args(Backend)


def _shown(text: str, *, metavar: str | None = None, of_model: bool = False) -> dict[str, Any]:
    """What the command line makes of a field of `Options`.

    Args:
        text: One sentence of help.
        metavar: What help calls its value, if that is a path.
        of_model: Whether it says what the model is, not how it is written: then `inspect` heeds it.
    """
    return {"help": text, "metavar": metavar, "of_model": of_model}


@dataclass(frozen=True)
class Options:
    """How a model is to be converted; `k2t-gen convert` has an option for each field.

    Raises:
        ConversionError: A name is none that the generated file can have.
    """

    name: str | None = field(
        default=None,
        metadata=_shown("Name of the module; the model file's by default."),
    )
    weights: FilePath | None = field(
        default=None,
        metadata=_shown(
            "The weights, if MODEL has none: HDF5 or a TensorFlow checkpoint.", metavar="FILE", of_model=True
        ),
    )
    no_weights: bool = field(
        default=False,
        metadata=_shown("Write the source alone; its models start as Keras initialises them."),
    )
    backend: Backend | None = field(
        default=None,
        metadata=_shown("The backend of a Keras 1 model, if MODEL does not tell.", of_model=True),
    )
    class_name: str = field(
        default="ConvertedModel",
        metadata=_shown("Name of the class."),
    )
    channels_first: bool = field(
        default=False,
        metadata=_shown("Take and return images as N,C,H,W."),
    )
    flat: bool = field(
        default=False,
        metadata=_shown("Keep everything in one class, without blocks."),
    )
    training: bool = field(
        default=False,
        metadata=_shown("Write train_NAME.py too, which goes on training where Keras left off."),
    )
    custom: Sequence[FilePath] = field(
        default=(),
        metadata=_shown(
            "Your own layer functions; can be given several times.", metavar="FILE.py", of_model=True
        ),
    )
    source: Sequence[FilePath] = field(
        default=(),
        metadata=_shown(
            "Python files of the model's author, or folders of them: read, never run; can be given several "
            "times.",
            metavar="FILE.py|DIR",
            of_model=True,
        ),
    )
    source_package: Sequence[str] = field(
        default=(),
        metadata=_shown(
            "The same of an installed package, by its name; can be given several times.", of_model=True
        ),
    )
    model: str | None = field(
        default=None,
        metadata=_shown(
            "Which class of --source the weights in MODEL are of, and how it is made: 'MyModel(depth=2)'.",
            of_model=True,
        ),
    )
    input: Sequence[str] = field(
        default=(),
        metadata=_shown(
            "An input of a subclassed model: 'float32(N, 32)'; once for each, in their order.", of_model=True
        ),
    )
    template_dir: FilePath | None = field(
        default=None,
        metadata=_shown("Jinja2 templates that replace ours.", metavar="DIR"),
    )

    def __post_init__(self) -> None:
        if self.backend not in (None, *BACKENDS):
            raise ConversionError(f"--backend {shorten(self.backend)} is neither {' nor '.join(BACKENDS)}")
        if self.no_weights and self.weights is not None:
            raise ConversionError("--weights and --no-weights exclude each other")
        if self.class_name not in (naming.class_name(self.class_name), "ConvertedModel"):
            raise ConversionError(f"--class-name {shorten(self.class_name)} is no CamelCase class name")
        if self.class_name != "ConvertedModel" and naming.classes().claim(self.class_name) != self.class_name:
            raise ConversionError(f"--class-name {self.class_name!r} is taken in the generated file")

    def constructor(self) -> ModelCall | None:
        """What `--model` says."""
        return None if self.model is None else model_call(self.model)

    def inputs(self) -> list[Input]:
        """What `--input` says."""
        return [model_input(text) for text in self.input]

    def sources(self) -> Sources:
        """The Python source that is given; none of it is imported.

        Raises:
            ConversionError: A file or a package does not exist.
        """
        packages = [package_folder(name, sys.path) for name in self.source_package]
        paths = [*map(Path, self.source), *packages]
        if not paths:
            return Sources()
        from codegen.lowering import catalogue, registry  # which only source needs before a model is read

        catalogue.load(())
        return Sources(paths, registry.registered())

    def module_name(self, path: FilePath) -> str:
        """Name of the module that the model at `path` becomes.

        Raises:
            ConversionError: The name asked for is none that Python can import.
        """
        if self.name is None:
            return naming.module_name(_SUFFIXES.sub("", Path(path).name))
        if self.name == naming.module_name(self.name):
            return self.name
        if self.name == naming.identifier(self.name):
            raise ConversionError(
                f"--name {shorten(self.name)} would hide the module that Python or torch has under this name"
            )
        raise ConversionError(f"--name {shorten(self.name)} is no Python module name")


def takes_options(function: F) -> F:
    """Show every field of `Options` in the signature of a function that takes them as `**changes`."""
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=option.type
        )
        for option in fields(Options)
    ]
    function.__dict__["__signature__"] = signature.replace(parameters=[*own, *options])
    return function
