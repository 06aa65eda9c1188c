"""The torch-level graph: values, the nodes that compute them, the modules that hold weights."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any, TypeAlias

from codegen.graph.ops import (
    IMPURE,
    Op,
    called_operand,
    calls,
    canonical,
    function,
    is_pure,
    meaning,
    operations,
)
from codegen.graph.parsing import free_names, parse_template
from codegen.graph.recipe import Weight
from codegen.model.nested import instances
from codegen.model.spec import LayerCall, Shape


@dataclass(frozen=True)
class Symbol:
    """A Python expression without operands, written by us: `torch.float16`."""

    code: str


@dataclass(frozen=True)
class Derived(Symbol):
    """What is computed from a block's parameters: `4 * channels`.

    `meaning` is its name, where it needs one.
    """

    meaning: str = ""


@dataclass(frozen=True)
class Parameter:
    """A constructor parameter of a block class, where its uses differ.

    `name` is an identifier, `type` the Python annotation; `default` is None if every use passes it.
    """

    name: str
    type: str
    default: Any = None
    has_default: bool = False


@dataclass(frozen=True)
class FlatOrder:
    """How the last axis of a flattened value is really ordered.

    The stored axis ravels `sizes` in C order; Keras' order is that of `sizes` permuted by `dims`.
    """

    sizes: tuple[int, ...]
    dims: tuple[int, ...]


@dataclass(eq=False)
class Value:
    """A tensor in the converted model.

    Attributes:
        shape: In Keras' order, None where the size is not fixed.
        dtype: Name of the torch dtype ("float32"); "size" for a `Host`.
        layer: Name of the Keras layer that it comes from; its name in the source, if it needs one.
        perm: The stored axis i holds Keras' axis `perm[i]`.
        flat: Set if the last axis is not yet in Keras' order.
        mask: The Keras mask that travels with it, bool (N, T).
        node: What computes it; None for an input of the graph.
        non_negative: True if no element can be below zero.
        twins: The same tensor in other layouts, by `perm`; shared among the twins.
        labels: Texts of its sizes in Keras' order, inside a block whose uses differ in shape.
        optional: Whether it is an argument of a block that some uses do not give.
    """

    shape: Shape
    dtype: str = "float32"
    layer: str = ""
    perm: tuple[int, ...] = ()
    flat: FlatOrder | None = None
    mask: Value | None = None
    node: Node | None = None
    non_negative: bool = False
    twins: dict[tuple[int, ...], Value] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        self.perm = self.perm or tuple(range(len(self.shape)))
        self.twins.setdefault(self.perm, self)

    def __repr__(self) -> str:
        """As messages show it, without all that it is computed from."""
        return "<tensor>"

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def stored_shape(self) -> Shape:
        """The shape as torch sees it."""
        return tuple(self.shape[axis] for axis in self.perm)

    @property
    def is_native(self) -> bool:
        """Whether the stored layout is Keras' own."""
        return self.flat is None and self.perm == tuple(range(self.rank))

    def dim(self, axis: int) -> int:
        """The torch dim at which Keras' `axis` (maybe negative) is stored."""
        return self.perm.index(axis % self.rank)


@dataclass(eq=False)
class Host(Value):
    """A number, or a tuple of n numbers (shape `(n,)`), that Python knows when the model runs: a size."""

    shape: Shape = ()
    dtype: str = "size"

    @property
    def is_whole(self) -> bool:
        """Whether the numbers are integers, as far as their expressions tell."""
        if self.node is None or self.node.op in (Op.SIZE, Op.INTEGER):
            return True
        return self.node.op not in (Op.DIV, Op.FLOAT) and all(map(is_whole, self.node.operands.values()))


def is_whole(operand: object) -> bool:
    """Whether numbers that are known now, or of the host, are integers; a tensor counts as whole."""
    if isinstance(operand, (list, tuple)):
        return all(map(is_whole, operand))
    if isinstance(operand, Value):
        return not isinstance(operand, Host) or operand.is_whole
    return isinstance(operand, int)


@dataclass(eq=False)
class Module:
    """Something that `__init__` makes and `forward` calls.

    Attributes:
        name: Proposal for the attribute: the Keras layer's name, or with a part's name behind it.
        constructor: `nn.Conv2d`, a class of `codegen.runtime`, `nn.Parameter`, `buffer`, `attribute`
            (its one argument, kept as it is), or "" if `graph` defines its class.
        args: Positional arguments of the constructor.
        kwargs: Keyword arguments in full; defaults of torch are left out when written.
        state: Recipes by state-dict key below this module ("" for the attribute itself).
        frozen: Keys of parameters that the Keras model does not train.
        graph: The class's definition, for a nested model or a block.
        members: For one of several instances of a block, the modules that stand for `graph`'s own.
        children: For `nn.Sequential`, its modules; they are its only arguments.
        steps: For one of several instances of a block, the nodes that `graph`'s own stand for.
        owner: Path of Keras layer names that it comes from.
        when: The block's parameter, or what follows from its parameters, without which this module is
            `nn.Identity()`; None if it is always there.
    """

    name: str
    constructor: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Weight] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()
    graph: Graph | None = None
    members: Mapping[Module, Module] = field(default_factory=dict)
    children: tuple[Module, ...] = ()
    steps: Mapping[Node, Node] = field(default_factory=dict)
    owner: tuple[str, ...] = ()
    when: Parameter | Derived | None = None


#: What a name in a template may stand for; the strings, numbers, `...` and None are literals.
Operand: TypeAlias = (
    Value
    | Module
    | Parameter
    | Symbol
    | str
    | complex
    | EllipsisType
    | slice
    | tuple["Operand", ...]
    | list["Operand"]
    | Mapping[str, "Operand"]
    | None
)
#: What an expression yields: a value, None for a result that is ignored, or a tuple of targets.
Targets: TypeAlias = Value | tuple["Targets", ...] | None


