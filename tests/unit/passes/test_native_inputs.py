"""Where a class only permutes an input, its caller does it."""

from __future__ import annotations

import pytest

from codegen.passes.native_inputs import take_channels_first, take_native_inputs
from tests.support.graph_text import parse_graph, rewritten

IMAGE = """
        class Net:
            self.conv = nn.Conv2d(3, 8, kernel_size=3)
            %0 = input  # (N, 8, 8, 3) float32 image
            %1 = %0.permute(*{dims: (0, 3, 1, 2)})  # (N, 8, 8, 3) float32 perm 0312 image @ conv [layout]
            %2 = self.conv(%1)  # (N, 6, 6, 8) float32 perm 0312 conv
            return %2
    """
NATIVE = """
        class Net:
            self.conv = nn.Conv2d(3, 8, kernel_size=3)
            %0 = input  # (N, 8, 8, 3) float32 perm 0312 image
            %1 = self.conv(%0)  # (N, 6, 6, 8) float32 perm 0312 conv
            return %1
    """


def test_a_permute_at_the_entry_goes() -> None:
    assert rewritten(take_native_inputs, IMAGE) == NATIVE
    assert rewritten(take_channels_first, IMAGE) == NATIVE


def test_a_model_takes_no_layout_but_channels_first() -> None:
    text = IMAGE.replace("0, 3, 1, 2", "0, 1, 3, 2").replace("perm 0312", "perm 0132")
    assert rewritten(take_channels_first, text) == text
    assert "permute" not in rewritten(take_native_inputs, text)


@pytest.mark.parametrize(
    "other",
    [
        "%3 = F.relu(%0)  # (N, 8, 8, 3) float32 relu",
        "%3 = %0.permute(*{dims: (0, 2, 1, 3)})  # (N, 8, 8, 3) float32 perm 0213 image @ other [layout]",
    ],
)
def test_an_input_that_something_else_reads_stays(other: str) -> None:
    text = IMAGE.replace("return %2", f"{other}\n            return %2, %3")
    assert rewritten(take_native_inputs, text) == text


def test_an_input_that_is_returned_stays() -> None:
    text = IMAGE.replace("return %2", "return %2, %0")
    assert rewritten(take_native_inputs, text) == text


def test_a_permute_of_the_model_itself_stays() -> None:
    text = IMAGE.replace(" @ conv [layout]", "").replace(" perm 0312 image", " image")
    assert rewritten(take_native_inputs, text) == text


def test_the_new_input_is_made_by_nothing() -> None:
    graph = parse_graph(IMAGE)
    take_native_inputs(graph)
    assert [value.node for value in graph.inputs] == [None]
