"""SavedModel folders that `model.save("folder")` of tf.keras wrote.

Format: `saved_model.proto`, `meta_graph.proto`, `saved_object_graph.proto`. The operations are skipped.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codegen.errors import UnreadableFile
from codegen.model.saved_model import ObjectWeights
from codegen.read.parts import architecture
from codegen.read.parts.pointers import refuse_pointer
from codegen.read.tensorflow import metadata
from codegen.read.tensorflow.bundle import bundle_files, open_bundle
from codegen.read.tensorflow.completion import complete
from codegen.read.tensorflow.lost import explain_lost_config
from codegen.read.tensorflow.objects import object_weights
from codegen.read.tensorflow.wire import submessage, text

_MODEL, _METADATA = "saved_model.pb", "keras_metadata.pb"
_INDEX = "variables/variables.index"
_JSON = "assets/saved_model.json"
_SAVE = "load the Keras model that it came from and call model.save('model.h5')"
_MAX_BYTES = 2**31  # as for every protocol buffer


def model_files(folder: Path) -> tuple[Path, ...]:
    """The file of a SavedModel in which the layers are described, and those of its weights."""
    candidates = (_METADATA, _JSON, _MODEL)
    config = next((folder / name for name in candidates if (folder / name).is_file()), folder / _MODEL)
    return (config, *bundle_files((folder / _INDEX).with_suffix("")))


def read_config(folder: Path) -> tuple[Mapping[str, Any], str]:
    """The model's `{"class_name", "config"}`, and the version of Keras that wrote it.

    Raises:
        UnreadableFile: The folder lacks a part, or is a SavedModel without Keras' layers.
    """
    with _part(_MODEL):
        content = _content(folder, _MODEL)
        graph = submessage(content, 2) or content[:0]
        objects = submessage(graph, 7)
        version = text(submessage(submessage(graph, 1) or content[:0], 5) or content[:0])
    if objects is None:
        return _exported(folder)
    found = metadata.of_object(submessage(objects, 1) or objects[:0])
    if (folder / _METADATA).exists():
        with _part(_METADATA):
            found = metadata.of_root(_content(folder, _METADATA))
    if not found.is_keras:
        raise UnreadableFile(
            "this SavedModel was saved for serving (model.export(), tf.saved_model.save, TensorFlow Hub): "
            f"it holds a graph of operations, not the layers; {_SAVE}"
        )
    if not found.text:
        raise UnreadableFile(
            f"its {_METADATA}, which describes the layers, is missing; copy the whole folder, or {_SAVE}"
        )
    try:
        config, keras_version = metadata.config_of(found)
    except metadata.LostConfig as error:
        raise UnreadableFile(explain_lost_config(graph) or str(error)) from error
    with _part(_MODEL):
        complete(config, graph)
    return config, keras_version or version


def _exported(folder: Path) -> tuple[Mapping[str, Any], str]:
    """What `tf.keras.experimental.export_saved_model` wrote: the JSON of the architecture is an asset."""
    if not (folder / _JSON).is_file():
        raise UnreadableFile(
            "this SavedModel was written by TensorFlow 1 (an Estimator, simple_save): "
            f"it holds a graph of operations, not Keras' layers; {_SAVE}"
        )
    with _part(_JSON):
        config = architecture.as_config(architecture.parse_json(bytes(_content(folder, _JSON))))
    version = config.get("keras_version")
    return config, version if isinstance(version, str) else ""


@contextmanager
def _part(name: str) -> Iterator[None]:
    """Errors from within say which file of the folder they are about."""
    try:
        yield
    except UnreadableFile as error:
        raise UnreadableFile(f"its {name}: {error}") from error


def _content(folder: Path, name: str) -> memoryview:
    """A part of the folder, of which only what is looked at is read."""
    path = folder / name
    if not path.is_file():
        raise UnreadableFile("the file is missing; copy the whole folder")
    size = path.stat().st_size
    if not 0 < size < _MAX_BYTES:
        raise UnreadableFile(f"the file has {size} bytes; copy it again")
    with path.open("rb") as file:
        refuse_pointer(file.read(64))
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def read_weights(folder: Path) -> ObjectWeights:
    """The weights of a SavedModel.

    Raises:
        UnreadableFile: The folder lacks them, or they are damaged.
    """
    if not (folder / _INDEX).is_file():
        raise UnreadableFile(f"its {_INDEX} is missing; copy the whole folder")
    with _part(_INDEX):
        return object_weights(open_bundle((folder / _INDEX).with_suffix("")))
