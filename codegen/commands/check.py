"""Compares what is checked in with what its Keras model yields today: nothing is written."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegen.commands.seal import read_seal, sealed, with_source_lines_of
from codegen.commands.target import Target, target
from codegen.errors import ConversionError
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read.reader import read_model
from codegen.tensors.compare import Difference, differences
from codegen.tensors.torch_reader import read_state_dict


@dataclass(frozen=True)
class Drift:
    """How a checked-in conversion differs from a new one.

    Attributes:
        source_path: The checked-in module.
        weights_path: Its state dict.
        diff: Unified diff from what is checked in to what it should be; "" if they are equal.
        differences: The tensors that differ; None if there are none, or no weights to make them from.
    """

    source_path: Path
    weights_path: Path
    diff: str
    differences: tuple[Difference, ...] | None

    @property
    def weights_differ(self) -> bool | None:
        """Whether the state dict differs; None if it was not compared."""
        return None if self.differences is None else bool(self.differences)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.diff or self.differences)


class NotConverted(ConversionError):
    """There is nothing to compare with."""


@takes_options
def check(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath | None = None,
    strict: bool = False,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Drift:
    """Convert a model in memory and compare it with `<output>/<name>.py` and `<output>/<name>.pt`.

    The code is compared, and the tensors. A state dict that is not there (too large to be checked in,
    perhaps) is no drift; then the model's digest, which stands in the module, has to do for the weights.

    Args:
        path: As for `convert`.
        options: Those that the model was converted with.
        output: Folder with the checked-in files, or the `.py` file. By default the model's own folder if the
            module stands there, else the current one.
        strict: Whether the version of k2t-gen, the names of the model's files and their digests count too.
        progress: Called with a few words at every stage.
        changes: As for `convert`.

    Raises:
        NotConverted: There is nothing to compare with.
        ConversionError: The model cannot be read or converted.
    """
    # passes, emit and black are much to load, and `inspect` needs none
    from codegen.pipeline import FALLBACK_NOTE, fallback, generate

    options = replace(options, **changes)
    progress("reading")
    with read_model(path, options.weights, hashed=True, alone=options.model is not None) as saved:
        files = find_checked_in(Path(path), options, output)
        found = files.source.read_text(encoding="utf-8", errors="replace")
        draft = generate(saved, options, files.name)
        if says(found, FALLBACK_NOTE):
            draft = fallback(saved, options, files.name)
        changed: tuple[Difference, ...] | None = None
        if files.weights.is_file() and saved.weights is not None and not options.no_weights:
            progress("comparing weights")
            changed = tuple(differences(draft.state(saved), read_state_dict(files.weights)))
        expected = sealed(draft.source)
    if not strict and _is_same_model(found, expected, are_equal=changed == ()):
        expected = with_source_lines_of(expected, found)
    return Drift(files.source, files.weights, _diff(files.source, found, expected), changed)


def find_checked_in(model: Path, options: Options, output: FilePath | None) -> Target:
    """The checked-in files of a model.

    Raises:
        NotConverted: There is no module.
    """
    places = [output] if output is not None else [model.parent, Path()]
    found = [target(model, options, place) for place in places]
    for files in found:
        if files.source.is_file():
            return files
    where = f"in {str(found[0].source.parent)!r}"
    if output is None:
        where = "next to the model or in the current folder"
    raise NotConverted(
        f"there is no {found[0].source.name} {where}; convert the model first, or say where with -o"
    )


def says(found: str, note: str) -> bool:
    """Whether a note stands in a checked-in module."""
    return "".join(note.split()) in "".join(found.split())  # lines are broken at blanks and hyphens


def _is_same_model(found: str, expected: str, *, are_equal: bool) -> bool:
    """Whether the sources that two texts name are the same model: by its tensors, else by its digests."""
    one, other = read_seal(found), read_seal(expected)
    if one is None or other is None:
        return False
    return are_equal or one.digests == other.digests


def _diff(path: Path, found: str, expected: str) -> str:
    lines = difflib.unified_diff(
        found.splitlines(keepends=True),
        expected.splitlines(keepends=True),
        f"{path.as_posix()} (checked in)",
        f"{path.as_posix()} (from the model)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
