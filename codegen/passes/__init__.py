"""Graph -> Graph: all passes in their order, and why they stand in it; each is one idea, in one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from codegen.graph import Graph
from codegen.passes.blocks.outline import number_names, outline
from codegen.passes.branches import name_branches
from codegen.passes.dead_code import remove_dead_code
from codegen.passes.duplicates import merge_duplicates
from codegen.passes.idioms import write_idioms
from codegen.passes.inline import inline_small_models
from codegen.passes.layer_names import shorten_names
from codegen.passes.loops import roll_loops
from codegen.passes.native_inputs import take_channels_first, take_native_inputs
from codegen.passes.order import follow_inputs
from codegen.passes.peepholes import write_shorter
from codegen.passes.runs import fold_runs
from codegen.passes.schedules import write_schedules

#: Told the name of each pass that was run, and the graph as it is then; first of all "lowering".
Watch = Callable[[str, Graph], None]


@dataclass(frozen=True)
class Pass:
    """One step on a graph and all classes inside it.

    Attributes:
        name: What is changed.
        apply: Changes a graph in place, and leaves it valid (`codegen.graph.check`).
        reason: Why it stands where it does.
        switch: The argument of `run` that it needs; "" if it is always run.
    """

    name: str
    apply: Callable[[Graph], None]
    reason: str
    switch: Literal["", "blocks", "channels_first"] = ""


PASSES = (
    Pass("dead code", remove_dead_code, "what no output needs must not count as a reader later"),
    Pass("native inputs", take_channels_first, "then no permute stands at the entry", "channels_first"),
    Pass("idioms", write_idioms, "all later passes see one function for what was several steps"),
    Pass("peepholes", write_shorter, "blocks are sought in what a person would have written"),
    Pass("small models", inline_small_models, "their layers can be parts of blocks then"),
    Pass("blocks", outline, "repeated structure becomes classes", "blocks"),
    Pass("runs", fold_runs, "needs the blocks: those that follow one another are a sequence"),
    Pass("loops", roll_loops, "needs the runs: what is no sequence may still be a loop", "blocks"),
    Pass("branches", name_branches, "what is a class of its own is known now, and has no other name"),
    Pass("class names", number_names, "all classes are known now, and their order"),
    Pass("duplicates", merge_duplicates, "needs the blocks: what is shared by two could be in neither"),
    Pass("order", follow_inputs, "what is shared is known now; the order of the attributes follows"),
    Pass("layer names", shorten_names, "blocks were found by the names that the model gives"),
    Pass("schedules", write_schedules, "rates are arguments of blocks now, each written once"),
)


def finish_class(graph: Graph) -> None:
    """The passes on a nested model, before its first call is lowered: the caller follows its layouts."""
    remove_dead_code(graph)
    take_native_inputs(graph)


def run(
    graph: Graph, *, blocks: bool = True, channels_first: bool = False, watch: Watch = lambda *_: None
) -> None:
    """Run all passes on a lowered model.

    Args:
        graph: Changed in place.
        blocks: Whether repeated structure becomes classes.
        channels_first: Whether the model takes images as N,C,H,W.
        watch: Looks at the graph before the first pass and after each.
    """
    switches = {"": True, "blocks": blocks, "channels_first": channels_first}
    watch("lowering", graph)
    for step in PASSES:
        if switches[step.switch]:
            step.apply(graph)
            watch(step.name, graph)
