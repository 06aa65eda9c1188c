"""Runs of blocks, each reading what the one before yields, become one `nn.Sequential`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codegen.graph import Graph, Module, Node, Op, definitions
from codegen.graph.rewrite import substitute
from codegen.passes.blocks.names import has_index, tokens


def fold_runs(root: Graph) -> None:
    """Fold the runs of blocks of a class, one for each stage where the names tell stages apart."""
    for graph in definitions(root):
        for run in list(_runs(graph)):
            first, last = run[0], run[-1]
            children = tuple(module for node in run for module in node.modules())
            stage = Module(stage_name(first.layer), "nn.Sequential", children=children)
            call = Node("module(x)", {"module": stage, "x": first.source}, last.targets, stage.name)
            substitute(graph, run, [call])


def _runs(graph: Graph) -> Iterator[list[Node]]:
    uses = graph.uses()
    readers = {value: node for node in graph.nodes for value in node.values()}
    callers: dict[Module, int] = {}
    for caller in graph.nodes:
        for module in caller.modules():
            callers[module] = callers.get(module, 0) + 1
    done: set[Node] = set()
    for start in graph.nodes:
        run: list[Node] = []
        node: Node | None = start
        while node is not None and node not in done and _is_block(node, callers):
            if run and _stage(node.layer) != _stage(run[-1].layer):
                break
            run.append(node)
            value = node.result
            alone = uses.get(value) == 1 and value not in graph.outputs
            node = readers.get(value) if alone else None
        if len(run) > 1:
            done.update(run)
            yield run


def _is_block(node: Node, callers: dict[Module, int]) -> bool:
    if node.op is not Op.CALL:
        return False
    (module,) = node.modules()
    return module.graph is not None and module.when is None and callers[module] == 1


def _stage(name: str) -> str:
    """A block's name without its place: `conv2_block1` -> conv2_block, `block2a` -> block2."""
    if re.search(r"\d[a-z]$", name):
        return name[:-1]
    return re.sub(r"_?\d+$", "", name)


def stage_name(name: str) -> str:
    """A name for a run of blocks: `conv2_block1` -> conv2, `block_1` -> blocks."""
    stage = _stage(name)
    parts = tokens(stage)
    if len(parts) > 1 and any(has_index(part) for part in parts[:-1]):
        return "_".join(parts[:-1])
    if any(has_index(part) for part in parts) or not parts:
        return stage or "blocks"
    return stage if stage.endswith("s") else f"{stage}s"
