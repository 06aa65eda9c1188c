"""What Keras says of its models in a SavedModel: JSON, in which some Python objects have forms of their own.

Format: `saved_metadata.proto` of Keras; `json_utils.py` of tf.keras writes the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from codegen.errors import UnreadableFile, shorten
from codegen.read.parts import architecture
from codegen.read.tensorflow.wire import fields, submessage, submessages, text

#: The kind of a Sequential, whatever its class.
SEQUENTIAL = "_tf_keras_sequential"

_KERAS = "_tf_keras_"
_LISTS = ("__tuple__", "TensorShape")


class LostConfig(UnreadableFile):
    """Keras saved the model without its config."""


@dataclass(frozen=True)
class Metadata:
    """What Keras says of one object.

    Attributes:
        identifier: What kind of object it is: `_tf_keras_network`, `_tf_keras_sequential`, ...
        text: The JSON; empty where it stands in another file.
    """

    identifier: str
    text: memoryview

    @property
    def is_keras(self) -> bool:
        """Whether it is an object of Keras."""
        return self.identifier.startswith(_KERAS)


def of_root(saved_metadata: memoryview) -> Metadata:
    """What `keras_metadata.pb` says of the model itself.

    Raises:
        UnreadableFile: It says nothing of it.
    """
    for node in submessages(saved_metadata, 1):
        found = dict(fields(node))
        if not found.get(2, 0):
            return Metadata(text(found.get(4, memoryview(b""))), _json(found.get(5)))
    raise UnreadableFile("it says nothing of the model itself; copy it again or save the model again")


def of_object(saved_object: memoryview) -> Metadata:
    """What an object of `saved_model.pb` says: all until TensorFlow 2.4, its kind alone from 2.5 on."""
    user = submessage(saved_object, 4)
    found = {} if user is None else dict(fields(user))
    return Metadata(text(found.get(1, memoryview(b""))), _json(found.get(3)))


def config_of(metadata: Metadata) -> tuple[dict[str, Any], str]:
    """The model's `{"class_name", "config"}`, and the version of Keras that wrote it ("" if it is not said).

    Raises:
        LostConfig: The JSON lacks the layers.
        UnreadableFile: It is damaged.
    """
    said = _plain(architecture.parse_json(bytes(metadata.text)))
    if not isinstance(said, dict):
        raise UnreadableFile("its metadata are no JSON object; copy it again or save the model again")
    config, class_name = said.get("config"), said.get("class_name")
    if not isinstance(config, dict | list) or not config or not isinstance(class_name, str):
        raise LostConfig(
            f"its metadata lack the config of {shorten(class_name)}: it, or one of its layers, "
            "has no get_config(); save it from a class that has one"
        )
    # A user's subclass of Sequential or Model with layers of its own is one of these for Keras too.
    if metadata.identifier == SEQUENTIAL:
        class_name = "Sequential"
    if isinstance(config, dict) and said.get("build_input_shape"):
        config = {"build_input_shape": said["build_input_shape"], **config}
    version = said.get("keras_version")
    return {"class_name": class_name, "config": config}, version if isinstance(version, str) else ""


def _json(value: int | memoryview | None) -> memoryview:
    return value if isinstance(value, memoryview) else memoryview(b"")


def _plain(value: Any) -> Any:
    """The JSON with lists where tuples and shapes stand; it is not nested deep, see `parse_json`."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in _LISTS and value.keys() == {"class_name", "items"}:
        return _plain(value["items"])
    return {key: _plain(item) for key, item in value.items()}
