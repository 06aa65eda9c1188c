"""Patterns: the structure of a region without names and sizes, and the uses that share it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from codegen.graph import Derived, Graph, Module, Node, Op, Operand, Parameter, Value
from codegen.graph.ops import ANY_ACTIVATIONS
from codegen.passes.blocks.regions import Region
from codegen.torch_api import facts

#: Arguments that are one value even where they are tuples.
WHOLE = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding", "pad", "pads"})

#: Those for which torch takes one number instead of equal ones; `F.pad` wants them all.
_SHORT = WHOLE - {"pad", "pads"}

#: Numbers that belong to a block's structure: a difference makes another block.
FIXED = frozenset({"eps", "momentum"})

#: Operands of expressions whose numbers are sizes; all other numbers in expressions are structure.
SIZE_ROLES = WHOLE | {"sizes", "size", "groups", "heads", "channels", "units", "rate", "p", "scale"}

#: Operands that are yes or no, and may differ between the uses.
CHOICES = frozenset({"causal"})


@dataclass(eq=False)
class Hole:
    """A number of a block that may differ between its uses.

    Attributes:
        role: What the constructor or the function calls it: "in_channels", "stride", ...
        module: The prototype that it is an argument of.
    """

    role: str
    module: Module | None = None


@dataclass(eq=False)
class Flag:
    """Whether a use of a block has an optional part."""

    name: str = ""


@dataclass(eq=False)
class Use:
    """One region that a pattern describes.

    Attributes:
        numbers: What fills the holes; a hole in an absent part is missing.
        members: The real module of each prototype.
        values: The real value of each value of the pattern.
        flags: Which optional parts it has; missing if it does not matter.
    """

    region: Region
    numbers: dict[Hole, Any] = field(default_factory=dict)
    members: dict[Module, Module] = field(default_factory=dict)
    values: dict[Value, Value] = field(default_factory=dict)
    flags: dict[Flag, bool] = field(default_factory=dict)


@dataclass(eq=False)
class Pattern:
    """A block before it has a name: prototypes of nodes, values and modules, with holes for numbers.

    Attributes:
        key: Equal for regions of the same structure.
        inputs: Arguments of the block.
        nodes: In execution order.
        output: Its result.
        holes: The numbers that may differ.
        uses: The regions that it describes.
        prototypes: Of all modules, children included.
        values: All values.
        coherence: How well names agree with its borders, up to 1.
    """

    key: Hashable
    inputs: list[Value]
    nodes: list[Node]
    output: Value
    holes: list[Hole]
    uses: list[Use]
    prototypes: list[Module]
    values: list[Value]
    coherence: float = 1.0

    @property
    def modules(self) -> list[Module]:
        """The prototypes of modules, in order of first use."""
        return list(dict.fromkeys(module for node in self.nodes for module in node.modules()))

    @property
    def is_run(self) -> bool:
        """Whether it is nothing but one block again and again, which a sequence says better."""
        blocks = {module.graph for module in self.modules}
        return blocks != {None} and len(blocks) == 1 and all(node.op is Op.CALL for node in self.nodes)


#: Roles of arguments that torch calls otherwise.
_ROLES = {
    "num_features": "channels",
    "normalized_shape": "features",
    "num_groups": "groups",
    "num_channels": "channels",
    "p": "rate",
}


def joins(node: Node | None, op: Op) -> bool:
    """Whether a node puts two values together by an operation: a sum, a product."""
    return node is not None and node.op is op and sum(1 for _ in node.values()) == 2


def single_key(graph: Graph, node: Node) -> Hashable:
    """What one node does, whatever it reads: equal for nodes that may be the same step of a block."""
    results = list(node.results())
    region = Region(graph, (node,), tuple(dict.fromkeys(node.values())), results[0]) if results else None
    return node if region is None else trace(region).key


def trace(region: Region) -> Pattern:
    """The pattern of a region, with that region as its only use."""
    return _Tracer(region).trace()


class _Tracer:
    def __init__(self, region: Region) -> None:
        self.use = Use(region)
        self.values: dict[Value, Value] = {}
        self.modules: dict[Module, Module] = {}
        self.holes: list[Hole] = []

    def trace(self) -> Pattern:
        region = self.use.region
        inputs = [self._value(value) for value in region.inputs]
        nodes = []
        for node in region.nodes:
            operands = {name: self._operand(operand, name) for name, operand in node.operands.items()}
            nodes.append(
                copy := replace(
                    node, operands=operands, targets=self._targets(node.targets), call=None, replaces=()
                )
            )
            for value in copy.results():
                value.node = copy
        modules, values = list(self.modules.values()), list(self.values.values())
        pattern = Pattern(
            (), inputs, nodes, self.values[region.output], self.holes, [self.use], modules, values
        )
        pattern.key = _key(pattern)
        return pattern

    def _value(self, value: Value) -> Value:
        if value not in self.values:
            # the mask was resolved when the graph was made; a twin in another layout has its own prototype
            self.values[value] = proto = replace(value, mask=None, node=None, twins={})
            self.use.values[proto] = value
        return self.values[value]

    def _targets(self, targets: Any) -> Any:
        if isinstance(targets, tuple):
            return tuple(self._targets(target) for target in targets)
        return None if targets is None else self._value(targets)

    def _module(self, module: Module) -> Module:
        if module in self.modules:
            return self.modules[module]
        self.modules[module] = proto = replace(module)
        self.use.members[proto] = module
        roles = (_ROLES.get(name, name) for name in facts(module.constructor).positional)
        names = (*roles, *("size" for _ in module.args))
        if module.constructor == "nn.Parameter" and len(module.args[0]) == 1:
            names = ("channels", "dtype")
        kwargs = dict(module.kwargs)
        if module.graph is not None:
            names = tuple(parameter.name for parameter in module.graph.params if not parameter.has_default)
            kwargs = {
                p.name: kwargs.get(p.name, p.default)
                for p in module.graph.params
                if p.name not in names[: len(module.args)]
            }
        proto.args = tuple(self._literal(v, name, proto) for v, name in zip(module.args, names, strict=False))
        proto.kwargs = {name: self._literal(value, name, proto) for name, value in kwargs.items()}
        proto.children = tuple(self._module(child) for child in module.children)
        return proto

    def _operand(self, operand: Operand, name: str) -> Any:
        if isinstance(operand, Value):
            return self._value(operand)
        if isinstance(operand, Module):
            return self._module(operand)
        if isinstance(operand, slice):
            return slice(*(self._operand(part, name) for part in (operand.start, operand.stop, operand.step)))
        # torch takes 3 for (3, 3), our own functions take lists alone
        is_whole = isinstance(operand, tuple) and name in WHOLE and is_numeric(operand)
        if isinstance(operand, (tuple, list)) and not is_whole:
            return type(operand)(self._operand(part, name) for part in operand)
        if name in CHOICES:
            return self._hole(operand, name, None)
        if name in SIZE_ROLES and not (isinstance(operand, int) and operand < 0):
            return self._literal(operand, name, None)
        return operand

    def _hole(self, value: Any, role: str, module: Module | None) -> Hole:
        self.holes.append(hole := Hole(role, module))
        self.use.numbers[hole] = value
        return hole

    def _literal(self, value: Any, role: str, module: Module | None) -> Any:
        if role in FIXED:
            return value
        if isinstance(value, bool) and module is not None and module.graph is not None:
            return self._hole(value, role, module)
        if is_numeric(value) and (role in WHOLE or not isinstance(value, (tuple, list))):
            return self._hole(uniform(value) if role in _SHORT else value, role, module)
        if isinstance(value, (tuple, list)):
            return tuple(self._literal(part, role, module) for part in value)
        return value


def _key(pattern: Pattern) -> Hashable:
    """What a pattern's structure is: its steps, and which values and modules they share."""
    values = {value: number for number, value in enumerate(pattern.values)}
    modules = {module: number for number, module in enumerate(pattern.prototypes)}
    steps = [
        (
            node_key(pattern, node),
            tuple(values[value] for value in node.values()),
            tuple(modules[module] for module in node.modules()),
            tuple(values[value] for value in node.results()),
        )
        for node in pattern.nodes
    ]
    return (tuple((value.rank, value.perm, value.dtype) for value in pattern.inputs), tuple(steps))


