"""Where Keras saves the layers that an object of the author's holds: in the order in which it visits them.

Formulas: `_save_state`, `_save_container_state`, `_walk_saveable` of `saving_lib.py` (see also
`codegen/weights/folders.py`): attributes by their names, private ones last; tf_keras goes backwards,
counts in lists only what was not met before, and does not look into lists of lists. A model has its `layers`
among its attributes. What was met before has no folder again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codegen.evaluation.author import Author
from codegen.evaluation.classes import library_base
from codegen.evaluation.layers import base_class
from codegen.evaluation.objects import Layer, layer_of
from codegen.model.words import folder_name


def assign_folders(author: Author, root: Layer) -> None:
    """Note the folders of all layers that a layer of the author's holds, from its own on."""
    _Walk(author).visit(root, "")


class _Walk:
    def __init__(self, author: Author) -> None:
        self._backwards = author.generation < 3
        self._seen: set[Layer] = set()

    def visit(self, layer: Layer, folder: str) -> None:
        """Save a layer in a folder, if it was not saved before, and what it holds."""
        if layer in self._seen:
            return
        self._seen.add(layer)
        if layer.builder is not None:
            layer.builder.tree.folder = folder
        if layer.instance is None:
            return  # what Keras' own layers hold is known by their class
        for name, value in self._attributes(layer):
            part = layer_of(value)
            if part is not None:
                self.visit(part, f"{folder}{name}/")
            elif isinstance(value, (list, tuple, dict)):
                self._container(value, f"{folder}{name}/", 0)

    def _attributes(self, layer: Layer) -> Iterator[tuple[str, Any]]:
        assert layer.instance is not None
        attributes = dict(layer.instance.attributes)
        if base_class(library_base(layer.instance.cls)) in ("Model", "Functional"):
            held = [part for part in layer.parts if part.parent is layer]
            attributes = {**attributes, "layers": held}
        names = sorted(attributes, reverse=True) if self._backwards else sorted(attributes, key=_public_first)
        for name in names:
            yield name, attributes[name]

    def _container(self, value: Any, folder: str, depth: int) -> None:
        counts: dict[str, int] = {}
        for item in list(value.values()) if isinstance(value, dict) else value:
            part = layer_of(item)
            if part is not None and not (self._backwards and part in self._seen):
                self.visit(part, f"{folder}{_numbered(folder_name(part.class_name), counts)}/")
            elif isinstance(item, (list, tuple, dict)) and not self._backwards and depth < 8:
                self._container(item, f"{folder}{_numbered('container', counts)}/", depth + 1)


def _public_first(name: str) -> str:
    return f"~{name}" if name.startswith("_") else name


def _numbered(name: str, counts: dict[str, int]) -> str:
    number = counts[name] = counts.get(name, -1) + 1
    return f"{name}_{number}" if number else name
