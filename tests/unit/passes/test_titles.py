"""What blocks are called by what they hold: one small block for each row of the tables."""

from __future__ import annotations

import pytest

from codegen.passes.blocks.contents import contents
from codegen.passes.blocks.facts import Facts
from codegen.passes.blocks.patterns import trace
from codegen.passes.blocks.regions import Flow
from codegen.passes.blocks.titles import BY_CONTENT, ROUGHLY, Rows, title
from tests.support.graph_text import parse_graph

#: What a line yields: three axes are enough, channels stored second.
_MAPS = "  # (N, 8, 4) float32 perm 021 a"

_ONE, _THREE = "nn.Conv1d(4, 4, kernel_size=1)", "nn.Conv1d(4, 4, kernel_size=3)"

#: Modules and expressions (what follows `=`) of blocks, by the name that they get.
_BLOCKS = {
    "TransformerEncoder": (
        ["nn.Linear(8, 8)"],
        ["self.m0(%0)", "F.scaled_dot_product_attention({q: %1}, {k: %1}, {v: %1})", "%0 + %2", "%1 + %3"],
    ),
    "TransformerBlock": (
        ["nn.Linear(8, 8)"],
        [
            "self.m0(%0)",
            "F.scaled_dot_product_attention({q: %1}, {k: %1}, {v: %1}, is_causal=True)",
            "%0 + %2",
            "%1 + %3",
        ],
    ),
    "Attention": ([], ["F.scaled_dot_product_attention({q: %0}, {k: %0}, {v: %0})"]),
    "BidirectionalGRU": (["nn.GRU(8, 8)"], ["%0.flip(1)", "self.m0(%1)"]),
    "LSTMBlock": (["nn.LSTM(8, 8)"], ["self.m0(%0)"]),
    "ConvBatchNorm": (["nn.Conv1d(4, 4, 3)", "nn.BatchNorm1d(4)"], ["self.m0(%0)", "self.m1(%1)"]),
    "SqueezeExcite": (
        ["nn.Linear(4, 4)"],
        ["%0.mean(dim=(1, 2), keepdim=True)", "self.m0(%1)", "%0 * %2"],
    ),
    "DenseLayer": (["nn.Conv1d(4, 4, 3)"], ["self.m0(%0)", "torch.cat({xs: [%0, %1]}, dim=1)"]),
    "UNetBlock": (
        ["nn.Conv1d(4, 4, 3)"],
        [
            "self.m0(%0)",
            "F.max_pool1d(%1, kernel_size=2)",
            "F.interpolate(%2, scale_factor=2)",
            "torch.cat({xs: [%1, %3]}, dim=1)",
            "F.relu(%4)",
        ],
    ),
    "InceptionBlock": (
        ["nn.Conv1d(4, 4, 1)", "nn.Conv1d(4, 4, 3)", "nn.Conv1d(4, 4, 5)"],
        ["self.m0(%0)", "self.m1(%0)", "self.m2(%0)", "torch.cat({xs: [%1, %2, %3]}, dim=1)"],
    ),
    "ConvNeXtBlock": (
        ["nn.Conv1d(4, 4, kernel_size=7, groups=4)", "nn.Linear(4, 4)"],
        ["self.m0(%0)", "self.m1(%1)", "%0 + %2"],
    ),
    "InvertedResidual": (
        [
            "nn.Conv1d(4, 8, kernel_size=1)",
            "nn.Conv1d(8, 8, kernel_size=3, groups=8)",
            "nn.Conv1d(8, 4, kernel_size=1)",
        ],
        ["self.m0(%0)", "self.m1(%1)", "self.m2(%2)", "%0 + %3"],
    ),
    "DepthwiseSeparableConv": (
        ["nn.Conv1d(4, 4, kernel_size=3, groups=4)", "nn.Conv1d(4, 8, kernel_size=1)"],
        ["self.m0(%0)", "self.m1(%1)"],
    ),
    "SeparableConv": (
        ["nn.Conv1d(4, 4, kernel_size=3, groups=4)", "nn.Conv1d(4, 8, kernel_size=1)"] * 2,
        ["self.m0(%0)", "self.m1(%1)", "self.m2(%2)", "self.m3(%3)"],
    ),
    "BottleneckBlock": (
        [_ONE, _THREE, _ONE],
        ["self.m0(%0)", "self.m1(%1)", "self.m2(%2)", "%0 + %3"],
    ),
    "PreActivationBottleneck": (
        ["nn.BatchNorm1d(4)", _ONE, _THREE, _ONE],
        ["self.m0(%0)", "self.m1(%1)", "self.m2(%2)", "self.m3(%3)", "%4 + %0"],
    ),
    "ResidualBlock": ([_THREE], ["self.m0(%0)", "%0 + %1"]),
    "GatedConv": (
        ["nn.Conv1d(4, 4, 3)", "nn.Conv1d(4, 4, 3)"],
        ["self.m0(%0)", "torch.tanh(%1)", "self.m1(%0)", "torch.sigmoid(%3)", "%2 * %4"],
    ),
}

