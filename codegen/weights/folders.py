"""Finds the folder of each layer in a tree of weights.

What Keras 2.12 to 3.15 do (`_walk_trackable` or `_walk_saveable`, `_save_state` and `_save_container_state`
in `saving_lib.py`): from the model on, they visit the attributes of each object, save what they meet, and
visit its attributes in turn. A folder is the attributes that lead to an object; in a list or a dict, an
object is called after its class, with a number if it is not the first of it. Its arrays are `vars/<index>`;
since 3.6 `vars` has the object's name. What is met again is not saved again, and has no folder there.

* So a layer that several models or wrappers use, or that is an attribute of a model beside being in its
  `layers`, stands where it was met first. 3.0.3 and later visit `layers` first, and private attributes last;
  3.0.0 to 3.0.2 and 2.12 to 2.14 go by name, private ones first; 2.15 and tf_keras go backwards by name.
* 2.12 to 2.14 meet the layers in `_layer_checkpoint_dependencies`, which lists those with weights twice.
* Numbers count what was saved elsewhere before, but for 2.14, 2.15 and tf_keras.
* A compiled model has its optimizer, metrics and losses beside its layers; users hang onto it what they like.

What a user's attribute is called is not in the config. So a layer that has no folder in its model is looked
for among the folders that nobody has: it must have the layer's name, or be the only one that can be meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice

from codegen.errors import WeightMismatch
from codegen.model.saved_model import PathWeights
from codegen.model.spec import LayerSpec
from codegen.model.words import default_name
from codegen.weights.sharing import is_same_layer
from codegen.weights.slots import SlotTree
from codegen.weights.stored_tree import CONTAINERS, StoredTree, class_folder, counted_layers

# So many ways to tell which layers of a model stand elsewhere are tried.
_MAX_CHOICES = 2000
_HOW_TO_TELL = "and nothing tells which; save the model as .h5, which lists the weights layer by layer"

#: The folder of each layer of a model by its name, None if it stands elsewhere.
Places = Mapping[str, str | None]


class FolderSearch:
    """The search through one file.

    Args:
        weights: The file's.
        counts_saved: Whether numbers count what was saved elsewhere before.

    Attributes:
        owners: The layer of each folder; only its config if its model lists it but does not call it.
    """

    def __init__(self, weights: PathWeights, *, counts_saved: bool) -> None:
        self._stored = StoredTree(weights)
        self._counts_saved = counts_saved or not weights.folders
        self._found: dict[SlotTree, str] = {}
        self._missing: dict[SlotTree, str] = {}
        self._unclear: list[tuple[SlotTree, str, list[str], list[str]]] = []
        self._lists: set[str] = set()
        self.owners: dict[str, SlotTree | LayerSpec] = {}

    def find(self, root: SlotTree) -> dict[SlotTree, str]:
        """All layers with the folders that hold them, or that should.

        Raises:
            WeightMismatch: A layer can have several.
        """
        self._visit(root, "")
        while self._missing or self._unclear:
            if self._unclear:
                node, path, names, present = self._unclear.pop(0)
                self._visit_layers(node, path, self._choice(names, present, node))
                continue
            candidates = {node: self._candidates(node) for node in self._missing}
            clear = [(paths[0], node) for node, paths in candidates.items() if len(paths) == 1]
            if not clear:
                for node, paths in candidates.items():
                    if paths:
                        raise _ambiguous(node, paths)
                return dict(self._where_expected()) | self._found
            # What is near the top may hold the others.
            path, node = min(clear, key=lambda item: item[0].count("/"))
            self._visit(node, path)
            self._missing = {node: place for node, place in self._missing.items() if node not in self._found}
        return self._found

    # ---------------------------------------------------------------- the walk

    def _visit(self, node: SlotTree, path: str) -> None:
        """Note where a layer is, and look where those that it holds are."""
        owner = self.owners.get(path)
        if owner is not None and not is_same_layer(_spec(owner), node.spec):
            raise _ambiguous(node, [path])
        self._found[_first(node)] = path
        self.owners[path] = node
        self._lists.update(f"{path}{container}" for container in CONTAINERS if node.spec.model)
        self._visit_layers(node, path, self._places(node, path))

    def _visit_layers(self, node: SlotTree, path: str, places: Places) -> None:
        children = {child.attribute: child for child in node.children}
        for name, place in places.items():
            child = children.get(name)
            if child is None:
                assert node.spec.model is not None
                self.owners.update({place: node.spec.model.layer(name)} if place else {})
                continue
            if _first(child) in self._found:
                continue
            if place in self._stored.folders:
                self._visit(child, place)
            elif not all(slot.is_aside for slot in child.all_slots()):
                self._missing[_first(child)] = place or f"{path}layers/{class_folder(child.spec)}/"

    def _where_expected(self) -> Iterator[tuple[SlotTree, str]]:
        """The layers that are nowhere, and what they hold."""
        waiting = list(self._missing.items())
        for node, path in waiting:
            yield node, path
            children = {child.attribute: child for child in node.children}
            places = self._stored.places(node, path)
            waiting.extend((_first(children[name]), places[name]) for name in places if name in children)

    def _places(self, node: SlotTree, path: str) -> Places:
        if node.spec.model is None or self._counts_saved:
            return self._stored.places(node, path)
        return self._not_saved_before(node, path)

    # ---------------------------------------------------------------- numbers of what was not saved before

    def _not_saved_before(self, node: SlotTree, path: str) -> Places:
        """Folders of the layers of those classes of which all or none stand in the model's folder."""
        nodes = {child.attribute: child for child in node.children}
        saved = set(self._found)
        by_class: dict[str, list[LayerSpec]] = {}
        for layer in counted_layers(node):
            child = nodes.get(layer.name)
            if child is None or _first(child) not in saved:
                by_class.setdefault(class_folder(layer), []).append(layer)
            if child is not None:
                saved.update(_all_within(child))
        places: dict[str, str | None] = {}
        for layers in by_class.values():
            names = [layer.name for layer in layers]
            present = self._stored.numbered(self._stored.container(path), layers[0], len(layers))
            if 0 < len(present) < len(layers):  # which is decided when all that is clear is known
                self._unclear.append((node, path, names, present))
            else:
                places |= dict.fromkeys(names) | dict(zip(names, present, strict=False))
        return places

    def _choice(self, names: Sequence[str], present: Sequence[str], model: SlotTree) -> Places:
        """Which layers of one class have these folders, so that the others stand elsewhere.

        Raises:
            WeightMismatch: Several choices are possible.
        """
        nodes = {child.attribute: child for child in model.children}
        ways = islice(combinations(names, len(present)), _MAX_CHOICES)
        choices = [dict.fromkeys(names) | dict(zip(chosen, present, strict=True)) for chosen in ways]
        known = [
            {nodes[name]: place for name, place in places.items() if name in nodes} for places in choices
        ]
        possible = [places for places in known if self._is_possible(places)]
        named = [
            places
            for places in possible
            if all(place or self._named(node) or not node.all_slots() for node, place in places.items())
        ]
        different = {tuple(places.items()) for places in named or possible}
        if len(different) > 1 or len(choices) == _MAX_CHOICES:
            raise WeightMismatch(
                f"{len(present)} of the layers {', '.join(map(repr, names))} have weights in their model's "
                f"folder and the others elsewhere, {_HOW_TO_TELL}"
            )
        return next(
            (
                places
                for places, nodes_of in zip(choices, known, strict=True)
                if tuple(nodes_of.items()) in different
            ),
            dict.fromkeys(names),
        )

    def _is_possible(self, places: Mapping[SlotTree, str | None]) -> bool:
        return all(
            self._stored.fits(node, place) if place else self._candidates(node)
            for node, place in places.items()
            if node.all_slots()
        )

    # ---------------------------------------------------------------- layers that stand elsewhere

    def _candidates(self, node: SlotTree) -> list[str]:
        """The folders that can be the layer's: nobody's, or that of a layer which can be the same."""
        named = self._named(node)
        if named:
            return named
        alike = [path for path, owner in self.owners.items() if self._may_be_same(node, owner)]
        return self._free(node) + [path for path in alike if self._stored.fits(node, path)]

    def _may_be_same(self, node: SlotTree, owner: SlotTree | LayerSpec) -> bool:
        """Whether a layer that has a folder can be this one; a config in an archive says which are shared."""
        spec = _spec(owner)
        if self._stored.weights.in_archive:
            told = isinstance(owner, LayerSpec) and (spec.shared, node.spec.shared) != (None, None)
            return told and is_same_layer(node.spec, spec)
        return is_same_layer(node.spec, spec)

    def _free(self, node: SlotTree) -> list[str]:
        return [
            path
            for path in self._stored.objects
            if path not in self.owners
            and path.rstrip("/").rpartition("/")[0] not in self._lists
            and self._stored.may_be(node, path)
        ]

    def _named(self, node: SlotTree) -> list[str]:
        """Those that are attributes with the layer's name, if that is not one that Keras gave it."""
        name = node.spec.name
        made_up = default_name(node.spec.saved_class or node.spec.class_name)
        if name == made_up or name.removeprefix(f"{made_up}_").isdigit():
            return []
        return [path for path in self._free(node) if path.removesuffix("/").rpartition("/")[2] == name]


def _ambiguous(node: SlotTree, paths: Sequence[str]) -> WeightMismatch:
    places = " or in ".join(path.removesuffix("/") for path in paths[:2])
    return WeightMismatch(f"layer {node.spec.name!r}: its weights may be those in {places}, {_HOW_TO_TELL}")


def _spec(owner: SlotTree | LayerSpec) -> LayerSpec:
    return owner if isinstance(owner, LayerSpec) else owner.spec


def _first(node: SlotTree) -> SlotTree:
    return node.first or node


def _all_within(node: SlotTree) -> Iterator[SlotTree]:
    yield _first(node)
    for child in node.children:
        yield from _all_within(child)
