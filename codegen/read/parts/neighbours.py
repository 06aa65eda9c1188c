"""Files that a model's config names by their path: what stands beside the model, or among its assets."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from codegen.read.parts.damage import reading

#: A vocabulary is smaller; what is larger is not read.
MAX_BYTES = 256 << 20


def neighbour(model: Path, path: str) -> bytes | None:
    """The file that has the name of the one at `path`, wherever that was; None if there is none.

    It stands in the folder of the model; if that is a folder itself, in it or in its `assets`. A link that
    leads out is not followed.
    """
    name = PureWindowsPath(path).name  # which takes slashes of both kinds
    if not name or "\0" in name or len(name.encode(errors="replace")) > 255:
        return None
    with reading(name):
        folders = (
            [model.resolve(), model.resolve() / "assets"] if model.is_dir() else [model.parent.resolve()]
        )
        for folder in folders:
            found = (folder / name).resolve()
            if found.parent == folder and found.is_file() and found.stat().st_size <= MAX_BYTES:
                return found.read_bytes()
    return None
