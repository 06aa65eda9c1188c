"""Activations that a model spells out in arithmetic become the functions that torch has for them."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping

from codegen.graph import Graph, Node, Op, Value, definitions
from codegen.graph.rewrite import remove_unused

#: What models compute, about a value `x`, and the function that it is; first what others are made of.
_IDIOMS = {
    "F.relu6(x + 3) / 6": "F.hardsigmoid(x)",
    "x * F.relu6(x + 3) / 6": "F.hardswish(x)",
    "x * F.hardsigmoid(x)": "F.hardswish(x)",
    "x * torch.sigmoid(x)": "F.silu(x)",
    "x * torch.tanh(F.softplus(x))": "F.mish(x)",
}

_PATTERNS = [(ast.parse(text, mode="eval").body, function) for text, function in _IDIOMS.items()]

#: The dtypes that these functions take.
_FLOATS = ("float16", "bfloat16", "float32", "float64")

#: What a node of two operands computes.
_OPERATORS: dict[Op, type[ast.operator]] = {Op.ADD: ast.Add, Op.MUL: ast.Mult, Op.DIV: ast.Div}


def write_idioms(root: Graph) -> None:
    """Write what is one function of torch as that function, in the model and in the models inside it."""
    for graph in definitions(root):
        for pattern, function in _PATTERNS:
            uses = graph.uses()
            for node in graph.nodes:
                found: dict[str, Value] = {}
                is_found = node.op in _OPERATORS and _computes(node, pattern, uses, found)
                if is_found and found["x"].dtype == node.result.dtype in _FLOATS:
                    node.replaces += tuple(_between(found["x"], node))
                    node.rewrite(function, **found)
        remove_unused(graph)


def _between(x: Value, node: Node) -> Iterator[Node]:
    """The nodes that lead from a value to a node."""
    for value in node.values():
        if value is not x and value.node is not None:
            yield value.node
            yield from _between(x, value.node)


def _computes(node: Node, pattern: ast.expr, uses: Mapping[Value, int], found: dict[str, Value]) -> bool:
    """Whether a node computes the pattern; what its names stand for is put into `found`."""
    if isinstance(pattern, ast.Call):
        return node.calls(ast.unparse(pattern.func)) and _is(node.source, pattern.args[0], uses, found)
    if not isinstance(pattern, ast.BinOp) or node.op not in _OPERATORS or len(node.operands) != 2:
        return False
    x, y = node.arguments
    operator = _OPERATORS[node.op]
    if isinstance(pattern.op, ast.Div) and operator is ast.Mult:  # a sixth is as good as a division by 6
        pairs = [(a, 1 / b) for a, b in ((x, y), (y, x)) if isinstance(b, float) and b]
    elif isinstance(pattern.op, operator):
        pairs = [(x, y)] if operator is ast.Div else [(x, y), (y, x)]
    else:
        pairs = []
    for left, right in pairs:
        bound = dict(found)
        if _is(left, pattern.left, uses, bound) and _is(right, pattern.right, uses, bound):
            found.update(bound)
            return True
    return False


def _is(operand: object, pattern: ast.expr, uses: Mapping[Value, int], found: dict[str, Value]) -> bool:
    """Whether an operand is what the pattern says; what it is computed from must serve nothing else."""
    if isinstance(pattern, ast.Constant):
        number = ast.literal_eval(pattern)
        return isinstance(operand, (int, float)) and math.isclose(operand, number, rel_tol=1e-6)
    if not isinstance(operand, Value):
        return False
    if isinstance(pattern, ast.Name):
        return found.setdefault(pattern.id, operand) is operand
    return uses[operand] == 1 and operand.node is not None and _computes(operand.node, pattern, uses, found)
