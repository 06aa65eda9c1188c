"""What repeats becomes a class, where that saves lines."""

from __future__ import annotations

import pytest

from codegen.graph import definitions
from codegen.graph.check import check_graph
from codegen.passes.blocks.outline import number_names, outline
from tests.support.graph_text import parse_graph, rewritten

LAYOUT = "(N, 8, 8, 8) float32 perm 0312"


def _residual(places: str) -> str:
    """A residual block for each letter; one with a convolution beside it for each `p`."""
    modules: list[str] = []
    calls: list[str] = []

    def call(expression: str, name: str) -> str:
        calls.append(f"%{len(calls) + 1} = {expression}  # {LAYOUT} {name}")
        return f"%{len(calls)}"

    x = "%0"
    for number, kind in enumerate(places, 1):
        block = f"block{number}"
        for part in ("conv1", "conv2", "short")[: 3 if kind == "p" else 2]:
            size = (1, 1) if part == "short" else (3, 3)
            modules.append(f"self.{block}_{part} = nn.Conv2d(8, 8, kernel_size={size}, padding={size})")
        y = call(f"F.relu({call(f'self.{block}_conv1({x})', f'{block}_conv1')})", f"{block}_relu1")
        y = call(f"self.{block}_conv2({y})", f"{block}_conv2")
        if kind == "p":
            x = call(f"self.{block}_short({x})", f"{block}_short")
        x = call(f"F.relu({call(f'{y} + {x}', f'{block}_add')})", f"{block}_out")
    return "\n    ".join(["class Net:", *modules, f"%0 = input  # {LAYOUT} x", *calls, f"return {x}"])


def _made(text: str) -> str:
    """The text of all classes after the block search."""
    return rewritten(outline, text)


def test_a_repeated_block_is_a_class() -> None:
    block, net = _made(_residual("rrrrr")).split("\n\n")
    assert block == """
        class ResidualBlock:
            'Residual block: two convolutions, added to the input, used 5 times.'
            self.conv1 = nn.Conv2d(8, 8, kernel_size=3, padding=3)
            self.conv2 = nn.Conv2d(8, 8, kernel_size=3, padding=3)
            %0 = input  # (N, 8, 8, 8) float32 perm 0312 x
            %1 = self.conv1(%0)  # (N, 8, 8, 8) float32 perm 0312 conv1
            %2 = F.relu(%1)  # (N, 8, 8, 8) float32 perm 0312 relu1
            %3 = self.conv2(%2)  # (N, 8, 8, 8) float32 perm 0312 conv2
            %4 = %3 + %0  # (N, 8, 8, 8) float32 perm 0312 add
            %5 = F.relu(%4)  # (N, 8, 8, 8) float32 perm 0312 out
            return %5"""
    assert net.count(" = ResidualBlock()\n") == 5
    assert "%2 = self.block2(%1)  # (N, 8, 8, 8) float32 perm 0312 block2_out @ block2" in net


def test_an_optional_part_is_a_flag() -> None:
    block, net = _made(_residual("prprprp")).split("\n\n")
    assert "class ResidualBlock(project: bool = False):" in block
    assert "self.shortcut = nn.Conv2d(8, 8, kernel_size=1, padding=1) if project else nn.Identity()" in block
    arguments = [line.partition("ResidualBlock")[2] for line in net.splitlines() if "ResidualBlock" in line]
    assert arguments == [*["(project=True)", "()"] * 3, "(project=True)"]


def test_what_is_read_in_between_is_in_no_block() -> None:
    text = _residual("rrrrrrr")
    inside = next(line for line in text.splitlines() if "block3_relu1" in line).split(" = ")[0].strip()
    net = _made(f"{text}, {inside}").split("\n\n")[-1]
    assert net.count(" = ResidualBlock()\n") == 6
    assert "self.block3_conv1 = nn.Conv2d" in net


def test_sizes_that_differ_are_named_in_the_shapes() -> None:
    graph = parse_graph(_net(3, 6, varied=4))
    outline(graph)
    assert "%1 = self.fc0(%0)  # (N, fc0_features) float32 fc0" in str(graph)


def test_blocks_of_one_name_are_told_apart_by_letters() -> None:
    text = """
        class Block:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 relu
            return %1

        class Block_2:  # Block
            %0 = input  # (N, 4) float32 x
            %1 = torch.exp(%0)  # (N, 4) float32 exp
            return %1

        class Net:
            self.a = Block()
            self.b = Block_2()
            %0 = input  # (N, 4) float32 x
            %1 = self.a(%0)  # (N, 4) float32 a
            %2 = self.b(%1)  # (N, 4) float32 b
            return %2
    """
    expected = text.replace("Block_2:  # Block", "BlockB:").replace("Block_2", "BlockB")
    expected = expected.replace("class Block:", "class BlockA:").replace("= Block()", "= BlockA()")
    assert rewritten(number_names, text) == expected


#: A different one for each step of a block, so that nothing smaller repeats.
FUNCTIONS = ("exp", "sin", "cos", "tan", "erf", "log", "sqrt", "neg", "sign", "ceil", "floor", "round")


def _net(uses: int, steps: int, varied: int = 0, *, apart: bool = False) -> str:
    """Uses of a block of dense layers, the first `varied` of which have other sizes in each."""
    modules, calls, value, size = [], [], 0, 8
    for use in range(1, uses + 1):
        if apart and use > 1:
            value += 1
            calls.append(f"%{value} = %{value - 1} + {{n: 1}}  # (N, {size}) float32 add_{use}")
        for step, function in enumerate(FUNCTIONS[:steps]):
            before, size = size, 10 * use + 20 + step if step < varied else 8
            name = f"part{use}_fc{step}"
            modules.append(f"self.{name} = nn.Linear(in_features={before}, out_features={size})")
            calls.append(f"%{value + 1} = self.{name}(%{value})  # (N, {size}) float32 {name}")
            calls.append(f"%{value + 2} = torch.{function}(%{value + 1})  # (N, {size}) float32 {name}")
            value += 2
    return "\n    ".join(
        ["class Net:", *modules, "%0 = input  # (N, 8) float32 x", *calls, f"return %{value}"]
    )


def _parameters(text: str) -> list[int]:
    """The number of parameters of each block that is made."""
    graph = parse_graph(text)
    outline(graph)
    check_graph(graph)
    return [len(definition.params) for definition in definitions(graph)[:-1]]


@pytest.mark.parametrize(
    ("uses", "apart", "varied", "steps"),
    [
        (2, False, 0, 7),  # a class has lines of its own
        (2, False, 1, 8),  # each parameter costs
        (3, False, 0, 4),
        (3, False, 4, 6),
        (3, False, 5, 7),  # from the fifth on, a parameter costs more
        (3, False, 6, 9),
        (3, False, 7, 10),
    ],
)
def test_a_class_is_made_from_so_many_steps_on(uses: int, apart: bool, varied: int, steps: int) -> None:
    assert _parameters(_net(uses, steps - 1, varied, apart=apart)) == []
    assert _parameters(_net(uses, steps, varied, apart=apart)) == [varied]
