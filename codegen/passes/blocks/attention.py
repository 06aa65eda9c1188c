"""Attention becomes a class: one for self-attention, attention to a context and causal attention."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from codegen.graph import Graph, Node, Op, Value
from codegen.graph.parsing import parse_template
from codegen.graph.rewrite import reread
from codegen.passes.blocks.build import make_block
from codegen.passes.blocks.candidates import add_use
from codegen.passes.blocks.patterns import Pattern, single_key, trace
from codegen.passes.blocks.regions import Flow

#: What tells one attention from another that a class can have both: (mask or not, causal or not).
_MASK, _CAUSAL = "attn_mask", "is_causal"

#: The bias of a mask that is not always given.
_OPTIONAL = "None if mask is None else {}"


def outline_attention(graphs: Iterable[Graph]) -> list[Graph]:
    """Make classes of the attentions that occur at least twice, with the projections around them.

    Returns:
        The new classes.
    """
    kinds: dict[Hashable, list[_Attention]] = {}
    for graph in graphs:
        if any(node.op is Op.ATTENTION for node in graph.nodes):
            flow = Flow(graph)
            for node in graph.nodes:
                if node.op is Op.ATTENTION and (found := _found(flow, node)):
                    kinds.setdefault(found.kind(), []).append(found)
    return [definition for found in kinds.values() if len(found) > 1 for definition in _make(found)]


@dataclass(eq=False)
class _Attention:
    """One attention with its projections.

    Attributes:
        graph: What it is in.
        node: The attention itself.
        ways: What leads to query, key and value, each from its projection on.
        rest: What follows, up to the projection of all heads.
        options: The arguments of its call beside query, key and value.
    """

    graph: Graph
    node: Node
    ways: tuple[list[Node], list[Node], list[Node]]
    rest: list[Node]
    options: dict[str, ast.expr]

    @property
    def context(self) -> Value:
        """What the keys are made of."""
        return self.ways[1][0].source

    @property
    def is_cross(self) -> bool:
        """Whether it attends to something else than its queries are made of."""
        return self.context is not self.ways[0][0].source

    @property
    def is_causal(self) -> bool:
        """Whether steps attend to no later ones, by torch's own mask."""
        return _CAUSAL in self.options

    @property
    def bias(self) -> str:
        """How the mask's bias is computed; "" without a mask."""
        return ast.unparse(self.options[_MASK]) if _MASK in self.options else ""

    def kind(self) -> Hashable:
        """Equal for what can be one class."""
        steps = [node for way in self.ways for node in way] + self.rest
        others = {
            name: ast.unparse(tree) for name, tree in self.options.items() if name not in (_MASK, _CAUSAL)
        }
        return (
            tuple(map(len, self.ways)),
            tuple(single_key(self.graph, node) for node in steps),
            str(others),
        )

    def normalise(self, *, cross: bool, masked: str, always: bool, causal: bool) -> None:
        """Write it as the others of its kind are written.

        Args:
            cross: Whether the class has a context.
            masked: The bias of a mask that the class takes; "" if it takes none.
            always: Whether all have a mask.
            causal: Whether some are causal.
        """
        others = {name: tree for name, tree in self.options.items() if name not in (_MASK, _CAUSAL)}
        arguments = ["q", "k", "v"]
        operands = dict(self.node.operands)
        if masked and always:
            arguments.append(f"{_MASK}={masked}")
        elif masked:
            scores = self.node.operands["q"]
            mask = self.node.operands.get("mask") or self._nothing()
            bias = Value(mask.shape, scores.dtype, "bias", optional=True)
            bias.node = Node(_OPTIONAL.format(masked), {"mask": mask, "scores": scores}, bias, "bias")
            self._insert(bias.node)
            self.rest.insert(0, bias.node)
            arguments.append(f"{_MASK}=bias")
            operands = {k: v for k, v in operands.items() if k not in ("mask", "scores")} | {"bias": bias}
        arguments += [f"{name}={ast.unparse(tree)}" for name, tree in others.items()]
        if causal:
            arguments.append(f"{_CAUSAL}=causal")
            operands["causal"] = self.is_causal
        self.node.rewrite(f"F.scaled_dot_product_attention({', '.join(arguments)})", **operands)
        if cross and not self.is_cross:
            source = self.context
            context = replace(source, twins={}, layer="context")
            alias = Node("x", {"x": source}, context, "context")
            context.node = alias
            self._insert(alias, before=min(self.ways[1][0], self.ways[2][0], key=self.graph.nodes.index))
            for way in self.ways[1:]:
                reread(way[0], {source: context})

    def _nothing(self) -> Value:
        """A mask that is not given."""
        query, key = (self.ways[index][-1].result for index in (0, 1))
        mask = Value((query.shape[0], 1, query.shape[-2], key.shape[-2]), "bool", "mask")
        mask.node = Node("None", {}, mask, "mask")
        self.graph.nodes.insert(0, mask.node)
        return mask

    def _insert(self, new: Node, before: Node | None = None) -> None:
        position = self.graph.nodes.index(before or self.node)
        self.graph.nodes.insert(position, new)

    def nodes(self) -> list[Node]:
        """All its nodes."""
        return [*(node for way in self.ways for node in way), self.node, *self.rest]


