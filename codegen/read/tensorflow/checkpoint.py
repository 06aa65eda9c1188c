"""Checkpoints of `save_weights`, `ModelCheckpoint` and `tf.train.Checkpoint`: found by what people type."""

from __future__ import annotations

import re
from pathlib import Path

from codegen.errors import UnreadableFile, shorten
from codegen.model.saved_model import ObjectWeights
from codegen.read.tensorflow.bundle import bundle_files, open_bundle
from codegen.read.tensorflow.objects import object_weights

_NEWEST = "checkpoint"
_NAMED = re.compile(rb'^\s*model_checkpoint_path:\s*"([^"\n]{1,4096})"', re.MULTILINE)
_DATA = re.compile(r"\.data-\d{5}-of-\d{5}$")
_INDEX = ".index"


def prefix_of(path: Path) -> Path | None:
    """The prefix of the checkpoint that `path` is or names; None if it is none.

    Args:
        path: The prefix itself, the index, a file of data, the text file `checkpoint`, or a folder.

    Raises:
        UnreadableFile: The folder holds several checkpoints, or names one that it does not hold.
    """
    if path.is_dir():
        return _newest(path / _NEWEST) if (path / _NEWEST).is_file() else _only(path)
    if path.name == _NEWEST and path.is_file():
        return _newest(path)
    name = _DATA.sub("", path.name.removesuffix(_INDEX))
    if not name or (name == path.name and path.exists()):  # a file of this name is what its content says
        return None
    return path.with_name(name) if _index(path.with_name(name)).is_file() else None


def read_checkpoint(path: Path) -> tuple[ObjectWeights, tuple[Path, ...]]:
    """The weights of a checkpoint, and the files that hold them.

    Raises:
        UnreadableFile: It is damaged, or was not saved by the objects of a Keras model.
    """
    prefix = prefix_of(path)
    if prefix is None:
        raise UnreadableFile("there is no such checkpoint; check the path")
    return object_weights(open_bundle(prefix)), bundle_files(prefix)


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}{_INDEX}")


def _only(folder: Path) -> Path | None:
    found = sorted(path.name for path in folder.glob(f"*{_INDEX}"))
    if len(found) > 1:
        raise UnreadableFile(
            f"this folder holds several checkpoints: {shorten(found, 160)}; give one of them"
        )
    return folder / found[0].removesuffix(_INDEX) if found else None


def _newest(file: Path) -> Path | None:
    """The checkpoint that the text file names; it lies beside it, wherever it was written."""
    with file.open("rb") as opened:
        named = _NAMED.search(opened.read(2**16))
    if named is None:
        return None
    name = re.split(r"[/\\]", named[1].decode(errors="replace"))[-1]
    prefix = file.with_name(name) if name not in ("", ".", "..") else None
    if prefix is None or not _index(prefix).is_file():
        raise UnreadableFile(
            f"the file 'checkpoint' names {shorten(name)}, but {shorten(name + _INDEX)} is missing; "
            "copy all files of the weights"
        )
    return prefix
