"""Classes of helpers: bases are merged into what is made, attributes that never vary are literals."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator

from codegen.specialise import docstrings
from codegen.specialise.facts import (
    MODULES,
    Function,
    docstring_of,
    dotted,
    is_literal,
    is_simple,
    loads,
    parameters,
    stored,
    without_docstring,
)
from codegen.specialise.flow import specialise_body
from codegen.specialise.folding import Folder
from codegen.specialise.program import Program, bases, bind, methods

_MODULE = "nn.Module"


def merge_bases(program: Program) -> None:
    """Merge helpers' base classes into the classes that the file makes, which are left without them."""
    made = {
        name.id
        for root in [*program.clients, *program.helpers.values()]
        for name in _outside_bases(root)
        if name.id in program.helpers
    }
    for name in made:
        node = program.helpers[name]
        while isinstance(node, ast.ClassDef) and (base := _base(program, node)) is not None:
            merged = _merged(node, base)
            if merged is None:
                break
            node = program.helpers[name] = merged
    used = {name.id for root in program.helpers.values() for name in loads(root)}
    used |= {name.id for root in program.clients for name in loads(root)}
    for name in [*program.helpers]:
        if name not in used:
            del program.helpers[name]


def _outside_bases(root: ast.AST) -> Iterator[ast.Name]:
    parts = root.body if isinstance(root, ast.ClassDef) else [root]
    return (name for part in parts for name in loads(part))


def _base(program: Program, node: ast.ClassDef) -> ast.ClassDef | None:
    first, *others = bases(node) or [""]
    base = program.helpers.get(first)
    return base if isinstance(base, ast.ClassDef) and not others else None


def _merged(node: ast.ClassDef, base: ast.ClassDef) -> ast.ClassDef | None:
    """The class with what it inherits; None if it calls more of that than the constructor."""
    base, new = copy.deepcopy(base), copy.deepcopy(node)
    own, inherited = methods(new), methods(base)
    start = _constructor(own.get("__init__"), inherited.get("__init__"))
    if start is None and "__init__" in own:
        return None
    body: list[ast.stmt] = []
    for item in base.body[len(base.body) - len(without_docstring(base.body)) :]:
        if isinstance(item, ast.FunctionDef):
            method = own.get(item.name, item)
            if item.name == "__init__" and start is not None:
                method = start
            _inherit_docstring(method, base.name, item)
            body.append(method)
        else:
            body.append(item)
    body += [
        item
        for item in without_docstring(new.body)
        if not isinstance(item, ast.FunctionDef) or item.name not in inherited
    ]
    if any(
        isinstance(call, ast.Call) and dotted(call.func) == "super"
        for part in body
        for call in ast.walk(part)
        if not (isinstance(part, ast.FunctionDef) and part.name == "__init__")
    ):
        return None
    doc = new.body[: len(new.body) - len(without_docstring(new.body))]
    _inherit_arguments(doc, base)
    new.body = [*doc, *body]
    new.bases = base.bases
    return new


def _constructor(own: Function | None, inherited: Function | None) -> Function | None:
    """The constructor with that of the base in the place of its call."""
    if own is None or inherited is None:
        return inherited if own is None else None
    call = next((c for c in _calls(own) if _is_super(c)), None)
    if call is None:
        return None
    _spread_options(own, inherited, call)
    bound = bind(call, inherited, is_method=True)
    if bound is None or stored(inherited.body) & (stored(own.body) | {arg.arg for arg in parameters(own)}):
        return None
    folder = Folder(bound)
    start: list[ast.stmt] = []
    for item in without_docstring(inherited.body):
        _Substituted(folder).generic_visit(copied := copy.deepcopy(item))
        start.append(copied)
    new = copy.deepcopy(own)
    new.body = [
        part
        for item in own.body
        for part in (start if isinstance(item, ast.Expr) and item.value is call else [item])
    ]
    return new


class _Substituted(ast.NodeTransformer):
    """Folds all expressions of a statement."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def visit(self, node: ast.AST) -> ast.AST:
        """A statement's expressions, folded."""
        if isinstance(node, ast.expr):
            return self.folder.fold(node)
        self.generic_visit(node)
        return node


def _calls(function: Function) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _is_super(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "__init__"
        and isinstance(function.value, ast.Call)
        and dotted(function.value.func) == "super"
    )


