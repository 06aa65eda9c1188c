"""Steps that a person would not write: what is done and undone again, or is one function of torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from codegen.graph import Graph, Node, Op, Value, definitions
from codegen.graph.parsing import free_names
from codegen.graph.rewrite import remove_unused

#: Reductions that can keep the axes that they reduce.
_REDUCTIONS = (".mean", ".amax", ".amin", ".sum")

#: How often each value is read.
Uses = Mapping[Value, int]


def write_shorter(root: Graph) -> None:
    """Write steps shorter in the model and in the models inside it, with the same numbers."""
    for graph in definitions(root):
        for rule in _RULES:
            uses = graph.uses()
            for node in graph.nodes:
                rule(node, uses)
            remove_unused(graph)


def _drop_axis_of_one(node: Node, _: Uses) -> None:
    """Classes of (N, 1), without an axis for `torch.arange` to meet, are compared as they are."""
    before = _made_by(node.source, Op.SQUEEZE) if node.op is Op.ONE_HOT else None
    if before is not None:
        _rewrite(node, [before], "x == torch.arange(n, device=x.device)", x=before.source)


def _keep_axes(node: Node, uses: Uses) -> None:
    """`x.mean(dim=(2, 3))[:, :, None, None]` is `x.mean(dim=(2, 3), keepdim=True)`."""
    before = node.source.node if node.op is Op.EXPAND and "index" in node.operands else None
    if before is None or before.function not in _REDUCTIONS or uses[node.source] != 1:
        return
    dims = before.options.get("dim")
    index = node.operands["index"]
    index = (*index, *(slice(None) for _ in range(node.result.rank - len(index))))
    wanted = tuple(place for place, part in enumerate(index) if part is None)
    if dims in (wanted, wanted[0] if len(wanted) == 1 else None) and before.options.keys() == {"dim"}:
        template = f"x{before.function}(dim=dims, keepdim=True)"
        _rewrite(node, [before], template, x=before.source, dims=dims)


def _drop_transposes(node: Node, _: Uses) -> None:
    """`x @ y.permute(0, 2, 1).mT` is `x @ y`."""
    if node.op is not Op.MATMUL_TRANSPOSED:
        return
    x, y = node.arguments
    before = _made_by(y, Op.LAYOUT)
    dims = list(before.operands.get("dims", ())) if before is not None else []
    if before is not None and dims == [*range(len(dims) - 2), len(dims) - 1, len(dims) - 2]:
        _rewrite(node, [before], "x @ y", x=x, y=before.source)


def _attend(node: Node, uses: Uses) -> None:
    """`F.softmax(query @ key.mT / 8.0, dim=-1) @ value` is `F.scaled_dot_product_attention(...)`."""
    if node.op is not Op.MATMUL or not all(isinstance(operand, Value) for operand in node.arguments):
        return
    weights, value = node.arguments
    softmax = weights.node
    if softmax is None or softmax.function != "F.softmax" or uses[weights] != 1:
        return
    if softmax.options != {"dim": -1} and softmax.options != {"dim": weights.rank - 1}:
        return
    found = _scores(softmax.source, uses)
    if found is None:
        return
    query, key, scale, inner = found
    lead = [operand.shape[:-2] for operand in (query, key, value)]
    is_plain = all(operand.is_native and operand.rank > 2 for operand in (query, key, value))
    size = query.shape[-1]
    if not is_plain or lead[1:] != lead[:-1] or not size or {query.dtype, key.dtype} != {value.dtype}:
        return
    usual = math.isclose(scale, 1 / math.sqrt(size), rel_tol=1e-6)
    template = f"F.scaled_dot_product_attention(query, key, value{'' if usual else ', scale=scale'})"
    options = {} if usual else {"scale": scale}
    _rewrite(node, [*inner, softmax], template, query=query, key=key, value=value, **options)


def _scores(scores: Value, uses: Uses) -> tuple[Value, Value, float, list[Node]] | None:
    """Query, key and scale of an attention's scores, and what computes them; None if they are none."""
    node, scale, inner = scores.node, 1.0, list[Node]()
    if uses[scores] != 1:
        return None
    if node is not None and node.op in (Op.DIV, Op.MUL):
        numbers = [operand for operand in node.arguments if isinstance(operand, (int, float))]
        if len(numbers) != 1 or not numbers[0] or (node.op is Op.DIV and node.arguments[0] is numbers[0]):
            return None
        scale = 1 / numbers[0] if node.op is Op.DIV else float(numbers[0])
        inner.append(node)
        if uses[node.source] != 1:
            return None
        node = node.source.node
    if node is None or node.op not in (Op.MATMUL, Op.MATMUL_TRANSPOSED):
        return None
    query, key = node.arguments
    inner.append(node)
    if node.op is Op.MATMUL:
        turned = _made_by(key, Op.TRANSPOSE)
        if turned is None:
            return None
        inner.append(turned)
        key = turned.source
    return (query, key, scale, inner) if isinstance(query, Value) and isinstance(key, Value) else None


def _flat_gate(node: Node, uses: Uses) -> None:
    """A gate between two reshapes, (N, C) -> (N, 1, 1, C) -> layers -> (N, C, 1, 1), keeps to two axes."""
    target = node.result if isinstance(node.targets, Value) else None
    ends = target is not None and node.op in (Op.LAYOUT, Op.RESHAPE) and _is_column(target)
    if target is None or not ends:
        return
    chain: list[Node] = []
    value = node.source
    while uses[value] == 1 and value.node is not None and _is_row(value):
        chain.append(value.node)
        if value.node.op in (Op.RESHAPE, Op.EXPAND):
            break
        if value.node.op is not Op.ACTIVATION and not _calls_linear(value.node):
            return
        value = value.node.source
    start = chain[-1] if chain else node
    if len(chain) < 2 or start.op not in (Op.RESHAPE, Op.EXPAND) or start.source.rank != 2:
        return
    inner = start.source
    for step in reversed(chain[:-1]):
        result = step.result
        step.operands = {
            name: inner if isinstance(operand, Value) else operand for name, operand in step.operands.items()
        }
        result.shape, result.perm = (result.shape[0], result.shape[-1]), (0, 1)
        result.twins = {result.perm: result}
        inner = result
    target.twins = {target.perm: target}
    _rewrite(node, [start], "x[index]", x=inner, index=(slice(None), slice(None), None, None))
    node.op = Op.EXPAND


def _is_row(value: Value) -> bool:
    return value.rank == 4 and value.stored_shape[1:3] == (1, 1)


def _is_column(value: Value) -> bool:
    return value.rank == 4 and value.stored_shape[2:] == (1, 1)


def _calls_linear(node: Node) -> bool:
    return node.op is Op.CALL and all(module.constructor == "nn.Linear" for module in node.modules())


def _made_by(operand: Any, op: Op) -> Node | None:
    """The node that yields an operand, if it computes this."""
    node = operand.node if isinstance(operand, Value) else None
    return node if node is not None and node.op is op else None


def _rewrite(node: Node, instead: list[Node], template: str, **operands: Any) -> None:
    """Let a node do the work of others, too."""
    kept = {name: operand for name, operand in node.operands.items() if name in free_names(template)}
    node.replaces += tuple(instead)
    node.rewrite(template, **{**kept, **operands})


_RULES: tuple[Callable[[Node, Uses], None], ...] = (
    _drop_axis_of_one,
    _drop_transposes,
    _attend,
    _flat_gate,
    _keep_axes,
)
