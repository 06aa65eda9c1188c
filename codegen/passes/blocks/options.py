"""Optional parts of a block, and how they are written: as `nn.Identity()`, or `a if flag else b`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from codegen.graph import Derived, Graph, Module, Node, Op, Parameter, Value
from codegen.graph.expression import build, text
from codegen.graph.ops import CALLS
from codegen.graph.rewrite import substitute
from codegen.passes.blocks.flags import alone
from codegen.passes.blocks.patterns import Use, joins
from codegen.passes.blocks.regions import Flow, Region
from codegen.torch_api import MODULE_OF

#: Makes a class of a region that is no chain: (region) -> the instance.
Extract = Callable[[Region], Module]

#: Puts attributes where an operand has parameters.
Attribute = Callable[[Any], Any]


def settle(
    graph: Graph,
    uses: list[Use],
    flags: list[dict[Parameter | Derived, bool]],
    extract: Extract,
    attribute: Attribute,
) -> None:
    """Write the choices of a class as `nn.Identity()` where that is possible, else as `a if flag else b`.

    Args:
        graph: The class; changed in place.
        uses: Get `nn.Identity` for what they lack.
        flags: Of each use.
        extract: Makes a class of a part that is no chain.
        attribute: Puts `self.<name>` where an operand is a parameter.
    """
    for select in [node for node in graph.nodes if node.op is Op.SELECT]:
        flag: Parameter | Derived = select.operands["flag"]
        part, other = (alone(graph.nodes, graph.outputs, select, side) for side in ("a", "b"))
        is_shortcut = any(joins(node, Op.ADD) and select.result in node.values() for node in graph.nodes)
        if not other and _may_be_module(part, select.operands["b"], flags):
            name = flag.meaning if isinstance(flag, Derived) else flag.name
            optional = [_container(graph, part, "shortcut" if is_shortcut else name, extract)]
            operands = {"module": optional[0], "x": select.operands["b"]}
            written = Node("module(x)", operands, select.targets, select.layer)
        else:
            optional = [module for module in _modules(part) if _has_state(module)]
            written = _fuse(select, [*part, *other], attribute)
            if is_shortcut:
                select.result.layer = "shortcut"
        made = _made([*part, *other, select])
        substitute(graph, [node for node in graph.nodes if made.intersection(node.results())], [written])
        _leave_out(optional, flag, uses, flags)


def _leave_out(
    modules: list[Module],
    flag: Parameter | Derived,
    uses: list[Use],
    flags: list[dict[Parameter | Derived, bool]],
) -> None:
    """Make modules depend on a flag; the uses without it have `nn.Identity` in their place."""
    for module in modules:
        module.when = flag
        for use, values in zip(uses, flags, strict=True):
            if not values.get(flag):
                use.members[module] = Module("", "nn.Identity")


def _may_be_module(part: list[Node], start: Value, flags: list[dict[Parameter | Derived, bool]]) -> bool:
    """Whether a part is modules that read one value alone, so that one module can take its place."""
    reads = {value for node in part for value in node.values()} - _made(part)
    return bool(_modules(part)) and reads == {start} and not _chooses(part, flags)


def _modules(part: list[Node]) -> list[Module]:
    modules = dict.fromkeys(module for node in part for module in node.modules())
    return [module for module in modules if module.constructor != "attribute"]


def _chooses(part: list[Node], flags: list[dict[Parameter | Derived, bool]]) -> bool:
    """Whether a part has a choice in it, whose flag a class of its own would not know."""
    operands = [operand for node in part for operand in node.operands.values()]
    return any(isinstance(o, (Parameter, Derived)) and any(o in of_use for of_use in flags) for o in operands)


def _has_state(module: Module) -> bool:
    return module.graph is not None or bool(module.state) or any(map(_has_state, module.children))


def _made(nodes: list[Node]) -> set[Value]:
    return {value for node in nodes for value in node.results()}


def _container(graph: Graph, part: list[Node], name: str, extract: Extract) -> Module:
    """One module that computes an optional part."""
    children = [child for node in part if (child := _as_module(node))]
    if len(children) < len(part):
        region = Flow(graph).region(part)
        assert region is not None
        return extract(region)
    if len(children) == 1:
        children[0].name = name
        return children[0]
    return Module(name, "nn.Sequential", children=tuple(children))


def _as_module(node: Node) -> Module | None:
    """The module that does what a node does, for a place in an `nn.Sequential`; None if there is none."""
    modules = list(node.modules())
    if node.op in CALLS and len(modules) == 1 and len(list(node.values())) == 1:
        return modules[0]
    if node.op not in (Op.ACTIVATION, Op.POOL) or node.function not in MODULE_OF:
        return None
    return Module(node.layer, MODULE_OF[node.function], kwargs=node.options)


def _fuse(select: Node, parts: list[Node], attribute: Attribute) -> Node:
    """A choice as one expression, so that only the chosen side is computed."""
    made = {value: node for node in parts for value in node.results()}
    operands: dict[str, object] = {}

    def keep(operand: object, letter: str) -> ast.expr:
        name = f"{letter}{len(operands)}"
        operands[name] = operand
        return ast.Name(name, ast.Load())

    def value_tree(value: Value) -> ast.expr:
        if value in made:
            node = made[value]
            inner = {name: attribute(operand) for name, operand in node.operands.items()}
            return build(node.template, inner, value_tree, lambda module: keep(module, "m"))
        return keep(value, "v")

    flag_tree = keep(select.operands["flag"], "p")
    trees = ast.IfExp(flag_tree, value_tree(select.operands["a"]), value_tree(select.operands["b"]))
    # an expression names what comes last first, `__init__` does not
    modules = [module for node in parts for module in node.modules()]
    ranks = {name: modules.index(o) + 1 if o in modules else 0 for name, o in operands.items()}
    operands = {name: operands[name] for name in sorted(operands, key=lambda name: ranks[name])}
    return Node(text(trees), operands, select.targets, select.layer)
