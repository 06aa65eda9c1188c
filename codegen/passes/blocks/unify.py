"""Two patterns that differ by an optional part become one, with a flag."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any

from codegen.graph import Module, Node, Op, Symbol, Value
from codegen.graph.ops import CALLS
from codegen.model.nested import instances, map_nested
from codegen.passes.blocks.patterns import Flag, Hole, Pattern, Use, node_key

#: So many places may tell two patterns apart, and so many flags may a block have.
MAX_NEW, MAX_FLAGS = 2, 3

#: Larger patterns are not compared.
MAX_STEPS = 60

#: An optional part has at most so many steps.
MAX_MISSING = 7

#: So many calls of modules must be the same.
MIN_CALLS = 2

#: So many steps of the smaller pattern may be extra.
MAX_EXTRA = 3

#: Stands for what cannot be made the same.
_FAR = frozenset({None})

#: The steps that are left out.
Missing = frozenset[Node | None]


def unify(large: Pattern, small: Pattern) -> bool:
    """Put the uses of `small` under `large`, with flags where they differ; False if they differ too much.

    Args:
        large: Changed in place; may have flags from earlier.
        small: Must have no flags; not to be used any more if the result is true.
    """
    if len(large.inputs) != len(small.inputs) or len(large.nodes) > MAX_STEPS:
        return False
    if [(v.rank, v.perm, v.dtype) for v in large.inputs] != [(v.rank, v.perm, v.dtype) for v in small.inputs]:
        return False
    if not are_apart(large, small):
        return False
    alignment = _Alignment(large, small)
    if None in alignment.cost(large.output, small.output) or not alignment.walk():
        return False
    if not alignment.is_close() or not alignment.is_lazy():
        return False
    alignment.merge()
    return True


def are_apart(large: Pattern, small: Pattern) -> bool:
    """Whether no node is in uses of both."""
    taken = {node for use in large.uses for node in use.region.nodes}
    return all(taken.isdisjoint(use.region.nodes) for use in small.uses)


@dataclass
class _Alignment:
    """Which steps of two patterns are the same: a cheapest common walk from the outputs to the inputs."""

    large: Pattern
    small: Pattern
    costs: dict[tuple[Value, Value], Missing] = field(default_factory=dict)
    values: dict[Value, Value] = field(default_factory=dict)  # of the small pattern -> of the large one
    nodes: dict[Node, Node] = field(default_factory=dict)
    places: dict[tuple[Node | None, int], tuple[Value, Value]] = field(default_factory=dict)
    others: dict[tuple[Value, Value], Value] = field(default_factory=dict)  # what is chosen otherwise
    flags: dict[Flag, bool] = field(default_factory=dict)
    keys: dict[Node, Hashable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pattern in (self.large, self.small):
            self.keys.update((node, node_key(pattern, node, loose=True)) for node in pattern.nodes)

    # ---------------------------------------------------------------- the cheapest alignment

    def cost(self, x: Value, y: Value) -> Missing:
        """The steps that must be left out to make `x` of the large pattern and `y` the same."""
        key = (x, y)
        if key not in self.costs:
            self.costs[key] = _FAR
            self.costs[key] = min((cost for cost, _ in self._choices(x, y)), default=_FAR, key=_size)
        return self.costs[key]

    def _choices(self, x: Value, y: Value) -> Iterator[tuple[Missing, tuple[str, Value, Value]]]:
        if x.node is None and y.node is None:
            is_same = self.large.inputs.index(x) == self.small.inputs.index(y)
            yield (frozenset() if is_same else _FAR), ("same", x, y)
        if self._match(x, y):
            assert x.node is not None and y.node is not None
            costs = [self.cost(a, b) for a, b in zip(x.node.values(), y.node.values(), strict=True)]
            if x.node.op is y.node.op is Op.ACTIVATION and x.node.function != y.node.function:
                costs.append(frozenset({y.node}))  # another activation function
            yield frozenset().union(*costs), ("match", x, y)
        if x.node is not None and x.node.op is Op.SELECT:
            yield self.cost(x.node.operands["a"], y), ("with", x.node.operands["a"], y)
            yield self.cost(x.node.operands["b"], y), ("without", x.node.operands["b"], y)
        elif x.node is not None:
            for value in x.node.values():
                yield self._left_out(x.node, value) | self.cost(value, y), ("skip", value, y)
        if y.node is not None:
            for value in y.node.values():
                yield self._left_out(y.node, value) | self.cost(x, value), ("skip", x, value)

    def _left_out(self, node: Node, kept: Value) -> Missing:
        """What goes with `node` if only what leads to `kept` stays."""
        others = [_before(value) for value in node.values() if value is not kept]
        return frozenset({node}).union(*others) - _before(kept)

    def _match(self, x: Value, y: Value) -> bool:
        if x.node is None or y.node is None:
            return False
        if x.node.targets is not x or y.node.targets is not y:
            return False
        return self.keys[x.node] == self.keys[y.node]

    # ---------------------------------------------------------------- what it says

    def walk(self) -> bool:
        """Follow the cheapest alignment; False if it contradicts itself."""
        stack: list[tuple[Node | None, int, Value, Value]] = [(None, 0, self.large.output, self.small.output)]
        while stack:
            reader, position, x, y = stack.pop()
            start = (x, y)
            choice: Value | None = None  # the old choice behind the place through which the way leads on
            leaves = False  # whether something is left out behind that choice
            while True:
                _, (what, x_next, y_next) = min(self._choices(x, y), key=lambda choice: _size(choice[0]))
                if what in ("same", "match"):
                    break
                if what == "skip":
                    self.places[reader, position] = start
                    leaves = choice is not None
                elif self.flags.setdefault(self._flag(x), what == "with") != (what == "with"):
                    return False
                elif (reader, position) in self.places:
                    choice = choice or x
                x, y = x_next, y_next
                if what != "skip" and (reader, position) not in self.places:
                    start = (x, y)
                    # a difference below a flag belongs to the flag's node
                    reader, position = self._select_place(x_next, what, reader, position)
            if choice is not None and self._is_optional(x):
                if leaves or y is not start[1]:
                    return False  # what is read would be computed for all uses, those that lack it too
                self.others[start] = choice
            if self.values.setdefault(y, x) is not x or list(self.values.values()).count(x) > 1:
                return False
            if what == "match" and y.node not in self.nodes:
                assert x.node is not None and y.node is not None
                self.nodes[y.node] = x.node
                pairs = zip(x.node.values(), y.node.values(), strict=True)
                stack.extend((x.node, index, a, b) for index, (a, b) in enumerate(pairs))
        return len(set(self.nodes.values())) == len(self.nodes)

    def _is_optional(self, x: Value) -> bool:
        """Whether some uses of the large pattern lack a value of it."""
        return any(x not in use.values for use in self.large.uses)

    def _flag(self, x: Value) -> Flag:
        assert x.node is not None
        flag: Flag = x.node.operands["flag"]
        return flag

    def _select_place(
        self, value: Value, what: str, reader: Node | None, position: int
    ) -> tuple[Node | None, int]:
        side = "a" if what == "with" else "b"
        for node in self.large.nodes:
            if node.op is Op.SELECT and node.operands[side] is value:
                return node, 0 if side == "a" else 1
        return reader, position

    def is_close(self) -> bool:
        """Whether one class for both is better than two."""
        extra = [node for node in self.small.nodes if node not in self.nodes]
        missing = [
            node for node in self.large.nodes if node not in self.nodes.values() and node.op is not Op.SELECT
        ]
        new = len(set(self.places.values()))
        old = sum(node.op is Op.SELECT for node in self.large.nodes)
        if new > MAX_NEW or new + old > MAX_FLAGS or len(extra) > MAX_EXTRA:
            return False
        if any(True for node in extra for _ in node.modules()):
            return False
        if len(missing) > MAX_MISSING * (new + old):
            return False
        missing = [node for node in missing if not any(flag in node.operands.values() for flag in self.flags)]
        if (
            new
            and not self._is_insertable(missing)
            and sum(len(list(node.modules())) for node in missing) > 1 + old
        ):
            return False
        calls = sum(node.op in CALLS for node in self.nodes)
        return (
            calls >= MIN_CALLS
            and len(self.nodes) >= len(self.small.nodes) / 2
            and len(self.nodes) >= len(missing) / 2
        )

    def _is_insertable(self, missing: list[Node]) -> bool:
        """Whether the optional part only reads what it replaces, so that `nn.Identity` can take its place."""
        made = {value for node in missing for value in node.results()}
        read = {value for node in missing for value in node.values()} - made
        return read <= {self.values.get(y) for _, y in self.places.values()}

    def is_lazy(self) -> bool:
        """Whether each step that some uses lack serves one side of one choice: they never compute it."""
        of_small: dict[Value, set[Any]] = {}
        of_large: dict[Value, set[Any]] = {}
        for pair in self.places.values():
            of_large.setdefault(pair[0], set()).add(pair)
            of_small.setdefault(pair[1], set()).add(pair)
        for node in self.large.nodes:
            if node.op is Op.SELECT:
                for index, value in enumerate(node.values()):
                    if (node, index) not in self.places:
                        of_large.setdefault(value, set()).add((node, index))
        matched = set(self.nodes.values())
        large = [n for n in self.large.nodes if n not in matched and n.op is not Op.SELECT]
        small = [n for n in self.small.nodes if n not in self.nodes]
        return _serve_one(large, of_large) and _serve_one(small, of_small)

    # ---------------------------------------------------------------- the common pattern

    def merge(self) -> None:
        """Make the large pattern cover the small one's uses."""
        for small, large in self.nodes.items():
            if small.op is not large.op or small.function != large.function:
                _vary_activation(small, self.small.uses)
                _vary_activation(large, self.large.uses)
        selects = {(x, y): self._select(x, y) for x, y in dict.fromkeys(self.places.values())}
        for (x, _), select in selects.items():
            if x not in self.values.values():  # no use has what it chooses from elsewhere
                self._replace(x, select)
        replaced = {place: selects[pair] for place, pair in self.places.items()}
        for reader in {reader for reader, _ in replaced if reader is not None}:
            _reread(reader, {index: value for (node, index), value in replaced.items() if node is reader})
        for node in self.small.nodes:
            if node not in self.nodes:
                known = [self.values.get(value, value) for value in node.values()]
                _reread(node, dict(enumerate(known)))
        uses = [self._use(use) for use in self.small.uses]
        self.large.uses.extend(uses)
        self.large.output = replaced.get((None, 0), self.large.output)
        self._collect()
        self._fill_choices(uses)

    def _select(self, x: Value, y: Value) -> Value:
        """What is chosen between a value of the large pattern and one of the small: a new flag says."""
        flag = Flag()
        chosen = replace(x, node=None, twins={})
        other = self.others.get((x, y), self.values.get(y, y))
        chosen.node = Node("a if flag else b", {"flag": flag, "a": x, "b": other}, chosen, x.layer)
        for use in self.large.uses:
            use.flags[flag] = True
            if x in use.values:  # else the choice lies within a part that the use lacks
                use.values[chosen] = use.values[x]
        self.flags[flag] = False
        return chosen

    def _fill_choices(self, uses: list[Use]) -> None:
        """Tell these uses what their choices come to."""
        selects = [node for node in self.large.nodes if node.op is Op.SELECT]
        for use in uses:
            for node in selects:
                chosen = node.operands["a" if use.flags.get(node.operands["flag"]) else "b"]
                if chosen in use.values:
                    use.values[node.result] = use.values[chosen]

    def _replace(self, value: Value, chosen: Value) -> None:
        """Let all nodes read what is chosen between a value and another one."""
        for node in self.large.nodes:
            positions = [index for index, read in enumerate(node.values()) if read is value]
            _reread(node, dict.fromkeys(positions, chosen))

    def _use(self, use: Use) -> Use:
        """A use of the small pattern in the words of the large one."""
        holes: dict[Hole, Hole] = {}
        modules: dict[Module, Module] = {}
        for small, large in self.nodes.items():
            pairs = list(zip(small.modules(), large.modules(), strict=True))
            modules.update(pairs)
            own = [hole for operand in small.operands.values() for hole in instances(operand, Hole)]
            theirs = [hole for operand in large.operands.values() for hole in instances(operand, Hole)]
            holes.update(zip(own, theirs, strict=True))
            for a, b in pairs:
                holes.update(zip(_holes(a), _holes(b), strict=True))
        return Use(
            use.region,
            {holes.get(hole, hole): number for hole, number in use.numbers.items()},
            {modules.get(proto, proto): module for proto, module in use.members.items()},
            {self.values.get(proto, proto): value for proto, value in use.values.items()},
            dict(self.flags),
        )

    def _collect(self) -> None:
        """List the pattern's parts anew, each node after those that it reads."""
        ordered: dict[Node, None] = {}
        stack = [(self.large.output, False)]
        while stack:
            value, ready = stack.pop()
            node = value.node
            if node is None:
                continue
            if ready:
                ordered[node] = None
            elif node not in ordered:
                stack.append((value, True))
                stack.extend((source, False) for source in reversed(list(node.values())))
        self.large.nodes = list(ordered)
        everything = [value for node in ordered for value in (*node.values(), *node.results())]
        self.large.values = list(dict.fromkeys([*self.large.inputs, *everything]))
        self.large.holes = list(
            dict.fromkeys(
                hole
                for node in ordered
                for operand in node.operands.values()
                for hole in (
                    *instances(operand, Hole),
                    *(h for m in instances(operand, Module) for h in _holes(m)),
                )
            )
        )


