"""What is done again and again becomes a `for` loop: sums over blocks, one layer called n times."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from codegen.graph import Graph, Host, Loop, Module, Node, Op, Value, definitions
from codegen.graph.rewrite import substitute
from codegen.graph.written_order import written_order
from codegen.model.nested import map_nested
from codegen.passes.runs import stage_name

#: Fewer times are no loop, and more steps are not looked for.
_LEAST, _LONGEST = 3, 12


def roll_loops(root: Graph) -> None:
    """Write steps that repeat as loops, in all classes of the file."""
    for graph in definitions(root):
        callers: dict[Module, int] = {}
        for node in graph.nodes:
            for module in node.modules():
                callers[module] = callers.get(module, 0) + 1
        producer = {value: node for node in graph.nodes for value in node.results()}
        order = written_order(graph, producer)
        _Finder(graph, order, callers).fold_all()


def _key(node: Node, callers: dict[Module, int]) -> Hashable:
    """Equal for steps that may be the same of a loop; modules of a class may be others each time."""
    if node.op in (Op.EFFECT, Op.NOTHING) or not isinstance(node.targets, Value):
        return node

    def plain(part: Any) -> Any:
        if isinstance(part, Value):
            return "value"
        if isinstance(part, Module):
            return part if part.graph is None or callers[part] > 1 else part.graph
        return repr(part)

    value = node.targets
    operands = tuple((name, map_nested(plain, operand)) for name, operand in node.operands.items())
    return (node.form, value.rank, value.perm, value.dtype, repr(operands))


#: Where an operand of a step comes from: a step of the same time, one of the time before, or elsewhere.
Wire = tuple[Literal["in", "before", "outside"], Any]


@dataclass(eq=False)
class _Plan:
    """What a loop would be.

    Attributes:
        steps: The steps of one time.
        wires: Where each operand of each step comes from.
        begin: What the first time reads for what the time before made, by step.
        result: What each carried step yields the last time.
        times: The steps of all times, which the loop takes the place of.
        varied: The module of each time, where it is not the same; else nothing.
    """

    steps: list[Node]
    wires: list[list[Wire]]
    begin: dict[int, Value]
    result: dict[int, Value]
    times: list[list[Node]]
    varied: list[Module]

    def from_nothing(self, early: Node | None, is_same: Callable[[Node, Node], bool], graph: Graph) -> _Plan:
        """The loop begun one time earlier, where a sum begins with what the first time would add to it.

        `skip = f(x)`, and again and again `x = x + skip; skip = f(x); skips = skips + skip`, becomes
        `skip = f(x); skips = skips + skip; x = x + skip`, from a sum of zero on.

        Args:
            early: The step before the loop.
            is_same: Whether two steps may be the same.
            graph: What they are in.
        """
        if early is None or [node.op for node in self.steps if node.op is Op.ADD] != [Op.ADD, Op.ADD]:
            return self
        order = [step for step in range(3) if self.begin.get(step) is early.targets]
        if len(self.steps) != 3 or order != [1, 2] or not is_same(early, self.steps[1]):
            return self
        x = self.begin.get(0)
        wanted: list[list[Wire]] = [[("before", 0), ("before", 1)], [("in", 0)], [("before", 2), ("in", 1)]]
        inside = {node for time in self.times for node in time}
        read = {value for node in graph.nodes if node not in inside for value in node.values()}
        is_read = not read.union(graph.outputs).isdisjoint([self.result[0], self.result[1]])
        same_shape = x is not None and x.shape == early.result.shape
        if self.wires != wanted or list(early.values()) != [x] or is_read or not same_shape:
            return self
        assert x is not None
        zeros = replace(x, node=None, twins={}, mask=None, layer="skips")
        early.result.layer = "skip"
        zeros.node = Node("torch.zeros_like(x)", {"x": x}, zeros, zeros.layer)
        graph.nodes.insert(graph.nodes.index(early), zeros.node)
        last = replace(self.steps[0].result, node=None, twins={})
        return _Plan(
            [early, self.steps[2], self.steps[0]],
            [[("before", 2)], [("before", 1), ("in", 0)], [("before", 2), ("in", 0)]],
            {1: zeros, 2: x},
            {1: self.result[2], 2: last},
            [[early], *self.times],
            [*early.modules(), *self.varied] if self.varied else [],
        )

    def fold(self, graph: Graph) -> None:
        """Put the loop where the steps are."""
        constants = [value for wires in self.wires for kind, value in wires if kind == "outside"]
        constants = list(dict.fromkeys(constants))
        items: dict[Module, Module] = {}
        if self.varied:
            (own,) = [m for node in self.steps for m in node.modules() if m in self.varied]
            items[own] = replace(own, members={})
        modules = [module for node in self.steps for module in node.modules() if module not in items]
        if self.varied:
            name = stage_name(self.varied[0].name)
            modules.insert(0, Module(name, "nn.ModuleList", children=tuple(self.varied)))
        loop = Loop(
            "(carried, constants, modules)",
            {
                "carried": tuple(self.begin.values()),
                "constants": tuple(constants),
                "modules": tuple(dict.fromkeys(modules)),
            },
            tuple(self.result[step] for step in self.begin),
            self.steps[0].layer,
            Op.LOOP,
            replaces=tuple(node for time in self.times for node in time),
            body=self._body(constants, items),
            times=len(self.times),
            item=next(iter(items.values()), None),
        )
        substitute(graph, [node for time in self.times for node in time], [loop])

    def _body(self, constants: list[Value], items: dict[Module, Module]) -> Graph:
        def copied(value: Value) -> Value:
            return replace(value, node=None, mask=None, twins={})

        outside = {value: copied(value) for value in constants}
        carried = {step: copied(self.steps[step].result) for step in self.begin}
        made = [copied(node.result) for node in self.steps]
        nodes: list[Node] = []
        for number, (node, wires) in enumerate(zip(self.steps, self.wires, strict=True)):
            read = [
                carried[step] if kind == "before" else made[step] if kind == "in" else outside[step]
                for kind, step in wires
            ]
            operands = _rewired(node.operands, iter(read), items)
            nodes.append(replace(node, operands=operands, targets=made[number]))
            made[number].node = nodes[-1]
        return Graph(
            "body", [*carried.values(), *outside.values()], nodes, [made[step] for step in self.begin]
        )


def _rewired(operands: dict[str, Any], read: Iterator[Value], items: dict[Module, Module]) -> dict[str, Any]:
    """Operands with other values, in order, and what stands for the modules of one time."""

    def renewed(part: Any) -> Any:
        if isinstance(part, Value):
            return next(read)
        return items.get(part, part) if isinstance(part, Module) else part

    return {name: map_nested(renewed, operand) for name, operand in operands.items()}


@dataclass(frozen=True)
class _Series:
    """Steps of an order, from `start` on, that are `times` times the same `period` steps."""

    start: int
    period: int
    times: int
    wires: list[list[Wire]]


class _Finder:
    """Looks for loops in the steps of a class."""

    def __init__(self, graph: Graph, order: list[Node], callers: dict[Module, int]) -> None:
        self.graph = graph
        self.order = order
        self.callers = callers
        self.keys = [_key(node, callers) for node in order]
        self.outputs = set(graph.outputs)
        self.made = {value: at for at, node in enumerate(order) for value in node.results()}
        self.read: dict[Value, list[int]] = {}
        for at, node in enumerate(order):
            for value in node.values():
                self.read.setdefault(value, []).append(at)

    def fold_all(self) -> None:
        """Fold the loops, from the front, none overlapping another."""
        found: list[_Series] = []
        start = 0
        while start < len(self.order):
            best = max(self._at(start), key=lambda series: series.times * series.period, default=None)
            if best is not None:
                found.append(best)
            start += best.times * best.period if best is not None else 1
        if found:
            self.graph.nodes = list(self.order)
        for series in found:
            early = self.order[series.start - 1] if series.start else None
            self._plan(series).from_nothing(early, self._is_same, self.graph).fold(self.graph)

    def _is_same(self, a: Node, b: Node) -> bool:
        return _key(a, self.callers) == _key(b, self.callers)

    def _plan(self, series: _Series) -> _Plan:
        times = [
            self.order[first : first + series.period]
            for first in range(series.start, series.start + series.times * series.period, series.period)
        ]
        begin: dict[int, Value] = {}
        for node, wires in zip(times[0], series.wires, strict=True):
            for value, (kind, step) in zip(node.values(), wires, strict=True):
                if kind == "before":
                    begin.setdefault(step, value)
        varied = [
            module
            for time in times
            for module in dict.fromkeys(module for node in time for module in node.modules())
            if self._varies(module)
        ]
        return _Plan(
            times[0], series.wires, begin, {step: times[-1][step].result for step in begin}, times, varied
        )

    def _varies(self, module: Module) -> bool:
        return module.graph is not None and self.callers[module] == 1

    def _at(self, start: int) -> Iterator[_Series]:
        """The loops that could begin at a step, one for each number of steps."""
        for period in range(1, _LONGEST + 1):
            if start + period < len(self.keys) and self.keys[start] == self.keys[start + period]:
                times = self._times(start, period)
                series = self._wired(start, period, times) if times >= _LEAST else None
                if series is not None:
                    yield series

    def _times(self, start: int, period: int) -> int:
        """How often the same steps follow one another."""
        end = start
        while end + period < len(self.keys) and self.keys[end] == self.keys[end + period]:
            end += 1
        return (end - start) // period + 1

    def _wired(self, start: int, period: int, times: int) -> _Series | None:
        """The loop, if each time reads what the time before made as the others do; None if there is none."""
        wires = self._wires(start + period, period)
        number = 2
        while number < times and self._wires(start + number * period, period) == wires:
            number += 1
        times = number if number < times else times
        series = _Series(start, period, self._closed(start, period, times, wires), wires)
        is_loop = series.times >= _LEAST and self._begins(series) and self._calls_one(series)
        return series if is_loop else None

    def _wires(self, first: int, period: int) -> list[list[Wire]]:
        """Where what the steps of one time read comes from."""
        wires: list[list[Wire]] = []
        for node in self.order[first : first + period]:
            wires.append([])
            for value in node.values():
                at = self.made.get(value, -1)
                if at >= first:
                    wires[-1].append(("in", at - first))
                elif at >= first - period:
                    wires[-1].append(("before", at - first + period))
                else:
                    wires[-1].append(("outside", value))
        return wires

    def _closed(self, start: int, period: int, times: int, wires: list[list[Wire]]) -> int:
        """How many times there are before something else reads what one time makes."""
        carried = {step for of_node in wires for kind, step in of_node if kind == "before"}
        for number in range(times):
            first = start + number * period
            for step, node in enumerate(self.order[first : first + period]):
                end = start + times * period if step in carried else first + period
                is_read = any(at >= end for at in self.read.get(node.result, ()))
                leaves = node.result in self.outputs or is_read
                later = any(at >= first + 2 * period for at in self.read.get(node.result, ()))
                if (leaves or later) and not (step in carried and number == times - 1):
                    return number + 1 if step in carried else 0
        return times

    def _begins(self, series: _Series) -> bool:
        """Whether the first time reads as the others do, but for what there is no time before for."""
        begin: dict[int, Value] = {}
        first = self.order[series.start : series.start + series.period]
        for node, wires in zip(first, series.wires, strict=True):
            for value, (kind, step) in zip(node.values(), wires, strict=True):
                at = self.made.get(value, -1)
                if kind == "in" and at != series.start + step:
                    return False
                if kind == "outside" and value is not step:
                    return False
                if kind == "before":
                    is_new = at < series.start and not isinstance(value, Host)
                    if not is_new or begin.setdefault(step, value) is not value:
                        return False
        return bool(begin)

    def _calls_one(self, series: _Series) -> bool:
        """Whether each time calls modules, at most one of them another one than the other times."""
        first = self.order[series.start : series.start + series.period]
        modules = dict.fromkeys(module for node in first for module in node.modules())
        varied = [module for module in modules if self._varies(module)]
        return bool(modules) and len(varied) <= 1
