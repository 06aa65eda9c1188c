"""What the evaluation of the author's layers shares: the source, how configs are read, constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from codegen.errors import CONFIG_FAULTS, UnsupportedLayer
from codegen.evaluation.meaning.budget import MODEL, Budget
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.meaning.values import NotEvaluated
from codegen.evaluation.namespaces import Program
from codegen.graph import Graph, Node, Value
from codegen.lowering.builder import Builder
from codegen.model.nested import instances
from codegen.model.python_code import SourceObject
from codegen.model.spec import LayerSpec
from codegen.model.variables import VariableTree

#: Makes a layer's spec of its serialised form and its name.
ReadLayer = Callable[[Mapping[str, Any], str], LayerSpec]


@dataclass(eq=False)
class Author:
    """The author of a model.

    Attributes:
        program: The source.
        read: Reads the config of a layer as the file's version of Keras means it.
        generation: Of the Keras that saved the file: 1, 2 or 3.
        constants: The graph of what is computed before a layer is called.
        made: The objects of the layers of the file, by their owner.
        budget: How much all that may still take.
    """

    program: Program
    read: ReadLayer
    generation: int
    versions: Versions = field(default_factory=Versions)
    constants: Graph = field(default_factory=lambda: Graph("constants", [Value((None,))]))
    made: dict[tuple[str, ...], Any] = field(default_factory=dict)
    budget: Budget | None = None
    _nodes: dict[Node, None] = field(default_factory=dict)

    def function(self, world: Any, name: str) -> Any:
        """The function of this name in the source; None if there is none."""
        found = self.program.sources.defining(name)
        return None if found is None else self.program.namespace(found[0]).find(world, found[1])

    def builder(self, b: Builder) -> Builder:
        """A builder of constants."""
        tree = VariableTree("", b.spec)
        return Builder(b.spec, self.constants, "", tree, b.session, (*b.owner, "constants"), b.lower)

    def is_constant(self, value: Value) -> bool:
        """Whether a value was computed before any layer was called."""
        nodes = self.constants.nodes
        if len(self._nodes) != len(nodes):
            self._nodes = dict.fromkeys(nodes)
        return value.node in self._nodes

    def copied(self, value: Value, graph: Graph, known: dict[Value, Value]) -> Value:
        """The same constant in another graph."""
        if value in known:
            return known[value]
        known.update(zip(self.constants.inputs, graph.inputs, strict=False))  # which tell the device
        node = value.node
        assert node is not None
        for part in instances(list(node.operands.values()), Value):
            self.copied(part, graph, known)
        made = Node(node.template, _replaced(node.operands, known), None, "", node.op)
        copies = {old: _copy(old, made) for old in node.results()}
        made.targets = _replaced(node.targets, copies)
        known.update(copies)
        graph.nodes.append(made)
        return known[value]


def _copy(value: Value, node: Node) -> Value:
    kind = type(value)
    return kind(
        value.shape, value.dtype, value.layer, value.perm, value.flat, node=node,
        non_negative=value.non_negative,
    )  # fmt: skip


def _replaced(argument: Any, values: Mapping[Value, Value]) -> Any:
    if isinstance(argument, Value):
        return values.get(argument, argument)
    if isinstance(argument, (tuple, list)):
        return type(argument)(_replaced(part, values) for part in argument)
    if isinstance(argument, Mapping):
        return {key: _replaced(part, values) for key, part in argument.items()}
    if isinstance(argument, slice):
        return slice(*(_replaced(part, values) for part in (argument.start, argument.stop, argument.step)))
    return argument


def author_of(b: Builder, definition: SourceObject | None, versions: Versions) -> Author:
    """What the layers of this model's author share."""
    if b.session.author is None:
        assert definition is not None
        author = Author(Program(definition.sources), definition.read, definition.generation, versions)
        author.budget = Budget(author.constants, None, MODEL)
        b.session.author = author
    known: Author = b.session.author
    return known


def evaluated(b: Builder, evaluate: Callable[[], Any]) -> Any:
    """What an evaluation yields.

    Raises:
        UnsupportedLayer: It cannot be evaluated; with the line of the source.
    """
    try:
        return evaluate()
    except RecursionError:
        refuse(b, "is nested too deep")
    except NotEvaluated as error:
        place = f"{error.place[0]}, line {error.place[1]}: " if error.place else ""
        refuse(b, f"{place}{error}")
    except CONFIG_FAULTS as fault:
        refuse(b, f"does not work ({type(fault).__name__}: {fault})")


def refuse(b: Builder, reason: str) -> NoReturn:
    """Refuse a layer whose source does what has no place in a graph."""
    raise UnsupportedLayer(b.spec.name, b.spec.class_name, f"({reason}); give a layer function with --custom")
