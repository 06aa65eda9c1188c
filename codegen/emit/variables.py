"""What the arguments and local variables of one `forward` are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from codegen.emit.spans import Spans
from codegen.graph import Graph, Host, Module, Node, Op, Value, naming
from codegen.graph.layer_names import base, is_automatic
from codegen.graph.ops import CALLS

#: What the operands of an attention are called.
_ATTENTION = ("query", "key", "value")

#: What values are called whose layers have automatic names; others are called after these.
_NOUNS = {
    "activation": "hidden", "re_lu": "hidden", "leaky_re_lu": "hidden", "p_re_lu": "hidden",
    "add": "total", "sum": "total", "subtract": "difference", "multiply": "product", "dot": "product",
    "matmul": "product", "divide": "ratio", "true_divide": "ratio", "get_item": "part", "slice": "part",
    "concatenate": "features", "flatten": "features", "embedding": "embedded", "bn": "normed",
    "norm": "normed", "layer_normalization": "normed", "batch_normalization": "normed",
    "linear": "projected", "dense": "hidden", "conv1d": "features", "conv2d": "features",
    "conv3d": "features", "separable_conv2d": "features", "depthwise_conv2d": "features", "conv": "features",
    "reshape": "reshaped", "permute": "permuted",
}  # fmt: skip

#: Names that are counted from one where there are several.
_ROLES = ("skip", "branch", "residual")

#: What every `PackedSequence` is called.
_PACKED = "packed"

#: A value that lives so many statements and is then joined passes others by.
_LONG = 5


class Variables:
    """Names of the values of one class.

    Attributes:
        names: By value; those that are written inside what reads them have none.
    """

    def __init__(self, graph: Graph, attributes: Mapping[Module, str], taken: frozenset[str]) -> None:
        self.graph = graph
        self._attributes = attributes
        self.names: dict[Value, str] = {}
        self._space = naming.variables(taken)
        self._spans = Spans(graph, [], ())
        self._running: dict[str, list[Value]] = {}
        calls = Counter(module for node in graph.nodes if node.op in CALLS for module in node.modules())
        self._shared = {module for module, count in calls.items() if count > 1}

    def claim(self, wanted: str) -> str:
        """A free name like the one that is wanted."""
        return self._space.claim(wanted)

    def name_arguments(self) -> list[str]:
        """Arguments are named after their layers; one whose name says nothing is `x`."""
        alone = len(self.graph.inputs) == 1
        for value in self.graph.inputs:
            wanted = "x" if alone and is_automatic(value.layer) else naming.identifier(value.layer, "x")
            self.names[value] = self.claim(wanted)
            self._running[self.names[value]] = [value]
        return [self.names[value] for value in self.graph.inputs]

    def name_values(self, statements: Sequence[Node], inlined: Collection[Value]) -> None:
        """Name all values that statements yield.

        The running value is `x`. What is added to it later stays `x`, and what is computed meanwhile is `y`,
        or `scale` if it is multiplied with it. Any other value that a running one would overwrite is named
        after what it is for, or after its layer.

        Args:
            statements: Of the body, in order.
            inlined: Values that are written inside what reads them.
        """
        self._spans = spans = Spans(self.graph, statements, inlined)
        self._name_by_readers(statements)
        trunks = [value for value in spans.by_length() if spans.is_trunk(value)]
        holders = (*self.graph.inputs, *trunks)
        for value in trunks:
            is_gated = spans.ends_in(value, Op.MUL)
            may_be_y = is_gated and self._is_inside(value, holders)
            if (self._run("x", value) or (may_be_y and self._run("y", value))) and is_gated:
                self._name_all(spans.side(value), "scale")
        for value in spans.by_length():
            if not self._run("x", value) and self._is_inside(value, holders):
                self._run("y", value)
        self._name_apart([value for value in spans.values if value not in self.names])
        for value, begin in spans.joined.items():
            self.names[value] = self.names[begin]

    def name_result(self, node: Node) -> None:
        """What a module yields last has its layer's name, as its type must be said; `x` has one already."""
        has_type = any(self.names[value] == "x" for value in self.graph.inputs)
        is_free = has_type and (bool(self.graph.doc) or is_automatic(node.result.layer))
        self.names[node.result] = "x" if is_free else self.claim(naming.identifier(node.result.layer, "y"))

    # ---------------------------------------------------------------- kinds of names

    def _name_by_readers(self, statements: Sequence[Node]) -> None:
        """Packed sequences, masks, operands of an attention, results of what is called several times."""
        for node in statements:
            for value in node.results():
                if _is_packed(value):
                    self._run(_PACKED, value)
                elif value.dtype == "bool":
                    self._run("mask", value, is_any=True)
        for node in statements:
            if node.op is Op.ATTENTION:
                for value, word in zip(node.values(), _ATTENTION, strict=False):
                    self._run(word, value)
            elif (
                node.op in CALLS
                and self._shared.intersection(node.modules())
                and isinstance(node.targets, Value)
            ):
                origin = self._spans.origin(node.result)
                if origin is not None and self._spans.length(node.result) > 0:
                    made = _participle(next(node.modules()).name)
                    self._run(f"{self.names[origin]}_{made}", node.result)

    def _name_all(self, values: Sequence[Value], name: str) -> None:
        for value in values:
            self._run(name, value)

    def _is_inside(self, value: Value, holders: Sequence[Value]) -> bool:
        """Whether a value lives while one of some others waits for it."""
        return any(self._spans.holds(holder, value) for holder in holders)

    def _name_apart(self, values: Sequence[Value]) -> None:
        """Values that live beside the running one: after their argument, their purpose or their layer."""
        rest = [value for value in values if not self._name_after_argument(value)]
        wanted = {value: self._wanted(value) for value in rest}
        counts, numbers = Counter(wanted.values()), Counter[str]()
        for value, name in wanted.items():
            numbers[name] += 1
            is_counted = name in _ROLES and counts[name] > 1
            self.names[value] = self.claim(f"{name}_{numbers[name]}" if is_counted else name)

    def _name_after_argument(self, value: Value) -> bool:
        origin = self._spans.origin(value)
        is_same = origin is not None and is_automatic(value.layer) and origin.dtype == value.dtype
        return origin is not None and is_same and self._run(self.names[origin], value)

    def _wanted(self, value: Value) -> str:
        if value.dtype == "bool":
            origin = self._spans.origin(value)
            return "mask" if origin is None else f"{self.names[origin]}_mask"
        if not is_automatic(value.layer):
            return self._layer_name(value)
        if self._spans.ends_in(value, Op.ADD):
            return "residual"
        if self._spans.ends_in(value, Op.CONCAT, Op.MUL) and self._spans.length(value) >= _LONG:
            return "skip"
        if self._spans.ends_in(value, Op.CONCAT):
            return "branch"
        name = base(value.layer.rpartition(".")[2] if "." in value.layer else value.layer)
        return _NOUNS.get(name) or naming.identifier(name or value.layer, "y")

    def _layer_name(self, value: Value) -> str:
        """The layer's name; where several attributes have names like it, that of the one that is called."""
        name = naming.identifier(value.layer, "y")
        if value.node is None or value.node.op not in CALLS or value.node.targets is not value:
            return name
        called = self._attributes[next(value.node.modules())]
        return called if name in self._attributes.values() else name

    def _run(self, name: str, value: Value, *, is_any: bool = False) -> bool:
        """Let a value have a name that others have at other times, if it is free all the while."""
        if value in self.names or value not in self._spans.values or not _may_run(value):
            return False
        if (value.dtype == "bool" and not is_any) or _is_packed(value) != (name == _PACKED):
            return False
        others = self._running.get(name)
        if others is None:
            if self.claim(name) != name:
                return False
            others = self._running[name] = []
        if any(self._spans.overlap(value, other) for other in others):
            return False
        others.append(value)
        self.names[value] = name
        return True


def _participle(module: str) -> str:
    """What a module has made of a tensor: `encoder` -> encoded."""
    for part, word in (("encod", "encoded"), ("embed", "embedded"), ("project", "projected")):
        if part in module.lower():
            return word
    return naming.identifier(module)


def _is_packed(value: Value) -> bool:
    """Whether the value is a `PackedSequence`: it is made so, or a module has been called with one."""
    node = value.node
    if node is None or not _may_run(value):
        return False
    makers = [other.node.op for other in node.values() if other.node is not None]
    return node.op is Op.PACK or (node.op in CALLS and Op.PACK in makers)


def _may_run(value: Value) -> bool:
    """Whether the value can have a running name: a tensor, the first of several results, no states."""
    if isinstance(value, Host) or value.node is None or value.optional:
        return False
    targets = value.node.targets
    if value.node.op is Op.LOOP:
        return True
    return (targets[0] if isinstance(targets, tuple) else targets) is value
