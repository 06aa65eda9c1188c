"""Where each layer of the Keras model stands in the generated file: its modules, and its lines."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from codegen.emit.modules import Names
from codegen.graph import Graph, Module, Node, with_children
from codegen.model.place import Place
from codegen.model.spec import LayerCall

#: First and last line.
Lines = tuple[int, int]

#: The nodes that each statement of a class's `forward` computes.
Steps = Mapping[Graph, Sequence[tuple[Node, ...]]]


@dataclass
class Location:
    """What became of a layer, or of one call of it.

    Attributes:
        names: The torch modules, parameters and buffers that stand for it: "conv2.0.conv_1".
        places: Its lines, outermost first.
    """

    names: dict[str, None] = field(default_factory=dict)
    places: dict[Place, None] = field(default_factory=dict)


@dataclass
class Located:
    """What became of the layers of a model.

    Attributes:
        calls: Of each call of each layer that left a trace in the file.
        modules: The modules that hold others, each after what holds it: name to class.
    """

    calls: dict[LayerCall, Location] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)


def locate(root: Graph, names: Names, steps: Steps, source: str, calls: Collection[LayerCall]) -> Located:
    """What became of each call of each layer that left a trace in the file.

    A layer's modules are listed under its call 0; a layer that is a part of another one counts as that.

    Args:
        root: The model after the last pass.
        names: From `name_everything`.
        steps: Of the emitted file.
        source: The file's text; a class that it has not (a template of the user's own) has no lines.
        calls: All calls of layers.
    """
    return _Locator(names, steps, source, frozenset(call.path for call in calls)).locate(root)


class _Class:
    """The lines of one class."""

    def __init__(self, tree: ast.ClassDef | None) -> None:
        methods = {m.name: m for m in tree.body if isinstance(m, ast.FunctionDef)} if tree else {}
        forward, init = methods.get("forward"), methods.get("__init__")
        self.arguments = [_lines(argument) for argument in forward.args.args[1:]] if forward else []
        has_docstring = forward is not None and ast.get_docstring(forward) is not None
        self.statements = [_lines(statement) for statement in (forward.body if forward else [])][
            has_docstring:
        ]
        self.attributes: dict[str, list[ast.stmt]] = {}
        for statement in init.body if init else []:
            self.attributes.setdefault(_attribute(statement), []).append(statement)

    def made(self, attribute: str) -> Iterator[Lines]:
        """The lines that make an attribute."""
        return map(_lines, self.attributes.get(attribute, ()))

    def child(self, attribute: str, index: int) -> Iterator[Lines]:
        """The lines that make one module of a sequence, or all of it if they do not tell."""
        for statement in self.attributes.get(attribute, ()):
            elements = _elements(statement)
            yield elements[index] if index < len(elements) else _lines(statement)


class _Locator:
    def __init__(self, names: Names, steps: Steps, source: str, layers: Set[tuple[str, ...]]) -> None:
        trees = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
        self.names, self.steps, self.layers = names, steps, layers
        self.classes = {graph: _Class(trees.get(name)) for graph, name in names.classes.items()}
        self.located = Located()

    def locate(self, root: Graph) -> Located:
        self._visit(root, "", (), {}, {})
        return self.located

    def _visit(
        self,
        graph: Graph,
        path: str,
        owner: tuple[str, ...] | None,
        members: Mapping[Module, Module],
        real: Mapping[Node, Node],
    ) -> None:
        """One instance of a class.

        Args:
            graph: The class.
            path: The instance's name.
            owner: The Keras model that it is; None for a block.
            members: The modules that the class's own stand for, as in `emit.modules`.
            real: The nodes that the class's own stand for.
        """
        text = self.classes[graph]
        if owner is not None:
            for value, lines in zip(graph.inputs, text.arguments, strict=False):
                self._add(LayerCall((*owner, value.layer)), Place(path, "forward", *lines))
        for nodes, lines in zip(self.steps[graph], text.statements, strict=False):
            for node in nodes:
                is_class = any(_holds_class(module) for module in node.modules())
                for call in _calls(node, real):
                    own = not is_class or call == node.call
                    self._add(call, Place(path, "forward", *lines, own=own))
        for proto, name in self.names.attributes[graph].items():
            module = members.get(proto, proto)
            for lines in text.made(name):
                for call in self._made(module, members):
                    self._add(call, Place(path, "__init__", *lines, own=_is_own(module, call)))
            self._enter(module, _joined(path, name), (graph, name), members, real)

    def _enter(
        self,
        module: Module,
        path: str,
        attribute: tuple[Graph, str],
        members: Mapping[Module, Module],
        real: Mapping[Node, Node],
    ) -> None:
        """What is below one module."""
        layer = self._layer(module)
        if layer and module.constructor != "attribute":
            self.located.calls.setdefault(LayerCall(layer), Location()).names[path] = None
        if _holds_class(module):
            self.located.modules[path] = self.names.classes[module.graph] if module.graph else "nn.Sequential"
        graph, name = attribute
        for index, child in enumerate(module.children):
            inner = members.get(child, child)
            for lines in self.classes[graph].child(name, index):
                for call in self._made(inner, members):
                    place = Place(path.rpartition(".")[0], "__init__", *lines, own=_is_own(inner, call))
                    self._add(call, place)
            self._enter(inner, f"{path}.{index}", attribute, members, real)
        if module.graph is not None:
            inside = {proto: members.get(one, one) for proto, one in module.members.items()}
            steps = {proto: real.get(node, node) for proto, node in module.steps.items()}
            owner = module.owner or None
            self._visit(module.graph, path, owner, {**members, **inside}, {**real, **steps})

    def _made(self, module: Module, members: Mapping[Module, Module]) -> Iterator[LayerCall]:
        """The layers that a module is made for."""
        if layer := self._layer(module):
            yield LayerCall(layer)
        if module.graph is not None and not module.owner:
            inside = {**members, **{p: members.get(one, one) for p, one in module.members.items()}}
            for inner in with_children(module.graph.modules()):
                yield from self._made(inside.get(inner, inner), inside)

    def _layer(self, module: Module) -> tuple[str, ...]:
        """The layer that a module is made for, or for a part of it; () for a block."""
        lengths = range(len(module.owner), 0, -1)
        return next((module.owner[:n] for n in lengths if module.owner[:n] in self.layers), ())

    def _add(self, call: LayerCall, place: Place) -> None:
        self.located.calls.setdefault(call, Location()).places[place] = None


def _calls(node: Node, real: Mapping[Node, Node]) -> Iterator[LayerCall]:
    """The layer calls that a node is a step of, with those of the nodes that it replaces."""
    stack, seen = [node], {node}
    while stack:
        node = stack.pop()
        if node.call is not None:
            yield node.call
        more = [*node.replaces, *([real[node]] if node in real else [])]
        stack.extend(other for other in more if other not in seen)
        seen.update(more)


def _is_own(module: Module, call: LayerCall) -> bool:
    """Whether a module is made for the call's layer itself, and not for what holds it."""
    return module.graph is None or module.owner == call.path


