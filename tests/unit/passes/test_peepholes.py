"""What is done and undone again, or spelled out, is written as a person would."""

from __future__ import annotations

from codegen.passes.duplicates import merge_duplicates
from codegen.passes.peepholes import write_shorter
from tests.support.graph_text import rewritten


def _net(*lines: str) -> str:
    return "\n".join(["", "        class Net:", *(f"            {line}" for line in lines), "    "])


ATTENTION = (
    "%0 = input  # (N, 2, 5, 16) float32 q",
    "%1 = input  # (N, 2, 7, 16) float32 k",
    "%2 = input  # (N, 2, 7, 8) float32 v",
    "%3 = %0 @ %1.mT  # (N, 2, 5, 7) float32 scores",
    "%4 = %3 / {n: 4.0}  # (N, 2, 5, 7) float32 scaled",
    "%5 = F.softmax(%4, dim={d: -1})  # (N, 2, 5, 7) float32 weights",
    "%6 = %5 @ %2  # (N, 2, 5, 8) float32 out",
    "return %6",
)


def _attention(scale: str = "") -> str:
    call = f"F.scaled_dot_product_attention({{query: %0}}, {{key: %1}}, {{value: %2}}{scale})"
    return _net(*ATTENTION[:3], f"%3 = {call}  # (N, 2, 5, 8) float32 out", "return %3")


def test_a_softmax_of_products_is_an_attention() -> None:
    assert rewritten(write_shorter, _net(*ATTENTION)) == _attention()


def test_another_scale_is_said() -> None:
    text = _net(*ATTENTION).replace("/ {n: 4.0}", "* {n: 0.5}")
    assert rewritten(write_shorter, text) == _attention(", scale={scale: 0.5}")


def test_a_softmax_over_queries_is_none() -> None:
    text = _net(*ATTENTION).replace("{d: -1}", "{d: 2}")
    assert rewritten(write_shorter, text) == text


def test_weights_that_are_read_twice_are_computed() -> None:
    text = _net(*ATTENTION).replace("return %6", "return %6, %5")
    assert rewritten(write_shorter, text) == text


def test_a_reduction_keeps_the_axes_that_come_back() -> None:
    index = "{index: (slice(None, None, None), slice(None, None, None), None, None)}"
    text = _net(
        "%0 = input  # (N, 8, 5, 7) float32 x",
        "%1 = %0.mean(dim={dims: (2, 3)})  # (N, 8) float32 mean",
        f"%2 = %1[{index}]  # (N, 8, 1, 1) float32 back [expand]",
        "return %2",
    )
    expected = _net(
        "%0 = input  # (N, 8, 5, 7) float32 x",
        "%1 = %0.mean(dim={dims: (2, 3)}, keepdim=True)  # (N, 8, 1, 1) float32 back",
        "return %1",
    )
    assert rewritten(write_shorter, text) == expected


def test_two_transpositions_are_none() -> None:
    text = _net(
        "%0 = input  # (N, 5, 3) float32 x",
        "%1 = input  # (N, 3, 3) float32 y",
        "%2 = %1.permute(*{dims: (0, 2, 1)})  # (N, 3, 3) float32 turned [layout]",
        "%3 = %0 @ %2.mT  # (N, 5, 3) float32 dot",
        "return %3",
    )
    expected = _net(
        "%0 = input  # (N, 5, 3) float32 x",
        "%1 = input  # (N, 3, 3) float32 y",
        "%2 = %0 @ %1  # (N, 5, 3) float32 dot",
        "return %2",
    )
    assert rewritten(write_shorter, text) == expected


def test_classes_need_no_axis_to_be_compared() -> None:
    text = _net(
        "%0 = input  # (N, 1) int32 kind",
        "%1 = %0.squeeze(-1)  # (N,) int32 kind",
        "%2 = %1.unsqueeze(-1) == torch.arange({n: 4}, device=%1.device)  # (N, 4) bool hot",
        "return %2",
    )
    expected = _net(
        "%0 = input  # (N, 1) int32 kind",
        "%1 = %0 == torch.arange({n: 4}, device=%0.device)  # (N, 4) bool hot",
        "return %1",
    )
    assert rewritten(write_shorter, text) == expected


def test_a_gate_between_reshapes_keeps_to_two_axes() -> None:
    text = _net(
        "self.reduce = nn.Linear(in_features=8, out_features=4)",
        "%0 = input  # (N, 8) float32 x",
        "%1 = %0.reshape(*{sizes: (-1, 1, 1, 8)})  # (N, 1, 1, 8) float32 row",
        "%2 = self.reduce(%1)  # (N, 1, 1, 4) float32 reduce",
        "%3 = torch.sigmoid(%2)  # (N, 1, 1, 4) float32 gate",
        "%4 = %3.permute(*{dims: (0, 3, 1, 2)})  # (N, 1, 1, 4) float32 perm 0312 gate [layout]",
        "return %4",
    )
    index = "{index: (slice(None, None, None), slice(None, None, None), None, None)}"
    expected = _net(
        "self.reduce = nn.Linear(in_features=8, out_features=4)",
        "%0 = input  # (N, 8) float32 x",
        "%1 = self.reduce(%0)  # (N, 4) float32 reduce",
        "%2 = torch.sigmoid(%1)  # (N, 4) float32 gate",
        f"%3 = %2[{index}]  # (N, 1, 1, 4) float32 perm 0312 gate [expand]",
        "return %3",
    )
    assert rewritten(write_shorter, text) == expected


def test_what_reads_a_kept_number_is_computed_once_too() -> None:
    pad = "F.pad(%0, {pads: self.pads})"
    text = _net(
        "self.pads = attribute((2, 0))",
        "%0 = input  # (N, 8, 5) float32 x",
        f"%1 = {pad}  # (N, 8, 7) float32 a",
        f"%2 = {pad}  # (N, 8, 7) float32 b",
        "%3 = %1 * %2  # (N, 8, 7) float32 product",
        "return %3",
    )
    assert rewritten(merge_duplicates, text).count("F.pad") == 1
