"""Helpers and classes -> the same, cut to the file: see `codegen.specialise`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from codegen.emit.code import Code
from codegen.emit.parts import ClassSource
from codegen.graph.helpers import Helper
from codegen.specialise import Program, specialise, text


def cut(
    helpers: Sequence[Helper], classes: Sequence[ClassSource]
) -> tuple[list[Code], list[ClassSource], set[str]]:
    """The text of the helpers and the classes, and the names that they read.

    Args:
        helpers: What the classes need of the runtime.
        classes: Of the model, as they call the helpers whole.
    """
    trees = [text.parse(_class_text(source))[0] for source in classes]
    program = Program(
        {helper.name: _definition(helper) for helper in helpers},
        [tree for tree in trees if isinstance(tree, ast.ClassDef)],
    )
    if helpers:
        specialise(program)
    whole = {helper.name: helper for helper in helpers}
    cut_helpers = [_helper_text(tree, whole.get(name)) for name, tree in program.helpers.items()]
    cut_classes = [_cut_class(source, tree) for source, tree in zip(classes, program.clients, strict=True)]
    roots = [*program.helpers.values(), *program.clients]
    names = {node.id for root in roots for node in ast.walk(root) if isinstance(node, ast.Name)}
    return cut_helpers, cut_classes, names


def _definition(helper: Helper) -> ast.FunctionDef | ast.ClassDef:
    (tree,) = text.parse(helper.source)
    assert isinstance(tree, (ast.FunctionDef, ast.ClassDef))
    return tree


def _helper_text(tree: ast.FunctionDef | ast.ClassDef, helper: Helper | None) -> Code:
    """A helper as it stands in the runtime, unless it was changed."""
    if helper is not None and ast.dump(_definition(helper)) == ast.dump(tree):
        return Code(helper.source)
    return Code(text.write([tree]))


def _class_text(source: ClassSource) -> str:
    """A class without its docstrings."""
    parts = [f"class {source.name}(nn.Module):"]
    parts += _method(f"__init__(self, {', '.join(source.init_parameters)})", source.init)
    for method in source.methods:
        parts += _method(method.signature, method.body)
    parts += _method(f"forward(self, {', '.join(source.arguments)}) -> {source.returns}", source.forward)
    return "\n".join(parts)


def _method(signature: str, body: Sequence[str]) -> list[str]:
    return [f"    def {signature}:", textwrap.indent("\n".join(body) or "pass", " " * 8)]


def _cut_class(source: ClassSource, tree: ast.ClassDef) -> ClassSource:
    """A class with those of its bodies replaced that were changed."""
    (before,) = text.parse(_class_text(source))
    assert isinstance(before, ast.ClassDef)
    new: dict[str, tuple[Code, ...]] = {}
    for old, method in zip(before.body, tree.body, strict=True):
        if isinstance(method, ast.FunctionDef) and ast.dump(old) != ast.dump(method):
            new[method.name] = tuple(map(Code, text.write(method.body).split("\n")))
    methods = [replace(m, body=new.get(m.signature.partition("(")[0], m.body)) for m in source.methods]
    changes: dict[str, Any] = {"methods": tuple(methods)}
    if "__init__" in new:
        changes["init"] = new["__init__"]
    return replace(source, **changes, forward=new.get("forward", source.forward))
