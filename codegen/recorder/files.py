"""What a model's file says without Keras: its architecture, who saved it, whether it holds code."""

from __future__ import division, print_function

import hashlib
import io
import json
import os
import zipfile


class Refused(Exception):
    """What the model, the environment or the command line is to blame for; one line."""


def read_text(path):
    """A text file."""
    with io.open(path, encoding="utf-8") as file:
        return file.read()


def read_attribute(path, name):
    """An attribute of an HDF5 file as text; "" if it has none."""
    import h5py

    with h5py.File(path, "r") as archive:
        value = archive.attrs.get(name, b"")
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def read_entry(path, name):
    """A file in a zip archive as text."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode("utf-8")


def architecture(path):
    """The text of the architecture in a model's file, and the version of Keras that the file says."""
    if os.path.isdir(path):
        text = ""
        for name in ("keras_metadata.pb", "saved_model.pb"):
            if os.path.isfile(os.path.join(path, name)):
                with io.open(os.path.join(path, name), "rb") as file:
                    text += file.read().decode("latin-1")
        return text, "2.4-tf"
    if zipfile.is_zipfile(path):
        version = json.loads(read_entry(path, "metadata.json")).get("keras_version", "3")
        return read_entry(path, "config.json"), str(version)
    if path.endswith(".json"):
        text = read_text(path)
        config = json.loads(text)
        return text, str(config.get("keras_version", "3" if "module" in config else "1"))
    return read_attribute(path, "model_config"), read_attribute(path, "keras_version") or "1"


def holds_code(text):
    """Whether an architecture holds Python code, which would run when Keras loads it."""
    words = "".join(text.split())
    return any('_type":"%s"' % kind in words for kind in ("lambda", "raw")) or '"__lambda__"' in words


def digest(path):
    """The sha256 of a file; "" of a folder."""
    if os.path.isdir(path):
        return ""
    with io.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
