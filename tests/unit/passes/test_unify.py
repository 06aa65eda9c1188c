"""Patterns that differ by an optional part are one."""

from __future__ import annotations

import pytest

from codegen.graph import Op
from codegen.passes.blocks.patterns import Pattern, trace
from codegen.passes.blocks.regions import Flow
from codegen.passes.blocks.unify import unify
from tests.support.graph_text import parse_graph

NET = """
    class Net:
        self.conv_1 = nn.Conv1d(8, 8, kernel_size=3)
        self.norm_1 = nn.BatchNorm1d(8)
        self.conv_2 = nn.Conv1d(8, 8, kernel_size=3)
        self.norm_2 = nn.BatchNorm1d(8)
        %0 = input  # (N, T, 8) float32 perm 021 x
        %1 = F.pad(%0, {pads: (0, 1)})  # (N, T, 8) float32 perm 021 conv_1
        %2 = self.conv_1(%1)  # (N, T, 8) float32 perm 021 conv_1
        %3 = self.norm_1(%2)  # (N, T, 8) float32 perm 021 norm_1
        %4 = F.relu(%3)  # (N, T, 8) float32 perm 021 norm_1
        %5 = self.conv_2(%4)  # (N, T, 8) float32 perm 021 conv_2
        %6 = self.norm_2(%5)  # (N, T, 8) float32 perm 021 norm_2
        %7 = torch.tanh(%6)  # (N, T, 8) float32 perm 021 norm_2
        %8 = torch.exp(%7)  # (N, T, 8) float32 perm 021 norm_2
        return %8
"""


def _patterns(*places: slice) -> list[Pattern]:
    flow = Flow(parse_graph(NET))
    regions = [flow.region(flow.graph.nodes[place]) for place in places]
    return [trace(region) for region in regions if region is not None]


def test_an_optional_part_is_a_flag() -> None:
    large, small = _patterns(slice(0, 3), slice(4, 6))
    assert unify(large, small)
    ((flag, first),) = large.uses[0].flags.items()
    assert (first, large.uses[1].flags) == (True, {flag: False})
    assert "a if flag else b" in [node.template for node in large.nodes]


def test_another_activation_is_a_parameter() -> None:
    large, small = _patterns(slice(1, 4), slice(4, 7))
    assert unify(large, small)
    assert large.nodes[-1].template == "activation(x)"
    assert len({tuple(use.numbers.values()) for use in large.uses}) == 2


@pytest.mark.parametrize(
    "places",
    [
        (slice(0, 3), slice(1, 3)),  # the second lies within the first
        (slice(0, 3), slice(5, 7)),  # a convolution cannot be left out
    ],
)
def test_what_cannot_be_one_class_is_not(places: tuple[slice, slice]) -> None:
    large, small = _patterns(*places)
    assert not unify(large, small)


HALVES = """
    class Net:
        self.conv_1 = nn.Conv1d(8, 8, kernel_size=1)
        self.conv_2 = nn.Conv1d(8, 8, kernel_size=1)
        self.conv_3 = nn.Conv1d(8, 8, kernel_size=1)
        self.conv_4 = nn.Conv1d(8, 8, kernel_size=1)
        %0 = input  # (N, T, 8) float32 perm 021 x
        %1 = self.conv_1(%0)  # (N, T, 8) float32 perm 021 conv_1
        %2, %3 = %1.chunk(2, dim=1)  # (N, T, 4) float32 perm 021 split; (N, T, 4) float32 perm 021 split
        %4 = torch.cat([%3, %2], dim=1)  # (N, T, 8) float32 perm 021 join
        %5 = self.conv_2(%4)  # (N, T, 8) float32 perm 021 conv_2
        %6 = self.conv_3(%5)  # (N, T, 8) float32 perm 021 conv_3
        %7, %8 = %6.tensor_split(2, dim=1)  # (N, T, 4) float32 perm 021 part; (N, T, 4) float32 perm 021 part
        %9 = torch.cat([%8, %7], dim=1)  # (N, T, 8) float32 perm 021 join
        %10 = self.conv_4(%9)  # (N, T, 8) float32 perm 021 conv_4
        return %10
"""


