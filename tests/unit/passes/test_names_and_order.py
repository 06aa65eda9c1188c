"""Names of layers that say nothing, branches, and the order of the ways through a model."""

from __future__ import annotations

from codegen.passes.branches import name_branches
from codegen.passes.layer_names import shorten_names
from codegen.passes.order import follow_inputs
from tests.support.graph_text import rewritten


def test_automatic_names_are_those_of_a_fresh_session() -> None:
    text = """
        class Net:
            self.dense_12 = nn.Linear(in_features=4, out_features=4)
            self.score = nn.Linear(in_features=4, out_features=4)
            self.dense_17 = nn.Linear(in_features=4, out_features=4)
            %0 = input  # (N, 4) float32 x
            %1 = self.dense_12(%0)  # (N, 4) float32 dense_12
            %2 = self.score(%1)  # (N, 4) float32 score
            %3 = self.dense_17(%2)  # (N, 4) float32 dense_17
            return %3
    """
    assert rewritten(shorten_names, text) == text.replace("dense_12", "dense").replace("dense_17", "dense_1")


def test_a_prefix_that_all_share_is_dropped() -> None:
    lines = [f"            self.tiny_net_part{n} = nn.ReLU()\n" for n in "abcde"]
    steps = [
        f"            %{n + 1} = self.tiny_net_part{c}(%{n})  # (N, 4) float32 tiny_net_part{c}\n"
        for n, c in enumerate("abcde")
    ]
    text = (
        "\n        class Net:\n"
        + "".join(lines)
        + "            %0 = input  # (N, 4) float32 x\n"
        + "".join(steps)
        + "            return %5\n    "
    )
    assert rewritten(shorten_names, text) == text.replace("tiny_net_", "")


def test_nested_models_are_spelled_as_people_do() -> None:
    text = """
        class Mobilenetv210096:  # 'mobilenetv2_1.00_96'
            %0 = input  # (N, 4) float32 x
            %1 = F.relu(%0)  # (N, 4) float32 relu
            return %1

        class Net:
            self.mobilenetv2_1_00_96 = Mobilenetv210096()  # 'mobilenetv2_1.00_96'
            %0 = input  # (N, 4) float32 x
            %1 = self.mobilenetv2_1_00_96(%0)  # (N, 4) float32 y
            return %1
    """
    after = rewritten(shorten_names, text)
    assert "class MobileNetV2:" in after
    assert "self.mobilenetv2 = MobileNetV2()" in after


def test_branches_are_called_after_their_largest_kernel() -> None:
    text = """
        class Conv(kernel_size: int):
            'Convolution.'
            self.conv = nn.Conv2d(4, 4, kernel_size=kernel_size)
            %0 = input  # (N, 6, 6, 4) float32 perm 0312 x
            %1 = self.conv(%0)  # (N, 6, 6, 4) float32 perm 0312 conv
            return %1

        class Net:
            self.conv = Conv(kernel_size=1)
            self.conv_2 = Conv(kernel_size=5)
            self.conv_3 = Conv(kernel_size=1)
            %0 = input  # (N, 6, 6, 4) float32 perm 0312 x
            %1 = self.conv(%0)  # (N, 6, 6, 4) float32 perm 0312 conv
            %2 = self.conv_2(%0)  # (N, 6, 6, 4) float32 perm 0312 conv_2
            %3 = F.max_pool2d(%0, kernel_size=3)  # (N, 6, 6, 4) float32 perm 0312 pool
            %4 = self.conv_3(%3)  # (N, 6, 6, 4) float32 perm 0312 conv_3
            %5 = torch.cat([%1, %2, %4], dim={d: 1})  # (N, 6, 6, 12) float32 perm 0312 cat
            return %5
    """
    after = rewritten(name_branches, text)
    for line in (
        "branch_1x1 = Conv(kernel_size=1)",
        "branch_5x5 = Conv(kernel_size=5)",
        "branch_pool = Conv(",
    ):
        assert line in after


def test_the_way_of_an_input_is_followed_to_its_end() -> None:
    text = """
        class Net:
            %0 = input  # (N, 4) float32 source
            %1 = input  # (N, 4) float32 target
            %2 = F.relu(%1)  # (N, 4) float32 b
            %3 = torch.exp(%0)  # (N, 4) float32 a
            %4 = %2 * %3  # (N, 4) float32 c
            return %4
    """
    expected = """
        class Net:
            %0 = input  # (N, 4) float32 source
            %1 = input  # (N, 4) float32 target
            %2 = torch.exp(%0)  # (N, 4) float32 a
            %3 = F.relu(%1)  # (N, 4) float32 b
            %4 = %3 * %2  # (N, 4) float32 c
            return %4
    """
    assert rewritten(follow_inputs, text) == expected
