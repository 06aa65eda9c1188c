"""A pattern becomes a class, its uses become calls of instances."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from codegen.graph import Derived, Graph, Module, Node, Op, Parameter, Symbol, Value, with_children
from codegen.graph.rewrite import fill, remove_unused, reread, substitute
from codegen.graph.shapes import axis_letters
from codegen.model.nested import map_nested
from codegen.passes.blocks.flags import name_flags
from codegen.passes.blocks.names import is_automatic, local_names, shared_back, shared_front, tokens
from codegen.passes.blocks.options import settle
from codegen.passes.blocks.parameters import Signature, second_input, solve
from codegen.passes.blocks.patterns import Hole, Pattern, Use, trace
from codegen.passes.blocks.regions import Region
from codegen.passes.blocks.titles import block_doc, block_name


def make_block(pattern: Pattern) -> Graph:
    """Define the class of a pattern and put instances of it where its uses are."""
    name = block_name(pattern)
    name_flags(pattern)
    _leave_open(pattern)
    local = _local_names(pattern)
    steps = [_steps(use) for use in pattern.uses]
    signature = solve(pattern, local)
    definition = _define(pattern, signature, name, local)
    for use, real, arguments in zip(pattern.uses, steps, signature.arguments, strict=True):
        region, graph = use.region, use.region.graph
        label = instance_name(region.nodes, name)
        instance = Module(
            name=label,
            constructor="",
            args=tuple(arguments[p] for p in signature.positional),
            kwargs={
                p.name: arguments[p]
                for p in signature.params
                if p not in signature.positional and not (p.has_default and arguments[p] == p.default)
            },
            graph=definition,
            members=use.members,
            steps=real,
        )
        inputs = tuple(use.values[value] for value in pattern.inputs)
        call = Node("module(*inputs)", {"module": instance, "inputs": inputs}, region.output, label)
        if len(inputs) == 1:
            call.rewrite("module(x)", module=instance, x=inputs[0])
        substitute(graph, region.nodes, [call])
    return definition


def _steps(use: Use) -> dict[Node, Node]:
    """The real node of each node of the pattern, as far as the use has it."""
    pairs = ((proto.node, real.node) for proto, real in use.values.items())
    return {proto: real for proto, real in pairs if proto is not None and real in use.region.nodes}


def _leave_open(pattern: Pattern) -> None:
    """Let inputs that some uses do not have be optional; what no use has is no input."""
    for value in list(pattern.inputs):
        given = [not _is_nothing(use.values[value]) for use in pattern.uses]
        value.optional = not all(given)
        if not any(given):
            value.node = Node("None", {}, value, value.layer)
            pattern.inputs.remove(value)
            pattern.nodes.insert(0, value.node)


def _is_nothing(value: Value) -> bool:
    return value.node is not None and value.node.op is Op.NOTHING


def drop_nothing(graph: Graph) -> None:
    """Leave out what is not given at the end of the calls of a class."""
    for node in graph.nodes:
        inputs = node.operands.get("inputs")
        if node.op is Op.CALL_WITH and isinstance(inputs, tuple):
            given = len(inputs)
            while _is_nothing(inputs[given - 1]):
                given -= 1
            if given == 1:
                node.rewrite("module(x)", module=node.operands["module"], x=inputs[0])
            elif given < len(inputs):
                node.operands["inputs"] = inputs[:given]
    remove_unused(graph)


def _local_names(pattern: Pattern) -> dict[Any, str]:
    """Names inside the class, by module and node."""
    modules = [module for module in pattern.modules if module.constructor != "attribute"]
    layers = [module.name for module in modules] + [node.layer for node in pattern.nodes]
    return dict(zip([*modules, *pattern.nodes], local_names(layers), strict=True))


def _define(pattern: Pattern, signature: Signature, name: str, local: dict[Any, str]) -> Graph:
    modules = [module for module in pattern.modules if module.constructor != "attribute"]
    for module in modules:
        module.name = local[module]
    for node in pattern.nodes:
        node.layer = local[node]
        for value in node.results():
            value.layer = local[node]
    for module in with_children(modules):
        module.args = tuple(fill(argument, signature.replacements) for argument in module.args)
        filled = {key: fill(value, signature.replacements) for key, value in module.kwargs.items()}
        module.kwargs = filled if module.graph is None else _short(module.graph, filled)
    for node in pattern.nodes:
        reread(node, signature.replacements)
    _label(pattern, signature)
    for position, value in enumerate(pattern.inputs):
        value.layer = "mask" if value.dtype == "bool" else ("x", second_input(pattern), "third")[position]
    graph = Graph(
        name, pattern.inputs, pattern.nodes, [pattern.output], signature.params, block_doc(pattern, name)
    )
    attributes: dict[Any, Module] = {}
    settle(
        graph,
        pattern.uses,
        signature.flags,
        _extract,
        lambda operand: _as_attribute(operand, attributes),
    )
    for node in graph.nodes:
        node.operands = {key: _as_attribute(operand, attributes) for key, operand in node.operands.items()}
    return graph


def _short(graph: Graph, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a block without its defaults."""
    defaults = {p.name: p.default for p in graph.params if p.has_default}
    return {
        name: value for name, value in arguments.items() if name not in defaults or value != defaults[name]
    }


