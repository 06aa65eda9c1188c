"""The two layouts of weights in HDF5: lists by layer (`.h5`), a tree of paths (`.weights.h5`, `.keras`)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

import h5py

from codegen.errors import UnreadableFile, shorten
from codegen.model.saved_model import LayerWeights, PathWeights, StoredTensor
from codegen.model.words import MODEL_ROOTS, TRAINING_ROOTS
from codegen.read import h5

_MAX_DEPTH = 256


def is_path_layout(file: h5py.File) -> bool:
    """Whether the file's root looks like the tree that Keras' saving_lib writes."""
    return any(name.replace("\\", "/").split("/")[0] in MODEL_ROOTS for name in file)


def layer_weights(group: h5py.Group, source: str) -> LayerWeights:
    """Return the lists of weights that `layer_names` and `weight_names` give, in their order.

    Raises:
        UnreadableFile: A layer or an array that is named there does not exist.
    """
    layers = h5.names(group, "layer_names") or ()
    if len(set(layers)) != len(layers):
        raise UnreadableFile("attribute 'layer_names' names a layer twice; save the model again")
    groups = {layer: _listed(h5.subgroup(group, layer), source) for layer in layers}
    top_level = "top_level_model_weights"
    beside = h5.subgroup(group, top_level) if h5.has(group, top_level) and top_level not in groups else None
    return LayerWeights(groups, () if beside is None else _listed(beside, source))


def _listed(group: h5py.Group, source: str) -> tuple[StoredTensor, ...]:
    listed = h5.names(group, "weight_names") or ()
    return tuple(h5.stored_tensor(h5.child(group, name), name, source) for name in listed)


def path_weights(file: h5py.File, source: str, *, in_archive: bool = False) -> PathWeights:
    """Return the tree of objects and their arrays, but for what Keras did not write and training added.

    Raises:
        UnreadableFile: The model's layers have links or loops, or two arrays have the same path.
    """
    tensors: dict[str, StoredTensor] = {}
    folders: dict[str, str] = {}
    seen = {_address(file)}
    waiting: list[tuple[str, int, h5py.Group]] = [("", 0, file)]
    while waiting:
        prefix, depth, group = waiting.pop()
        for key in group:
            path = prefix + key.replace("\\", "/")  # archives written on Windows
            top, *_, last = path.split("/") if "/" in path else (path, path)
            if top in TRAINING_ROOTS:
                continue
            try:
                found = h5.child(group, key)
                if _address(found) in seen or depth == _MAX_DEPTH:
                    raise UnreadableFile(f"{shorten(path)} is linked twice or too deep; save the model again")
                seen.add(_address(found))
                if isinstance(found, h5py.Group):
                    waiting.append((f"{path}/", depth + 1, found))
                    if last == "vars":
                        folders[path.removesuffix("vars")] = h5.string(found, "name") or ""
                elif path in tensors:
                    raise UnreadableFile(f"{shorten(path)} stands twice in the file; save the model again")
                elif "/vars/" in f"/{path}":
                    tensors[path] = h5.stored_tensor(found, "", source)
            except UnreadableFile:
                if top in MODEL_ROOTS:
                    raise  # elsewhere it is what the user put into the file
    return PathWeights(tensors, folders, in_archive)


def _address(found: h5py.Group | h5py.Dataset) -> int:
    """Where the object's header stands in the file: the same object reached twice has the same address."""
    return int(h5py.h5o.get_info(found.id).addr)


def shards_of(index: dict[str, Any], path: Path) -> tuple[Path, ...]:
    """The files that hold the weights of an index `<name>.weights.json`, which lie beside it.

    Raises:
        UnreadableFile: The index is malformed, names a file outside its own folder, or one is missing.
    """
    weight_map = index["weight_map"]
    if not isinstance(weight_map, dict):
        raise UnreadableFile("its 'weight_map' is no object; save the weights again")
    named = [
        shard for parts in weight_map.values() for shard in (parts if isinstance(parts, list) else [parts])
    ]
    shards = tuple(path.with_name(shard) for shard in dict.fromkeys(map(_plain_name, named)))
    for shard in shards:
        if not shard.is_file():
            raise UnreadableFile(f"its shard {shorten(shard.name)} is missing; copy all files of the weights")
    return shards


def sharded_weights(shards: Iterable[Path], stack: ExitStack) -> PathWeights:
    """Return weights split over `<name>_00000.weights.h5`, ...

    Raises:
        UnreadableFile: A shard is damaged, or two hold the same array.
    """
    tensors: dict[str, StoredTensor] = {}
    folders: dict[str, str] = {}
    for shard in shards:
        part = path_weights(h5.open_h5(shard, stack), str(shard))
        if twice := tensors.keys() & part.tensors.keys():
            raise UnreadableFile(f"{shorten(min(twice))} stands in two shards; save the weights again")
        tensors |= part.tensors
        folders |= part.folders
    return PathWeights(tensors, folders)


def _plain_name(shard: object) -> str:
    if (
        not isinstance(shard, str)
        or not shard
        or PurePosixPath(shard).name != shard
        or "\\" in shard
        or ":" in shard
    ):
        raise UnreadableFile(f"its 'weight_map' names {shorten(shard)}, which is no file beside it")
    return shard
