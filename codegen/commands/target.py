"""Where a conversion is written, and whether what stands there may be overwritten."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from codegen.commands.seal import read_seal
from codegen.errors import ConversionError, UnreadableFile
from codegen.options import FilePath, Options
from codegen.tensors.compare import differences
from codegen.tensors.plan import State
from codegen.tensors.torch_reader import read_state_dict

#: What becomes of a file: it was not there, it is written again, it stays.
Status = Literal["new", "updated", "unchanged"]

_FORCE = "overwrite it with --force"


class Taken(ConversionError):
    """Where a file is to be written stands one that k2t-gen did not write, or that was changed since."""


@dataclass(frozen=True)
class Target:
    """The two files of a conversion."""

    source: Path
    weights: Path

    @property
    def name(self) -> str:
        """Name of the module."""
        return self.source.stem


def target(model: FilePath, options: Options, output: FilePath | None) -> Target:
    """The files for a model: in a folder, `.` by default, or with the name that a `.py` file has.

    Raises:
        ConversionError: The name is none that Python can import, or is given twice.
    """
    path = Path() if output is None else Path(output)
    if path.suffix == ".py" and not path.is_dir():
        if options.name not in (None, path.stem):
            raise ConversionError(f"--name {options.name!r} is not the module of --output {path.name!r}")
        options, path = replace(options, name=path.stem), path.parent
    name = options.module_name(model)
    return Target(path / f"{name}.py", path / f"{name}.pt")


def source_status(path: Path, text: str) -> Status:
    """What becomes of a module where `text` is to stand.

    Raises:
        Taken: It was edited, was made from another model, or is none of ours.
    """
    if not path.exists():
        return "new"
    found = _text(path)
    if found == text:
        return "unchanged"
    seal, new = read_seal(found), read_seal(text)
    where = path.as_posix()
    if seal is None:
        raise Taken(f"{where} is not from k2t-gen, or was changed since; {_elsewhere(found, text)}")
    if not seal.is_whole:
        raise Taken(f"{where} was edited after it was converted; {_elsewhere(found, text)}")
    if new is not None and seal.names != new.names:
        raise Taken(
            f"{where} was made from {' and '.join(seal.names)}; give another --name or --output, or {_FORCE}"
        )
    return "updated"


def weights_status(path: Path, origin: Mapping[str, str], state: State) -> Status:
    """What becomes of a state dict that is to be made of the files in `origin`.

    Raises:
        Taken: It was saved by something else, perhaps after training, and holds other numbers.
    """
    if not path.exists():
        return "new"
    where = path.as_posix()
    try:
        found = read_state_dict(path)
    except UnreadableFile as error:
        raise Taken(f"{where} is no state dict that k2t-gen wrote ({error}); move it, or {_FORCE}") from error
    if found.origin == origin:
        return "unchanged"
    if found.origin is None:
        changed = next(differences(state, found), None)
        if changed is None:
            return "unchanged"
        raise Taken(f"{where} was saved since it was converted ({changed}); move it, or {_FORCE}")
    if found.origin.keys() != origin.keys():
        raise Taken(f"{where} was made from {' and '.join(found.origin)}; move it, or {_FORCE}")
    return "updated"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Taken(f"{path.as_posix()} cannot be read: {error.strerror}") from error


def _elsewhere(found: str, text: str) -> str:
    """How much would be lost, and what to do."""
    lines = list(difflib.unified_diff(text.splitlines(), found.splitlines(), lineterm="", n=0))[2:]
    more, less = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    first = next((line.split()[2].lstrip("+").split(",")[0] for line in lines if line.startswith("@@")), "1")
    return f"{more} lines of it would be lost for {less} others, from line {first} on; move it, or {_FORCE}"
