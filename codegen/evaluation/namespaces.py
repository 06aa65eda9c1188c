"""The names of a module or of a class body of the source, evaluated when they are first asked for."""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from codegen.evaluation.meaning.values import Function, NotEvaluated, Unknown
from codegen.source.files import Sources
from codegen.source.modules import Computed, Definition, Imported, SourceModule, joined
from codegen.source.statements import value_routine


class Evaluates(Protocol):
    """What a namespace needs of the evaluator."""

    def call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """`function(*args, **kwargs)`."""

    def imported(self, name: str) -> Any:
        """A module of a known library."""

    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`."""

    def class_(self, node: ast.ClassDef, namespace: Namespace) -> Any:
        """A class of the source."""

    def module(self, namespace: Namespace) -> Any:
        """A module of the source."""

    def truth(self, value: Any) -> bool:
        """Whether `if value:` goes on."""

    def constants(self) -> Evaluates:
        """What evaluates what belongs to no call of a layer."""


class NotDefined(Exception):
    """A name that a module does not define."""


@dataclass(eq=False)
class Program:
    """All modules of the source, with what is known of their names.

    Attributes:
        sources: The files.
    """

    sources: Sources
    modules: dict[str, Namespace] = field(default_factory=dict)

    def namespace(self, module: SourceModule) -> Namespace:
        """The names of a module."""
        if module.name not in self.modules:
            self.modules[module.name] = Namespace(self, module)
        return self.modules[module.name]


@dataclass(eq=False)
class Namespace:
    """Names of a module, or of the body of a class.

    Attributes:
        outer: For a class body, the names of the module.
        owner: The class.
    """

    program: Program
    module: SourceModule
    outer: Namespace | None = None
    owner: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _tests: dict[ast.expr, bool] = field(default_factory=dict)

    @property
    def inner(self) -> Namespace | MethodNames:
        """Where the functions that are defined here look names up."""
        return self if self.outer is None else MethodNames(self.outer, self.owner)

    def find(self, world: Evaluates, name: str) -> Any:
        """What a name stands for.

        Raises:
            NotDefined: It is no name of the module.
        """
        if name in self.values:
            return self.values[name]
        definition = self._definition(world, name)
        if definition is None:
            if self.outer is not None:
                return self.outer.find(world, name)
            return self._in_stars(world, name)
        if name in self._asked:
            raise NotEvaluated(f"defines {name} by itself")
        self._asked.add(name)
        try:
            value = self._value(world, name, definition)
        finally:
            self._asked.discard(name)
        self.values[name] = value
        return value

    def _definition(self, world: Evaluates, name: str) -> Definition | None:
        """What the module says of a name, in the branches that are run."""
        choices = self.module.choices.get(name)
        if choices is None or name in self._asked:
            return self.module.definitions.get(name)
        kept = [
            definition
            for conditions, definition in choices
            if all(self._holds(world, condition.test) == condition.holds for condition in conditions)
        ]
        return joined(name, kept)

    def _holds(self, world: Evaluates, test: ast.expr | tuple[str, ...]) -> bool:
        """Whether a test holds, or what is imported is there; what nothing tells does."""
        if isinstance(test, tuple):
            return all(
                self.program.sources.module(name) is not None or not isinstance(world.imported(name), Unknown)
                for name in test
            )
        if test not in self._tests:
            self._tests[test] = True  # a test that asks for itself
            with suppress(NotEvaluated):
                self._tests[test] = world.truth(self.evaluated(world, test))
        return self._tests[test]

    def _value(self, world: Evaluates, name: str, definition: Definition) -> Any:
        if isinstance(definition, Imported):
            return self._imported(world, definition)
        if isinstance(definition, ast.ClassDef):
            made = world.class_(definition, self)
            for decorator in reversed(definition.decorator_list):
                made = world.call(self.evaluated(world, decorator), [made], {})
            return made
        if isinstance(definition, ast.FunctionDef):
            self.program.sources.note(self.module, name)
            return self._evaluated(world, name, [definition])
        assert isinstance(definition, Computed)
        return self._evaluated(world, name, definition.statements)

    def evaluated(self, world: Evaluates, node: ast.expr) -> Any:
        """What an expression yields."""
        return self._evaluated(world, _RESULT, [_returned(node)])

    def _evaluated(self, world: Evaluates, name: str, statements: Any) -> Any:
        routine = value_routine(name, statements, self.module.file)
        return world.constants().call(Function(routine, namespace=self), [], {})

    # ---------------------------------------------------------------- imports

    def bring(self, world: Evaluates, level: int, module: str, name: str) -> Any:
        """What an import statement in a function brings."""
        return self._imported(world, Imported(module, name, level))

    def _imported(self, world: Evaluates, imported: Imported) -> Any:
        sources = self.program.sources
        path = sources.resolve(imported, self.module)
        known = sources.module(path)
        if known is not None:
            if not imported.name:
                return world.module(self.program.namespace(known))
            part = sources.module(f"{path}.{imported.name}")
            if part is not None and sources.is_part(known, imported.name):
                return world.module(self.program.namespace(part))
            try:
                return self.program.namespace(known).find(world, imported.name)
            except NotDefined:
                if part is not None:
                    return world.module(self.program.namespace(part))
                return Unknown(f"{path}.{imported.name}")
        if imported.level or not path:
            return Unknown(imported.name or path)
        library = world.imported(path)
        if not imported.name:
            return library
        if isinstance(library, Unknown):
            return Unknown(f"{path}.{imported.name}")
        return world.attribute(library, imported.name)

    def _in_stars(self, world: Evaluates, name: str) -> Any:
        for star in self.module.stars:
            path = self.program.sources.resolve(star, self.module)
            known = self.program.sources.module(path)
            if known is not None:
                try:
                    return self.program.namespace(known).find(world, name)
                except NotDefined:
                    continue
        raise NotDefined(name)


@dataclass(frozen=True)
class MethodNames:
    """Where the methods of a class look names up: in its module; `owner` is the class."""

    outer: Namespace
    owner: Any

    @property
    def inner(self) -> MethodNames:
        """The same for the functions in a method."""
        return self

    def find(self, world: Evaluates, name: str) -> Any:
        """What a name stands for."""
        return self.outer.find(world, name)

    def bring(self, world: Evaluates, level: int, module: str, name: str) -> Any:
        """What an import statement in a method brings."""
        return self.outer.bring(world, level, module, name)


_RESULT = "result"


def _returned(node: ast.expr) -> ast.stmt:
    target = ast.Name(_RESULT, ast.Store(), lineno=node.lineno, col_offset=0)
    return ast.Assign([target], node, lineno=node.lineno, col_offset=0)
