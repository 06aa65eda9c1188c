"""Helpers cut to the file: what is known when the file is written is not an option at run time."""

from __future__ import annotations

import ast

from codegen.specialise.annotations import drop_annotations
from codegen.specialise.classes import merge_bases, settle_attributes
from codegen.specialise.docstrings import condense
from codegen.specialise.facts import loads
from codegen.specialise.inlining import inline_calls
from codegen.specialise.liveness import join_return
from codegen.specialise.program import Program, methods
from codegen.specialise.signatures import settle_parameters


def specialise(program: Program) -> None:
    """Specialise the helpers of a file by partial evaluation, and the calls of them accordingly.

    Options on which all calls agree become literals, branches not taken go, and what nobody reads; bases are
    merged into the classes that are made, methods called once and one-line functions into what calls them.
    """
    merge_bases(program)
    inner = {key for key, callee in program.callees().items() if callee.owner is not None and callee.sites}
    before = ""
    while (now := _dump(program)) != before:
        before = now
        settle_parameters(program)
        settle_attributes(program)
        while inline_calls(program):
            pass
        _prune(program, inner)
    for node in program.helpers.values():
        for function in [node] if isinstance(node, ast.FunctionDef) else methods(node).values():
            drop_annotations(function)
            condense(function.body)
            join_return(function)


def _prune(program: Program, inner: set[str]) -> None:
    """Remove functions and classes that the model does not need, and methods that only helpers called."""
    for key, callee in program.callees().items():
        if key in inner and callee.owner is not None and not (callee.sites or callee.is_open):
            callee.owner.body.remove(callee.function)
    needed: set[str] = set()
    roots: list[ast.AST] = [*program.clients]
    while roots:
        names = {name.id for name in loads(roots.pop())} & program.helpers.keys() - needed
        needed |= names
        roots += [program.helpers[name] for name in sorted(names)]
    for name in program.helpers.keys() - needed:
        del program.helpers[name]


def _dump(program: Program) -> str:
    return "".join(ast.dump(node) for node in [*program.helpers.values(), *program.clients])
