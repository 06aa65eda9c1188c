"""Calls of helpers that are written where they are made: methods called once, and one-line functions."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Mapping

from codegen.specialise import text
from codegen.specialise.facts import (
    Function,
    is_literal,
    is_simple,
    is_size,
    loads,
    parameters,
    stored,
    without_docstring,
)
from codegen.specialise.flow import specialise_body
from codegen.specialise.folding import Folder
from codegen.specialise.program import Callee, Program, Site, bind

#: Longest expression that replaces a call, and all of them together.
_WIDTH, _ALL = 88, 180


def inline_calls(program: Program) -> bool:
    """Inline one function or method, and remove it; whether there was one."""
    for callee in program.callees().values():
        if callee.is_open or not callee.sites or callee.is_constructor or callee.function.name == "forward":
            continue
        if callee.owner is not None and any(site.owner is not callee.owner for site in callee.sites):
            continue  # `self` is another
        if _inline_expressions(callee) or _inline_statements(callee):
            _remove(program, callee)
            return True
    return False


def _remove(program: Program, callee: Callee) -> None:
    if callee.owner is None:
        del program.helpers[callee.name]
    else:
        callee.owner.body.remove(callee.function)


# -------------------------------------------------------------------- expressions


def _inline_expressions(callee: Callee) -> bool:
    """Replace all calls by expressions, where these are short."""
    new: dict[ast.AST, ast.expr] = {}
    for site in callee.sites:
        expression = _expression(callee, site)
        if site.call is None or site.function is None or expression is None:
            return False
        new[site.call] = expression
    lengths = [len(ast.unparse(tree)) for tree in new.values()]
    if max(lengths) > _WIDTH or sum(lengths) > _ALL or _nested(new):
        return False
    for site in callee.sites:
        if site.function is not None:
            Replaced(new).visit(site.function)
    return True


def _nested(new: Mapping[ast.AST, ast.expr]) -> bool:
    return any(inner in new for call in new for inner in ast.walk(call) if inner is not call)


def _expression(callee: Callee, site: Site) -> ast.expr | None:
    """What a call yields as one expression of its arguments; None if there is none."""
    if site.call is None:
        return None
    bound = bind(site.call, callee.function, is_method=callee.owner is not None)
    if bound is None:
        return None
    body = copy.deepcopy(without_docstring(callee.function.body))
    inner = stored(body) | bound.keys()
    known = {
        name: value
        for name, value in bound.items()
        if is_literal(value) or (is_size(value) and not inner & {read.id for read in loads(value)})
    }
    body = collapsed(specialise_body(body, known, sizes=True))
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return None
    if text.has_comments(body[0]):
        return None
    result, counts = body[0].value, Counter(name.id for name in loads(body))
    own = {
        name.id for name in ast.walk(result) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    for name, value in bound.items():
        if counts[name] > 1 and not is_simple(value):
            return None
        if own & {read.id for read in loads(value)}:
            return None
    return Folder(bound).fold(result)


class Replaced(ast.NodeTransformer):
    """Puts other expressions in the place of some."""

    def __init__(self, new: Mapping[ast.AST, ast.expr]) -> None:
        self.new = new

    def visit(self, node: ast.AST) -> ast.AST:
        """The node, or what replaces it."""
        if node in self.new:
            return self.new[node]
        self.generic_visit(node)
        return node


def collapsed(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements in which each value that only the next one reads is written there."""
    result = [*body]
    index = 0
    while index + 1 < len(result):
        node, following = result[index], result[index + 1]
        value = node.value if isinstance(node, ast.Assign) else None  # a type that is said is needed
        names = stored([node])
        if (
            value is not None
            and len(names) == 1
            and isinstance(following, (ast.Assign, ast.AnnAssign, ast.Return))
        ):
            (name,) = names
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            here = sum(read.id == name for read in loads(following))
            later = any(read.id == name for read in loads(result[index + 2 :]))
            ends_here = name in stored([following]) or not later
            if isinstance(target, ast.Name) and here == 1 and ends_here and not text.has_comments(node):
                new = copy.copy(following)
                new.value = Folder({name: value}).fold(following.value or ast.Constant(None))
                if not _captures(following, name):
                    result[index : index + 2] = [new]
                    index = max(index - 1, 0)
                    continue
        index += 1
    return result


def _captures(node: ast.stmt, name: str) -> bool:
    """Whether the name is read in a comprehension or a lambda, perhaps many times."""
    inner = (ast.ListComp, ast.GeneratorExp, ast.Lambda, ast.SetComp, ast.DictComp)
    return any(isinstance(n, inner) and any(read.id == name for read in loads(n)) for n in ast.walk(node))