_ROUGH_BLOCKS = {
    "TransitionBlock": (
        ["nn.BatchNorm1d(4)", "nn.Conv1d(4, 4, 1)"],
        ["self.m0(%0)", "self.m1(%1)", "F.avg_pool1d(%2, kernel_size=2)"],
    ),
    "BatchNormConv": (["nn.BatchNorm1d(4)", "nn.Conv1d(4, 4, 1)"], ["self.m0(%0)", "self.m1(%1)"]),
    "ResidualBlock": (["nn.Linear(4, 4)"], ["self.m0(%0)", "%1 + %0"]),
    "DoubleConv": (["nn.Conv1d(4, 4, 3)", "nn.Conv1d(4, 4, 3)"], ["self.m0(%0)", "self.m1(%1)"]),
    "FeedForward": (["nn.Linear(4, 4)", "nn.Linear(4, 4)"], ["self.m0(%0)", "self.m1(%1)"]),
    "ConvBlock": (["nn.Conv1d(4, 4, 3)"], ["self.m0(%0)"]),
    "Block": (["nn.PReLU(4)"], ["self.m0(%0)"]),
}


def facts(modules: list[str], expressions: list[str]) -> Facts:
    """The facts of a block with one input."""
    lines = ["class Block:", *(f"    self.m{i} = {module}" for i, module in enumerate(modules))]
    lines.append(f"    %0 = input{_MAPS}")
    lines += [f"    %{i} = {expression}{_MAPS}" for i, expression in enumerate(expressions, 1)]
    graph = parse_graph("\n".join([*lines, f"    return %{len(expressions)}"]))
    region = Flow(graph).region(graph.nodes, pure=True)
    assert region is not None
    return Facts(trace(region))


@pytest.mark.parametrize("name", _BLOCKS)
def test_the_name_that_the_field_uses(name: str) -> None:
    assert title(BY_CONTENT, facts(*_BLOCKS[name])) == name


@pytest.mark.parametrize("name", _ROUGH_BLOCKS)
def test_a_rough_name_for_what_has_no_other(name: str) -> None:
    assert title(ROUGHLY, facts(*_ROUGH_BLOCKS[name])) == name


@pytest.mark.parametrize(("rows", "blocks"), [(BY_CONTENT, _BLOCKS), (ROUGHLY, _ROUGH_BLOCKS)])
def test_every_row_has_a_block(rows: Rows, blocks: dict[str, object]) -> None:
    other = {
        "",
        "{recurrent}Block",
        "Bidirectional{recurrent}",
        "TransformerDecoder",
        "FusedInvertedResidual",
    }
    assert {name for name, _ in rows} - other <= blocks.keys()


def test_spelling_does_not_change_a_name() -> None:
    modules, expressions = _BLOCKS["GatedConv"]
    other = [e.replace("torch.tanh", "F.tanh").replace("torch.sigmoid", "F.sigmoid") for e in expressions]
    assert title(BY_CONTENT, facts(modules, other)) == "GatedConv"


def test_what_only_resembles_a_known_block_is_none() -> None:
    """Two separable convolutions are no inverted residual, parallel layers no convolutions in a row."""
    depthwise = "nn.Conv1d(4, 4, kernel_size=3, groups=4)"
    twice = [depthwise, "nn.Conv1d(4, 4, kernel_size=1)"] * 2
    steps = [f"self.m{i}(%{i})" for i in range(4)]
    assert title(BY_CONTENT, facts(twice, [*steps, "%0 + %4"])) == "ResidualBlock"
    side_by_side = facts(["nn.Conv1d(4, 4, 3)"] * 2, ["self.m0(%0)", "self.m1(%0)", "%1 * %2"])
    assert title(ROUGHLY, side_by_side) == "Block"


def test_the_content_of_a_block_is_said() -> None:
    modules = ["nn.Conv1d(4, 4, 3)", "nn.BatchNorm1d(4)", "nn.Conv1d(4, 4, 3)"]
    steps = ["self.m0(%0)", "self.m1(%1)", "self.m2(%2)", "%0 + %3"]
    assert contents(facts(modules, steps)) == "two convolutions and normalisation, added to the input"
