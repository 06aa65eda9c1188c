"""Names and first doc lines of blocks: from what they hold, else from what their layers are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from codegen.graph import Op
from codegen.graph.naming import class_name
from codegen.passes.blocks.contents import contents
from codegen.passes.blocks.facts import Facts
from codegen.passes.blocks.names import has_index, tokens
from codegen.passes.blocks.patterns import Pattern, joins

#: What a class is, for the first line of its docstring.
_DOCS = {
    "BottleneckBlock": "Residual block of three convolutions, the outer ones 1x1",
    "PreActivationBottleneck": "Residual block of three convolutions, each after its norm",
    "InvertedResidual": "Expanding 1x1, depthwise and projecting 1x1 convolution",
    "FusedInvertedResidual": "Expanding convolution and projecting 1x1 convolution",
    "ConvNeXtBlock": "Residual block: a depthwise convolution and two linear layers",
    "DenseLayer": "Convolutions whose result is appended to their input",
    "InceptionBlock": "Branches whose results are put together",
    "SqueezeExcite": "Scales each channel by a gate made of all channels' means",
    "SeparableConv": "Depthwise and pointwise convolutions in turn",
    "DepthwiseSeparableConv": "Depthwise and pointwise convolution",
    "TransformerEncoder": "Self-attention and a feed-forward network, both residual",
    "TransformerBlock": "Causal self-attention and a feed-forward network, both residual",
    "TransformerDecoder": "Self-attention, attention to a context, feed-forward network",
    "Attention": "Attention",
    "FeedForward": "Feed-forward network",
    "TransitionBlock": "Normalisation, 1x1 convolution and pooling",
    "ConvBatchNorm": "Convolution and batch normalisation",
    "BatchNormConv": "Batch normalisation, activation and convolution",
    "GatedConv": "Convolution whose result is gated by another one",
    "DoubleConv": "Two convolutions",
    "UNetBlock": "Smaller and larger again, with skips between equal sizes",
}


Rows = tuple[tuple[str, Callable[[Facts], object]], ...]

#: What the field calls a block, by the first row that is true; "" leaves it to the names of its layers.
BY_CONTENT: Rows = (
    ("TransformerDecoder", lambda f: f.is_transformer and f.adds == 3 and f.tensors > 1),
    ("TransformerBlock", lambda f: f.is_transformer and f.adds == 2 and f.is_causal),
    ("TransformerEncoder", lambda f: f.is_transformer and f.adds == 2 and f.tensors == 1),
    ("", lambda f: f.attends and f.adds),
    ("", lambda f: f.attends and f.convs),
    ("Attention", lambda f: f.attends),
    ("Bidirectional{recurrent}", lambda f: f.recurrent and f.has(Op.FLIP)),
    ("{recurrent}Block", lambda f: f.recurrent),
    ("ConvBatchNorm", lambda f: len(f.convs) == len(f.norms) == 1 and f.is_pair and not f.is_norm_first),
    ("SqueezeExcite", lambda f: f.has(Op.MEAN) and joins(f.last, Op.MUL) and not f.norms),
    ("DenseLayer", lambda f: f.appends and f.convs),
    ("UNetBlock", lambda f: f.concats and f.has(Op.POOL) and f.upsamples),
    ("InceptionBlock", lambda f: f.branches > 2 and len(f.pattern.inputs) == 1),
    ("", lambda f: f.concats),
    ("ConvNeXtBlock", lambda f: f.depthwise and f.is_residual and f.linear and not f.plain),
    ("SeparableConv", lambda f: len(f.depthwise) == len(f.plain) > 1 and not f.is_residual),
    ("InvertedResidual", lambda f: f.expands and f.is_pointwise),
    ("DepthwiseSeparableConv", lambda f: len(f.depthwise) == len(f.plain) == 1 and not f.is_residual),
    ("PreActivationBottleneck", lambda f: f.skips_layers and f.is_bottleneck and f.is_norm_first),
    ("BottleneckBlock", lambda f: f.skips_layers and f.is_bottleneck),
    ("FusedInvertedResidual", lambda f: f.skips_layers and f.projects and len(f.plain) == 2),
    ("ResidualBlock", lambda f: f.skips_layers),
    ("GatedConv", lambda f: len(f.convs) == 2 and f.gates == {"torch.tanh", "torch.sigmoid"}),
    ("FusedInvertedResidual", lambda f: f.projects and len(f.plain) == 2 and f.norms and not f.blocks),
    ("", lambda _: True),
)

#: The same where the names of its layers say nothing either.
ROUGHLY: Rows = (
    ("TransitionBlock", lambda f: f.is_norm_first and len(f.convs) == 1 and f.has(Op.POOL)),
    ("BatchNormConv", lambda f: f.is_norm_first and len(f.convs) == 1),
    ("ResidualBlock", lambda f: f.is_residual),
    ("DoubleConv", lambda f: f.is_chain and len(f.convs) == 2 == len(f.modules) - len(f.norms)),
    ("FeedForward", lambda f: f.is_chain and len(f.linear) == 2 and not f.norms and not f.convs),
    ("ConvBlock", lambda f: f.is_chain and f.convs and not f.linear and not f.upsamples),
    ("Block", lambda _: True),
)

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
    """First line of the class's docstring: what the field means by its name, or what it holds."""
    uses = len(pattern.uses)
    count = f", used {uses} times" if uses > 1 else ""
    held = "" if name in _DOCS else contents(Facts(pattern))
    if name == "Block" and held:
        return f"{held[0].upper()}{held[1:]}{count}."
    said = f"{_spelled(name)}: {held}" if held else _DOCS.get(name, _spelled(name))
    return f"{said}{count}."


def _spelled(name: str) -> str:
    """`NormalBlock` -> Normal block, `BidirectionalLSTM` -> Bidirectional LSTM."""
    first, *others = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9_]*|[a-z0-9_]+", name) or ["Block"]
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])


def block_name(pattern: Pattern) -> str:
    """A name for the class."""
    facts = Facts(pattern)
    return title(BY_CONTENT, facts) or _by_prefix(pattern) or _by_layers(pattern) or title(ROUGHLY, facts)


def title(rows: Rows, facts: Facts) -> str:
    """The name in the first row that is true of a block."""
    return next(name for name, is_so in rows if is_so(facts)).format(recurrent=facts.recurrent)


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
