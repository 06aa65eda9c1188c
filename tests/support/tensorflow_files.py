"""Writes small SavedModels and checkpoints by hand, byte by byte, as TensorFlow lays them out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from codegen.read.tensorflow.checksum import masked_crc32c
from tests.support.keras_files import BIAS, KERNEL

Message = list[tuple[int, "int | bytes"]]
#: Objects: the edges of each, and the key of its tensor.
Objects = Sequence[tuple[Mapping[str, int], str]]

TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "float16": 19}
SHAPE = {"class_name": "TensorShape", "items": [None, 3]}
DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "dense", "units": 2, "batch_input_shape": SHAPE},
}
CONFIG = {"class_name": "Sequential", "config": {"name": "sequential", "layers": [DENSE]}}
ROOT = json.dumps({"keras_version": "2.10.0", **CONFIG})
TENSORS = {"layer/kernel": KERNEL, "layer/bias": BIAS}
OBJECTS: Objects = [
    ({"layer-0": 1, "layer_with_weights-0": 1, "keras_api": 4}, ""),
    ({"kernel": 2, "bias": 3, "keras_api": 4}, ""),
    ({}, "layer/kernel"),
    ({}, "layer/bias"),
    ({"layers": 1, "again": 0}, ""),
]


def varint(value: int) -> bytes:
    """A number of variable length; negative ones as 64 bits."""
    value &= (1 << 64) - 1
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def message(fields: Message) -> bytes:
    """A protocol buffer of numbers and byte strings."""
    return b"".join(
        (
            varint(number << 3) + varint(value)
            if isinstance(value, int)
            else varint(number << 3 | 2) + varint(len(value)) + value
        )
        for number, value in fields
    )


def block(entries: Sequence[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    """A block of a table, each key shortened by what it shares with the one before."""
    content, previous = b"", b""
    for key, value in entries:
        shared = next((i for i, (a, b) in enumerate(zip(key, previous, strict=False)) if a != b), 0)
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    content += (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes([kind])
    return content + masked_crc32c(content).to_bytes(4, "little")


def table(blocks: Sequence[Sequence[tuple[bytes, bytes]]], kind: int = 0) -> bytes:
    """A whole table of several blocks."""
    data, handles = b"", []
    for entries in blocks:
        packed = block(entries, kind)
        handles.append((entries[-1][0], varint(len(data)) + varint(len(packed) - 5)))
        data += packed
    index = block(handles)
    footer = varint(0) + varint(0) + varint(len(data)) + varint(len(index) - 5)
    return data + index + footer.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


def entry(dtype: int, shape: Sequence[int], offset: int, data: bytes, **changes: Any) -> bytes:
    """What an index says of a tensor; `changes` are fields by number, `_4=-1`."""
    sizes = message([(2, message([(1, size)])) for size in shape])
    crc = varint(6 << 3 | 5) + masked_crc32c(data).to_bytes(4, "little")
    numbers: dict[int, int] = {1: dtype, 3: 0, 4: offset, 5: len(data)}
    numbers |= {int(name[1:]): value for name, value in changes.items()}
    return message([(2, sizes), *numbers.items()]) + crc


def text_tensor(text: bytes, offset: int) -> tuple[bytes, bytes]:
    """The data of a scalar string, and what the index says of it."""
    length = varint(len(text))
    check = masked_crc32c(len(text).to_bytes(4, "little")).to_bytes(4, "little")
    data = length + check + text
    crc = masked_crc32c(len(text).to_bytes(4, "little") + check + text)
    said = message([(1, 7), (2, b""), (4, offset), (5, len(data))])
    return data, said + varint(6 << 3 | 5) + crc.to_bytes(4, "little")


def object_graph(objects: Objects) -> bytes:
    """A TrackableObjectGraph."""
    nodes = []
    for edges, key in objects:
        parts: Message = [(1, message([(1, n), (2, name.encode())])) for name, n in edges.items()]
        if key:
            parts.append((2, message([(1, b"VARIABLE_VALUE"), (2, key.encode()), (3, key.encode())])))
        nodes.append((1, message(parts)))
    return message([*nodes])


def write_bundle(
    prefix: Path,
    tensors: Mapping[str, NDArray[Any]] = TENSORS,
    objects: Objects | None = OBJECTS,
    header: Message | None = None,
    **changes: Any,
) -> Path:
    """What `save_weights("prefix")` writes; `changes` are made to the entry of the first tensor."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    data = b""
    entries = [(b"", message([(1, 1)] if header is None else header))]
    for name, array in tensors.items():
        raw = array.tobytes()
        entries.append(
            (name.encode(), entry(TYPES[array.dtype.name], array.shape, len(data), raw, **changes))
        )
        data, changes = data + raw, {}
    if objects is not None:
        raw, said = text_tensor(object_graph(objects), len(data))
        entries.append((b"_CHECKPOINTABLE_OBJECT_GRAPH", said))
        data += raw
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table([sorted(entries)]))
    return prefix


def write_saved_model(
    folder: Path, root: str | None = ROOT, identifier: str = "_tf_keras_sequential", **bundle: Any
) -> Path:
    """What `model.save("folder")` of TensorFlow 2.5 and later writes; without metadata if `root` is None."""
    write_bundle(folder / "variables" / "variables", **bundle)
    objects = message([(1, message([(4, message([(1, identifier.encode())]))]))])
    graph = message([(1, message([(5, b"2.10.1")])), (2, b""), (7, objects)])
    (folder / "saved_model.pb").write_bytes(message([(1, 1), (2, graph)]))
    if root is not None:
        node = message([(3, b"root"), (4, identifier.encode()), (5, root.encode())])
        (folder / "keras_metadata.pb").write_bytes(message([(1, node)]))
    return folder


def write_old_saved_model(folder: Path, root: str = ROOT, identifier: str = "_tf_keras_sequential") -> Path:
    """What `model.save("folder")` of TensorFlow 2.0 to 2.4 writes."""
    write_bundle(folder / "variables" / "variables")
    user = message([(1, identifier.encode()), (3, root.encode())])
    graph = message([(7, message([(1, message([(4, user)]))]))])
    (folder / "saved_model.pb").write_bytes(message([(1, 1), (2, graph)]))
    return folder
