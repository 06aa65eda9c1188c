"""Values that nobody reads go, and the statements that only they needed."""

from __future__ import annotations

import ast

from codegen.specialise import text
from codegen.specialise.facts import Function, dotted, loads, parameters, stored


def live(body: list[ast.stmt], after: set[str]) -> tuple[list[ast.stmt], set[str]]:
    """The statements whose results are read, and the names that they read from before.

    Args:
        body: The statements.
        after: The names that are read behind them.
    """
    wanted = set(after)
    kept: list[ast.stmt] = []
    for node in reversed(body):
        new, wanted = _live(node, wanted)
        if new is not None:
            kept.append(new)
    return kept[::-1], wanted


def _live(node: ast.stmt, wanted: set[str]) -> tuple[ast.stmt | None, set[str]]:
    if isinstance(node, (ast.Return, ast.Raise)):
        return node, {name.id for name in loads(node)}
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        return _live_assignment(node, wanted)
    if isinstance(node, ast.AugAssign) and is_pure(node.value) and dotted(node.target) not in wanted:
        return (None, wanted) if isinstance(node.target, ast.Name) else (node, wanted | _read(node))
    if isinstance(node, ast.Pass):
        return None, wanted
    if isinstance(node, ast.If):
        return _live_branches(node, wanted)
    if isinstance(node, ast.For):
        again = wanted | {name.id for name in loads(node.body)}
        body, inside = live(node.body, again)
        if not body:
            return None, wanted
        new = ast.For(node.target, node.iter, body, node.orelse)
        text.take_comments(new, node)
        read = {name.id for name in loads(node.iter)}
        return new, wanted | (inside - stored([ast.Expr(node.target)])) | read
    if isinstance(node, ast.Delete):
        return node, wanted
    return node, wanted | _read(node)


def _read(node: ast.AST) -> set[str]:
    return {name.id for name in loads(node)}


def _live_assignment(node: ast.Assign | ast.AnnAssign, wanted: set[str]) -> tuple[ast.stmt | None, set[str]]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    value = node.value or ast.Constant(None)
    names = stored([node])
    others = any(not isinstance(t, ast.Name) for target in targets for t in _parts(target))
    if not others and not names & wanted and is_pure(value):
        return None, wanted
    target, *more = targets
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and not more and not others:
        pairs = [*zip(target.elts, value.elts, strict=True)]
        kept = [(t, v) for t, v in pairs if (isinstance(t, ast.Name) and t.id in wanted) or not is_pure(v)]
        if len(kept) < len(pairs):
            node = _assignment(kept, node)
    read = {name.id for name in loads(node.value or ast.Constant(None))}
    read |= {
        name.id
        for t in targets
        for name in ast.walk(t)
        if isinstance(name, ast.Name) and not isinstance(name.ctx, ast.Store)
    }
    return node, (wanted - names) | read


def _assignment(pairs: list[tuple[ast.expr, ast.expr]], old: ast.stmt) -> ast.Assign:
    targets, values = [target for target, _ in pairs], [value for _, value in pairs]
    if len(pairs) == 1:
        new = ast.Assign(targets, values[0])
    else:
        new = ast.Assign([ast.Tuple(targets, ast.Store())], ast.Tuple(values, ast.Load()))
    text.take_comments(new, old)
    return new


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for item in target.elts for part in _parts(item)]
    return [target]


def _live_branches(node: ast.If, wanted: set[str]) -> tuple[ast.stmt | None, set[str]]:
    body, before = live(node.body, wanted)
    orelse, before_else = live(node.orelse, wanted)
    read = {name.id for name in loads(node.test)}
    if not body and not orelse:
        return None, wanted
    test = node.test
    if not body:
        test, body, orelse = negated(test), orelse, []
    new = ast.If(test, body, orelse)
    text.take_comments(new, node)
    return new, before | before_else | read


def negated(test: ast.expr) -> ast.expr:
    """The test that holds where this one fails."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Is, ast.IsNot)):
        other = ast.IsNot() if isinstance(test.ops[0], ast.Is) else ast.Is()
        return ast.Compare(test.left, [other], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def is_pure(tree: ast.expr) -> bool:
    """Whether nothing comes of an expression but its value: it changes no tensor and no list."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
            if name.endswith("_") or name in ("append", "extend", "pop", "keep"):
                return False
    return True


def join_return(function: Function) -> None:
    """Write what is returned at once without a name, where mypy knows its type without the name's."""
    declared = {arg.arg for arg in parameters(function)}
    declared |= {
        node.target.id
        for node in ast.walk(function)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    for node in ast.walk(function):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and len(value) > 1:
                _join(value, declared)


def _join(body: list[ast.AST], declared: set[str]) -> None:
    before, last = body[-2:]
    if not isinstance(last, ast.Return) or not isinstance(before, ast.Assign):
        return
    result, (target, *more), value = last.value, before.targets, before.value
    is_same = isinstance(result, ast.Name) and isinstance(target, ast.Name) and result.id == target.id
    is_typed = dotted(target) not in declared or not _calls_module(value)
    if is_same and is_typed and not more:
        new = ast.Return(value)
        text.take_comments(new, before)
        body[-2:] = [new]


def _calls_module(tree: ast.expr) -> bool:
    """Whether a module is called in an expression, whose result mypy takes for anything."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(dotted(call.func).startswith("self.") for call in calls)
