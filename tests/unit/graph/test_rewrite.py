"""Edits of a graph leave it valid."""

from __future__ import annotations

from codegen.graph import Graph, Module, Node
from codegen.graph.rewrite import fill, remove, remove_unused, replace, reread, substitute
from tests.support.graph_text import parse_graph, rewritten

NET = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 a
            %2 = torch.exp(%1)  # (N, 4) float32 b
            %3 = torch.cat({parts: [%2, %1, %0]})  # (N, 12) float32 c
            return %3, %1
    """


def test_all_that_reads_a_value_reads_another() -> None:
    def skip(graph: Graph) -> None:
        relu = graph.nodes[0]
        replace(graph, {relu.result: relu.source})

    after = """
        class Net:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 a
            %2 = torch.exp(%0)  # (N, 4) float32 b
            %3 = torch.cat({parts: [%2, %0, %0]})  # (N, 12) float32 c
            return %3, %0
    """
    assert rewritten(skip, NET) == after


def test_what_nothing_reads_can_be_removed() -> None:
    def shorten(graph: Graph) -> None:
        _, exp, cat = graph.nodes
        graph.outputs = [exp.result]
        remove(graph, [cat])

    assert rewritten(shorten, NET).splitlines()[-3:] == [
        "            %2 = torch.exp(%1)  # (N, 4) float32 b",
        "            return %2",
        "    ",
    ]


def test_nodes_are_substituted_where_the_last_of_them_stood() -> None:
    def fuse(graph: Graph) -> None:
        relu, exp, cat = graph.nodes
        graph.outputs = [cat.result]
        cat.operands["parts"] = [exp.result, relu.source]
        module = Module("both", "nn.Softplus")
        substitute(
            graph, [exp, relu], [Node("module(x)", {"module": module, "x": relu.source}, exp.result, "both")]
        )

    after = """
        class Net:
            self.both = nn.Softplus()
            %0 = input  # (N, 4) float32 x
            %1 = self.both(%0)  # (N, 4) float32 b @ both
            %2 = torch.cat({parts: [%1, %0]})  # (N, 12) float32 c
            return %2
    """
    assert rewritten(fuse, NET) == after


def test_what_no_output_needs_is_unused() -> None:
    def shorten(graph: Graph) -> None:
        graph.outputs = graph.outputs[1:]
        remove_unused(graph)

    assert "exp" not in rewritten(shorten, NET)


def test_operands_are_filled_at_any_depth() -> None:
    x, y = parse_graph(NET).inputs[0], parse_graph(NET).inputs[0]
    node = Node("f(a, b)", {"a": [x, (x, 3)], "b": slice(x, None)})
    reread(node, {x: y})
    assert node.operands == {"a": [y, (y, 3)], "b": slice(y, None)}
    assert fill({"k": x, "n": 1}, {x: y}) == {"k": y, "n": 1}
