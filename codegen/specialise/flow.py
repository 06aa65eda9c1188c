"""Statements of which parts are known: branches not taken, loops of one kind and dead values go."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterable, Mapping

from codegen.specialise import text
from codegen.specialise.facts import (
    PRESENT,
    changed,
    dotted,
    is_literal,
    is_scalar,
    is_size,
    loads,
    same,
    stored,
    without_docstring,
)
from codegen.specialise.folding import Folder
from codegen.specialise.liveness import live
from codegen.specialise.unrolling import bind_target, iterated

#: Loops of more rounds, or with longer bodies, stay loops.
_ROUNDS, _STATEMENTS = 4, 2

#: Longer numbers keep their names.
_DIGITS = 6


def specialise_body(
    body: list[ast.stmt],
    known: Mapping[str, ast.expr],
    present: Iterable[str] = (),
    *,
    sizes: bool = False,
) -> list[ast.stmt]:
    """The body of a function, with what follows from what is known.

    Args:
        body: Its statements.
        known: Literals by parameter, and by attribute of `self` ("self.rate").
        present: Parameters that are not None.
        sizes: Whether what is computed of sizes is written wherever it is read.
    """
    doc = body[: len(body) - len(without_docstring(body))]
    body, before = without_docstring(body), ""
    while (now := "".join(map(ast.dump, body))) != before:
        before = now
        body = live(_Flow(body, known, present, sizes=sizes).body(body), set())[0]
    return [*doc, *body] or [ast.Pass()]


class _Flow:
    def __init__(
        self,
        whole: list[ast.stmt],
        known: Mapping[str, ast.expr],
        present: Iterable[str],
        *,
        sizes: bool,
    ) -> None:
        self.known = dict(known)
        self.sizes = sizes
        self.present = set(present)
        self.changed = changed(whole)
        self.reads = Counter(name.id for name in loads(whole))
        nodes = [node for root in whole for node in ast.walk(root)]
        self.stores = Counter(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        self.set_attributes = {
            dotted(n) for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
        }
        self.looked_up = {
            n.value.id
            for n in nodes
            if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)
            if isinstance(self.fold(n.slice), ast.Constant)
        }
        self.grown = Counter(
            n.target.id for n in nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
        )

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements folded, with the state left behind them."""
        result: list[ast.stmt] = []
        for statement in statements:
            folded = self._statement(statement)
            if folded and folded[0] is not statement:
                text.take_comments(folded[0], statement)
            result += folded
            if result and isinstance(result[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break)):
                break
        return result

    def fold(self, tree: ast.expr) -> ast.expr:
        """An expression, in the present state."""
        return Folder(self.known, frozenset(self.present)).fold(tree)

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.If):
            return self._if(node)
        if isinstance(node, ast.For):
            return self._for(node)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self._forget({node.name})
            return [node]
        if isinstance(node, ast.AugAssign):
            return [self._grow(node)]
        if isinstance(node, (ast.While, ast.With, ast.Try)):
            self._forget(stored([node]) | changed([node]))
            return [node]
        if isinstance(node, ast.Delete):
            node.targets = [target for target in node.targets if dotted(target) not in self.known]
            return [node] if node.targets else []
        new = copy.copy(node)
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and field != "annotation":
                setattr(new, field, self.fold(value))
        if isinstance(new, ast.Assign):
            new.targets = (
                [self.fold(target) for target in node.targets] if isinstance(node, ast.Assign) else []
            )
            self._assign(new.targets[0] if len(new.targets) == 1 else None, new.value, stored([new]))
        elif isinstance(new, ast.AnnAssign) and new.value is not None:
            self._assign(new.target, new.value, stored([new]))
        return [new]

    def _assign(self, target: ast.expr | None, value: ast.expr, names: set[str]) -> None:
        self._forget(names)
        pairs = bind_target(target, value) if target is not None else None
        for name, part in (pairs or {}).items():
            if isinstance(part, ast.Constant) and part.value is None:
                if self.stores[name] == 1:
                    self.known[name] = part
            elif self._may_stand(name, part):
                self.known[name] = part
            if isinstance(part, PRESENT) or (isinstance(part, ast.Name) and part.id in self.present):
                self.present.add(name)

    def _may_stand(self, name: str, value: ast.expr) -> bool:
        """Whether a value may stand wherever the name is read."""
        if name in self.changed and self.grown[name] == 0:
            return False
        if isinstance(value, ast.Constant) and isinstance(value.value, float):
            return len(repr(value.value)) <= _DIGITS  # what has more is better called by its name
        if is_literal(value) and (is_scalar(value) or name not in self.changed):
            return True
        if self.sizes and is_size(value):
            return all(self.stores[read.id] <= 1 for read in loads(value))
        if dotted(value).startswith("self."):  # a module, not what a step changes
            return self.stores[name] == 1 and dotted(value) not in self.set_attributes
        if isinstance(value, ast.Dict) and name not in self.looked_up:
            return False
        if not isinstance(value, (ast.Dict, ast.List, ast.Tuple, ast.Lambda)):
            return False
        once = self.reads[name] - self.grown[name] == 1
        return once and all(self.stores[read.id] <= 1 or read.id == name for read in loads(value))

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.known.pop(name, None)
            self.present.discard(name)

    def _grow(self, node: ast.AugAssign) -> ast.stmt:
        """`pads += [1, 2]` is an assignment, where what `pads` was is known."""
        value = self.fold(node.value)
        name = dotted(node.target)
        before = self.known.get(name)
        self._forget({name.split(".")[0]})
        if isinstance(before, ast.List) and isinstance(value, ast.List) and isinstance(node.target, ast.Name):
            whole = ast.List([*copy.deepcopy(before).elts, *value.elts], ast.Load())
            if self._may_stand(name, whole):
                self.known[name] = whole
            return ast.Assign([ast.Name(name, ast.Store())], whole)
        new = copy.copy(node)
        new.value = value
        return new

    def _if(self, node: ast.If) -> list[ast.stmt]:
        test = self.fold(node.test)
        if isinstance(test, ast.Constant):
            return self.body(node.body if test.value else node.orelse)
        absent, given = _tested(test)
        known, present = dict(self.known), set(self.present)
        self.present |= given
        body = self.body(node.body)
        known_1, present_1 = self.known, self.present
        self.known, self.present = dict(known), present | absent
        orelse = self.body(node.orelse)
        if not ends(body):
            if ends(orelse):
                self.known, self.present = known_1, present_1
            else:
                both = known_1.keys() & self.known.keys()
                self.known = {n: self.known[n] for n in both if same(self.known[n], known_1[n])}
                self.present &= present_1
        new = ast.If(test, body or [ast.Pass()], orelse)
        if ends(body) and orelse:
            new.orelse = []
            return [new, *orelse]
        return [new]

    def _for(self, node: ast.For) -> list[ast.stmt]:
        iterable = self.fold(node.iter)
        items = iterated(iterable)
        leaves = any(isinstance(n, (ast.Break, ast.Continue)) for s in node.body for n in ast.walk(s))
        if items is not None and len(items) <= _ROUNDS and not leaves and not node.orelse:
            bound = [bind_target(node.target, item) for item in items]
            if len(node.body) <= _STATEMENTS and all(is_known(one) for one in bound):
                return [new for one in bound for new in self._round(node.body, one or {})]
        inside = stored([node]) | changed(node.body)
        self._forget(inside)
        body = self.body(node.body)
        self._forget(inside)
        target, iterable = _without_index(node.target, iterable, body)
        return [ast.For(target, iterable, body, node.orelse)]

    def _round(self, body: list[ast.stmt], bound: dict[str, ast.expr]) -> list[ast.stmt]:
        self.known |= bound
        return self.body(copy.deepcopy(body))