def node_key(pattern: Pattern, node: Node, *, loose: bool = False) -> Hashable:
    """What one step does, whatever it reads.

    Args:
        pattern: What it is a part of.
        node: The step.
        loose: Whether all activation functions count as the same.
    """
    if node.op in ANY_ACTIVATIONS:
        return ("activation",) if loose else ("activation", node.function)
    operands = tuple((name, _structure(pattern, operand)) for name, operand in node.operands.items())
    targets = len(node.targets) if isinstance(node.targets, tuple) else None
    return (node.form, node.op, operands, targets)


def _structure(pattern: Pattern, operand: Any) -> Hashable:
    """An operand or argument without names and without the numbers that may differ."""
    if isinstance(operand, (Value, Hole, Flag)):
        return type(operand).__name__
    if isinstance(operand, (tuple, list)):
        return (type(operand).__name__, *(_structure(pattern, part) for part in operand))
    if isinstance(operand, slice):
        return ("slice", _structure(pattern, (operand.start, operand.stop, operand.step)))
    if not isinstance(operand, Module):
        return ("literal", repr(operand))
    return (
        operand.constructor,
        operand.graph,
        _structure(pattern, operand.args),
        tuple((name, _structure(pattern, value)) for name, value in operand.kwargs.items()),
        tuple(_structure(pattern, child) for child in operand.children),
        tuple(operand.state),
        tuple(sorted(operand.frozen)),
        next((_grouping(use.members[operand]) for use in pattern.uses if operand in use.members), ""),
    )


def is_numeric(value: Any) -> bool:
    """Whether it can be an argument of a block: a number, a parameter, or a tuple of numbers."""
    if isinstance(value, (tuple, list)):
        return bool(value) and all(is_numeric(part) for part in value)
    return isinstance(value, (int, float, Parameter, Derived)) and not isinstance(value, bool)


def uniform(value: Any) -> Any:
    """`(3, 3)` as 3."""
    if isinstance(value, (tuple, list)) and len(set(value)) == 1:
        return value[0]
    return tuple(value) if isinstance(value, list) else value


def _grouping(module: Module) -> str:
    """Plain, depthwise and grouped convolutions are different things."""
    groups = module.kwargs.get("groups", 1)
    if groups == 1:
        return ""
    return "depthwise" if module.args and groups == module.args[0] else "grouped"
