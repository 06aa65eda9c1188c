"""Tells from a file's first bytes what it is; explains the files that are no saved Keras model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from codegen.errors import UnreadableFile, shorten
from codegen.model.saved_model import LayerWeights, Weights
from codegen.read.parts.pointers import refuse_pointer
from codegen.read.tensorflow.checkpoint import prefix_of

FileKind = Literal["hdf5", "zip", "json", "saved_model", "checkpoint"]

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SAVE_AGAIN = "load it with the Keras that wrote it and call model.save('model.h5')"
_NEEDED = "a Keras .h5 or .keras file, a SavedModel folder, or an architecture JSON with --weights, is needed"
_WHOLE_FOLDER = "give the folder that it is in"

# What transformers calls the models that it saves: `tf_bert_for_masked_lm_1/bert/...`.
_TRANSFORMERS = re.compile(r"tf_\w+_(model|for_\w+)(_\d+)?$")

# First bytes of files that people mistake for a Keras model, and what to say about them.
_FOREIGN: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), message)
    for pattern, message in (
        (
            rb"\x80[\x02-\x05]|\(?(dp|lp)\d+\r?\n|\(?c[a-z_][\w.]*\r?\n\w+\r?\n",
            f"this is a Python pickle, which can run code and is never loaded; {_SAVE_AGAIN}",
        ),
        (rb".{4}TFL3", f"this is a TensorFlow Lite model; {_NEEDED}"),
        (
            rb"\x08\x01\x12",
            f"this is the saved_model.pb of a TensorFlow SavedModel; {_WHOLE_FOLDER}",
        ),
        (
            rb"\n.{1,5}\x1a\x04root",
            f"this is the keras_metadata.pb of a TensorFlow SavedModel; {_WHOLE_FOLDER}",
        ),
        (rb"\x08[\x02-\x1f][\x12\x1a\x22\x3a\x42]", f"this is an ONNX model; {_NEEDED}"),
        (
            rb"\n[^\n]{1,3}\n.[\w/.\-]+\x12",
            f"this is a TensorFlow graph (.pb), which has lost the Keras layers; {_NEEDED}",
        ),
        (
            rb"\s*<(!doctype|html|\?xml|head)",
            "this is a web page, not a model; the download went wrong: fetch the file itself",
        ),
        (
            rb"\x1f\x8b|BZh\d|\xfd7zXZ|7z\xbc\xaf|Rar!|.{257}ustar",
            "this is a compressed file or an archive; unpack it and give the model inside",
        ),
        (rb"\x93NUMPY", f"this is a NumPy array; {_NEEDED}"),
        (
            rb"(---\s*)?(class_name|backend|keras_version|config):",
            "this is an architecture in YAML, which Keras itself no longer reads; "
            "save model.to_json() instead",
        ),
    )
)


def recognise(path: Path) -> FileKind:
    """Return the container that `path` is, by content; parts of a checkpoint by name.

    Raises:
        UnreadableFile: It is missing, empty or something else; the message says what.
    """
    if path.is_dir():
        return _folder(path)
    if prefix_of(path) is not None:
        return "checkpoint"
    if not path.exists():
        raise UnreadableFile("there is no such file; check the path")
    if not path.is_file():
        raise UnreadableFile(f"this is not a regular file; {_NEEDED}")
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise UnreadableFile("the file is empty; copy it again or save the model again")
    if head.startswith(_HDF5_SIGNATURE):
        return "hdf5"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in b'{["':
        return "json"
    refuse_pointer(head)
    for pattern, message in _FOREIGN:
        if pattern.match(head):
            raise UnreadableFile(message)
    # A zip archive may hold HDF5 at these places, so that they are asked about last.
    if _has_user_block(path):
        return "hdf5"
    raise UnreadableFile(f"this is an unknown file (it begins with {shorten(head[:12])}); {_NEEDED}")


def _has_user_block(path: Path) -> bool:
    """Whether HDF5 begins behind a block of other data, which has a size of 512, 1024, 2048, ... bytes."""
    size, start = path.stat().st_size, 512
    with path.open("rb") as file:
        while start < size:
            file.seek(start)
            if file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE:
                return True
            start *= 2
    return False


def explain_archive(names: list[str]) -> UnreadableFile:
    """Explain what a zip archive without `config.json` is, judged by the names in it."""
    if any(name.endswith("data.pkl") for name in names):
        return UnreadableFile(f"this is a PyTorch checkpoint, not a Keras model; {_NEEDED}")
    if any(name.endswith("saved_model.pb") for name in names):
        return UnreadableFile("this is a zipped TensorFlow SavedModel; unpack it and give the folder inside")
    if names and all(name.endswith(".npy") for name in names):
        return UnreadableFile(f"these are NumPy arrays (.npz) without an architecture; {_NEEDED}")
    inside = [name for name in names if name.endswith((".h5", ".hdf5", ".keras", "config.json"))]
    if inside:
        found = ", ".join(shorten(name) for name in inside[:3])
        return UnreadableFile(
            f"this zip archive has no config.json at its top level but holds {found}; unpack it and give that"
        )
    return UnreadableFile(f"this zip archive has no config.json, so it is no .keras file; {_NEEDED}")


def explain_weights(weights: Weights | None) -> str:
    """Explain a file of weights that was given as a model."""
    groups = weights.groups.values() if isinstance(weights, LayerWeights) else ()
    first = {tensor.name.partition("/")[0] for group in groups for tensor in group}
    if first and all(_TRANSFORMERS.match(name) for name in first):
        return (
            "these are the weights of a Hugging Face transformers model, whose architecture is Python code "
            "of that package; load their folder in torch with its from_pretrained(FOLDER, from_tf=True)"
        )
    return (
        "this file holds weights only, no architecture; give the architecture (a file with model.to_json()) "
        "as the model and this file with --weights"
    )


def _folder(path: Path) -> FileKind:
    if (path / "saved_model.pb").exists():
        return "saved_model"
    if (path / "saved_model.pbtxt").exists():
        raise UnreadableFile(f"this is a TensorFlow SavedModel in text form; {_SAVE_AGAIN}")
    if (path / "keras_metadata.pb").exists() or (path / "variables").is_dir():
        raise UnreadableFile(
            "this is a part of a TensorFlow SavedModel: its saved_model.pb is missing; copy the whole folder"
        )
    if prefix_of(path) is not None:
        return "checkpoint"
    if (path / "config.json").exists() and (path / "model.weights.h5").exists():
        raise UnreadableFile(
            "this is an unpacked .keras archive; give its config.json, with --weights its model.weights.h5"
        )
    inside = sorted(found.parent.name for found in path.glob("*/saved_model.pb"))
    if inside:
        raise UnreadableFile(
            f"this folder holds SavedModel folders: {shorten(inside, 160)}; give one of them"
        )
    raise UnreadableFile(f"this is a folder; {_NEEDED}")
