"""What a `data_format` of null stands for: the image data format of the session that saved the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Objects = Sequence[Mapping[str, Any]]

#: Where the classes of ops stand whose functions may leave the format open; what they say is the call's own.
_OPEN = "keras.src.ops"


def saved_format(objects: Objects, backend: str) -> str | None:
    """The image data format under which a file was written; None where the file does not tell.

    Layers save the format that they have, by default the session's. Keras' own default is channels last,
    on every backend; on torch, where the other is habit, that is not assumed.

    Args:
        objects: All JSON objects of the config.
        backend: As the file names it, or "".
    """
    said = {_layer_format(item) for item in objects} - {None}
    if said:
        return said.pop() if len(said) == 1 else None
    return None if backend == "torch" else "channels_last"


def _layer_format(item: Mapping[str, Any]) -> str | None:
    """The format that a layer says."""
    config = item.get("config")
    if not isinstance(config, Mapping) or str(item.get("module")).startswith(_OPEN):
        return None
    value = config.get("data_format")
    return value if value in ("channels_first", "channels_last") else None