def _extract(region: Region) -> Module:
    """Make a class of a region that is used once, and return its instance."""
    definition = make_block(trace(region))
    assert region.output.node is not None
    (instance,) = region.output.node.modules()
    instance.name = _snake(definition.name)
    return instance


def _as_attribute(operand: Any, attributes: dict[Any, Module]) -> Any:
    """A parameter, or what follows from parameters, is kept as `self.<name>` where `forward` reads it."""

    def kept(part: Any) -> Any:
        if not isinstance(part, (Parameter, Derived)):
            return part
        name = part.name if isinstance(part, Parameter) else part.meaning or "size"
        return attributes.setdefault(part, Module(name, "attribute", (part,)))

    return map_nested(kept, operand)


# -------------------------------------------------------------------- shapes in comments


def _label(pattern: Pattern, signature: Signature) -> None:
    """Write sizes that differ between the uses as letters or parameters."""
    by_sizes: dict[tuple[str, ...], str] = {}
    for parameter in signature.params:
        numbers = tuple(_size_text(arguments[parameter]) for arguments in signature.arguments)
        by_sizes[numbers] = parameter.name
    for hole, text in signature.replacements.items():
        if isinstance(hole, Hole) and isinstance(text, Derived):
            numbers = tuple(_size_text(use.numbers.get(hole)) for use in pattern.uses)
            by_sizes.setdefault(numbers, text.code)
    for proto in {value: None for node in pattern.nodes for value in (*node.values(), *node.results())}:
        real = [use.values[proto] for use in pattern.uses if proto in use.values]
        proto.labels = _labels(proto, real, by_sizes) if real else ()


def _size_text(size: Any) -> str:
    if isinstance(size, Parameter):
        return size.name
    return size.code if isinstance(size, Symbol) else str(size)


def _labels(proto: Value, real: list[Value], by_sizes: dict[tuple[str, ...], str]) -> tuple[str, ...]:
    letters = axis_letters(proto.rank)
    channel_axis = proto.rank - 1 if proto.is_native or proto.rank < 3 else proto.perm[1]
    labels = []
    for axis in range(proto.rank):
        sizes = tuple(value.labels[axis] if value.labels else str(value.shape[axis]) for value in real)
        letter = letters[axis] if axis < len(letters) else "?"
        if axis == 0:
            labels.append("N")
        elif axis == channel_axis and sizes in by_sizes:
            labels.append(by_sizes[sizes])
        elif len(set(sizes)) == 1 and sizes[0].isdigit():
            labels.append(sizes[0])
        else:
            labels.append(letter)
    return tuple(labels)


def instance_name(nodes: Iterable[Node], block: str) -> str:
    """A name for one use of a block: what the names of its layers share, else what it is."""
    names = [tokens(node.layer) for node in nodes if node.layer]
    if front := shared_front(names):
        return "_".join(front)
    if back := shared_back(names):
        return "_".join((_snake(block), *back))
    words = names[0][:1]
    shared = len(names) > 1 and all(name[:1] == words for name in names) and not is_automatic(names[0])
    return "_".join(names[0][: _common(names)]) if shared else _snake(block)


def _common(names: list[tuple[str, ...]]) -> int:
    count = 0
    while all(len(name) > count and name[count] == names[0][count] for name in names):
        count += 1
    return count


def _snake(name: str) -> str:
    """`DoubleConv` -> double_conv."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