@dataclass(eq=False)
class Node:
    """One expression of `forward`.

    Attributes:
        template: A Python expression; its free names are keys of `operands`, modules that the
            generated file imports (`F`, `torch`, ...), or functions of `codegen.runtime`.
        operands: What the names stand for: `Operand`s, and stand-ins while blocks are sought.
        targets: What it yields: `Targets`.
        layer: Name of the Keras layer that it comes from.
        op: What it computes: as the template says, if not given.
        call: The call of a Keras layer that it is a step of; None for what stands for other nodes.
        replaces: The nodes in whose place a pass has put it, or whose work it does with its own.
    """

    template: str
    operands: dict[str, Any]
    targets: Targets = None
    layer: str = ""
    op: Op = Op.OTHER
    call: LayerCall | None = None
    replaces: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        if self.op is Op.OTHER:
            self.op = self._meaning()

    def _meaning(self) -> Op:
        called, op = called_operand(self.template)
        return op if isinstance(self.operands.get(called), Module) else meaning(self.template)

    def rewrite(self, template: str, **operands: Any) -> None:
        """Compute the same result another way."""
        self.template, self.operands = template, operands
        self.op = self._meaning()

    @property
    def result(self) -> Value:
        """What it yields, where that is one value."""
        assert isinstance(self.targets, Value)
        return self.targets

    @property
    def source(self) -> Value:
        """The first value that it reads, which views, casts and the like are made of."""
        return next(self.values())

    @property
    def arguments(self) -> list[Any]:
        """Its operands in the order in which the template names them."""
        return [self.operands[name] for name in free_names(self.template) if name in self.operands]

    @property
    def function(self) -> str:
        """The function that it calls on plain operands: `F.relu`, `.mean`; "" if it is no such call."""
        return function(self.template)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of the function or module that it calls."""
        tree = parse_template(self.template)
        keywords = tree.keywords if isinstance(tree, ast.Call) else []
        return {word.arg or "": self._argument(word.value) for word in keywords}

    def _argument(self, tree: ast.expr) -> Any:
        if isinstance(tree, ast.Name):
            return self.operands[tree.id]
        try:
            return ast.literal_eval(tree)
        except ValueError:  # `0.1 if self.training else 0.0`
            return Symbol(ast.unparse(tree))

    def calls(self, name: str) -> bool:
        """Whether it is a call of a function, `torch.tanh`, or of the method of the same name, alone."""
        return calls(self.template, name)

    @property
    def form(self) -> str:
        """Equal for expressions that differ in the spelling of their template alone."""
        return canonical(self.template)

    @property
    def is_pure(self) -> bool:
        """Whether it yields the same again from the same values, and changes nothing; modules may not."""
        calls = any(module.constructor != "attribute" for module in self.modules())
        return self.op not in IMPURE and is_pure(self.template) and not calls

    def involves(self, *wanted: Op) -> bool:
        """Whether it computes one of these operations, or some part of it does."""
        return self.op in wanted or not operations(self.template).isdisjoint(wanted)

    def values(self) -> Iterator[Value]:
        """The values that it reads, in the order of its operands."""
        for operand in self.operands.values():
            yield from instances(operand, Value)

    def modules(self) -> Iterator[Module]:
        """The modules that it calls."""
        for operand in self.operands.values():
            yield from instances(operand, Module)

    def results(self) -> Iterator[Value]:
        """The values that it yields."""
        yield from instances(self.targets, Value)


@dataclass(eq=False)
class Graph:
    """A class of the generated file.

    Attributes:
        name: Class name, or the Keras model's name before names are given.
        inputs: Arguments of `forward`.
        nodes: In execution order.
        outputs: What `forward` returns: one value, or a tuple of them.
        params: Constructor parameters.
        doc: First line of the class's docstring; "" for a default one.
        is_written: Whether the model's author wrote such a class, so that it stays one.
    """

    name: str
    inputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    params: list[Parameter] = field(default_factory=list)
    doc: str = ""
    is_written: bool = False

    def modules(self) -> list[Module]:
        """The modules in the order in which `forward` first uses them."""
        return list(dict.fromkeys(module for node in self.nodes for module in node.modules()))

    def uses(self) -> dict[Value, int]:
        """How often each value is read, by nodes and as an output."""
        counts: dict[Value, int] = {}
        for value in [value for node in self.nodes for value in node.values()] + self.outputs:
            counts[value] = counts.get(value, 0) + 1
        return counts


@dataclass(eq=False)
class Loop(Node):
    """Steps that are taken again and again, each time with what the time before made of them.

    Its operands are `carried`, what the first time begins with; `constants`, what each time reads; and
    `modules`: the `nn.ModuleList` that it goes through, if any, and modules that each time calls. Its
    targets are what is carried after the last time.

    Attributes:
        body: Takes what is carried and the constants, returns what is carried; no class of the file.
        times: How often.
        item: What stands in the body for the module of this time; None if there is no list.
    """

    body: Graph = field(default_factory=lambda: Graph("body"))
    times: int = 0
    item: Module | None = None


def definitions(root: Graph) -> list[Graph]:
    """All classes of the file, each after those that it uses."""
    ordered: dict[Graph, None] = {}

    def visit(graph: Graph) -> None:
        if graph not in ordered:
            for module in with_children(graph.modules()):
                if module.graph is not None:
                    visit(module.graph)
            ordered[graph] = None

    visit(root)
    return list(ordered)


def with_children(modules: Iterable[Module]) -> Iterator[Module]:
    """The modules, each followed by those that it is a sequence of."""
    for module in modules:
        yield module
        yield from with_children(module.children)
