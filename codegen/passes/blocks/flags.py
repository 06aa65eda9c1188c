"""Names of flags: what the optional parts of a block do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from codegen.graph import Node, Op, Value
from codegen.graph.naming import Namespace
from codegen.graph.ops import PADS
from codegen.model.nested import instances
from codegen.passes.blocks.names import has_index, tokens, words
from codegen.passes.blocks.patterns import Flag, Pattern, Use, joins


def name_flags(pattern: Pattern) -> None:
    """Name the flags of a pattern after what they switch on; what has more to compute is switched on."""
    for use in pattern.uses:
        relevant = _relevant(pattern.output, use)
        use.flags = {flag: value for flag, value in use.flags.items() if flag in relevant}
    free = Namespace()
    for node in pattern.nodes:
        if node.op is Op.SELECT:
            if _is_inverted(pattern, node):
                node.operands["a"], node.operands["b"] = node.operands["b"], node.operands["a"]
                for use in pattern.uses:
                    if node.operands["flag"] in use.flags:
                        use.flags[node.operands["flag"]] = not use.flags[node.operands["flag"]]
            node.operands["flag"].name = free.claim(_Choice(pattern, node).name())


def _relevant(output: Value, use: Use) -> set[Flag]:
    """The flags that matter to a use, whatever it chooses at the others."""
    found: set[Flag] = set()
    seen: set[Value] = set()
    stack = [output]
    while stack:
        value = stack.pop()
        if value in seen or value.node is None:
            continue
        seen.add(value)
        if value.node.op is Op.SELECT:
            flag = value.node.operands["flag"]
            found.add(flag)
            stack.append(value.node.operands["a" if use.flags.get(flag) else "b"])
        else:
            stack.extend(value.node.values())
    return found


def _is_inverted(pattern: Pattern, select: Node) -> bool:
    sides = [alone(pattern.nodes, [pattern.output], select, side) for side in ("a", "b")]
    with_modules = [any(True for node in side for _ in node.modules()) for side in sides]
    return not with_modules[0] and (with_modules[1] or len(sides[0]) < len(sides[1]))


@dataclass(frozen=True)
class _Choice:
    """A choice of a block between two values, of which `a` has the optional part.

    Attributes:
        pattern: The block.
        select: The choice.
    """

    pattern: Pattern
    select: Node

    def name(self) -> str:
        """What its optional part does."""
        return (
            next((name for name, is_so in _MEANINGS if is_so(self)), "") or self._function() or self._word()
        )

    @cached_property
    def part(self) -> list[Node]:
        """The optional part."""
        return alone(self.pattern.nodes, [self.pattern.output], self.select, "a")

    @property
    def has_modules(self) -> bool:
        """Whether the part calls modules."""
        return any(True for node in self.part for _ in node.modules())

    @property
    def skips_all(self) -> bool:
        """Whether the block's input is what is chosen otherwise, maybe after another choice."""
        b: Value = self.select.operands["b"]
        inner = b.node.operands["b"] if b.node is not None and b.node.op is Op.SELECT else b
        return b in self.pattern.inputs or inner in self.pattern.inputs

    @property
    def is_added(self) -> bool:
        """Whether what is chosen is added to something."""
        readers = [node for node in self.pattern.nodes if self.select.result in node.values()]
        return any(joins(reader, Op.ADD) for reader in readers)

    @property
    def adds_input(self) -> bool:
        """Whether the part is a sum with the block's input."""
        a, b = self.select.operands["a"].node, self.select.operands["b"].node
        is_sum = joins(a, Op.ADD) and not joins(b, Op.ADD)
        return is_sum and any(value in self.pattern.inputs for value in a.values())

    def _function(self) -> str:
        """`relu`, or `relu_first` for one that the block begins with; "" if the part is something else."""
        if [node.op for node in self.part] != [Op.ACTIVATION]:
            return ""
        name = self.part[0].function.split(".")[1]
        return f"{name}_first" if self.select.operands["b"] in self.pattern.inputs else name

    def _word(self) -> str:
        """The word that the names of the part share: best one that the other names lack."""
        others = {word for node in self.pattern.nodes if node not in self.part for word in words(node.layer)}
        names = [tokens(node.layer) for node in self.part]
        shared = [
            word
            for word in (names[0] if names else ())
            if word.isidentifier()
            and not has_index(word)
            and sum(word in name for name in names) * 2 > len(names)
        ]
        own = [word for word in shared if word not in others]
        return (own or shared or ["extend"])[0 if own else -1].lower()


#: What an optional part does, by the first row that is true.
_MEANINGS: tuple[tuple[str, Callable[[_Choice], bool]], ...] = (
    ("project", lambda choice: choice.skips_all and choice.has_modules and choice.is_added),
    ("residual", lambda choice: choice.adds_input),
    ("pad", lambda choice: any(node.involves(*PADS) for node in choice.part)),
    ("pool", lambda choice: any(node.op is Op.POOL for node in choice.part)),
)


def alone(nodes: Iterable[Node], outputs: list[Value], select: Node, side: str) -> list[Node]:
    """The nodes that serve only one side of a choice, in order."""
    part: list[Node] = []
    ordered = list(nodes)
    readers: dict[Value, list[tuple[Node, str]]] = {}
    for node in ordered:
        for name, operand in node.operands.items():
            for value in instances(operand, Value):
                readers.setdefault(value, []).append((node, name))
    for node in reversed(ordered):
        uses = [use for value in node.results() for use in readers.get(value, [])]
        leaves = any(value in outputs for value in node.results())
        if (
            uses
            and not leaves
            and all(reader in part or (reader, name) == (select, side) for reader, name in uses)
        ):
            part.append(node)
    return part[::-1]
