"""A file's tree of weights, and whether one of its folders can be that of a layer."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from codegen.model.packages import OPS
from codegen.model.saved_model import PathWeights
from codegen.model.spec import LayerSpec
from codegen.model.words import TRAINING_ROOTS, folder_name
from codegen.weights.slots import SlotTree

# Where 2.12 to 2.14 save the layers of a model, those with weights under every second number.
_CHECKPOINT = "_layer_checkpoint_dependencies"
#: Attributes under which a model has its layers.
CONTAINERS = ("layers", _CHECKPOINT)

# Keras' Python class, where the config knows it under another name.
_PYTHON_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention"}
_NUMBER = re.compile(r"_\d+$")


class StoredTree:
    """The folders of a file, which end in a slash; the model's is empty.

    Attributes:
        weights: The file's.
        objects: The folders of what Keras saved; where the file has only arrays, of what has some.
        folders: All folders, those of lists included.
    """

    def __init__(self, weights: PathWeights) -> None:
        self.weights = weights
        self._counts = Counter(path.rpartition("vars/")[0] for path in weights.tensors)
        self.objects = weights.folders or dict.fromkeys(self._counts, "")
        self._listed: defaultdict[str, set[str]] = defaultdict(set)
        for folder in self.objects:
            self._listed[folder.removesuffix("/").rpartition("/")[0] + "/"].add(folder)
        self.folders = frozenset(_parents([*weights.tensors, *weights.folders]))

    # ---------------------------------------------------------------- where Keras puts things

    def places(self, node: SlotTree, path: str) -> dict[str, str]:
        """Folder of each layer that a layer or model holds, where numbers count all of them."""
        return self._attributes(node, path) if node.spec.model is None else self._layers(node, path)

    def _attributes(self, node: SlotTree, path: str) -> dict[str, str]:
        """Folder of each sublayer: `cell`, `_query_dense`, or `cells/lstm_cell_1` for `cells/1`."""
        numbers: dict[str, Numbers] = {}
        places: dict[str, str] = {}
        base = path.removesuffix(node.folder or "")
        for child in node.children:
            if child.folder is not None and node.folder is not None:
                places[child.attribute] = f"{base}{child.folder}"
                continue
            attribute, in_list, _ = child.attribute.rpartition("/")
            if in_list:
                name = f"{attribute}/{numbers.setdefault(attribute, Numbers()).next(child.spec)}"
            else:
                name = child.attribute.removeprefix("_")
            # Some attributes are private, and have a public property only in some versions.
            private = f"{path}_{name}/"
            places[child.attribute] = private if private in self.folders else f"{path}{name}/"
        return places

    def container(self, path: str) -> str:
        """Folder in which the model in folder `path` has its layers."""
        old = f"{path}{_CHECKPOINT}/"
        return old if old in self.folders else f"{path}layers/"

    def _layers(self, node: SlotTree, path: str) -> dict[str, str]:
        container, numbers = self.container(path), Numbers()
        nodes = {child.attribute: child for child in node.children}
        places = {}
        for layer in counted_layers(node):
            places[layer.name] = f"{container}{numbers.next(layer)}/"
            if (
                container.endswith(f"{_CHECKPOINT}/")
                and layer.name in nodes
                and nodes[layer.name].all_slots()
            ):
                numbers.next(layer)
        named = {name: f"{container}{name}/" for name, child in nodes.items() if child.all_slots()}
        if {places[name] for name in named} - self.folders and not set(named.values()) - self.folders:
            return {**places, **named}  # a file that was loaded and saved again may use the layers' names
        return places

    def numbered(self, container: str, layer: LayerSpec, count: int) -> list[str]:
        """The folders, `count` at most, of layers of this one's class."""
        numbers = Numbers()
        places = (f"{container}{numbers.next(layer)}/" for _ in range(count))
        return [place for place in places if place in self.folders]

    # ---------------------------------------------------------------- what a folder can be

    def may_be(self, node: SlotTree, path: str) -> bool:
        """Whether a folder that no list of layers explains can be a layer's."""
        parent, _, name = path.removesuffix("/").rpartition("/")
        in_list = parent and f"{parent}/" not in self.objects
        if in_list and _NUMBER.sub("", name) != _NUMBER.sub("", class_folder(node.spec)):
            return False
        return not set(TRAINING_ROOTS).intersection(path.split("/")) and self.fits(node, path)

    def fits(self, node: SlotTree, path: str) -> bool:
        """Whether the folder has the layer's name, where it has one, and such arrays as the layer has."""
        return self.objects.get(path) in ("", None, node.spec.name) and self._has_arrays(node, path)

    def _has_arrays(self, node: SlotTree, path: str) -> bool:
        """Whether all arrays are there; what a layer holds may stand elsewhere."""
        if self._counts[path] > len(node.slots):
            return False
        for index, slot in enumerate(node.slots):
            tensor = self.weights.tensors.get(f"{path}vars/{index}")
            if tensor is None and not slot.is_aside:
                return False
            if tensor is not None and slot.variable is not None and tensor.shape != slot.variable.shape:
                return False
        places = self.places(node, path)
        if node.spec.model is not None and not self._listed[self.container(path)] <= set(places.values()):
            return False
        fits = self._has_arrays if node.spec.model is None else self.fits
        present = [child for child in node.children if places.get(child.attribute) in self.folders]
        return all(fits(child, places[child.attribute]) for child in present)


class Numbers:
    """Counts the objects of a list by class."""

    def __init__(self) -> None:
        self._next: Counter[str] = Counter()

    def next(self, layer: LayerSpec) -> str:
        """What the next object is called: `dense`, then `dense_1`."""
        name = class_folder(layer)
        number = self._next[name]
        self._next[name] += 1
        return f"{name}_{number}" if number else name


def class_folder(layer: LayerSpec) -> str:
    """What a list calls the first layer of this one's class."""
    name = layer.saved_class or layer.class_name
    return folder_name(_PYTHON_CLASSES.get(name, name))


def counted_layers(node: SlotTree) -> list[LayerSpec]:
    """The layers of a model, without operations, which Keras does not count."""
    assert node.spec.model is not None
    return [layer for layer in node.spec.model.layers if not layer.package.startswith(OPS)]


def _parents(paths: Iterable[str]) -> Iterator[str]:
    """Every folder that leads to these paths."""
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder:
            yield f"{folder}/"
            folder = folder.rpartition("/")[0]
