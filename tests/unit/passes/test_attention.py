"""Attention becomes one class, whatever it attends to and whichever mask it has."""

from __future__ import annotations

import pytest

from codegen.graph import Graph, definitions
from codegen.graph.check import check_graph
from codegen.passes.blocks.outline import outline
from tests.support.graph_text import parse_graph

Attention = tuple[str, str, str]  # what it attends to, its mask, whether it is causal


def _net(*attentions: Attention) -> Graph:
    """Attentions one after the other, each of the last result to `x`, itself, or to `context`."""
    modules, lines, value, number = [], ["%0 = input  # (N, 5, 8) float32 x"], "%0", 2
    lines += ["%1 = input  # (N, 5, 8) float32 context", "%2 = input  # (N, 1, 5, 5) bool mask"]
    for use, (context, mask, options) in enumerate(attentions):
        read = value if context == "self" else "%1"
        heads = []
        for part, source in (("query", value), ("key", read), ("value", read)):
            modules.append(f"self.attention_{use}_{part} = nn.Linear(in_features=8, out_features=12)")
            lines.append(
                f"%{number + 1} = self.attention_{use}_{part}({source})  # (N, 5, 12) float32 {part}"
            )
            lines.append(
                f"%{number + 2} = torch.unflatten(%{number + 1}, -1, (3, 4)).transpose(1, 2)"
                f"  # (N, 3, 5, 4) float32 {part}"
            )
            number += 2
            heads.append(f"%{number}")
        extra = f", attn_mask=attention_bias({{mask: %2}}, {{scores: {heads[0]}}})" if mask else ""
        arguments = ", ".join(f"{{{name}: {head}}}" for name, head in zip("qkv", heads, strict=True))
        extra += ", is_causal=True" if options else ""
        lines.append(
            f"%{number + 1} = F.scaled_dot_product_attention({arguments}{extra})"
            "  # (N, 3, 5, 4) float32 heads"
        )
        lines.append(f"%{number + 2} = %{number + 1}.transpose(1, 2).flatten(2)  # (N, 5, 12) float32 merged")
        modules.append(f"self.attention_{use}_output = nn.Linear(in_features=12, out_features=8)")
        lines.append(f"%{number + 3} = self.attention_{use}_output(%{number + 2})  # (N, 5, 8) float32 out")
        number += 3
        value = f"%{number}"
    text = "\n            ".join(["class Net:", *modules, *lines, f"return {value}"])
    graph = parse_graph(text)
    outline(graph)
    check_graph(graph)
    return graph


def test_a_single_attention_stays() -> None:
    assert len(definitions(_net(("self", "", "")))) == 1


def test_self_attention_takes_one_input() -> None:
    attention, _ = definitions(_net(("self", "", ""), ("self", "", "")))
    assert attention.name == "Attention"
    assert [value.layer for value in attention.inputs] == ["x"]


def test_self_and_cross_attention_are_one_class() -> None:
    attention, net = definitions(_net(("self", "", ""), ("cross", "", "")))
    assert [value.layer for value in attention.inputs] == ["x", "context"]
    first, second = net.nodes
    assert first.operands["inputs"] == (net.inputs[0], net.inputs[0])
    assert second.operands["inputs"] == (first.result, net.inputs[1])


def test_a_mask_may_be_left_out() -> None:
    attention, net = definitions(_net(("self", "mask", ""), ("self", "", "")))
    assert [(value.layer, value.optional) for value in attention.inputs] == [("x", False), ("mask", True)]
    assert [len(list(node.values())) for node in net.nodes] == [2, 1]


def test_a_mask_that_all_have_is_needed() -> None:
    attention, _ = definitions(_net(("self", "mask", ""), ("cross", "mask", "")))
    assert [value.optional for value in attention.inputs] == [False, False, False]


@pytest.mark.parametrize("other", [("self", "", ""), ("cross", "mask", "")])
def test_causal_is_a_parameter(other: Attention) -> None:
    attention, net = definitions(_net(("self", "", "causal"), other))
    assert [(p.name, p.type, p.default) for p in attention.params] == [("causal", "bool", False)]
    assert [dict(module.kwargs) for module in net.modules()] == [{"causal": True}, {}]
