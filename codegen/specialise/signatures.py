"""Parameters on whose argument all calls agree, that nobody reads, or that are never None."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping

from codegen.specialise.docstrings import drop_argument, keep_result, mention
from codegen.specialise.facts import (
    PRESENT,
    Function,
    default,
    is_literal,
    is_number,
    loads,
    parameters,
    same,
    stored,
    without_docstring,
)
from codegen.specialise.flow import specialise_body
from codegen.specialise.inlining import Replaced
from codegen.specialise.liveness import is_pure
from codegen.specialise.program import Callee, Program, Site, bind
from codegen.specialise.types import narrowed


def settle_parameters(program: Program) -> None:
    """Take out what all calls of a function, a constructor or a method agree on."""
    functions = frozenset(name for name, node in program.helpers.items() if isinstance(node, ast.FunctionDef))
    for callee in program.callees().values():
        if callee.is_open or not callee.sites:
            continue
        bound = _bound(callee)
        if bound is not None:
            _settle(callee, bound, functions)
            _narrow_result(callee)


def _bound(callee: Callee) -> list[Mapping[str, ast.expr]] | None:
    """The arguments of each call; None if they are not known of all."""
    is_method = callee.owner is not None
    found: list[Mapping[str, ast.expr]] = []
    for site in callee.sites:
        call = site.call or ast.Call(
            ast.Name("module", ast.Load()), [ast.Call(ast.Name("x", ast.Load()), [], [])], []
        )
        bound = bind(call, callee.function, is_method=is_method)
        if bound is None:
            return None
        found.append(bound)
    return found


def _settle(callee: Callee, bound: list[Mapping[str, ast.expr]], functions: frozenset[str]) -> None:
    function = callee.function
    in_class = callee.owner is not None
    for arg in parameters(function)[1 if in_class else 0 :]:
        name = arg.arg
        values = [one[name] for one in bound]
        is_fixed = is_literal(values[0], functions) and all(same(values[0], value) for value in values)
        if is_fixed and _goes(callee, name, values[0]):
            function.body = _with(function, name, values[0])
            _drop(callee, name, values[0])
        elif not any(read.id == name for read in loads(function.body)) and all(map(is_pure, values)):
            if not any(site.call is None for site in callee.sites):
                function.body = _with(function, name, ast.Constant(None))
                _drop(callee, name, ast.Constant(None))
        else:
            _narrow(callee, arg, values)


def _with(function: Function, name: str, value: ast.expr) -> list[ast.stmt]:
    """The body with a parameter's value in it."""
    body = without_docstring(function.body)
    doc = function.body[: len(function.body) - len(body)]
    start: list[ast.stmt] = []
    if name in stored(body):
        start = [ast.Assign([ast.Name(name, ast.Store())], copy.deepcopy(value))]
    return [*doc, *specialise_body([*start, *body], {name: value})]


def _goes(callee: Callee, name: str, value: ast.expr) -> bool:
    """Whether the code is better off without the parameter: it is an option, or much follows from it."""
    if any(site.call is None for site in callee.sites) and default(callee.function, name) is None:
        return False
    if default(callee.function, name) is not None and not isinstance(value, (ast.List, ast.Tuple)):
        return True
    if is_number(value):
        if callee.is_constructor:
            return False
        before = sum(1 for _ in ast.walk(callee.function))
        after = sum(1 for node in _with(callee.function, name, value) for _ in ast.walk(node))
        return after < before - 6
    if isinstance(value, (ast.List, ast.Tuple)):
        if callee.is_constructor and isinstance(value, ast.Tuple):  # a size or two
            return False
        left = [node for node in _nodes(_with(callee.function, name, value)) if isinstance(node, type(value))]
        return sum(same(node, value) for node in left) <= 1 and not _is_indexed(callee, name, value)
    return True


def _is_indexed(callee: Callee, name: str, value: ast.expr) -> bool:
    nodes = _nodes(_with(callee.function, name, value))
    return any(isinstance(node, ast.Subscript) and same(node.value, value) for node in nodes)


def _nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    return (node for root in body for node in ast.walk(root))


def _drop(callee: Callee, name: str, value: ast.expr) -> None:
    """Remove a parameter from the definition and from all calls."""
    function, args = callee.function, callee.function.args
    for site in callee.sites:
        if site.call is not None:
            _drop_argument(site.call, function, name, 1 if callee.owner is not None else 0)
    positional = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    if name in positional:
        index = positional.index(name) - (len(positional) - len(args.defaults))
        if index >= 0:
            del args.defaults[index]
        args.args = [arg for arg in args.args if arg.arg != name]
    else:
        index = [arg.arg for arg in args.kwonlyargs].index(name)
        del args.kwonlyargs[index], args.kw_defaults[index]
    document = callee.owner.body if callee.is_constructor and callee.owner else function.body
    drop_argument(document, name)
    if is_number(value) or isinstance(value, (ast.List, ast.Tuple)):
        mention(document, name, ast.unparse(value))


