"""Branches are called after their largest kernel, and what stands before the first stage is the stem."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codegen.graph import Graph, Module, Node, Op, Value, definitions, with_children
from codegen.graph.naming import Namespace

#: So many tensors that are put together are branches.
_BRANCHES = 3


def name_branches(root: Graph) -> None:
    """Name modules that have only their class's name after what they are for, in all classes."""
    for graph in definitions(root):
        for node in graph.nodes:
            if node.op is Op.CONCAT and len(set(node.values())) >= _BRANCHES:
                for value in node.values():
                    _name_branch(graph, value)
        _name_stem(graph)


def _name_branch(graph: Graph, value: Value) -> None:
    uses = graph.uses()
    chain: list[Node] = []
    while value.node is not None and uses.get(value) == 1 and len(set(value.node.values())) == 1:
        chain.append(value.node)
        value = value.node.source
    modules = [module for node in chain for module in node.modules()]
    kernels = [size for module in modules for size in _kernels(module)]
    if len(modules) != 1 or not _has_class_name(modules[0]):
        return
    size = max(kernels, default=0)
    is_pool = any(node.op is Op.POOL for node in chain)
    if is_pool or size:
        _call(graph, modules[0], "branch_pool" if is_pool else f"branch_{size}x{size}")


def _name_stem(graph: Graph) -> None:
    """What uses a class alone that the stages after it are made of."""
    modules = [module for module in graph.modules() if module.constructor != "attribute"]
    first = _class_of(modules[0]) if modules else None
    stem: list[Module] = []
    for module in modules:
        if _class_of(module) is not first:
            break
        stem.append(module)
    following = modules[len(stem) : len(stem) + 1]
    inside = [_class_of(inner) for module in following for inner in _inner(module)]
    if first is not None and first in inside and all(map(_has_class_name, stem)):
        for number, module in enumerate(stem, 1):
            _call(graph, module, "stem" if len(stem) == 1 else f"stem_{number}")


def _call(graph: Graph, module: Module, wanted: str) -> None:
    free = Namespace({other.name for other in graph.modules() if other is not module})
    module.name = name = free.claim(wanted)
    for node in graph.nodes:
        if module in node.modules() and isinstance(node.targets, Value):
            node.layer = node.targets.layer = name


def _inner(module: Module) -> Iterator[Module]:
    inside = _class_of(module)
    return with_children(inside.modules()) if inside is not None else iter(())


def _class_of(module: Module) -> Graph | None:
    """The block that a module is, or that all of a sequence are."""
    graphs = {child.graph for child in module.children} if module.children else {module.graph}
    return graphs.pop() if len(graphs) == 1 else None


def _has_class_name(module: Module) -> bool:
    """Whether a module is called after its class alone: `conv_batch_norms_2`."""
    graph = _class_of(module)
    if graph is None:
        return False
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", graph.name).lower()
    return re.fullmatch(rf"{snake}s?(_\d+)?", module.name) is not None


def _kernels(module: Module) -> Iterator[int]:
    for part in (module, *module.children):
        size = part.kwargs.get("kernel_size")
        for number in size if isinstance(size, tuple) else (size,):
            if isinstance(number, int):
                yield number
