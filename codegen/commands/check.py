"""Compares what is checked in with what its Keras model yields today: nothing is written."""

from __future__ import annotations

import difflib
import filecmp
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegen.errors import ConversionError
from codegen.graph.recipe import Weight
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read.reader import read_model
from codegen.tensors.torch_writer import write_state_dict


@dataclass(frozen=True)
class Drift:
    """How a checked-in conversion differs from a new one.

    Attributes:
        source_path: The checked-in module.
        weights_path: Its state dict.
        diff: Unified diff from what is checked in to what it should be; "" if they are equal.
        weights_differ: Whether the state dict differs; None if there is none, or no weights to make it from.
    """

    source_path: Path
    weights_path: Path
    diff: str
    weights_differ: bool | None

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.diff or self.weights_differ)


@takes_options
def check(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath | None = None,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Drift:
    """Convert a model in memory and compare it with `<output>/<name>.py` and `<output>/<name>.pt`.

    A state dict that is not there (too large to be checked in, perhaps) is no drift.

    Args:
        path: As for `convert`.
        options: Those that the model was converted with.
        output: Folder with the checked-in files. By default the model's own if the module stands
            there, else the current one.
        progress: Called with a few words at every stage.
        changes: As for `convert`.

    Raises:
        ConversionError: The model cannot be read or converted, or there is nothing to compare with.
    """
    # passes, emit and black are much to load, and `inspect` needs none
    from codegen.pipeline import FALLBACK_NOTE, fallback, generate

    options = replace(options, **changes)
    source_path = _find(Path(path), output, options.module_name(path))
    weights_path = source_path.with_suffix(".pt")
    progress("reading")
    with read_model(path, options.weights) as saved:
        draft = generate(saved, options, source_path.stem)
        if _says(source_path, FALLBACK_NOTE):
            draft = fallback(saved, options, source_path.stem)
        comparable = weights_path.is_file() and saved.weights is not None and not options.no_weights
        progress("comparing weights")
        weights_differ = _weights_differ(weights_path, draft.state(saved)) if comparable else None
    return Drift(source_path, weights_path, _diff(source_path, draft.source), weights_differ)


def _find(model: Path, output: FilePath | None, name: str) -> Path:
    folders = [Path(output)] if output is not None else [model.parent, Path()]
    for folder in folders:
        if (folder / f"{name}.py").is_file():
            return folder / f"{name}.py"
    where = f"in {str(folders[0])!r}" if output is not None else "next to the model or in the current folder"
    raise ConversionError(f"there is no {name}.py {where}; convert the model first, or say where with -o")


def _says(path: Path, note: str) -> bool:
    """Whether a note stands in a checked-in module."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return "".join(note.split()) in "".join(text.split())  # lines are broken at blanks and hyphens


def _diff(path: Path, expected: str) -> str:
    found = path.read_text(encoding="utf-8", errors="replace")
    lines = difflib.unified_diff(
        found.splitlines(keepends=True),
        expected.splitlines(keepends=True),
        f"{path.as_posix()} (checked in)",
        f"{path.as_posix()} (from the model)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _weights_differ(path: Path, state: Iterator[tuple[str, Weight, str]]) -> bool:
    """Whether the file is not, to the byte, what the model's weights yield."""
    with tempfile.TemporaryDirectory(prefix="k2t-gen-") as scratch:
        expected = Path(scratch, path.name)
        write_state_dict(expected, state)
        return not filecmp.cmp(path, expected, shallow=False)
