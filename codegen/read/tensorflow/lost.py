"""Which layers are at fault where Keras saved a model without its config.

TensorFlow 1.15 and 2.0 left the config of a whole model away when one of its layers had no `get_config`.
"""

from __future__ import annotations

from collections.abc import Mapping

from codegen.errors import shorten
from codegen.read.parts import architecture
from codegen.read.tensorflow.saved_objects import SavedObjects

_WRAPPED = "layer"
_MAX_NAMED = 5


def explain_lost_config(graph: memoryview) -> str:
    """One line that names the layers without a config, "" if there are none; the innermost of each.

    Args:
        graph: The MetaGraphDef, whose first object is the model.
    """
    objects = SavedObjects(graph)
    seen = {0}
    named: list[str] = []
    waiting = [(0, "")]
    while waiting:
        number, name = waiting.pop()
        inner = [
            (place, said)
            for place in _layers(objects, number)
            if place not in seen and (said := _without_config(objects, place))
        ]
        seen.update(place for place, _ in inner)
        waiting.extend(reversed(inner))
        if name and not inner:
            named.append(name)
    if not named:
        return ""
    more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
    return (
        f"its metadata lack the config of the model: {', '.join(named[:_MAX_NAMED])}{more} had no "
        "get_config() in the TensorFlow that saved it; "
        "rebuild the model in code and call model.save('model.h5')"
    )


def _layers(objects: SavedObjects, number: int) -> list[int]:
    """The layers of a model, or that of a wrapper."""
    edges = objects.edges(number)
    numbered = [(len(name), name) for name in edges if name.removeprefix("layer-").isdecimal()]
    names = [name for _, name in sorted(numbered) if name.startswith("layer-")]
    return [edges[name] for name in (*names, _WRAPPED) if name in edges]


def _without_config(objects: SavedObjects, number: int) -> str:
    """A layer's class and name if its config is not there; "" if it is."""
    found = objects.metadata(number)
    said = architecture.parse_json(bytes(found.text)) if found.is_keras and found.text else None
    if not isinstance(said, Mapping) or said.get("config"):
        return ""
    return f"{shorten(said.get('class_name'))} {shorten(said.get('name'))}"