def _holds_class(module: Module) -> bool:
    """Whether a class of the file is called."""
    return any(part.graph is not None for part in with_children([module]))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# -------------------------------------------------------------------- lines


def _lines(node: ast.stmt | ast.expr | ast.arg) -> Lines:
    return node.lineno, node.end_lineno or node.lineno


def _attribute(statement: ast.stmt) -> str:
    """The attribute of `self` that a statement makes or sets up; "" if none."""
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        return target.attr if isinstance(target, ast.Attribute) else ""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return ""
    call = statement.value
    if isinstance(call.func, ast.Attribute) and call.func.attr == "register_buffer":
        return str(ast.literal_eval(call.args[0]))
    names = [part.attr for part in ast.walk(call.func) if isinstance(part, ast.Attribute)]
    return names[-1] if names[0] == "requires_grad_" else ""  # self.NAME.weight.requires_grad_


def _elements(statement: ast.stmt) -> list[Lines]:
    """The lines of each module of a sequence that a statement makes; of equal ones those of the loop."""
    made = statement.value if isinstance(statement, ast.Assign) else None
    made = made.body if isinstance(made, ast.IfExp) else made
    found: list[Lines] = []
    for argument in made.args if isinstance(made, ast.Call) else []:
        found += [_lines(argument)] * _count(argument)
    return found


def _count(argument: ast.expr) -> int:
    """How many modules an argument is: more than one in `*(Block() for _ in range(3))`."""
    if not isinstance(argument, ast.Starred) or not isinstance(argument.value, ast.GeneratorExp):
        return 1
    sizes = [
        part.value for part in ast.walk(argument.value.generators[0].iter) if isinstance(part, ast.Constant)
    ]
    return sizes[0] if sizes and isinstance(sizes[0], int) else 1
