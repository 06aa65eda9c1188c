"""What a block holds: the facts that its name is chosen by."""

from __future__ import annotations

from functools import cached_property

from codegen.graph import Module, Node, Op, Value
from codegen.graph.dtypes import FLOATS
from codegen.graph.ops import ANY_ACTIVATIONS, ATTENDS
from codegen.passes.blocks.patterns import Pattern, Use, joins

_RECURRENT = ("nn.LSTM", "nn.GRU", "nn.RNN")


class Facts:
    """The facts of a pattern.

    Attributes:
        pattern: The pattern.
        modules: Its prototypes of modules, each with the real module of a use that has it.
        convs: Its convolutions.
        depthwise: Those of them with a group for each channel.
        plain: The others.
        linear: Its linear layers.
        norms: Its normalisations.
        blocks: The names of the blocks inside it.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.modules = [(module, self._real(module)) for module in pattern.modules]
        real = [module for _, module in self.modules]
        self.convs = [module for module in real if module.constructor.startswith("nn.Conv")]
        self.depthwise = [
            conv for conv in self.convs if conv.args and conv.kwargs.get("groups", 1) == conv.args[0] != 1
        ]
        self.plain = [conv for conv in self.convs if conv not in self.depthwise]
        self.linear = [module for module in real if module.constructor == "nn.Linear"]
        self.norms = [module for module in real if _is_norm(module)]
        self.blocks = [module.graph.name for module in real if module.graph is not None]

    def _real(self, module: Module) -> Module:
        return next((use.members[module] for use in self.pattern.uses if module in use.members), module)

    def has(self, *ops: Op) -> bool:
        """Whether it computes one of these operations, alone or as part of an expression."""
        return any(node.involves(*ops) for node in self.pattern.nodes)

    @cached_property
    def attends(self) -> bool:
        """Whether there is an attention in it, in its expressions or in a module."""
        return self.has(*ATTENDS) or any(
            "ttention" in name for name in (*(real.constructor for _, real in self.modules), *self.blocks)
        )

    @cached_property
    def is_transformer(self) -> bool:
        """Whether attention comes first, and then two linear layers with an activation between them."""
        steps = list(self.pattern.nodes)
        attention = [place for place, node in enumerate(steps) if self._is_attention(node)]
        activation = [place for place, node in enumerate(steps) if node.op in ANY_ACTIVATIONS]
        has_network = bool(self.linear or self.blocks)
        return bool(attention and has_network and not self.convs) and (
            not activation or attention[-1] < activation[0]
        )

    def _is_attention(self, node: Node) -> bool:
        called = [self._real(module) for module in node.modules()]
        names = [module.graph.name if module.graph is not None else module.constructor for module in called]
        return node.involves(*ATTENDS) or any("ttention" in name for name in names)

    @cached_property
    def is_causal(self) -> bool:
        """Whether an attention of it sees no later steps."""
        return any(node.op is Op.ATTENTION and node.options.get("is_causal") for node in self.pattern.nodes)

    @cached_property
    def expands(self) -> bool:
        """Whether its one depthwise convolution stands between a first and a last plain one."""
        if len(self.depthwise) != 1 or len(self.plain) < 2:
            return False
        return self.convs.index(self.depthwise[0]) == 1 and self.convs[-1] in self.plain

    @cached_property
    def is_chain(self) -> bool:
        """Whether each step reads one value alone."""
        return all(len(set(node.values())) == 1 for node in self.pattern.nodes)

    @cached_property
    def adds(self) -> int:
        """How many sums of two values it has."""
        return sum(joins(node, Op.ADD) for node in self.pattern.nodes)

    @cached_property
    def is_residual(self) -> bool:
        """Whether the block's input is added to its result."""
        sums = [node for node in self.pattern.nodes if joins(node, Op.ADD)]
        return any(self._is_shortcut(value) for node in sums for value in node.values())

    @cached_property
    def skips_layers(self) -> bool:
        """Whether its input is added to what convolutions or blocks make of it."""
        return self.is_residual and bool(self.convs or self.blocks)

    def _is_shortcut(self, value: Value) -> bool:
        if value in self.pattern.inputs:
            return True
        node = value.node
        return node is not None and node.op is Op.SELECT and any(map(self._is_shortcut, node.values()))

    @cached_property
    def recurrent(self) -> str:
        """The kind of its first recurrent layer: `LSTM`; "" if there is none."""
        found = (real.constructor for _, real in self.modules if real.constructor in _RECURRENT)
        return next(found, "").removeprefix("nn.")

    @cached_property
    def is_norm_first(self) -> bool:
        """Whether its first module is a normalisation."""
        return bool(self.modules) and _is_norm(self.modules[0][1])

    @cached_property
    def is_pair(self) -> bool:
        """Whether it has two modules."""
        return len(self.modules) == 2

    @cached_property
    def is_pointwise(self) -> bool:
        """Whether all convolutions but the depthwise ones are 1x1."""
        return max(_kernels(self.plain), default=0) == 1

    @cached_property
    def tensors(self) -> int:
        """How many inputs are no masks, which are of integers, too."""
        return sum(value.dtype in FLOATS for value in self.pattern.inputs)

    @cached_property
    def last(self) -> Node:
        """What yields its result."""
        assert self.pattern.output.node is not None
        return self.pattern.output.node

    @cached_property
    def concats(self) -> bool:
        """Whether tensors are put together in it."""
        return any(node.op is Op.CONCAT for node in self.pattern.nodes)

    @cached_property
    def branches(self) -> int:
        """How many tensors its result is put together from; 0 if it is not."""
        return len(list(self.last.values())) if self.last.op is Op.CONCAT else 0

    @cached_property
    def appends(self) -> bool:
        """Whether its result is its input with something behind."""
        return self.branches > 0 and any(value in self.pattern.inputs for value in self.last.values())

    @cached_property
    def upsamples(self) -> bool:
        """Whether something becomes larger in it."""
        transposed = any(conv.constructor.startswith("nn.ConvTranspose") for conv in self.convs)
        return transposed or any(node.op is Op.INTERPOLATE for node in self.pattern.nodes)

    @cached_property
    def gates(self) -> frozenset[str]:
        """The functions whose results its last step reads."""
        return frozenset(value.node.function for value in self.last.values() if value.node is not None)

    @cached_property
    def projects(self) -> bool:
        """Whether a layer of it is called a projection."""
        return any("project" in node.layer for node in self.pattern.nodes)

    @cached_property
    def is_bottleneck(self) -> bool:
        """Whether its one larger kernel is a 3x3 between 1x1, in the use with the fewest modules."""
        smallest = min(self.pattern.uses, key=lambda use: len(use.members))
        sizes = _kernels([conv for conv in self.plain if conv in self._present(smallest)])
        return [size for size in sizes if size > 1] == [3] and sizes[0] != 3 and len(sizes) in (3, 4)

    def _present(self, use: Use) -> list[Module]:
        """The modules of which a use has one."""
        return [real for proto, real in self.modules if proto in use.members]


def _kernels(convs: list[Module]) -> list[int]:
    """The sizes of kernels, of each the largest."""
    sizes = [conv.kwargs.get("kernel_size", 1) for conv in convs]
    return [max(size) if isinstance(size, (tuple, list)) else size for size in sizes if size]


def _is_norm(module: Module) -> bool:
    return "Norm" in module.constructor
