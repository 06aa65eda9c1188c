"""Access to HDF5 that never leaves the file: no links to follow, no foreign storage, nothing read early."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from codegen.errors import UnreadableFile, shorten
from codegen.model.saved_model import StoredTensor
from codegen.read.parts.damage import reading
from codegen.read.parts.heaps import check_heaps

# deflate shrinks at most 1032 times; what claims to grow more than this is no array that Keras wrote.
_MAX_EXPANSION = 1100
_NUMBERS = "biuf"
_ATTRIBUTE_KINDS = (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT)


def open_h5(file: Path | BinaryIO, stack: ExitStack) -> h5py.File:
    """Open a file for reading; `stack` closes it."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            check_heaps(stream)
    else:
        check_heaps(file)
    return stack.enter_context(h5py.File(file, "r"))


def child(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
    """Return the group or dataset at `path`, reached by hard links alone.

    Raises:
        UnreadableFile: It does not exist, or a link leads away from the file.
    """
    found = group
    where = shorten(f"{group.name.rstrip('/')}/{path}")
    for name in filter(None, path.split("/")):
        if not isinstance(found, h5py.Group) or not has(found, name):
            raise UnreadableFile(f"{where} is missing in the file; save the model again")
        link = found.get(name, getclass=True, getlink=True)
        if link is not h5py.HardLink:
            raise UnreadableFile(
                f"{where} is a {link.__name__}, which is never followed; save the model again"
            )
        found = found[name]
    if not isinstance(found, h5py.Group | h5py.Dataset):
        raise UnreadableFile(f"{where} is neither a group nor an array; save the model again")
    return found


def has(group: h5py.Group, name: str) -> bool:
    """Whether the group has such a link; unlike `in`, without looking where it leads."""
    return group.get(name, getclass=True, getlink=True) is not None


def subgroup(group: h5py.Group, path: str) -> h5py.Group:
    """Return the group at `path`; raises UnreadableFile as `child` does, and if it is a dataset."""
    found = child(group, path)
    if not isinstance(found, h5py.Group):
        raise UnreadableFile(f"{shorten(found.name)} is an array where a group belongs; save the model again")
    return found


def string(group: h5py.Group, name: str) -> str | None:
    """Return a string attribute, stored as bytes or as str; None if it is absent."""
    value = _attribute(group, name) if name in group.attrs else None
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bytes):
        return value.decode()
    if value is None or isinstance(value, str):
        return value
    raise UnreadableFile(f"attribute {name!r} is not a string; save the model again")


def names(group: h5py.Group, name: str) -> tuple[str, ...] | None:
    """Return a list of strings, in one attribute or split over `name0`, ...; None if it is absent."""
    attributes = group.attrs
    if name in attributes:
        return tuple(_strings(_attribute(group, name), name))
    found: list[str] = []
    chunk = 0
    while (key := f"{name}{chunk}") in attributes:
        found += _strings(_attribute(group, key), key)
        chunk += 1
    return tuple(found) if chunk else None


def _attribute(group: h5py.Group, name: str) -> Any:
    """The value of an attribute of a kind that Keras writes; HDF5 1.14 crashes at others in damaged files."""
    if group.attrs.get_id(name).get_type().get_class() not in _ATTRIBUTE_KINDS:
        raise UnreadableFile(f"attribute {name!r} is neither a string nor a list; save the model again")
    return group.attrs[name]


def _strings(value: Any, name: str) -> Iterator[str]:
    for item in np.atleast_1d(value).tolist():  # an empty list is saved as an empty array of floats
        if not isinstance(item, bytes | str):
            raise UnreadableFile(f"attribute {name!r} is not a list of names; save the model again")
        yield item.decode() if isinstance(item, bytes) else item


def stored_tensor(dataset: h5py.Group | h5py.Dataset, name: str, source: str) -> StoredTensor:
    """Return the array as a lazy tensor; its data stays where it is.

    Raises:
        UnreadableFile: It is a group, holds no numbers, has its data in other files or declares
            more data than the file stores.
    """
    where = shorten(dataset.name)
    if not isinstance(dataset, h5py.Dataset):
        raise UnreadableFile(f"{where} is a group where an array belongs; save the model again")
    if dataset.external or dataset.is_virtual:
        raise UnreadableFile(
            f"array {where} keeps its data elsewhere, where nothing is read; save the model again"
        )
    if dataset.shape is None:
        raise UnreadableFile(f"array {where} has no shape; save the model again")
    dtype = _dtype_name(dataset)
    _check_filters(dataset)
    declared = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    filtered = dataset.id.get_create_plist().get_nfilters() > 0
    if declared > (stored * _MAX_EXPANSION if filtered else stored):
        raise UnreadableFile(
            f"array {where} declares {declared} bytes but the file stores {stored}; save the model again"
        )
    return StoredTensor(dataset.name, name, dataset.shape, dtype, partial(_read, dataset, source))


def _check_filters(dataset: h5py.Dataset) -> None:
    """Refuse an array that is packed in a way that the HDF5 library can only unpack with a plug-in."""
    properties = dataset.id.get_create_plist()
    for number in range(properties.get_nfilters()):
        code, _, _, name = properties.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            called = name.decode(errors="replace") or f"number {code}"
            raise UnreadableFile(
                f"array {shorten(dataset.name)} is compressed by the HDF5 filter {shorten(called)}, which is "
                "not installed; `pip install hdf5plugin`, set HDF5_PLUGIN_PATH to its hdf5plugin.PLUGIN_PATH "
                "and convert again, or write the file without this compression"
            )


def _dtype_name(dataset: h5py.Dataset) -> str:
    dtype = dataset.dtype
    # h5py stores bfloat16 as two opaque bytes; saving_lib notes the type beside, the legacy format does not.
    if dtype.kind == "V" and dtype.names is None and dtype.subdtype is None and dtype.itemsize == 2:
        return "bfloat16"
    if dtype.kind not in _NUMBERS or dtype.subdtype is not None or dtype.itemsize > 8:
        raise UnreadableFile(
            f"array {shorten(dataset.name)} holds {shorten(str(dtype))}, not numbers; save the model again"
        )
    return str(dtype.newbyteorder("=").name)


def _read(dataset: h5py.Dataset, source: str) -> NDArray[Any]:
    with reading(source):
        array = np.asarray(dataset[()])
        if array.dtype.kind == "V":  # bfloat16 is the upper half of a float32
            return (array.view("<u2").astype(np.uint32) << 16).view(np.float32)
        return array.astype(array.dtype.newbyteorder("="), copy=False)
