"""The models that are mutated: small files of tests/fixtures and examples/, or of any folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.support.mutate.kinds import Files

ROOT = Path(__file__).parents[3]
_MAX_BYTES = 2**18


def corpus(folder: Path | None = None) -> list[Path]:
    """Models of at most 256 kB under a folder: whole ones, and architectures with their weights beside."""
    roots = [folder] if folder else [ROOT / "tests" / "fixtures", ROOT / "examples"]
    found = [path for root in roots for path in sorted(root.rglob("*")) if _is_model(path)]
    # What is a folder, or has one, is kept in an archive.
    archives = [path for root in roots for path in sorted(root.rglob("saved_model_*.zip"))]
    found += [path / name for path in archives for name in _folders(path)]
    if not found:
        raise SystemExit(f"there is no small model under {folder}")
    return found


def _folders(path: Path) -> list[str]:
    """The folders in an archive: SavedModels, and checkpoints of the architecture beside them."""
    with zipfile.ZipFile(path) as archive:
        return sorted({name.partition("/")[0] for name in archive.namelist() if "/" in name})


def _is_model(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return False
    if path.suffix == ".json":
        return _weights_of(path).is_file()
    return path.suffix in (".h5", ".hdf5", ".keras") and not path.name.endswith(".weights.h5")


def _weights_of(path: Path) -> Path:
    return path.with_suffix(".weights.h5")


def read(path: Path) -> Files:
    """The files of a model."""
    if path.parent.suffix == ".zip":
        with zipfile.ZipFile(path.parent) as archive:
            names = [
                name for name in archive.namelist() if name.startswith((f"{path.name}/", f"{path.name}.j"))
            ]
            names = sorted((name for name in names if not name.endswith("/")), key=lambda name: "/" in name)
            return {name: archive.read(name) for name in names}
    files = {path.name: path.read_bytes()}
    if path.suffix == ".json":
        files[_weights_of(path).name] = _weights_of(path).read_bytes()
    return files