def _drop_argument(call: ast.Call, function: Function, name: str, start: int) -> None:
    positional = [arg.arg for arg in function.args.args][start:]
    index = positional.index(name) if name in positional else len(call.args)
    if index < len(call.args):
        del call.args[index]
    call.keywords = [word for word in call.keywords if word.arg != name]


# -------------------------------------------------------------------- None


def _narrow(callee: Callee, arg: ast.arg, values: list[ast.expr]) -> None:
    """A parameter is of the types that its arguments have; what is never None is known not to be."""
    if arg.annotation is not None:
        arg.annotation = narrowed(arg.annotation, values)
    annotation = arg.annotation
    if not (isinstance(annotation, ast.BinOp) and same(annotation.right, ast.Constant(None))):
        return
    if not all(_is_present(site, value) for site, value in zip(callee.sites, values, strict=True)):
        return
    arg.annotation = annotation.left
    body = without_docstring(callee.function.body)
    doc = callee.function.body[: len(callee.function.body) - len(body)]
    callee.function.body = [*doc, *specialise_body(body, {}, [arg.arg])]
    _no_default(callee, arg.arg)


def _is_present(site: Site, value: ast.expr) -> bool:
    """Whether an argument is never None: of the model's classes, all names are tensors."""
    if isinstance(value, PRESENT):
        return True
    if not isinstance(value, ast.Name) or site.function is None:
        return False
    annotations = {arg.arg: arg.annotation for arg in parameters(site.function)}
    annotations |= {
        node.target.id: node.annotation
        for node in ast.walk(site.function)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    annotation = annotations.get(value.id)
    return not (isinstance(annotation, ast.BinOp) and same(annotation.right, ast.Constant(None)))


def _no_default(callee: Callee, name: str) -> None:
    """Remove a parameter's default; the parameter goes before those that have one."""
    args = callee.function.args
    positional = [arg.arg for arg in args.args]
    first = len(positional) - len(args.defaults)
    if name in positional and positional.index(name) == first and args.defaults:
        del args.defaults[0]
    elif name in positional and positional.index(name) > first:
        args.args.append(args.args.pop(positional.index(name)))
        args.args.insert(first, args.args.pop())
        for site in callee.sites:
            if site.call is not None:
                _name_arguments(site.call, positional, first, 1 if callee.owner is not None else 0)
        del args.defaults[positional.index(name) - first]
    for index, arg in enumerate(args.kwonlyargs):
        if arg.arg == name:
            args.kw_defaults[index] = None


def _name_arguments(call: ast.Call, names: list[str], first: int, bound: int) -> None:
    """Pass the arguments of parameters from a position on by name: the order of these changes.

    Args:
        call: A call of the function.
        names: Its parameters.
        first: The position.
        bound: How many parameters are no arguments of the call: `self`.
    """
    index = first - bound
    words = [ast.keyword(*pair) for pair in zip(names[first:], call.args[index:], strict=False)]
    call.args, call.keywords = call.args[:index], [*words, *call.keywords]


# -------------------------------------------------------------------- results


def _narrow_result(callee: Callee) -> None:
    """A function of whose results all calls read the same one returns that alone."""
    returns = [node for node in _nodes(callee.function.body) if isinstance(node, ast.Return)]
    sizes = {len(node.value.elts) if isinstance(node.value, ast.Tuple) else 0 for node in returns}
    if len(sizes) != 1 or 0 in sizes:
        return
    read = {_result_read(site) for site in callee.sites}
    index, *others = read
    if others or index is None:
        return
    for node in returns:
        if isinstance(node.value, ast.Tuple):
            node.value = node.value.elts[index]
    annotation = callee.function.returns
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple):
        callee.function.returns = annotation.slice.elts[index]
    for site in callee.sites:
        _read_whole(site, index)
    keep_result(callee.function.body, index, *sizes)
    callee.function.body = specialise_body(callee.function.body, {})


def _result_read(site: Site) -> int | None:
    """The one result that a call reads; None if it reads more."""
    parent = site.parent
    if isinstance(parent, ast.Subscript) and isinstance(parent.slice, ast.Constant):
        return parent.slice.value if type(parent.slice.value) is int else None
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple) and site.function:
        names = {read.id for read in loads(site.function.body)}
        wanted = [
            index
            for index, target in enumerate(parent.targets[0].elts)
            if not (isinstance(target, ast.Name) and target.id not in names)
        ]
        return wanted[0] if len(wanted) == 1 else None
    return None


def _read_whole(site: Site, index: int) -> None:
    if isinstance(site.parent, ast.Assign) and isinstance(site.parent.targets[0], ast.Tuple):
        site.parent.targets = [site.parent.targets[0].elts[index]]
    elif isinstance(site.parent, ast.Subscript) and site.function is not None and site.call is not None:
        Replaced({site.parent: site.call}).visit(site.function)
