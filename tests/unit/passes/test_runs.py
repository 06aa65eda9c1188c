"""Blocks in a row become an `nn.Sequential`."""

from __future__ import annotations

import pytest

from codegen.passes.runs import fold_runs
from tests.support.graph_text import rewritten


def _net(*names: str, end: str = "") -> str:
    count = len(names)
    modules = "".join(f"            self.{name} = Block()\n" for name in names)
    calls = "".join(
        f"            %{n} = self.{name}(%{n - 1})  # (N, 4) float32 {name}\n"
        for n, name in enumerate(names, 1)
    )
    return f"""
        class Block:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 relu
            return %1

        class Net:
{modules}            %0 = input  # (N, 4) float32 x
{calls}            return %{count}{end}
    """


def test_blocks_in_a_row_are_a_sequence() -> None:
    after = """
        class Block:
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 relu
            return %1

        class Net:
            self.block_1 = Block()
            self.block_2 = Block()
            self.block_3 = Block()
            self.blocks = nn.Sequential(self.block_1, self.block_2, self.block_3)
            %0 = input  # (N, 4) float32 x
            %1 = self.blocks(%0)  # (N, 4) float32 block_3 @ blocks
            return %1
    """
    assert rewritten(fold_runs, _net("block_1", "block_2", "block_3")) == after


def test_each_stage_is_a_sequence_of_its_own() -> None:
    stages = rewritten(fold_runs, _net("conv2_block1", "conv2_block2", "conv3_block1", "conv3_block2"))
    assert "self.conv2 = nn.Sequential(self.conv2_block1, self.conv2_block2)" in stages
    assert "self.conv3 = nn.Sequential(self.conv3_block1, self.conv3_block2)" in stages


#: One block that is called twice.
TWICE = (
    _net("block_1", "block_2")
    .replace("            self.block_2 = Block()\n", "")
    .replace("block_2", "block_1")
)

#: A block that is not always there.
OPTIONAL = _net("block_1", "block_2").replace("Net:", "Net(deep: bool = False):")
OPTIONAL = OPTIONAL.replace("self.block_2 = Block()", "self.block_2 = Block() if deep else nn.Identity()")


@pytest.mark.parametrize(
    "text",
    [
        _net("block_1"),
        _net("block_1", "block_2", end=", %1"),  # what is between them is read elsewhere
        _net("stem", "head"),
        TWICE,
        OPTIONAL,
    ],
)  # fmt: skip
def test_what_is_no_run_stays(text: str) -> None:
    assert rewritten(fold_runs, text) == text