def _found(flow: Flow, node: Node) -> _Attention | None:
    """The attention around a node, if it has all projections and nobody else reads what is inside."""
    call = parse_template(node.template)
    if not isinstance(call, ast.Call) or [ast.unparse(a) for a in call.args] != ["q", "k", "v"]:
        return None
    ways = tuple(_way(flow, node.operands[name], node) for name in ("q", "k", "v"))
    rest = _rest(flow, node)
    if not all(ways) or not rest or ways[1][0].source is not ways[2][0].source:
        return None
    options = {keyword.arg or "": keyword.value for keyword in call.keywords}
    return _Attention(flow.graph, node, (ways[0], ways[1], ways[2]), rest, options)


def _way(flow: Flow, value: Value, reader: Node) -> list[Node]:
    """What leads to a value from its projection on; nothing if there is none or others read it, too."""
    way: list[Node] = []
    while True:
        node = flow.producer.get(value)
        alone = all(other is reader for other in flow.readers[value]) and value not in flow.outputs
        if node is None or not alone or len(list(node.values())) != 1:
            return []
        way.insert(0, node)
        if _is_projection(node):
            return way
        value, reader = node.source, node


def _rest(flow: Flow, node: Node) -> list[Node]:
    """What follows up to the projection of all heads; nothing if there is none."""
    rest: list[Node] = []
    while len(flow.after[node]) == 1 and node.result not in flow.outputs:
        (node,) = flow.after[node]
        if len(list(node.values())) != 1:
            return []
        rest.append(node)
        if _is_projection(node):
            return rest
    return []


def _is_projection(node: Node) -> bool:
    return node.op is Op.CALL and all(module.constructor == "nn.Linear" for module in node.modules())


def _make(found: list[_Attention]) -> list[Graph]:
    """The classes of attentions of one kind."""
    biases = {attention.bias for attention in found} - {""}
    if len(biases) > 1:
        return []
    masked = next(iter(biases), "")
    always = all(attention.bias for attention in found)
    cross, causal = any(a.is_cross for a in found), any(a.is_causal for a in found)
    for attention in found:
        attention.normalise(cross=cross, masked=masked, always=always, causal=causal)
    patterns: list[Pattern] = []
    for attention in found:
        region = Flow(attention.graph).region(attention.nodes())
        if region is not None:
            add_use(patterns, trace(region))
    made = [make_block(pattern) for pattern in patterns]
    for graph in dict.fromkeys(attention.graph for attention in found):
        _drop_aliases(graph)
    return made


def _drop_aliases(graph: Graph) -> None:
    """Let the calls read what the contexts stand for."""
    same = {
        node.result: node.source for node in graph.nodes if node.op is Op.ALIAS and node.layer == "context"
    }
    for node in graph.nodes:
        reread(node, same)
    graph.nodes = [node for node in graph.nodes if node.targets not in same]
