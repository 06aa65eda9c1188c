"""Names and first doc lines of blocks: from what they hold, else from what their layers are called."""

from __future__ import annotations

import re
from collections import Counter

from codegen.graph import Module, Node, Op, Value
from codegen.graph.naming import class_name
from codegen.graph.ops import ATTENDS
from codegen.passes.blocks.names import has_index, tokens
from codegen.passes.blocks.patterns import Pattern, Use, joins

#: What a class is, for the first line of its docstring.
_DOCS = {
    "BottleneckBlock": "Residual block of three convolutions, the outer ones 1x1",
    "PreActivationBottleneck": "Residual block of three convolutions, each after its norm",
    "InvertedResidual": "Expanding 1x1, depthwise and projecting 1x1 convolution",
    "FusedInvertedResidual": "Expanding convolution and projecting 1x1 convolution",
    "ConvNeXtBlock": "Residual block: a depthwise convolution and two linear layers",
    "ResidualBlock": "Residual block",
    "DenseLayer": "Convolutions whose result is appended to their input",
    "InceptionBlock": "Branches whose results are put together",
    "SqueezeExcite": "Scales each channel by a gate made of all channels' means",
    "SeparableConv": "Depthwise and pointwise convolutions in turn",
    "DepthwiseSeparableConv": "Depthwise and pointwise convolution",
    "TransformerEncoder": "Self-attention and a feed-forward network, both residual",
    "TransformerDecoder": "Self-attention, attention to a context, feed-forward network",
    "Attention": "Attention",
    "FeedForward": "Feed-forward network",
    "TransitionBlock": "Normalisation, 1x1 convolution and pooling",
    "ConvBatchNorm": "Convolution and batch normalisation",
    "BatchNormConv": "Batch normalisation, activation and convolution",
    "GatedConv": "Convolution whose result is gated by another one",
    "DoubleConv": "Two convolutions",
    "ConvBlock": "Convolutions in a row",
    "UNetBlock": "Smaller and larger again, with skips between equal sizes",
}


_RECURRENT = ("nn.LSTM", "nn.GRU", "nn.RNN")

#: Words of layer names that say nothing of what a block is.
_EMPTY = (
    "conv",
    "batch",
    "separable",
    "layer",
    "max",
    "average",
    "add",
    "activation",
    "dense",
    "norm",
    "normalization",
    "block",
)


def block_doc(pattern: Pattern, name: str) -> str:
    """First line of the class's docstring."""
    uses = len(pattern.uses)
    count = f", used {uses} times" if uses > 1 else ""
    return f"{_DOCS.get(name, _spelled(name))}{count}."


def _spelled(name: str) -> str:
    """`NormalBlock` -> Normal block, `BidirectionalLSTM` -> Bidirectional LSTM."""
    first, *others = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9_]*|[a-z0-9_]+", name) or ["Block"]
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])


def block_name(pattern: Pattern) -> str:
    """A name for the class."""
    facts = _Facts(pattern)
    return facts.by_content() or _by_prefix(pattern) or _by_layers(pattern) or facts.roughly()


def _by_prefix(pattern: Pattern) -> str:
    """`Block35`, if many names of every use begin with `block35`."""
    counts: Counter[str] = Counter()
    for use in pattern.uses:
        names = [tokens(node.layer) for node in use.region.nodes]
        first = Counter(name[0] for name in names if len(name) > 1 and has_index(name[0]))
        counts.update(word for word, count in first.items() if count >= 0.3 * len(names))
    word, count = counts.most_common(1)[0] if counts else ("", 0)
    is_word = len(_base(word)) > 2 and (_base(word) == "block" or _base(word) not in _EMPTY)
    is_own = count == len(pattern.uses) and not _is_everywhere(_base(word), pattern)
    return class_name(word) if is_word and is_own else ""


def _by_layers(pattern: Pattern) -> str:
    """The word that most layer names of the block share in every use."""
    counts: Counter[str] = Counter()
    total = 0
    for use in pattern.uses:
        names = [tokens(node.layer) for node in use.region.nodes]
        total += len(names)
        for name in names:
            counts.update(
                {_base(part) for part in name[:-1] if _base(part).isalpha() and len(_base(part)) > 2}
            )
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    found = [word for word, count in ranked if count >= 0.45 * total and word not in _EMPTY]
    found = [word for word in found if not _is_everywhere(word, pattern)]
    if not found:
        return ""
    word = class_name(found[0])
    return word if word.lower() in ("block", "cell", "layer") or word.endswith("Block") else f"{word}Block"


def _is_everywhere(word: str, pattern: Pattern) -> bool:
    """Whether nearly all layers are called so, those outside of the block too: it is the model's name."""
    inside = {node for use in pattern.uses for node in use.region.nodes}
    graphs = dict.fromkeys(use.region.graph for use in pattern.uses)
    others = [tokens(node.layer) for graph in graphs for node in graph.nodes if node not in inside]
    named = sum(any(_base(part) == word for part in name) for name in others)
    return len(others) > 3 and named > 0.7 * len(others)


def _base(part: str) -> str:
    """`block35` -> block."""
    return part.rstrip("0123456789").lower() if has_index(part) else part.lower()


def _is_upsampling(node: Node) -> bool:
    transposed = (module for module in node.modules() if module.constructor.startswith("nn.ConvTranspose"))
    return node.op is Op.INTERPOLATE or any(transposed)