def _spread_options(own: Function, inherited: Function, call: ast.Call) -> None:
    """`**options` that go to the base as they are become the base's parameters."""
    options = own.args.kwarg
    if options is None:
        return
    call.keywords = [word for word in call.keywords if word.arg is not None]
    given = {word.arg for word in call.keywords}
    given |= {arg.arg for arg, _ in zip(parameters(inherited)[1:], call.args, strict=False)}
    mine = {arg.arg for arg in parameters(own)}
    own.args.kwarg = None
    args = inherited.args
    positional = [*args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    every = [*zip(positional, [*defaults, *args.defaults], strict=True)]
    every += [*zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    for arg, value in every[1:]:
        if arg.arg not in given:
            if arg.arg not in mine:
                own.args.kwonlyargs.append(copy.deepcopy(arg))
                own.args.kw_defaults.append(copy.deepcopy(value))
            call.keywords.append(ast.keyword(arg.arg, ast.Name(arg.arg, ast.Load())))


def _inherit_docstring(method: Function, base_name: str, inherited: Function) -> None:
    """A method that refers to the base's is documented as that is."""
    if docstring_of(method.body) == f"See `{base_name}.{inherited.name}`.":
        method.body[0] = inherited.body[0]


def _inherit_arguments(doc: list[ast.stmt], base: ast.ClassDef) -> None:
    """Entries that refer to the base's are written out."""
    known = docstrings.arguments(base.body)
    for name, lines in docstrings.arguments(doc).items():
        if f"See `{base.name}`." in lines[0]:
            mine = docstrings.arguments(doc)
            others = [lines for other, lines in known.items() if other not in mine]
            docstrings.replace_argument(doc, name, [known[name]] if name in known else others)


# -------------------------------------------------------------------- attributes


def settle_attributes(program: Program) -> None:
    """Attributes of a helper's class with one literal value are that value; what nobody reads goes."""
    functions = frozenset(n for n, node in program.helpers.items() if isinstance(node, ast.FunctionDef))
    for node in program.helpers.values():
        if isinstance(node, ast.ClassDef) and bases(node) == [_MODULE] and "__init__" in methods(node):
            outside = {
                item.attr
                for other in [*program.clients, *program.helpers.values()]
                for item in ast.walk(other)
                if isinstance(item, ast.Attribute) and _is_outside(item, other is node)
            }
            _settle_attributes(node, functions, outside)


def _is_outside(item: ast.Attribute, is_own: bool) -> bool:
    """Whether an attribute may be one of an instance that other code has."""
    first = dotted(item.value).split(".")[0]
    return first not in MODULES and not (is_own and dotted(item.value) == "self")


def _settle_attributes(node: ast.ClassDef, functions: frozenset[str], outside: set[str]) -> None:
    start = methods(node)["__init__"]
    stores = Counter(_stored_attributes(node))
    known: dict[str, ast.expr] = {}
    for item in start.body:
        name = _attribute(item)
        if name and isinstance(item, ast.Assign) and stores[name] == 1 and is_literal(item.value, functions):
            known[f"self.{name}"] = item.value
    for method in methods(node).values():
        body = without_docstring(method.body)
        doc = method.body[: len(method.body) - len(body)]
        method.body = [*doc, *specialise_body(body, known)]
    read = {
        item.attr
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Load) and dotted(item.value) == "self"
    }
    start.body = [
        item
        for item in start.body
        if not _attribute(item)
        or _attribute(item) in read | outside
        or not (isinstance(item, ast.Assign) and _is_plain(item.value))
    ]


def _is_plain(value: ast.expr) -> bool:
    """Whether it makes no module, whose weights a file holds."""
    return is_simple(value) or is_literal(value)


def _attribute(item: ast.stmt) -> str:
    """The attribute of `self` that a statement assigns."""
    target = item.targets[0] if isinstance(item, ast.Assign) and len(item.targets) == 1 else None
    is_own = isinstance(target, ast.Attribute) and dotted(target.value) == "self"
    return target.attr if isinstance(target, ast.Attribute) and is_own else ""


def _stored_attributes(node: ast.ClassDef) -> Iterator[str]:
    for item in ast.walk(node):
        if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store):
            yield item.attr
        elif isinstance(item, ast.AugAssign) and isinstance(item.target, ast.Attribute):
            yield item.target.attr
