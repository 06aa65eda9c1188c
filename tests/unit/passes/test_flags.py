"""What flags of blocks are called."""

from __future__ import annotations

import pytest

from codegen.graph import Node, Value
from codegen.passes.blocks.flags import name_flags
from codegen.passes.blocks.patterns import Flag, Pattern, Use, trace
from codegen.passes.blocks.regions import Flow
from tests.support.graph_text import parse_graph

_MAPS = "  # (N, 8, 4) float32 perm 021"


def flag_name(lines: list[str], *, chosen: int, other: int) -> str:
    """The name of the flag that chooses one value of a block, else another, before its last line reads it."""
    text = ["class Block:", "    self.conv = nn.Conv1d(4, 4, kernel_size=3)", f"    %0 = input{_MAPS} a"]
    text += [f"    %{number} = {line}" for number, line in enumerate(lines, 1)]
    graph = parse_graph("\n".join([*text, f"    return %{len(lines)}"]))
    values = [*graph.inputs, *(node.result for node in graph.nodes)]
    region = Flow(graph).region(graph.nodes, pure=True)
    assert region is not None
    pattern = trace(region)
    protos = {real: proto for proto, real in pattern.uses[0].values.items()}
    return _named(pattern, protos[values[chosen]], protos[values[other]])


def _named(pattern: Pattern, a: Value, b: Value) -> str:
    flag, last = Flag(), pattern.nodes[-1]
    select = Value(a.shape)
    select.node = Node("a if flag else b", {"flag": flag, "a": a, "b": b}, select)
    last.operands = {name: select if operand is a else operand for name, operand in last.operands.items()}
    pattern.nodes.insert(-1, select.node)
    pattern.uses.append(Use(pattern.uses[0].region, flags={flag: True}))
    name_flags(pattern)
    return flag.name


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        ("project", [f"self.conv(%0){_MAPS} a", f"F.silu(%0){_MAPS} b", f"%1 + %2{_MAPS} c"]),
        ("pad", [f"F.pad(%0, (1, 1)){_MAPS} a", f"F.silu(%1){_MAPS} b"]),
        ("pool", [f"F.max_pool1d(%0, kernel_size=2){_MAPS} a", f"F.silu(%1){_MAPS} b"]),
        ("relu_first", [f"F.relu(%0){_MAPS} a", f"F.silu(%1){_MAPS} b"]),
        ("relu_first", [f"torch.relu(%0){_MAPS} a", f"F.silu(%1){_MAPS} b"]),
        ("squeeze", [f"%0.abs(){_MAPS} squeeze_1", f"F.silu(%1){_MAPS} out"]),
    ],
)
def test_a_flag_says_what_it_switches_on(expected: str, lines: list[str]) -> None:
    assert flag_name(lines, chosen=1, other=0) == expected


def test_a_sum_with_the_input_is_residual() -> None:
    lines = [f"self.conv(%0){_MAPS} a", f"%1 + %0{_MAPS} b", f"F.silu(%2){_MAPS} c"]
    assert flag_name(lines, chosen=2, other=1) == "residual"