def is_known(bound: dict[str, ast.expr] | None) -> bool:
    """Whether all that the names of a loop stand for are literals."""
    return bound is not None and all(is_literal(value) for value in bound.values())


def _tested(test: ast.expr) -> tuple[set[str], set[str]]:
    """Names that are not None where the test fails, and where it holds."""
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
        (operator, *_), (other, *_) = test.ops, test.comparators
        if isinstance(other, ast.Constant) and other.value is None:
            if isinstance(operator, ast.Is):
                return {test.left.id}, set()
            if isinstance(operator, ast.IsNot):
                return set(), {test.left.id}
    return set(), set()


def _without_index(target: ast.expr, iterable: ast.expr, body: list[ast.stmt]) -> tuple[ast.expr, ast.expr]:
    """A loop without the number that nobody reads."""
    read = {name.id for name in loads(body)}
    if isinstance(target, ast.Name) and target.id not in read and dotted(target) != "_":
        return ast.Name("_", ast.Store()), iterable
    if not (isinstance(target, ast.Tuple) and isinstance(iterable, ast.Call) and len(iterable.args) == 1):
        return target, iterable
    is_counted = dotted(iterable.func) == "enumerate" and len(target.elts) == 2
    if is_counted and dotted(target.elts[0]) not in read:
        return target.elts[1], iterable.args[0]
    return target, iterable


def ends(body: list[ast.stmt]) -> bool:
    """Whether nothing runs behind the statements."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.If):
        return ends(last.body) and ends(last.orelse)
    return isinstance(last, (ast.Return, ast.Raise, ast.Continue, ast.Break))