class _Facts:
    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self.modules = [(module, self._real(module)) for module in pattern.modules]
        self.convs = [
            real for _, real in self.modules if real.constructor.startswith(("nn.Conv", "nn.ConvTranspose"))
        ]
        self.depthwise = [
            conv for conv in self.convs if conv.args and conv.kwargs.get("groups", 1) == conv.args[0] != 1
        ]
        self.plain = [conv for conv in self.convs if conv not in self.depthwise]
        self.linear = [real for _, real in self.modules if real.constructor == "nn.Linear"]
        self.norms = [real for _, real in self.modules if "Norm" in real.constructor]
        self.blocks = [real.graph.name for _, real in self.modules if real.graph is not None]
        self.attention = any(node.involves(*ATTENDS) for node in pattern.nodes) or any(
            "ttention" in real.constructor for _, real in self.modules
        )
        self.adds = sum(joins(node, Op.ADD) for node in pattern.nodes)
        self.is_residual = self._is_residual()

    def _real(self, module: Module) -> Module:
        return next((use.members[module] for use in self.pattern.uses if module in use.members), module)

    def _is_residual(self) -> bool:
        """Whether the block's input is added to its result."""
        for node in self.pattern.nodes:
            if joins(node, Op.ADD) and any(self._is_shortcut(value) for value in node.values()):
                return True
        return False

    def _is_shortcut(self, value: Value) -> bool:
        node: Node | None = value.node
        if value in self.pattern.inputs:
            return True
        return node is not None and node.op is Op.SELECT and any(map(self._is_shortcut, node.values()))

    def _kernels(self, convs: list[Module]) -> list[int]:
        sizes = [conv.kwargs.get("kernel_size", 1) for conv in convs]
        return [max(size) if isinstance(size, (tuple, list)) else size for size in sizes if size]

    def by_content(self) -> str:
        """A name that the field uses for such a block; "" if it has none."""
        nodes = self.pattern.nodes
        last = self.pattern.output.node
        if self.attention:
            both = self.linear and self.adds >= 2
            if both and sum(value.dtype != "bool" for value in self.pattern.inputs) > 1:
                return "TransformerDecoder"
            return "TransformerEncoder" if both else "Attention" if not self.convs else ""
        recurrent = [real.constructor for _, real in self.modules if real.constructor in _RECURRENT]
        if recurrent:
            kind = recurrent[0].removeprefix("nn.")
            return f"Bidirectional{kind}" if any(node.involves(Op.FLIP) for node in nodes) else f"{kind}Block"
        first = next((real for node in nodes for m in node.modules() for real in [self._real(m)]), None)
        is_norm_first = first is not None and "Norm" in first.constructor
        if len(self.convs) == len(self.norms) == 1 and len(self.modules) == 2 and not is_norm_first:
            return "ConvBatchNorm"
        has_mean = any(node.involves(Op.MEAN) for node in nodes)
        if has_mean and not self.norms and joins(last, Op.MUL):
            return "SqueezeExcite"
        if any(node.op is Op.CONCAT for node in nodes):
            ends_with_cat = last is not None and last.op is Op.CONCAT
            reads_input = last is not None and any(
                v in self.pattern.inputs for n in [last] for v in n.values()
            )
            if ends_with_cat and reads_input and self.convs:
                return "DenseLayer"
            if any(node.involves(Op.POOL) for node in nodes) and any(map(_is_upsampling, nodes)):
                return "UNetBlock"
            branches = len(list(last.values())) if last is not None and ends_with_cat else 0
            return "InceptionBlock" if branches > 2 and len(self.pattern.inputs) == 1 else ""
        if self.depthwise:
            if self.is_residual and self.linear and not self.plain:
                return "ConvNeXtBlock"
            if len(self.depthwise) > 1 and len(self.depthwise) == len(self.plain) and not self.is_residual:
                return "SeparableConv"
            if len(self.plain) >= 2 and max(self._kernels(self.plain), default=0) == 1:
                return "InvertedResidual"
            if len(self.depthwise) == 1 and len(self.plain) == 1 and not self.is_residual:
                return "DepthwiseSeparableConv"
        if self.is_residual and (self.convs or self.blocks):
            return self._residual(is_norm_first)
        gates = {
            node.function for value in (last.values() if last else ()) if (node := value.node) is not None
        }
        if len(self.convs) == 2 and gates == {"torch.tanh", "torch.sigmoid"}:
            return "GatedConv"
        if (
            len(self.plain) == 2
            and self.norms
            and not self.blocks
            and "project" in " ".join(n.layer for n in nodes)
        ):
            return "FusedInvertedResidual"
        return ""

    def _residual(self, is_norm_first: bool) -> str:
        smallest = min(self.pattern.uses, key=lambda use: len(use.members))
        kernels = self._kernels([conv for conv in self.plain if conv in self._present(smallest)])
        if [size for size in kernels if size > 1] == [3] and kernels.index(3) and len(kernels) in (3, 4):
            return "PreActivationBottleneck" if is_norm_first else "BottleneckBlock"
        if any("project" in node.layer for node in self.pattern.nodes) and len(self.plain) == 2:
            return "FusedInvertedResidual"
        return "ResidualBlock"

    def _present(self, use: Use) -> list[Module]:
        """The modules of which a use has one."""
        return [real for proto, real in self.modules if proto in use.members]

    def roughly(self) -> str:
        """A name made of what the block holds."""
        nodes = self.pattern.nodes
        pooled = any(node.involves(Op.POOL) for node in nodes)
        is_norm_first = bool(self.modules) and "Norm" in self.modules[0][1].constructor
        if is_norm_first and len(self.convs) == 1:
            return "TransitionBlock" if pooled else "BatchNormConv"
        if self.is_residual:
            return "ResidualBlock"
        if len(self.convs) == 2 == len(self.modules) - len(self.norms):
            return "DoubleConv"
        if self.linear and not self.convs:
            return "FeedForward"
        return "ConvBlock" if self.convs else "Block"
