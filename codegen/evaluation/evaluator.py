"""Evaluates one function of a model file for the tensors that its layer is called with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codegen.bytecode.routine import Routine
from codegen.evaluation import attributes, builtins, library, operators
from codegen.evaluation.budget import Budget
from codegen.evaluation.machine import call_function
from codegen.evaluation.paths import ROOTS, canonical
from codegen.evaluation.tools import Tools, Versions
from codegen.evaluation.values import (
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
from codegen.graph import Value
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
    evaluator = Evaluator(b, versions)
    try:
        return call_function(evaluator, Function(routine, tuple(defaults), {}, boxes), args, kwargs)
    except RecursionError as error:
        raise NotEvaluated("is nested too deep") from error


class Evaluator:
    """What instructions mean for constants, tensors, and names of libraries; the machine's `World`."""

    def __init__(self, b: Builder, versions: Versions) -> None:
        self.budget = Budget(b.graph)
        self._tools = Tools(b, self.budget, self.call, versions)

    def lookup(self, name: str) -> Any:
        """A module by the name that people import it under, a function of Python, or what is not known."""
        if name in builtins.CONSTANTS:
            return builtins.CONSTANTS[name]
        if name in ROOTS:
            return Library(ROOTS[name])
        return Builtin(name) if name in builtins.NAMES else Unknown(name)

    def imported(self, name: str) -> Library | Unknown:
        """A module of a known library."""
        path = canonical(name)
        root = path.partition(".")[0]
        known = {
            "tf_keras": "keras",
            "keras": "keras",
            "tensorflow": "tensorflow",
            "numpy": "numpy",
            "math": "math",
        }
        return Library(known[root] + path[len(root) :]) if root in known else Unknown(name)

    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`."""
        return attributes.attribute(self._tools, owner, name)

    def item(self, owner: Any, key: Any) -> Any:
        """`owner[key]`."""
        return operators.item(self._tools, owner, key)

    def store_item(self, owner: Any, key: Any, value: Any) -> None:
        """`owner[key] = value`."""
        operators.store_item(owner, key, value)

    def binary(self, operator: str, a: Any, b: Any, *, floors: bool, in_place: bool) -> Any:
        """`a + b` and the like."""
        return operators.binary(self._tools, operator, a, b, floors=floors, in_place=in_place)

    def unary(self, operator: str, a: Any) -> Any:
        """`-a` and the like."""
        return operators.unary(self._tools, operator, a)

    def compare(self, operator: str, a: Any, b: Any) -> Any:
        """`a < b` and the like."""
        return operators.compare(self._tools, operator, a, b)

    def truth(self, value: Any) -> bool:
        """Whether a condition holds."""
        return operators.truth(value)

    def items(self, value: Any) -> Sequence[Any]:
        """All that a loop sees."""
        return operators.items(self._tools, value)

    def text(self, value: Any, conversion: str) -> Any:
        """The value in a formatted text: only texts, as others are only for messages."""
        return value if isinstance(value, str) and not conversion else Unknown("a text")

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """`function(*args, **kwargs)`."""
        if isinstance(function, Function):
            return call_function(self, function, args, kwargs)
        if isinstance(function, Leave):
            return None
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
        if isinstance(value, Value) and value.node is not None and value.node.layer == self._tools.b.label:
            value.layer = name