def _serve_one(nodes: list[Node], sides: dict[Value, set[Any]]) -> bool:
    """Whether each of these steps yields one value, for one side of one choice alone.

    Args:
        nodes: Those steps of a pattern that only some uses have, in order.
        sides: Those sides of choices that a value is; completed here.
    """
    for node in reversed(nodes):
        own: set[Any] = set().union(*(sides.get(value, ()) for value in node.results()))
        if len(own) != 1 or isinstance(node.targets, tuple):
            return False
        for value in node.values():
            sides.setdefault(value, set()).update(own)
    return True


def _vary_activation(node: Node, uses: list[Use]) -> None:
    """Make the activation function of a step a parameter."""
    if node.op is Op.ANY_ACTIVATION:
        return
    hole = Hole("activation")
    for use in uses:
        use.numbers[hole] = Symbol(node.function)
    node.rewrite("activation(x)", activation=hole, x=node.source)


def _size(missing: Missing) -> float:
    return float("inf") if None in missing else len(missing)


@cache
def _before(value: Value) -> frozenset[Node]:
    """All nodes that lead to a value."""
    if value.node is None:
        return frozenset()
    return frozenset({value.node}).union(*(_before(source) for source in value.node.values()))


def _holes(module: Module) -> list[Hole]:
    inside = [module.args, tuple(module.kwargs.values())]
    return [*instances(inside, Hole), *(hole for child in module.children for hole in _holes(child))]


def _reread(node: Node, values: dict[int, Value]) -> None:
    """Make a node read other values: by position among those that it reads."""
    positions = count()

    def renewed(part: Any) -> Any:
        return values.get(next(positions), part) if isinstance(part, Value) else part

    node.operands = map_nested(renewed, node.operands)
