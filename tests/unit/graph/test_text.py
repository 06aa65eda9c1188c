"""The text of a graph: what is written, and that reading it back loses nothing."""

from __future__ import annotations

import textwrap

import pytest

from codegen.commands.dump_graph import dump_graph
from codegen.graph import Derived, Graph, Node, Symbol, Value, definitions
from tests.support.graph_text import parse_graph
from tests.support.showcase import EXAMPLES

LAYOUT = """
    class Net:
        self.conv = nn.Conv2d(3, 8, kernel_size=3)
        %0 = input  # (N, 8, 8, 3) float32 image
        %1 = %0.permute(*{dims: (0, 3, 1, 2)})  # (N, 8, 8, 3) float32 perm 0312 image @ conv
        %2 = self.conv(%1)  # (N, 6, 6, 8) float32 perm 0312 conv
        return %2
"""

OPERANDS = """
    class Net:
        self.scale = nn.Parameter((4,), torch.float32)
        self.lstm = nn.LSTM(4, 8, batch_first=True)
        %0 = input  # (N, T, 4) float32 x
        %1 = input  # (N, T) bool mask
        %2 = %0 * {weight: self.scale}  # (N, T, 4) float32 x
        (%3, (%4, _)) = self.lstm(%2)  # (N, T, 8) float32 lstm; (1, N, 8) float32 lstm
        %5 = pick(%1, {a: %4}, {b: [%4, -0.5, None, 'a \\x23 \\x25', {'k': slice(None, 3, None)}]})  # () size
        %6 = %5 + {y: %5} + {n: 2}  # () size
        F.relu({out: -math.inf}, dtype={to: torch.float16}, p=0.1 if self.training else 0)  # @ lstm
        return %3, %6
"""

CLASSES = """
    class Block(channels: int, is_last: bool = False):
        'Convolution, ReLU.'
        self.channels = attribute(channels)
        self.conv = nn.Conv2d(channels, 4 * channels, kernel_size=(3, 3))  # frozen 'bias', 'weight'
        self.layer_1_norm = nn.BatchNorm2d(4 * channels) if is_last else nn.Identity()  # '1/norm'
        %0 = input  # (N, H, W, channels) float32 perm 0312 x
        %1 = %0.flatten({d: self.channels})  # (N, 60) float32 flat (3, 4, 5) by 120 'a b'
        %2 = self.conv({norm: self.layer_1_norm}(%1))  # (N, H, W, 4 * channels) float32 conv
        return %2

    class MyNet:  # 'my net'
        self.a = Block(3)
        self.b = Block(3, is_last=True)
        self.blocks = nn.Sequential(self.a, self.b)
        %0 = input  # (N, 8, 8, 3) float32 x
        %1 = self.blocks(%0)  # (N, 8, 8, 12) float32 blocks
        return %1
"""


@pytest.mark.parametrize("text", [LAYOUT, OPERANDS, CLASSES])
def test_what_is_read_is_written_the_same(text: str) -> None:
    assert str(parse_graph(text)) == textwrap.dedent(text).strip()


@pytest.mark.parametrize("name", ["mlp.h5", "mobilenet_v2.json", "text_encoder.json", "unet.json"])
def test_graphs_of_real_models_are_read_back(name: str) -> None:
    texts: list[str] = []
    dump_graph(EXAMPLES / name, write=texts.append)
    for text in texts:
        graph = text.partition("\n")[2].strip()
        assert str(parse_graph(graph)) == graph


def test_operands_have_the_names_that_the_text_leaves_out() -> None:
    permute, conv = parse_graph(LAYOUT).nodes
    assert (permute.template, permute.operands["dims"]) == ("x.permute(*dims)", (0, 3, 1, 2))
    assert (conv.template, list(conv.operands)) == ("module(x)", ["module", "x"])
    assert conv.operands["x"] is permute.targets and permute.targets.node is permute
    assert (permute.targets.perm, permute.targets.layer, permute.layer) == ((0, 3, 1, 2), "image", "conv")


def test_operands_are_what_they_were() -> None:
    scale, lstm, pick, add, effect = parse_graph(OPERANDS).nodes
    assert scale.template == "x * weight" and scale.operands["weight"].constructor == "nn.Parameter"
    assert isinstance(lstm.targets, tuple) and lstm.targets[1] == (pick.operands["a"], None)
    assert pick.operands["b"][1:] == [-0.5, None, "a # %", {"k": slice(None, 3)}]
    assert add.operands == {"x": pick.targets, "y": pick.targets, "n": 2}
    assert effect.targets is None and effect.operands == {"out": -float("inf"), "to": Symbol("torch.float16")}


def test_classes_have_parameters_and_instances() -> None:
    block, net = definitions(parse_graph(CLASSES))
    channels, is_last = block.params
    attribute, conv, norm = block.modules()
    assert (channels.has_default, is_last.default, block.doc) == (False, False, "Convolution, ReLU.")
    assert (attribute.args, conv.args) == ((channels,), (channels, Derived("4 * channels")))
    assert (conv.frozen, norm.name, norm.when) == (frozenset({"weight", "bias"}), "1/norm", is_last)
    (sequence,) = net.modules()
    assert [child.graph for child in sequence.children] == [block, block]
    assert net.name == "my net"


def test_a_graph_is_written_even_where_it_is_wrong() -> None:
    graph = Graph("Net", nodes=[Node("F.relu(x)", {"x": Value((2,))}, Value((2,)))])
    graph.outputs = [Value((2,))]
    assert str(graph).splitlines()[1:] == ["    %0 = F.relu(%?)  # (2,) float32", "    return %?"]


@pytest.mark.parametrize(
    "line",
    [
        "%1 = F.relu(%2)  # (N, 8, 8, 3) float32",
        "%1 = F.relu(%0)",
        "%1 = F.relu(%0)  # (N, 8, 8, 3)",
        "%1 = F.relu(%0)  # (N, 8, 8, 3) float32 perm abc relu",
        "%0 = F.relu(%0)  # (N, 8, 8, 3) float32",
        "%1 = self.conv(%0)  # (N, 8, 8, 3) float32",
        "%1 = F.relu({x: %0}, {x: 3})  # (N, 8, 8, 3) float32",
        "%1, %2 = F.relu(%0)  # (N, 8, 8, 3) float32",
        "self.conv = 3",
        "if %0:",
    ],
)
def test_a_line_that_is_none_is_refused(line: str) -> None:
    text = f"class Net:\n    %0 = input  # (N, 8, 8, 3) float32\n    {line}\n    return %0"
    with pytest.raises(ValueError, match="is no line of a graph"):
        parse_graph(text)


def test_a_class_returns_something() -> None:
    with pytest.raises(ValueError, match="returns something"):
        parse_graph("class Net:\n    %0 = input  # (N, 8) float32")
