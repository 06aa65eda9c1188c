"""Steps that repeat become loops: one layer again and again, blocks with a context, sums over blocks."""

from __future__ import annotations

from codegen.emit.loops import write_forward
from codegen.graph import Loop, Module, with_children
from codegen.graph.check import check_graph
from codegen.passes.loops import roll_loops
from tests.support.graph_text import parse_graph

BLOCK = """
    class Block:
        %0 = input  # (N, 4) float32 x
        %1 = F.relu(%0)  # (N, 4) float32 relu
        return %1
"""

PAIR = """
    class Block:
        %0 = input  # (N, 4) float32 x
        %1 = input  # (N, 4) float32 context
        %2 = %0 + %1  # (N, 4) float32 add
        return %2
"""


def written(text: str) -> list[str]:
    """The statements of the last class, after its loops are found."""
    graph = parse_graph(text)
    roll_loops(graph)
    check_graph(graph)
    names: dict[Module, str] = {module: module.name for module in with_children(graph.modules())}
    return write_forward(graph, names).body


def test_one_layer_called_again_and_again() -> None:
    calls = "".join(f"""
        %{n} = self.step(%{n - 1})  # (N, 4) float32 step
        %{n + 1} = F.relu(%{n})  # (N, 4) float32 step""" for n in range(1, 9, 2))
    text = f"""
    class Net:
        self.step = nn.Linear(in_features=4, out_features=4)
        %0 = input  # (N, 4) float32 start{calls}
        return %8
    """
    assert written(text) == ["x = start", "for _ in range(4):", "    x = F.relu(self.step(x))", "return x"]


def test_two_calls_are_no_loop() -> None:
    text = """
    class Net:
        self.step = nn.Linear(in_features=4, out_features=4)
        %0 = input  # (N, 4) float32 start
        %1 = self.step(%0)  # (N, 4) float32 step
        %2 = self.step(%1)  # (N, 4) float32 step
        return %2
    """
    assert not any(line.startswith("for") for line in written(text))


def _decoder(second: str) -> str:
    modules = "".join(f"\n        self.block_{n} = Block()" for n in range(1, 4))
    calls = "".join(
        f"\n        %{n + 1} = self.block_{n}(%{0 if n == 1 else n}, {second if n == 2 else '%1'})"
        f"  # (N, 4) float32 block_{n}"
        for n in range(1, 4)
    )
    return f"""{PAIR}
    class Net:{modules}
        %0 = input  # (N, 4) float32 y
        %1 = input  # (N, 4) float32 context{calls}
        return %4
    """


def test_blocks_with_a_context() -> None:
    assert written(_decoder("%1")) == [
        "x = y",
        "for block in self.blocks:",
        "    x = block(x, context)",
        "return x",
    ]


def test_blocks_with_another_context_are_no_loop() -> None:
    assert not any(line.startswith("for") for line in written(_decoder("%0")))


def _skips(count: int, end: str) -> str:
    """`count` residual blocks whose results are added up."""
    lines, x, total, value = [], 0, 0, 0
    for n in range(1, count + 1):
        lines.append(f"%{value + 1} = self.block_{n}(%{x})  # (N, 4) float32 block_{n}")
        skip = value = value + 1
        if n > 1:
            lines.append(f"%{value + 1} = %{total} + %{skip}  # (N, 4) float32 sum_{n}")
            value += 1
        total = value if n > 1 else skip
        if n < count:
            lines.append(f"%{value + 1} = %{x} + %{skip}  # (N, 4) float32 add_{n}")
            x = value = value + 1
    modules = [f"self.block_{n} = Block()" for n in range(1, count + 1)]
    end = end.format(total=total, x=x)
    body = "\n        ".join([*modules, "%0 = input  # (N, 4) float32 wave", *lines, f"return {end}"])
    return f"{BLOCK}\n    class Net:\n        {body}\n"


def test_what_is_added_up_over_blocks() -> None:
    assert written(_skips(5, "%{total}")) == [
        "skips = torch.zeros_like(wave)",
        "x = wave",
        "for block in self.blocks:",
        "    skip = block(x)",
        "    skips = skips + skip",
        "    x = x + skip",
        "return skips",
    ]


def test_a_sum_that_needs_the_last_residual_begins_with_the_first_block() -> None:
    lines = written(_skips(5, "%{total}, %{x}"))
    assert not any("zeros_like" in line for line in lines)


def test_all_times_are_in_the_list() -> None:
    graph = parse_graph(_skips(5, "%{total}"))
    roll_loops(graph)
    (loop,) = [node for node in graph.nodes if isinstance(node, Loop)]
    blocks = next(loop.modules())
    assert loop.times == 5
    assert [module.name for module in blocks.children] == [f"block_{n}" for n in range(1, 6)]
