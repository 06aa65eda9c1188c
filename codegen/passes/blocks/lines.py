"""About how many lines nodes and modules take in a class: what a block is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codegen.graph import Module, Node, Op, with_children
from codegen.graph.ops import CALLS
from codegen.passes.blocks.parameters import Signature
from codegen.passes.blocks.patterns import Pattern
from codegen.torch_api import facts, short_arguments

#: Width of a line, the indentation of `__init__`'s body, and of arguments on lines of their own.
_WIDTH, _INDENT, _DEEPER = 88, 8, 12

#: A name inside a block is at most about so long, and so is the name of a parameter in place of a number.
_NAME, _NUMBER = 14, 8


#: Lines of a class beside its parameters and body: its head, docstrings, blank lines.
_OVERHEAD = 12

#: More parameters than these make a class hard to read: so many lines each.
_MANY, _MORE = 4, 4


def body(nodes: Sequence[Node]) -> float:
    """About how many lines these nodes take in `__init__` and `forward`."""
    total = 0.0
    modules: set[Module] = set()
    for node in nodes:
        before = _block_before(node)
        if before is None:
            modules.update(module for module in node.modules() if module.constructor != "attribute")
            total += _forward_lines(node)
        else:
            same, is_second = _options(before) == _options(node), _block_before(before) is None
            total += (0.2 if same else 1.0) + is_second * (0.8 if same else 2.0)
    return total + sum(map(module_lines, modules))


def node_lines(node: Node) -> float:
    """About how many lines one node takes, with the modules that it calls."""
    modules = dict.fromkeys(module for module in node.modules() if module.constructor != "attribute")
    return _forward_lines(node) + sum(map(module_lines, modules))


def _forward_lines(node: Node) -> float:
    """About how many lines of `forward` a node takes: some are written inside what reads them."""
    if node.op is Op.ACTIVATION:
        return 0.2
    if node.op in CALLS:
        return 0.2 if any(facts(module.constructor).light for module in node.modules()) else 0.8
    return 2.0 if node.op is Op.ATTENTION else 0.5


def saved_lines(pattern: Pattern, signature: Signature | None = None) -> float:
    """About how many lines the file gets shorter by if a pattern becomes a class.

    Args:
        pattern: The pattern.
        signature: What its constructor takes; if not given, no parameters are counted.
    """
    inline = [body(use.region.nodes) for use in pattern.uses]
    made = {use.region.output for use in pattern.uses}
    params = signature.params if signature is not None else []
    given = signature.arguments if signature is not None else [{} for _ in pattern.uses]
    whole = _INDENT + sum(len(p.name) + len(p.type) + (10 if p.has_default else 6) for p in params) + 30
    overhead = _OVERHEAD + (0 if whole <= _WIDTH else 2 + len(params)) + 0.5 * len(params)
    calls = 0.0
    steps: tuple[Any, ...] = ()
    before: dict[Any, Any] = {}
    for use, arguments in zip(pattern.uses, given, strict=True):
        written = [
            _length(value) + (2 if signature and p in signature.positional else len(p.name) + 3)
            for p, value in arguments.items()
            if not (p.has_default and p.default == value)
        ]
        lines = 1.0 if 30 + sum(written) <= _WIDTH - _INDENT else 3.0
        in_run = use.region.inputs[0] in made
        previous, steps = steps, _steps(before, arguments)
        grows = in_run and steps == previous  # `range` says it
        calls += 0.2 if grows else lines if in_run else lines + 0.7
        before = arguments
    overhead += _MORE * max(0, len(params) - _MANY)
    return sum(inline) - max(inline) - overhead - calls


def _steps(before: dict[Any, Any], after: dict[Any, Any]) -> tuple[Any, ...]:
    """By how much the numbers of a use are more than those of the one before; what else differs as it is."""
    return tuple(
        value - before[name] if isinstance(value, int) and isinstance(before.get(name), int) else value
        for name, value in after.items()
    )


def module_lines(module: Module) -> int:
    """How many lines of `__init__` a module takes, as black lays them out."""
    callee = module.graph.name if module.graph is not None else module.constructor
    arguments = [_length(argument) for argument in module.args]
    written = short_arguments(callee, dict(module.kwargs))
    arguments += [len(name) + 1 + _length(value) for name, value in written.items()]
    extra = sum(map(module_lines, with_children(module.children)))
    inner = sum(arguments) + 2 * max(0, len(arguments) - 1)
    whole = _INDENT + len("self. = ()") + min(len(module.name), _NAME) + len(callee) + inner
    frozen = 1 if module.frozen else 0
    if whole <= _WIDTH:
        return 1 + frozen + extra
    return (3 if _DEEPER + inner <= _WIDTH else 2 + len(arguments)) + frozen + extra


def _length(argument: Any) -> int:
    """About how long an argument is written inside a block, where numbers have names."""
    return _NUMBER if isinstance(argument, int) and argument > 9 else len(repr(argument))


def _block_before(node: Node) -> Node | None:
    """The call of the same kind of block that this call follows: they become one sequence."""
    if node.op is not Op.CALL or _called(node).graph is None:
        return None
    before = node.source.node
    if before is None or before.op is not Op.CALL:
        return None
    return before if _called(before).graph is _called(node).graph else None


def _called(node: Node) -> Module:
    """The module that a call calls."""
    return next(node.modules())


def _options(node: Node) -> tuple[Any, ...]:
    """The arguments of a block beside its input channels, which follow from the block before."""
    module = _called(node)
    return (*module.args[1:], *module.kwargs.items())
