"""Evaluates one function of a model file for the tensors that its layer is called with."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from codegen.bytecode.routine import Routine
from codegen.evaluation import base, classes, layers, libraries, parts
from codegen.evaluation.author import Author
from codegen.evaluation.base import SOURCE_NAMES, weight_value
from codegen.evaluation.machine import call_function
from codegen.evaluation.meaning import attributes, builtins, library, operators
from codegen.evaluation.meaning.backend_tensors import BACKEND
from codegen.evaluation.meaning.budget import Budget
from codegen.evaluation.meaning.paths import ROOTS, canonical
from codegen.evaluation.meaning.tools import Tools, Versions
from codegen.evaluation.meaning.values import (
    Box,
    Builtin,
    Function,
    LayerObject,
    Leave,
    Library,
    Method,
    NotEvaluated,
    Unknown,
)
from codegen.evaluation.namespaces import Namespace, NotDefined
from codegen.evaluation.objects import (
    BaseMethod,
    BoundMethod,
    Class,
    Instance,
    Layer,
    LayerMethod,
    ModuleValue,
    Super,
    Transparent,
    WeightVariable,
    Wrapped,
)
from codegen.graph import Host, Value
from codegen.lowering.builder import Builder


def evaluate(
    b: Builder,
    versions: Versions,
    routine: Routine,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    defaults: Sequence[Any] = (),
    closure: Sequence[Any] = (),
) -> Any:
    """What a function makes of these arguments, appended to the graph of the layer that holds it.

    Args:
        b: The layer's builder.
        versions: What the versions that saved it do otherwise.
        routine: The function.
        args: Its positional arguments: tensors, lists of them, constants.
        kwargs: Its keyword arguments.
        defaults: Defaults of its last parameters.
        closure: Values of its free variables.

    Raises:
        NotEvaluated: It does what has no place in a graph, or is not known here.
    """
    if len(closure) != len(routine.free):
        raise NotEvaluated("reads variables that are not in the file")
    boxes = [Box(value, is_set=True) for value in closure]
    function = Function(routine, tuple(defaults), {}, boxes)
    try:
        return Evaluator(b, versions).call(function, args, kwargs)
    except RecursionError as error:
        raise NotEvaluated("is nested too deep") from error


class Evaluator:
    """What instructions mean for constants, tensors, and names of libraries; the machine's `World`.

    Args:
        b: The builder of the layer, whose graph is computed in.
        versions: What the versions that saved the file do otherwise.
        author: What is shared where the source is given.
        layer: The layer of the author's that is made or called.
        budget: What is left, where this is a part of something larger.

    Attributes:
        nameless: Arguments that local variables may give better names.
    """

    def __init__(
        self,
        b: Builder,
        versions: Versions,
        author: Author | None = None,
        layer: Layer | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.builder, self.author, self.layer = b, author, layer
        self.budget = budget.of(b.graph) if budget is not None else Budget(b.graph)
        self.nameless: set[Value] = set()
        self._tools = Tools(b, self.budget, self.call, versions, author is not None)
        self._copies: dict[Value, Value] = {}
        self._weights: dict[WeightVariable, Value] = {}

    # ---------------------------------------------------------------- names

    def lookup(self, name: str, namespace: Any = None) -> Any:
        """A name of the module, or a function of Python.

        Where only the bytecode is known, a module by the name that people import it under.
        """
        if namespace is not None:
            try:
                return namespace.find(self, name)
            except NotDefined:
                pass
        if name in builtins.CONSTANTS:
            return builtins.CONSTANTS[name]
        if name in ROOTS and namespace is None:
            return Library(ROOTS[name])
        known = name in builtins.NAMES or (namespace is not None and name in SOURCE_NAMES)
        return Builtin(name) if known else Unknown(name)

    def bring(self, arg: tuple[int, str, str], namespace: Any) -> Any:
        """What an import in source brings."""
        return namespace.bring(self, *arg)

    def super(self, namespace: Any, owner: Any) -> Super:
        """`super()`."""
        return classes.super_of(namespace, owner)

    def class_(self, node: ast.ClassDef, namespace: Namespace) -> Class:
        """A class of the source."""
        return classes.make_class(self, node, namespace)

    def module(self, namespace: Namespace) -> ModuleValue:
        """A module of the source."""
        return ModuleValue(namespace)

    def evaluated(self, node: ast.expr, namespace: Namespace) -> Any:
        """What an expression of a module or a class body yields."""
        return namespace.evaluated(self, node)

    # ---------------------------------------------------------------- other evaluators

    @property
    def is_making(self) -> bool:
        """Whether a layer is made or built, not called."""
        return self.author is not None and self.builder.graph is self.author.constants

    def constants(self, layer: Layer | None = None) -> Evaluator:
        """What is computed before a layer is called."""
        if self.author is None or self.builder.graph is self.author.constants:
            return self
        return self._with(self.author.builder(self.builder), layer)

    def inside(self, b: Builder, layer: Layer) -> Evaluator:
        """What a layer computes, in the graph of `b`."""
        return self._with(b, layer)

    def _with(self, b: Builder, layer: Layer | None) -> Evaluator:
        return Evaluator(b, self._tools.versions, self.author, layer, self.budget)

    # ---------------------------------------------------------------- values

    def ready(self, value: Any) -> Any:
        """A value as operations take it: weights, and what was computed before, as tensors of this graph."""
        if self.author is None:
            return value
        if isinstance(value, WeightVariable):
            return self._weight(value)
        if isinstance(value, Value):
            if self.builder.graph is not self.author.constants and self.author.is_constant(value):
                return self.author.copied(value, self.builder.graph, self._copies)
            return value
        if isinstance(value, (list, tuple)) and any(
            isinstance(item, (WeightVariable, Value, list, tuple)) for item in value
        ):
            made = [self.ready(item) for item in value]
            same = all(new is old for new, old in zip(made, value, strict=True))
            return value if same else made if isinstance(value, list) else type(value)(made)
        return value

    def _weight(self, variable: WeightVariable) -> Value:
        if variable.weight is None:
            layer = self.layer
            if self.author is not None and layer is not None and layer.builder is not None:
                layers.adopt(self.author, layer)
                layers.declare(layer)
            if variable.weight is None:
                raise NotEvaluated(f"computes with the weight {variable.name!r} before it is one of a layer")
        if variable not in self._weights:
            self._weights[variable] = weight_value(self.builder, variable)
        return self._weights[variable]

    def output(self, value: Any) -> Value:
        """A result of a layer as a tensor."""
        value = self.ready(value)
        if isinstance(value, Host):
            return self.builder.from_host(value)
        if value is None or isinstance(value, (str, Unknown, Instance, Layer)):
            raise NotEvaluated("yields something else than tensors")
        return self._tools.tensor(value)

    def has(self, owner: Library, name: str) -> bool:
        """Whether a module of a library has something of this name, as far as is known here."""
        root, _, rest = owner[name].path.partition(".")
        if root == "keras" and rest.startswith("backend."):
            return rest.removeprefix("backend.") in BACKEND
        if root == "tensorflow":
            return self._tools.knows(rest)
        if owner.path == "keras.config":
            return True
        raise NotEvaluated(f"asks whether {owner.path} has {name}")

    def base_attribute(self, instance: Instance, name: str) -> Any:
        """What an object has of Keras' class."""
        return base.attribute(instance, name)

    def layer_attribute(self, layer: Layer, name: str) -> Any:
        """What a layer of Keras has."""
        return base.layer_attribute(layer, name)

    def base_call(self, instance: Instance, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """`call` of Keras' own class."""
        return base.call(self, instance, args, kwargs)

    def imported(self, name: str) -> Library | Unknown:
        """A module of a known library."""
        path = canonical(name)
        root = path.partition(".")[0]
        if root not in _IMPORTED:
            return Unknown(name)
        return Library(ROOTS.get(root, root) + path[len(root) :])

    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`."""
        if isinstance(owner, OBJECTS):
            return classes.attribute(self, owner, name)
        if self.author is not None and isinstance(owner, Library):
            found = parts.attribute(owner, name, self.author.generation)
            if found is not None:
                return found
        return attributes.attribute(self._tools, owner, name)

    def store_attribute(self, owner: Any, name: str, value: Any) -> None:
        """`owner.name = value`."""
        base.store_attribute(owner, name, value)

    def item(self, owner: Any, key: Any) -> Any:
        """`owner[key]`."""
        if isinstance(owner, Layer):
            return layers.members(owner)[key]
        return operators.item(self._tools, self.ready(owner), self.ready(key))

    def store_item(self, owner: Any, key: Any, value: Any) -> None:
        """`owner[key] = value`."""
        operators.store_item(owner, key, value)

    def binary(self, operator: str, a: Any, b: Any, *, floors: bool, in_place: bool) -> Any:
        """`a + b` and the like."""
        if not isinstance(a, list):
            a = self.ready(a)
        return operators.binary(self._tools, operator, a, self.ready(b), floors=floors, in_place=in_place)

    def unary(self, operator: str, a: Any) -> Any:
        """`-a` and the like."""
        return operators.unary(self._tools, operator, self.ready(a))

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        """`a < b` and the like."""
        if operator in ("is", "is not", "in", "not in"):
            return operators.compare(self._tools, operator, a, b)
        return operators.compare(self._tools, operator, self.ready(a), self.ready(b))

    def truth(self, value: Any) -> bool:
        """Whether a condition holds."""
        return operators.truth(value)

    def items(self, value: Any) -> Sequence[Any]:
        """All that a loop sees."""
        if isinstance(value, WeightVariable):
            value = self.ready(value)
        return operators.items(self._tools, value)

    def text(self, value: Any, conversion: str) -> Any:
        """The value in a formatted text: only texts, as others are only for messages."""
        if not conversion and isinstance(value, (str, int)):
            return str(value)
        return Unknown("a text")

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """`function(*args, **kwargs)`."""
        if isinstance(function, Function):
            return call_function(self, function, args, kwargs)
        if isinstance(function, BoundMethod):
            result = call_function(self, function.function, [function.owner, *args], kwargs)
            if function.function.routine.name == "build" and isinstance(function.owner, Instance):
                base.note_built(function.owner)
            return result
        if isinstance(function, (Class, Instance, Layer, LayerMethod, BaseMethod, Wrapped)):
            return base.call_object(self, function, args, kwargs)
        if isinstance(function, Transparent):
            return args[0]
        if isinstance(function, layers.Initializer):
            return layers.initial(function, args, kwargs)
        if isinstance(function, Leave):
            return None
        if self.author is not None and isinstance(function, Builtin) and function.name in SOURCE_NAMES:
            return base.call_builtin(self, function.name, args)
        if self.author is not None:
            changes = isinstance(function, Method) and isinstance(function.owner, (list, dict))
            if not changes:
                args = [self.ready(arg) for arg in args]
                kwargs = {name: self.ready(value) for name, value in kwargs.items()}
            if isinstance(function, Library):
                found = parts.call(self, function, args, kwargs)
                if found is not parts.NOT_HERE:
                    return found
        if isinstance(function, Builtin):
            return builtins.call(self._tools, function.name, args, kwargs)
        if isinstance(function, Library):
            return library.call(self._tools, function, args, kwargs)
        if isinstance(function, Method):
            return attributes.call_method(self._tools, function, args, kwargs)
        if isinstance(function, LayerObject):
            return library.call_layer_object(self._tools, function, args)
        if isinstance(function, str):  # all that a file keeps of a function that another one wraps
            return library.call_by_name(self._tools, function, args, kwargs)
        if isinstance(function, Unknown):
            raise NotEvaluated(f"calls {function.name}, which is not in the file")
        raise NotEvaluated("calls what is no function")

    def named(self, value: Any, name: str) -> None:
        """A tensor that a local variable of the function holds is called like it."""
        if not isinstance(value, Value):
            return
        if value in self.nameless:
            self.nameless.discard(value)
            value.layer = name
        elif value.node is not None and value.node.layer == self._tools.b.label:
            value.layer = name


#: The packages that source may import.
_IMPORTED = frozenset({"keras", "math", "numpy", "tensorflow", "tf_keras"}) | libraries.ROOTS

#: What the source defines, beside functions.
OBJECTS = (Class, Instance, Layer, ModuleValue, Super, WeightVariable)
