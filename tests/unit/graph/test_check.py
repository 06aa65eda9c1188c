"""A graph that contradicts itself is told so, with its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codegen.graph import Derived, FlatOrder, Graph, Module, Parameter, Value, definitions
from codegen.graph.check import InvalidGraph, check_graph
from tests.support.graph_text import parse_graph

NET = """
    class Block(size: int, rate: float = 0.1):
        self.linear = nn.Linear(size, size)
        %0 = input  # (N, 8) float32 x
        %1 = self.linear(%0)  # (N, 8) float32 linear
        return %1

    class Net:
        self.block = Block(8)
        self.other = Block(8, rate=0.5)
        %0 = input  # (N, 8) float32 x
        %1 = F.relu(%0)  # (N, 8) float32 relu
        %2 = self.block(%1)  # (N, 8) float32 block
        %3 = self.other(%2)  # (N, 8) float32 other
        return %3
"""


def _again(graph: Graph) -> None:
    graph.nodes.append(graph.nodes[0])


def _swapped(graph: Graph) -> None:
    graph.nodes[:2] = graph.nodes[1::-1]


def _lost(graph: Graph) -> None:
    del graph.nodes[-1]


def _other_node(graph: Graph) -> None:
    graph.nodes[1].result.node = graph.nodes[0]


def _input_with_a_node(graph: Graph) -> None:
    graph.inputs[0].node = graph.nodes[0]


def _wrong_layout(graph: Graph) -> None:
    graph.inputs[0].perm = (0, 2)


def _wrong_labels(graph: Graph) -> None:
    graph.inputs[0].labels = ("N",)


def _wrong_order(graph: Graph) -> None:
    graph.inputs[0].flat = FlatOrder((2, 4), (0, 0))


def _wrong_kind(graph: Graph) -> None:
    graph.inputs[0].dtype = "size"


def _wrong_twin(graph: Graph) -> None:
    graph.inputs[0].twins[1, 0] = Value((8, 8))


def _one_more_input(graph: Graph) -> None:
    definitions(graph)[0].inputs.append(Value((None, 8)))


def _class_without_argument(graph: Graph) -> None:
    graph.modules()[0].args = ()


def _unknown_argument(graph: Graph) -> None:
    graph.modules()[0].kwargs = {"scale": 1}


def _argument_given_twice(graph: Graph) -> None:
    graph.modules()[0].kwargs = {"size": 1}


def _strange_member(graph: Graph) -> None:
    graph.modules()[0].members = {Module("a", "nn.ReLU"): Module("b", "nn.ReLU")}


def _module_of_two_classes(graph: Graph) -> None:
    (linear,) = definitions(graph)[0].modules()
    linear.args = (8, 8)
    graph.nodes[0].operands["x"], graph.nodes[0].template = [linear, graph.inputs[0]], "torch.f(*x)"


def _no_constructor(graph: Graph) -> None:
    definitions(graph)[0].modules()[0].constructor = ""


def _children(graph: Graph) -> None:
    definitions(graph)[0].modules()[0].children = (Module("a", "nn.ReLU"),)


def _strange_parameter(graph: Graph) -> None:
    definitions(graph)[0].modules()[0].args = (Parameter("width", "int"), 3)


def _strange_name(graph: Graph) -> None:
    graph.nodes[0].operands["size"] = (Derived("4 * width"), 3)


def _strange_template(graph: Graph) -> None:
    graph.nodes[0].template = "F.relu(y)"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_again, "in 'Net', node 'F.relu(x)' of layer 'relu': its result exists already"),
        (_swapped, "in 'Net', node 'module(x)' of layer 'block': it reads a value that nothing before it"),
        (_lost, "in 'Net', the class: it returns nothing, or a value that nothing yields"),
        (_other_node, "node 'module(x)' of layer 'block': its result takes another node for its own"),
        (_input_with_a_node, "in 'Net', input 'x': its result takes another node for its own"),
        (_wrong_layout, "in 'Net', input 'x': (0, 2) is no layout of the shape (None, 8)"),
        (_wrong_labels, "are no sizes of the shape"),
        (_wrong_order, "is no order"),
        (_wrong_kind, "a Value has no dtype 'size'"),
        (_wrong_twin, "its twin of layout (1, 0) is another tensor"),
        (_one_more_input, "'Block' makes 1 of 2 values, not 1 of 1"),
        (_class_without_argument, "module 'block' (a class): 'Block' takes ['size', 'rate'], it is given []"),
        (_unknown_argument, "it is given ['size', 'scale']"),
        (_argument_given_twice, "an argument is given twice, or to no parameter"),
        (_strange_member, "module 'block' (a class): it has members that 'Block' knows nothing of"),
        (_module_of_two_classes, "module 'linear' (nn.Linear): it is in 'Block' as well"),
        (_no_constructor, "in 'Block', module 'linear' (a class): it needs a constructor or a class"),
        (_children, "only an nn.Sequential or nn.ModuleList is made of others"),
        (_strange_parameter, "in 'Block', module 'linear' (nn.Linear): width is no parameter of its class"),
        (_strange_template, "node 'F.relu(y)' of layer 'relu': the template 'F.relu(y)' has no use for 'x'"),
        (_strange_name, "in 'Net', node 'F.relu(x)' of layer 'relu': width is no parameter of its class"),
    ],
)
def test_a_contradiction_is_found(spoil: Callable[[Graph], None], message: str) -> None:
    graph = parse_graph(NET)
    check_graph(graph)
    spoil(graph)
    with pytest.raises(InvalidGraph) as error:
        check_graph(graph)
    assert message in str(error.value)
