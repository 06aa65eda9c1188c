"""A file as what may be specialised, its helpers, and what calls them; who calls what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from codegen.specialise.facts import Function, default, dotted, parameters

Definition = ast.FunctionDef | ast.ClassDef

#: Modules that call what is in them with one tensor.
_SEQUENCES = ("nn.Sequential",)


@dataclass
class Site:
    """One call of a helper.

    Attributes:
        call: The call; None for that of an `nn.Sequential`, which gives one tensor.
        parent: What the call stands in.
        function: The function around it.
        owner: The class around that; None for a function.
    """

    call: ast.Call | None
    parent: ast.AST | None = None
    function: Function | None = None
    owner: ast.ClassDef | None = None


@dataclass
class Callee:
    """A function, a constructor or a method of a helper, and all calls of it.

    Attributes:
        name: Its name, or the class's; with the method's behind a dot.
        function: Its definition.
        owner: The class that it is of.
        sites: Where it is called.
        is_open: Whether it may be called from elsewhere.
    """

    name: str
    function: Function
    owner: ast.ClassDef | None = None
    sites: list[Site] = field(default_factory=list)
    is_open: bool = False

    @property
    def is_constructor(self) -> bool:
        """Whether it makes a module."""
        return self.owner is not None and self.function.name == "__init__"


@dataclass
class Program:
    """The helpers and the classes of a file.

    Attributes:
        helpers: Functions and classes that may be changed, by name, in order.
        clients: Classes of the model, in which only calls of helpers change.
    """

    helpers: dict[str, Definition]
    clients: list[ast.ClassDef]

    def functions(self) -> Iterator[tuple[ast.ClassDef | None, Function]]:
        """All functions and methods with their classes."""
        for node in [*self.helpers.values(), *self.clients]:
            if isinstance(node, ast.FunctionDef):
                yield None, node
            else:
                yield from ((node, method) for method in methods(node).values())

    def callees(self) -> dict[str, Callee]:
        """All that is called in helpers, with their calls."""
        found: dict[str, Callee] = {}
        for name, node in self.helpers.items():
            if isinstance(node, ast.FunctionDef):
                found[name] = Callee(name, node)
            else:
                for method in methods(node).values():
                    key = name if method.name == "__init__" else f"{name}.{method.name}"
                    found[key] = Callee(key, method, node)
        for owner, function in self.functions():
            _Calls(self, found, owner, function).find()
        return found


def methods(node: ast.ClassDef) -> dict[str, Function]:
    """The methods of a class by name."""
    return {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}


def bases(node: ast.ClassDef) -> list[str]:
    """The names of its base classes."""
    return [dotted(base) for base in node.bases]


def bind(call: ast.Call, function: Function, *, is_method: bool) -> dict[str, ast.expr] | None:
    """The argument for each parameter, or its default; None where that is not known."""
    args = function.args
    if args.vararg or args.kwarg or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    positional = [*args.posonlyargs, *args.args][1 if is_method else 0 :]
    if any(word.arg is None for word in call.keywords) or len(call.args) > len(positional):
        return None
    given = {arg.arg: value for arg, value in zip(positional, call.args, strict=False)}
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    bound: dict[str, ast.expr] = {}
    for arg in parameters(function)[1 if is_method else 0 :]:
        value = given.get(arg.arg, default(function, arg.arg))
        if value is None:
            return None
        bound[arg.arg] = value
    return bound if given.keys() <= bound.keys() else None


class _Calls(ast.NodeVisitor):
    """Finds the calls of helpers in one function."""

    def __init__(
        self, program: Program, found: dict[str, Callee], owner: ast.ClassDef | None, function: Function
    ) -> None:
        self.program = program
        self.found = found
        self.owner = owner
        self.function = function
        self.held = _held(owner, program) if owner else {}
        self.parents: dict[ast.AST, ast.AST] = {}

    def find(self) -> None:
        """Add the calls to `found`."""
        for node in ast.walk(self.function):
            self.parents.update((child, node) for child in ast.iter_child_nodes(node))
        for node in ast.walk(self.function):
            if isinstance(node, ast.Name) and node.id in self.program.helpers:
                self._name(node)
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Load)
                and dotted(node.value) == "self"
            ):
                self._attribute(node)

    def _name(self, node: ast.Name) -> None:
        call = self.parents[node]
        is_call = isinstance(call, ast.Call) and call.func is node
        is_class = isinstance(self.program.helpers[node.id], ast.ClassDef)
        if isinstance(call, ast.Call) and is_call:
            self._add(node.id, call)
            if is_class:
                self._made(node.id, call)
        elif is_class:
            if not (isinstance(call, ast.Call) and dotted(call.func) == "isinstance"):
                self._open(node.id, constructor=True)
        elif node.id in self.found:
            self.found[node.id].is_open = True

    def _made(self, name: str, call: ast.Call) -> None:
        """See what becomes of an instance."""
        node: ast.AST = call
        while not isinstance(node, ast.stmt):
            parent = self.parents[node]
            if (
                isinstance(parent, ast.Call)
                and dotted(parent.func) in _SEQUENCES
                and f"{name}.forward" in self.found
            ):
                self.found[f"{name}.forward"].sites.append(Site(None))
            node = parent
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not (isinstance(target, ast.Attribute) and dotted(target.value) == "self"):
            self._open(name)

    def _attribute(self, node: ast.Attribute) -> None:
        parent = self.parents[node]
        above = self.parents.get(parent)
        is_called = isinstance(parent, ast.Call) and parent.func is node
        own = self.owner.name if self.owner else ""
        if f"{own}.{node.attr}" in self.found:
            if isinstance(parent, ast.Call) and is_called:
                self._add(f"{own}.{node.attr}", parent)
            else:
                self.found[f"{own}.{node.attr}"].is_open = True
        is_plain, names = self.held.get(node.attr, (False, set()))
        for name in names:
            if isinstance(parent, ast.Call) and is_called:
                if is_plain:
                    self._add(f"{name}.forward", parent)
            elif is_plain and isinstance(parent, ast.Attribute):
                if isinstance(above, ast.Call) and above.func is parent:
                    self._add(f"{name}.{parent.attr}", above)
                elif f"{name}.{parent.attr}" in self.found:
                    self.found[f"{name}.{parent.attr}"].is_open = True
            else:
                self._open(name)

    def _add(self, key: str, call: ast.Call) -> None:
        if key in self.found:
            site = Site(call, self.parents.get(call), self.function, self.owner)
            self.found[key].sites.append(site)

    def _open(self, name: str, *, constructor: bool = False) -> None:
        """Whatever has the class, or an instance of it, may call anything of it."""
        for key, callee in self.found.items():
            if key.startswith(f"{name}.") or (constructor and key == name):
                callee.is_open = True


def _held(owner: ast.ClassDef, program: Program) -> dict[str, tuple[bool, set[str]]]:
    """The helpers' classes in each attribute of a class, and whether one of them is the attribute itself."""
    held: dict[str, tuple[bool, set[str]]] = {}
    start = methods(owner).get("__init__")
    for node in ast.walk(start) if start else ():
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)):
            continue
        names = {
            call.func.id
            for call in ast.walk(node.value)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if isinstance(program.helpers.get(call.func.id), ast.ClassDef)
        }
        made = node.value.body if isinstance(node.value, ast.IfExp) else node.value
        is_plain = isinstance(made, ast.Call) and dotted(made.func) in names
        if names:
            held[node.targets[0].attr] = (is_plain, names)
    return held