def test_no_use_computes_what_it_has_not() -> None:
    flow = Flow(parse_graph(HALVES))
    large, small = (flow.region(flow.graph.nodes[place]) for place in (slice(0, 4), slice(4, 8)))
    assert large is not None and small is not None
    assert not unify(trace(large), trace(small))


def _chain(*steps: str) -> Pattern:
    """The pattern of steps in a row, `x` being what each one reads; what is behind a mean has no time."""
    modules: list[str] = []
    lines: list[str] = []
    form = "(N, T, 8) float32 perm 021"
    for number, step in enumerate(steps):
        if step in _MODULES:
            modules.append(f"self.{step}_{number} = {_MODULES[step]}")
            step = f"self.{step}_{number}(x)"
        form = "(N, 8) float32" if "mean" in step else form
        lines.append(f"%{number + 1} = {step.replace('(x', f'(%{number}')}  # {form} step_{number}")
    text = ["class Net:", *modules, "%0 = input  # (N, T, 8) float32 perm 021 x", *lines]
    return _whole("\n    ".join([*text, f"return %{len(steps)}"]))


def _whole(text: str) -> Pattern:
    graph = parse_graph(text)
    region = Flow(graph).region(graph.nodes)
    assert region is not None
    return trace(region)


_MODULES = {"conv": "nn.Conv1d(8, 8, kernel_size=3)", "norm": "nn.BatchNorm1d(8)"}


def test_a_choice_within_an_optional_part_is_nothing_to_those_that_lack_the_part() -> None:
    mean = "torch.mean(x, dim=2)"
    large = _chain("conv", "conv", "norm", "torch.exp(x)", mean)
    without, partly = _chain("conv", "conv", mean), _chain("conv", "conv", "norm", mean)
    assert unify(large, without)
    assert unify(large, partly)
    selects = [node.result for node in large.nodes if node.op is Op.SELECT]
    assert len(selects) == 2
    for use in large.uses:
        assert {proto.rank - real.rank for proto, real in use.values.items()} == {0}


def _gated(*, down: bool, gate: bool) -> Pattern:
    """Convolutions between which there may be a smaller image, and what gates it."""
    lines = ["self.conv(%0)"]
    lines += ["self.down(%1)"] * down
    x = len(lines)
    lines += [f"self.gate(%{x})", f"torch.sigmoid(%{x + 1})", f"%{x} * %{x + 2}"] * gate
    lines.append(f"self.last(%{len(lines)})")
    form = "(N, T, 8) float32 perm 021"
    modules = [f"self.{name} = {_MODULES['conv']}" for name in ("conv", "last")]
    modules += [f"self.down = {_MODULES['norm']}"] * down + ["self.gate = nn.ReLU()"] * gate
    calls = [f"%{number} = {line}  # {form} step" for number, line in enumerate(lines, 1)]
    text = ["class Net:", *modules, f"%0 = input  # {form} x", *calls, f"return %{len(lines)}"]
    return _whole("\n    ".join(text))


def test_what_is_optional_is_read_by_its_choice_alone() -> None:
    large = _gated(down=True, gate=True)
    assert unify(large, _gated(down=False, gate=True))
    assert unify(large, _gated(down=True, gate=False))
    shrinks, gates = (node for node in large.nodes if node.op is Op.SELECT)
    assert gates.operands["b"] is shrinks.result
    read = [value for node in large.nodes for value in node.values()]
    assert read.count(shrinks.operands["a"]) == 1
    flags = (shrinks.operands["flag"], gates.operands["flag"])
    assert [tuple(use.flags[flag] for flag in flags) for use in large.uses] == [
        (True, True),
        (False, True),
        (True, False),
    ]
