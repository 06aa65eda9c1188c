"""Attributes and methods of what the author's source defines; by tables, never by `getattr`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from codegen.evaluation.meaning.values import Builtin, Function, Library, NotEvaluated, StaticShape, Unknown
from codegen.evaluation.namespaces import MethodNames, Namespace
from codegen.evaluation.objects import (
    BaseMethod,
    BoundMethod,
    Class,
    Instance,
    Layer,
    ModuleValue,
    Super,
    WeightVariable,
    Wrapped,
)
from codegen.source.modules import SourceModule

#: Names with double underscores that mean here what they mean in Python.
ALLOWED = frozenset({"__init__", "__call__", "__class__", "__name__"})
#: What Keras has of which class.
_LAYER, _MODEL = "Layer", "Model"


class World(Protocol):
    """What is needed of the evaluator."""

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """`function(*args, **kwargs)`."""

    def lookup(self, name: str, namespace: Any) -> Any:
        """The value of a global name."""

    def base_attribute(self, instance: Instance, name: str) -> Any:
        """What an object has of Keras' class."""

    def layer_attribute(self, layer: Layer, name: str) -> Any:
        """What a layer of Keras has."""


def make_class(world: Any, node: ast.ClassDef, namespace: Namespace) -> Class:
    """The class that a statement defines."""
    body = SourceModule(node.name, namespace.module.file, ast.Module(node.body, []))
    names = Namespace(namespace.program, body, namespace)
    bases = tuple(_base(world, base, namespace) for base in node.bases)
    made = Class(node.name, node, names, tuple(base for base in bases if not isinstance(base, Builtin)))
    names.owner = made
    namespace.program.sources.note(namespace.module, node.name)
    return made


def _base(world: Any, node: ast.expr, namespace: Namespace) -> Any:
    value = world.evaluated(node, namespace)
    if isinstance(value, (Class, Library, Builtin, Unknown)):
        return value
    raise NotEvaluated(f"has a base class that is none ({ast.unparse(node)[:60]})")


def library_base(cls: Class) -> str:
    """The path of Keras' class that a class of the author's is of; "" if there is none.

    Raises:
        NotEvaluated: A base is not known.
    """
    for known in cls.order():
        for base in known.bases:
            if isinstance(base, Unknown):
                raise NotEvaluated(f"is made of {base.name}, which is not in the file")
            if isinstance(base, Library):
                return base.path
    return ""


def member(world: Any, cls: Class, name: str, *, behind: Class | None = None) -> Any:
    """What a class has under a name, or its bases; those alone that come `behind` one of them."""
    order = cls.order()
    if behind is not None:
        order = order[order.index(behind) + 1 :] if behind in order else []
    for known in order:
        if name in known.body.module.definitions:
            return known.body.find(world, name)
    return None


def attribute(world: Any, owner: Any, name: str) -> Any:
    """`owner.name` of an object, a class, a module or a layer."""
    if name.startswith("__") and name not in ALLOWED:
        raise NotEvaluated(f"reaches into Python itself ({name})")
    if isinstance(owner, ModuleValue):
        return world.lookup(name, owner.namespace)
    if isinstance(owner, Instance):
        return _of_instance(world, owner, name)
    if isinstance(owner, Class):
        return _of_class(world, owner, name)
    if isinstance(owner, Super):
        return _of_super(world, owner, name)
    if isinstance(owner, WeightVariable):
        return _of_weight(owner, name, is_making=world.is_making)
    assert isinstance(owner, Layer)
    return world.layer_attribute(owner, name)


def _of_instance(world: Any, owner: Instance, name: str) -> Any:
    if name in owner.attributes:
        return owner.attributes[name]
    if name == "__class__":
        return owner.cls
    found = member(world, owner.cls, name)
    return world.base_attribute(owner, name) if found is None else _bound(world, owner, found)


def _bound(world: Any, owner: Any, found: Any) -> Any:
    if isinstance(found, Function):
        return BoundMethod(owner, found)
    if isinstance(found, Wrapped):
        if found.kind == "property":
            return world.call(found.function, [owner], {})
        if found.kind == "classmethod":
            cls = owner if isinstance(owner, Class) else owner.cls
            return BoundMethod(cls, found.function)
        return found.function
    return found


def _of_class(world: Any, owner: Class, name: str) -> Any:
    if name == "__name__":
        return owner.name
    found = member(world, owner, name)
    if found is None:
        if name == "from_config":
            return Wrapped("from_config", owner)
        if library_base(owner):
            return Library(f"{library_base(owner)}.{name}")
        raise NotEvaluated(f"reads the attribute {name!r} of {owner.name}, which has none")
    return found if isinstance(found, Function) else _bound(world, owner, found)


def _of_super(world: Any, owner: Super, name: str) -> Any:
    self = owner.owner
    cls = self if isinstance(self, Class) else self.cls
    found = member(world, cls, name, behind=owner.cls)
    if found is not None:
        return _bound(world, self, found)
    if isinstance(self, Class):
        if name == "from_config":
            return Wrapped("from_config", self)
        raise NotEvaluated(f"calls super().{name} of a class")
    return BaseMethod(self, name)


def _of_weight(owner: WeightVariable, name: str, *, is_making: bool) -> Any:
    facts: dict[str, Any] = {
        "shape": StaticShape(owner.shape),
        "dtype": owner.dtype,
        "name": owner.name,
        "ndim": len(owner.shape),
        "trainable": owner.trainable,
        "value": owner,
    }
    if name in facts:
        return facts[name]
    if name == "assign" and is_making:
        return Builtin("print")  # where it starts does not matter: its numbers are in the file
    if name.startswith("assign"):
        raise NotEvaluated(f"changes its weight {owner.name!r} when it is called ({name})")
    raise NotEvaluated(f"reads the attribute {name!r} of a weight")


def super_of(namespace: Any, owner: Any) -> Super:
    """`super()` in a method."""
    if not isinstance(namespace, MethodNames) or not isinstance(owner, (Instance, Class)):
        raise NotEvaluated("calls super() outside a method")
    return Super(namespace.owner, owner)
