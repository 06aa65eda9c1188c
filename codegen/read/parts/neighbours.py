"""Files that a model's config names by their path: what stands beside the model, and nothing else."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from codegen.read.parts.damage import reading

#: A vocabulary is smaller; what is larger is not read.
MAX_BYTES = 256 << 20


def neighbour(folder: Path, path: str) -> bytes | None:
    """The file in `folder` that has the name of the one at `path`, wherever that was; None if there is none.

    A link that leads out of the folder is not followed.
    """
    name = PureWindowsPath(path).name  # which takes slashes of both kinds
    if not name or "\0" in name or len(name.encode(errors="replace")) > 255:
        return None
    with reading(name):
        found = (folder / name).resolve()
        if found.parent != folder.resolve() or not found.is_file() or found.stat().st_size > MAX_BYTES:
            return None
        return found.read_bytes()