# -------------------------------------------------------------------- statements


def _inline_statements(callee: Callee) -> bool:
    """Write a method's statements where its only call is: as the value of an assignment, or returned."""
    if len(callee.sites) != 1 or callee.owner is None:
        return False
    (site,) = callee.sites
    body = without_docstring(callee.function.body)
    returns = [node for root in body for node in ast.walk(root) if isinstance(node, ast.Return)]
    if site.call is None or site.function is None or len(returns) != 1 or body[-1] is not returns[0]:
        return False
    statement = site.parent
    if not isinstance(statement, (ast.Assign, ast.Return)) or statement.value is not site.call:
        return False
    bound = bind(site.call, callee.function, is_method=True)
    if bound is None:
        return False
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    lines = _spliced(callee.function, bound, target, site.function)
    if lines is None:
        return False
    text.take_comments(lines[0], statement)
    _replace_statement(site.function, statement, lines)
    return True


def _spliced(
    function: Function, bound: Mapping[str, ast.expr], target: ast.expr | None, around: Function
) -> list[ast.stmt] | None:
    """The function's statements, in whose end the result is assigned to the target, or returned."""
    body = copy.deepcopy(without_docstring(function.body))
    own, counts = stored(body), Counter(name.id for name in loads(body))
    taken = stored(around.body) | {name.id for name in loads(around.body)}
    taken |= {arg.arg for arg in parameters(around)}
    targets = stored([ast.Expr(target)]) if target is not None else set()
    start: list[ast.stmt] = []
    names: dict[str, ast.expr] = {}
    for name, value in bound.items():
        if name in own or (counts[name] > 1 and not is_simple(value)):
            free = _free(name, taken)
            start.append(ast.Assign([ast.Name(free, ast.Store())], value))
            names[name] = ast.Name(free, ast.Load())
        else:
            names[name] = value
    result = body[-1].value if isinstance(body[-1], ast.Return) else None
    if result is None:
        return None
    pairs = _pairs(target, result)
    read = {name.id for value in bound.values() for name in loads(value)}
    for left, right in pairs:
        if not (isinstance(left, ast.Name) and isinstance(right, ast.Name)):
            continue
        is_own = right.id in own - names.keys()
        if is_own and (left.id not in read or _is_last(body, right.id, left.id, names)):
            names[right.id] = ast.Name(left.id, ast.Load())
    for name in sorted(own - names.keys()):
        names[name] = ast.Name(
            _free(name, taken - targets if name in targets and name not in read else taken), ast.Load()
        )
    lines = [_Renamed(names).visit(node) for node in body]
    value = lines[-1].value
    if target is None:
        return [*start, *lines]
    new = ast.Assign([target], value)
    text.take_comments(new, lines[-1])
    last: list[ast.stmt] = [
        ast.Assign([left], right) for left, right in _pairs(target, value) if not _is_same(left, right)
    ]
    together = len(last) > 1 and _overlap(last)
    return [*start, *lines[:-1], *([new] if together else last)]


def _pairs(target: ast.expr | None, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return [*zip(target.elts, value.elts, strict=True)]
    return [(target, value)] if target is not None else []


def _is_same(left: ast.expr, right: ast.expr) -> bool:
    return isinstance(left, ast.Name) and isinstance(right, ast.Name) and left.id == right.id


def _overlap(assignments: list[ast.stmt]) -> bool:
    """Whether one of the assignments changes what a later one reads."""
    before: set[str] = set()
    for node in assignments:
        if before & {read.id for read in loads(node)}:
            return True
        before |= stored([node])
    return False


def _is_last(body: list[ast.stmt], local: str, target: str, names: Mapping[str, ast.expr]) -> bool:
    """Whether nothing reads what the target was, once the local value is there."""
    positions = [index for index, node in enumerate(body) if local in stored([node])]
    aliases = {name for name, value in names.items() if isinstance(value, ast.Name) and value.id == target}
    aliases |= {name for name, value in names.items() if any(read.id == target for read in loads(value))}
    return bool(positions) and not any(read.id in aliases for read in loads(body[positions[0] + 1 :]))


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


class _Renamed(ast.NodeTransformer):
    """Puts expressions for names, also where they are assigned."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Another name, or an expression."""
        new = copy.deepcopy(self.names.get(node.id, node))
        if isinstance(node.ctx, ast.Store) and isinstance(new, ast.Name):
            new.ctx = ast.Store()
        return new


def _replace_statement(root: ast.AST, old: ast.stmt, new: list[ast.stmt]) -> None:
    for node in ast.walk(root):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and old in value:
                index = value.index(old)
                value[index : index + 1] = new
                return
