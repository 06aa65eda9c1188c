"""One Python file: what each of its names stands for, as far as its text tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

#: Statements of a module that may change what a name stands for and are no plain definition.
_CHANGES = (ast.AugAssign, ast.For, ast.While)


@dataclass(frozen=True)
class Imported:
    """A name that an import brings.

    Attributes:
        module: Dotted path of the module, relative ones without their dots.
        name: What of it; "" for the module itself.
        level: How many dots an import that is relative has.
    """

    module: str
    name: str = ""
    level: int = 0


@dataclass(frozen=True, eq=False)
class Computed:
    """A name that statements compute, in their order."""

    statements: tuple[ast.stmt, ...]


Definition = ast.FunctionDef | ast.ClassDef | Imported | Computed


@dataclass(frozen=True, eq=False)
class Condition:
    """What must hold for a branch of a module to be run.

    Attributes:
        test: The test of an `if`, or the modules that a `try` imports.
        holds: Whether it must hold, or must not.
    """

    test: ast.expr | tuple[str, ...]
    holds: bool


#: All of them must hold.
Conditions = tuple[Condition, ...]


@dataclass(eq=False)
class SourceModule:
    """A parsed file.

    Attributes:
        name: Its dotted name: "layers", "kecam.volo".
        file: Name of the file, for messages.
        tree: Its syntax.
        is_package: Whether it is the `__init__.py` of its folder.
    """

    name: str
    file: str
    tree: ast.Module
    is_package: bool = False
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """The package in which it is."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """What each name stands for in the end: the last definition wins."""
        found: dict[str, Definition] = {}
        for statement in _flattened(self.tree.body):
            _define(statement, found)
        return {**{name: kept[-1][1] for name, kept in self.choices.items()}, **found}

    @cached_property
    def choices(self) -> dict[str, list[tuple[Conditions, Definition]]]:
        """What a name stands for in which branch, where it depends on more than the first one of each."""
        branches = list(_branches(self.tree.body))
        found: dict[str, list[tuple[Conditions, Definition]]] = {}
        for conditions, statements in branches:
            names: dict[str, Definition] = {}
            for statement in statements:
                _define(statement, names)
            for name, definition in names.items():
                found.setdefault(name, []).append((conditions, definition))
        return {
            name: kept
            for name, kept in found.items()
            if any(not condition.holds for conditions, _ in kept for condition in conditions)
        }

    @cached_property
    def stars(self) -> tuple[Imported, ...]:
        """The modules of which everything is imported."""
        return tuple(
            Imported(statement.module or "", "", statement.level)
            for statement in _flattened(self.tree.body)
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        )


def joined(name: str, definitions: Sequence[Definition]) -> Definition | None:
    """What definitions that are run one after the other make of a name."""
    result: Definition | None = None
    for definition in definitions:
        if isinstance(definition, Computed) and result is not None and _goes_on(definition, name):
            before = result.statements if isinstance(result, Computed) else (result,)
            if all(isinstance(statement, ast.stmt) for statement in before):
                definition = Computed((*before, *definition.statements))
        result = definition
    return result


def _goes_on(computed: Computed, name: str) -> bool:
    """Whether statements begin with what the name stands for before."""
    first = computed.statements[0]
    sets = isinstance(first, (ast.Assign, ast.AnnAssign)) and first.value is not None
    return not sets or _reads(first, name, ast.Load)


def _define(statement: ast.stmt, found: dict[str, Definition]) -> None:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        found[statement.name] = statement
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            root = alias.name.partition(".")[0]
            found[alias.asname or root] = Imported(alias.name if alias.asname else root)
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            if alias.name != "*":
                found[alias.asname or alias.name] = Imported(
                    statement.module or "", alias.name, statement.level
                )
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            if isinstance(target, ast.Name) and statement.value is not None:
                if not _reads(statement.value, target.id):
                    found.pop(target.id, None)
                _change(statement, [target.id], found)
            else:
                _change(statement, _names(target), found)
    elif isinstance(statement, _CHANGES):
        _change(statement, _changed(statement), found)
    elif isinstance(statement, ast.Expr) and (name := _method_owner(statement.value)):
        _change(statement, [name], found)


def _change(statement: ast.stmt, names: Sequence[str], found: dict[str, Definition]) -> None:
    """A statement that changes what names stand for, or sets several."""
    for name in names:
        before = found.get(name)
        if isinstance(before, Computed):
            found[name] = Computed((*before.statements, statement))
        else:
            found[name] = Computed(
                (before, statement) if isinstance(before, ast.FunctionDef) else (statement,)
            )


def _flattened(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module; of `if` and `try` those that hold where nothing fails."""
    for conditions, branch in _branches(statements):
        if all(condition.holds for condition in conditions):
            yield from branch


def _branches(
    statements: Sequence[ast.stmt], conditions: Conditions = ()
) -> Iterator[tuple[Conditions, list[ast.stmt]]]:
    """The statements of a module in their order, with what must hold for them to be run."""
    plain: list[ast.stmt] = []
    for statement in statements:
        if not isinstance(statement, (ast.If, ast.Try, ast.With)):
            plain.append(statement)
            continue
        yield conditions, plain
        plain = []
        if isinstance(statement, ast.With):
            yield from _branches(statement.body, conditions)
        elif isinstance(statement, ast.Try):
            imports = tuple(_modules(statement.body))
            yield from _branches(statement.body, (*conditions, Condition(imports, holds=True)))
            for handler in statement.handlers:
                yield from _branches(handler.body, (*conditions, Condition(imports, holds=False)))
        elif _is_never(statement.test):
            yield from _branches(statement.orelse, conditions)
        else:
            yield from _branches(statement.body, (*conditions, Condition(statement.test, holds=True)))
            yield from _branches(statement.orelse, (*conditions, Condition(statement.test, holds=False)))
    yield conditions, plain


def _modules(statements: Sequence[ast.stmt]) -> Iterator[str]:
    """The modules of other packages that statements import."""
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module


def _is_never(test: ast.expr) -> bool:
    """`__name__ == "__main__"`, or what only type checkers see."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return "__name__" in names or any(name.endswith("_CHECKING") for name in names)


def _reads(value: ast.AST, name: str, context: type[ast.expr_context] = ast.expr_context) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, context)
        for node in ast.walk(value)
    )


def _names(target: ast.expr) -> list[str]:
    """The variables that an assignment to a target changes."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for item in target.elts for name in _names(item)]
    while isinstance(target, (ast.Attribute, ast.Subscript, ast.Starred)):
        target = target.value
    return [target.id] if isinstance(target, ast.Name) else []


def _changed(statement: ast.stmt) -> list[str]:
    """All variables that a statement, or one in it, may change."""
    names: dict[str, None] = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names[node.id] = None
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            names.update(dict.fromkeys(_names(node)))
        elif isinstance(node, ast.Expr) and (name := _method_owner(node.value)):
            names[name] = None
    return list(names)


def _method_owner(node: ast.expr) -> str:
    """`x` in `x.append(1)`; "" if it is no such call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        return owner.id if isinstance(owner, ast.Name) and node.func.attr in _CHANGING else ""
    return ""


_CHANGING = frozenset({"append", "extend", "insert", "pop", "reverse", "setdefault", "sort", "update"})
