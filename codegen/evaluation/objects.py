"""What the author's source defines and makes: classes and their instances, layers, weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from codegen.evaluation.meaning.values import Function, Library
from codegen.evaluation.namespaces import Namespace
from codegen.lowering.builder import Builder
from codegen.model.spec import LayerSpec

#: Counts what is made and assigned, which is the order in which Keras tracks it.
_CLOCK = count()


@dataclass(eq=False)
class Class:
    """A class of the source.

    Attributes:
        body: What its names stand for.
        bases: Its base classes: `Class`, or `Library` where it is not of the source.
    """

    name: str
    node: ast.ClassDef
    body: Namespace
    bases: tuple[Any, ...] = ()

    def order(self) -> list[Class]:
        """Itself and its bases of the source, in the order in which Python looks attributes up."""
        lists = [base.order() for base in self.bases if isinstance(base, Class)]
        merged: list[Class] = [self]
        while any(lists):
            lists = [items for items in lists if items]
            head = next(
                (items[0] for items in lists if not any(items[0] in other[1:] for other in lists)),
                lists[0][0],
            )
            merged.append(head)
            lists = [[item for item in items if item is not head] for items in lists]
        return merged

    def libraries(self) -> Iterator[Library]:
        """Its bases that are not of the source."""
        for known in self.order():
            yield from (base for base in known.bases if isinstance(base, Library))


@dataclass(eq=False)
class Instance:
    """An object of such a class.

    Attributes:
        layer: What it is in Keras, if it is a layer.
    """

    cls: Class
    attributes: dict[str, Any] = field(default_factory=dict)
    layer: Layer | None = None


@dataclass(frozen=True, eq=False)
class BoundMethod:
    """A function of a class, with the object or class that it is called for."""

    owner: Any
    function: Function


@dataclass(frozen=True, eq=False)
class BaseMethod:
    """A method that the author's class inherits from Keras."""

    owner: Instance
    name: str


@dataclass(frozen=True, eq=False)
class LayerMethod:
    """A method of a layer of Keras."""

    layer: Layer
    name: str


@dataclass(frozen=True, eq=False)
class Super:
    """`super()`: an object as its base classes behind `cls` see it."""

    cls: Class
    owner: Any


@dataclass(frozen=True, eq=False)
class Wrapped:
    """A function in a class behind `@property`, `@staticmethod` or `@classmethod`."""

    kind: str
    function: Any


@dataclass(frozen=True, eq=False)
class ModuleValue:
    """A module of the source."""

    namespace: Namespace


@dataclass(frozen=True)
class Transparent:
    """A decorator that changes nothing here."""


@dataclass(eq=False)
class WeightVariable:
    """A weight that the author's code makes.

    Attributes:
        name: Keras' name of it.
        label: The attribute that holds it.
        weight: Its recipe, once its layer's place is known.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    initializer: Any = None
    label: str = ""
    weight: Any = None


@dataclass(eq=False)
class Layer:
    """A layer: of Keras, or one of the author's (`instance`).

    Attributes:
        name: Given, or made up.
        class_name: Of the class.
        options: Arguments of its constructor by name, for a layer of Keras.
        weights: What it makes itself.
        parent: The layer that holds it.
        attribute: Under which it does.
        calls: What its calls became.
        parts: The layers that it holds, in the order in which Keras tracks them.
        builder: Of its lowering, once its place is known.
    """

    name: str
    class_name: str
    options: dict[str, Any] = field(default_factory=dict)
    instance: Instance | None = None
    weights: list[WeightVariable] = field(default_factory=list)
    trainable: bool = True
    dtype: Any = None
    supports_masking: bool | None = None
    built: bool = False
    parent: Layer | None = None
    attribute: str = ""
    builder: Builder | None = None
    spec: LayerSpec | None = None
    made: int = field(default_factory=lambda: next(_CLOCK))
    times: dict[str, int] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)
    parts: list[Layer] = field(default_factory=list)

    def note(self, attribute: str) -> None:
        """Remember when an attribute was assigned first."""
        self.times.setdefault(attribute, next(_CLOCK))


def layer_of(value: Any) -> Layer | None:
    """The layer that a value is."""
    return value.layer if isinstance(value, Instance) else value if isinstance(value, Layer) else None


def held(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Layer]]:
    """The layers in attributes, lists, tuples and dicts of an object, with the paths that lead to them."""
    for name, value in attributes.items():
        yield from _held(name, value, 0)


def _held(path: str, value: Any, depth: int) -> Iterator[tuple[str, Layer]]:
    layer = layer_of(value)
    if layer is not None:
        yield path, layer
        return
    items = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(items, (list, tuple)) or depth > 8:
        return
    containers = 0
    for index, item in enumerate(items):
        if isinstance(item, (list, tuple, dict)):
            number = f"_{containers}" if containers else ""
            yield from _held(f"{path}/container{number}", item, depth + 1)
            containers += 1
        else:
            yield from _held(f"{path}/{index}", item, depth + 1)
