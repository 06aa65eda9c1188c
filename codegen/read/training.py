"""What compile() and training left in HDF5 files and archives; read only where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py

from codegen.errors import UnreadableFile
from codegen.model.saved_model import SavedTraining, StoredTensor
from codegen.read import h5
from codegen.read.parts import architecture
from codegen.read.parts.damage import reading


def hdf5_training(file: h5py.File, source: str) -> SavedTraining | None:
    """The attribute `training_config` and the group `optimizer_weights`; None without the former.

    Raises:
        UnreadableFile: They are damaged.
    """
    with reading(source):
        saved = h5.string(file, "training_config")
        config = None if saved is None else architecture.parse_json(saved)
        if not isinstance(config, dict):
            return None
        return SavedTraining(config, tuple(_listed(file, source)))


def _listed(file: h5py.File, source: str) -> Iterator[StoredTensor]:
    if not h5.has(file, "optimizer_weights"):
        return
    group = h5.subgroup(file, "optimizer_weights")
    names = h5.names(group, "weight_names")
    if names is None and h5.has(group, "weight_names"):  # Keras 2.2 and 2.3 have a dataset of names
        names = tuple(name.decode() for name in h5.child(group, "weight_names")[()].tolist())
    for name in names or ():
        yield h5.stored_tensor(h5.child(group, name), name, source)


def archive_training(config: Any, tree: h5py.File, source: str) -> SavedTraining | None:
    """The entry `compile_config` and the folder `optimizer`; None without the former.

    Raises:
        UnreadableFile: They are damaged.
    """
    if not isinstance(config, dict) or not config:
        return None
    with reading(source):
        if not h5.has(tree, "optimizer") or not h5.has(h5.subgroup(tree, "optimizer"), "vars"):
            return SavedTraining(config)
        group = h5.subgroup(h5.subgroup(tree, "optimizer"), "vars")
        if not all(name.isdecimal() for name in group):
            raise UnreadableFile("its optimizer's variables have no numbers; save the model again")
        names = sorted(group, key=int)
        return SavedTraining(config, tuple(h5.stored_tensor(h5.child(group, n), n, source) for n in names))
