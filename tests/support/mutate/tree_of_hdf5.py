"""Mutations of HDF5 structure: groups, arrays, attributes and links."""

from __future__ import annotations

import io
from collections.abc import Callable
from random import Random
from typing import Any

import h5py
import numpy as np

from tests.support.mutate.code import mutated_code
from tests.support.mutate.kinds import mutation
from tests.support.mutate.tree_of_json import mutated_json

_SUFFIXES = (".h5", ".hdf5")
_NAMES = ("x", "vars", "0", "a" * 10_000, "layers", "\u2603", "b\\c", "kernel:0", "../up")
_ATTRIBUTES: tuple[Any, ...] = (
    "x", b"\xff\xfe", 3, -1.5, np.zeros(3), np.array([b"a", b"a"]), np.array([], "S1"), h5py.Empty("f"),
    "a" * 10_000, np.array([[b"a"]]),
)  # fmt: skip


@mutation("json", *_SUFFIXES, weight=10)
def change_config(data: bytes, rng: Random) -> bytes:
    """The architecture in the file's attribute is another."""
    return _edited(data, lambda file: _rewrite(file, lambda text: mutated_json(text, rng)))


@mutation("code", *_SUFFIXES)
def change_code(data: bytes, rng: Random) -> bytes:
    """The bytecode of a Lambda is damaged; it is only named, never loaded."""
    return _edited(data, lambda file: _rewrite(file, lambda text: mutated_code(text, rng)))


@mutation("hdf5", *_SUFFIXES, weight=6)
def change_tree(data: bytes, rng: Random) -> bytes:
    """Groups, arrays, attributes or links are others."""

    def change(file: h5py.File) -> None:
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            rng.choice((_attribute, _attribute, _array, _array, _array, _link, _drop, _move))(file, rng)

    return _edited(data, change)


def _edited(data: bytes, change: Callable[[h5py.File], None]) -> bytes:
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def _rewrite(file: h5py.File, change: Callable[[str], str]) -> None:
    text = file.attrs["model_config"]
    file.attrs["model_config"] = change(text.decode() if isinstance(text, bytes) else text)


def _objects(file: h5py.File) -> list[Any]:
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item))
    if not found:
        raise ValueError("an empty file")
    return found


def _groups(file: h5py.File) -> list[Any]:
    return [file, *(item for item in _objects(file) if isinstance(item, h5py.Group))]


def _attribute(file: h5py.File, rng: Random) -> None:
    attributes = rng.choice([item for item in (file, *_objects(file)) if len(item.attrs)]).attrs
    name = rng.choice(list(attributes))
    value = attributes[name]
    choice = rng.random()
    if choice < 0.15:
        del attributes[name]
    elif choice < 0.25:
        attributes[f"{name}0"] = value
        del attributes[name]
    elif choice < 0.65 and isinstance(value, np.ndarray) and value.size:
        items = list(value)
        changed = (
            items[:-1],
            items + items[:1],
            items[::-1],
            items[1:],
            [*items[1:], b"a" * 5000],
            [b""] * len(items),
        )
        attributes[name] = np.array(rng.choice(changed))
    else:
        attributes[name] = rng.choice(_ATTRIBUTES)


def _array(file: h5py.File, rng: Random) -> None:
    old = rng.choice([item for item in _objects(file) if isinstance(item, h5py.Dataset)])
    value, name, group = old[()], old.name.rpartition("/")[2], old.parent
    shape = old.shape
    del group[name]
    choice = rng.randrange(12)
    if choice == 0:
        group.create_dataset(name, shape=(*shape, 2**40), dtype="f4", chunks=(*(1 for _ in shape), 16))
    elif choice == 1:
        group.create_dataset(name, data=np.zeros((2**20,), "f4"), compression="gzip")
    elif choice == 2:
        group.create_dataset(name, dtype="f4", shape=None, data=h5py.Empty("f4"))
    elif choice == 3:
        group.create_dataset(name, data=np.asarray(value), external=None)
        group[name].attrs["dtype"] = rng.choice(("bfloat16", "int4", 3))
    else:
        array = np.asarray(value)
        group[name] = (
            lambda: array.T, lambda: array[..., None], lambda: array[:0], lambda: array.reshape(-1),
            lambda: np.float32(1), lambda: np.full(shape, np.nan), lambda: np.repeat(array, 2, -1),
            lambda: array.astype(rng.choice(("f8", "i4", "f2", "c8", "?", "S3", "u1"))),
        )[choice - 4]()  # fmt: skip


def _link(file: h5py.File, rng: Random) -> None:
    group, name = rng.choice(_groups(file)), rng.choice(_NAMES)
    target = rng.choice(_objects(file))
    if name in group:
        del group[name]
    group[name] = rng.choice(
        (
            target,
            file,
            h5py.SoftLink(target.name),
            h5py.ExternalLink("/etc/passwd", "/x"),
            h5py.SoftLink("/none"),
        )
    )


def _drop(file: h5py.File, rng: Random) -> None:
    name = rng.choice(_objects(file)).name
    del file[name]


def _move(file: h5py.File, rng: Random) -> None:
    name = rng.choice(_objects(file)).name
    file.move(name, rng.choice((f"{name}_1", f"{name.rpartition('/')[0]}/{rng.choice(_NAMES)}")))
