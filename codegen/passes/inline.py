"""Nested models of a few layers need no class: they become an `nn.Sequential`, or part of what calls them."""

from __future__ import annotations

from collections import Counter

from codegen.graph import Graph, Module, Node, Op, Value, definitions
from codegen.graph.ops import CALLS
from codegen.graph.rewrite import remove_unused, replace, reread, substitute
from codegen.torch_api import ACTIVATIONS

#: A nested model with more steps, or more layers with weights, stays a class.
_STEPS, _LAYERS = 5, 3


def inline_small_models(root: Graph) -> None:
    """Put the steps of small nested models where they are called, in all classes."""
    graphs = definitions(root)
    calls = Counter(module for graph in graphs for node in graph.nodes for module in node.modules())
    for graph in graphs:
        for node in list(graph.nodes):
            module = next(node.modules(), None)
            if node.op not in CALLS or module is None or module.graph is None:
                continue
            if _yields_its_input(module.graph):
                replace(graph, {node.result: node.source})
                continue
            if not _is_small(module.graph):
                continue
            if sequence := _sequence(module):
                node.replaces += tuple(module.graph.nodes)
                module.constructor, module.children, module.graph = "nn.Sequential", sequence, None
                _call(node, module)
            elif calls[module] == 1:
                _splice(graph, node, module.graph)
        for node in graph.nodes:
            module = next(node.modules(), None)
            if module is not None and module.constructor == "nn.Sequential" and node.op is Op.CALL_WITH:
                _call(node, module)
        remove_unused(graph)  # masks that the inlined models were given


def _yields_its_input(graph: Graph) -> bool:
    """Whether nothing is left of a model, as of augmentation."""
    return not graph.nodes and len(graph.inputs) == 1 and graph.inputs == graph.outputs


def _is_small(graph: Graph) -> bool:
    return (
        not graph.is_written
        and 0 < len(graph.nodes) <= _STEPS
        and len(graph.modules()) <= _LAYERS
        and len(graph.outputs) == 1
        and graph.nodes[-1].targets is graph.outputs[0]
        and all(isinstance(node.targets, Value) and not node.involves(Op.EFFECT) for node in graph.nodes)
        and not any(module.constructor in ("nn.Parameter", "buffer") for module in graph.modules())
    )


def _sequence(module: Module) -> tuple[Module, ...]:
    """The modules of a chain; () if it is none."""
    assert module.graph is not None
    children: list[Module] = []
    if len(module.graph.inputs) != 1:
        return ()
    (value,) = module.graph.inputs
    for node in module.graph.nodes:
        if list(node.values()) != [value]:
            return ()
        if node.op is Op.CALL:
            children.extend(node.modules())
        elif node.op is Op.ACTIVATION:
            owner = node.call.path if node.call else ()
            children.append(Module(node.layer, ACTIVATIONS[node.function], owner=owner))
        else:
            return ()
        value = node.result
    return tuple(children) if len(set(children)) == len(children) > 1 else ()


def _call(node: Node, module: Module) -> None:
    (value,) = node.values()
    node.rewrite("module(x)", module=module, x=value)


def _splice(graph: Graph, call: Node, inner: Graph) -> None:
    values = dict(zip(inner.inputs, call.values(), strict=True))
    for node in inner.nodes:
        reread(node, values)
    inner.nodes[-1].targets = call.targets
    substitute(graph, [call], inner.nodes)
