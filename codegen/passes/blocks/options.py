"""Optional parts of a block: what their flags are called, and how they are written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from codegen.graph import Derived, Graph, Module, Node, Op, Parameter, Value
from codegen.graph.expression import build, text
from codegen.graph.naming import Namespace
from codegen.graph.ops import CALLS, PADS
from codegen.graph.parsing import parse_template
from codegen.model.nested import flatten
from codegen.passes.blocks.names import has_index, tokens, words
from codegen.passes.blocks.patterns import Flag, Pattern, Use, joins
from codegen.passes.blocks.regions import Flow, Region
from codegen.torch_api import ACTIVATIONS, MODULE_OF

#: Makes a class of a region that is no chain: (region) -> the instance.
Extract = Callable[[Region], Module]

#: Puts attributes where an operand has parameters.
Attribute = Callable[[Any], Any]


def name_flags(pattern: Pattern) -> None:
    """Name the flags of a pattern after what they switch on; what has more to compute is switched on."""
    for use in pattern.uses:
        relevant = _relevant(pattern.output, use)
        use.flags = {flag: value for flag, value in use.flags.items() if flag in relevant}
    free = Namespace()
    for node in pattern.nodes:
        if node.op is Op.SELECT:
            if _is_inverted(pattern, node):
                node.operands["a"], node.operands["b"] = node.operands["b"], node.operands["a"]
                for use in pattern.uses:
                    if node.operands["flag"] in use.flags:
                        use.flags[node.operands["flag"]] = not use.flags[node.operands["flag"]]
            node.operands["flag"].name = free.claim(_meaning(pattern, node))


def _relevant(output: Value, use: Use) -> set[Flag]:
    """The flags that matter to a use, whatever it chooses at the others."""
    found: set[Flag] = set()
    seen: set[Value] = set()
    stack = [output]
    while stack:
        value = stack.pop()
        if value in seen or value.node is None:
            continue
        seen.add(value)
        if value.node.op is Op.SELECT:
            flag = value.node.operands["flag"]
            found.add(flag)
            stack.append(value.node.operands["a" if use.flags.get(flag) else "b"])
        else:
            stack.extend(value.node.values())
    return found


def _is_inverted(pattern: Pattern, select: Node) -> bool:
    sides = [_alone(pattern.nodes, [pattern.output], select, side) for side in ("a", "b")]
    with_modules = [any(True for node in side for _ in node.modules()) for side in sides]
    return not with_modules[0] and (with_modules[1] or len(sides[0]) < len(sides[1]))


def _meaning(pattern: Pattern, select: Node) -> str:
    """What an optional part does, as the name of its flag."""
    a, b = select.operands["a"], select.operands["b"]
    part = _alone(pattern.nodes, [pattern.output], select, "a")
    has_modules = any(True for node in part for _ in node.modules())
    readers = [node for node in pattern.nodes if select.targets in node.values()]
    b_node = b.node
    is_input = b in pattern.inputs or (
        b_node is not None and b_node.op is Op.SELECT and b_node.operands["b"] in pattern.inputs
    )
    if is_input and has_modules and any(joins(reader, Op.ADD) for reader in readers):
        return "project"
    if (
        joins(a.node, Op.ADD)
        and not joins(b.node, Op.ADD)
        and any(value in pattern.inputs for value in a.node.values())
    ):
        return "residual"
    if any(node.involves(*PADS) for node in part):
        return "pad"
    if any(node.op is Op.POOL for node in part):
        return "pool"
    if len(part) == 1 and part[0].op is Op.ACTIVATION:
        name = part[0].function.split(".")[1]
        if b in pattern.inputs:
            return f"{name}_first"
        return name
    return _word(pattern, part)


def _word(pattern: Pattern, part: list[Node]) -> str:
    """The word that the names of an optional part share: best one that the other names lack."""
    others = {word for node in pattern.nodes if node not in part for word in words(node.layer)}
    names = [tokens(node.layer) for node in part]
    shared = [
        word
        for word in (names[0] if names else ())
        if word.isidentifier()
        and not has_index(word)
        and sum(word in name for name in names) * 2 > len(names)
    ]
    own = [word for word in shared if word not in others]
    return (own or shared or ["extend"])[0 if own else -1].lower()


def _alone(nodes: Iterable[Node], outputs: list[Value], select: Node, side: str) -> list[Node]:
    """The nodes that serve only one side of a choice, in order."""
    part: list[Node] = []
    ordered = list(nodes)
    readers: dict[Value, list[tuple[Node, str]]] = {}
    for node in ordered:
        for name, operand in node.operands.items():
            for value in flatten(operand, Value):
                readers.setdefault(value, []).append((node, name))
    for node in reversed(ordered):
        uses = [use for value in node.results() for use in readers.get(value, [])]
        leaves = any(value in outputs for value in node.results())
        if (
            uses
            and not leaves
            and all(reader in part or (reader, name) == (select, side) for reader, name in uses)
        ):
            part.append(node)
    return part[::-1]


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
        part = _alone(graph.nodes, graph.outputs, select, "a")
        other = _alone(graph.nodes, graph.outputs, select, "b")
        start = select.operands["b"]
        is_shortcut = any(joins(node, Op.ADD) and select.targets in node.values() for node in graph.nodes)
        modules = [
            m
            for m in dict.fromkeys(m for node in part for m in node.modules())
            if m.constructor != "attribute"
        ]
        reads = {v for node in part for v in node.values()} - _made(part)
        if modules and not other and reads == {start} and not _chooses(part, flags):
            name = flag.meaning if isinstance(flag, Derived) else flag.name
            container = _container(graph, part, "shortcut" if is_shortcut else name, extract)
            call = Node("module(x)", {"module": container, "x": start}, select.targets, select.layer)
            optional = [container]
        else:
            call = _fuse(select, [*part, *other], attribute)
            if is_shortcut:
                select.targets.layer = "shortcut"
            optional = [module for module in modules if _has_state(module)]
        select.targets.node = call
        graph.nodes[graph.nodes.index(select)] = call
        gone = _made([*part, *other])
        graph.nodes = [node for node in graph.nodes if not gone.intersection(node.results())]
        for module in optional:
            module.when = flag
            for use, values in zip(uses, flags, strict=True):
                if not values.get(flag):
                    use.members[module] = Module("", "nn.Identity")


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
    if node.op is Op.ACTIVATION:
        return Module(node.layer, ACTIVATIONS[node.function])
    call = parse_template(node.template)
    if not isinstance(call, ast.Call):
        return None
    constructor = MODULE_OF.get(ast.unparse(call.func), "")
    if "Pool" not in constructor:
        return None
    options = {keyword.arg or "": keyword.value for keyword in call.keywords}
    written = {
        name: node.operands[tree.id] if isinstance(tree, ast.Name) else ast.literal_eval(tree)
        for name, tree in options.items()
    }
    return Module(node.layer, constructor, kwargs=written)


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
