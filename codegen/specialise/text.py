"""Source text <-> syntax trees, with the comments that `ast` forgets."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence

#: Attributes of a statement: the comment behind it, and those on lines of their own before it.
_BEHIND, _BEFORE = "comment_behind", "comments_before"

_MARK = "comment "


def parse(source: str) -> list[ast.stmt]:
    """The statements of a source, which remember their comments."""
    tree = ast.parse(source)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            _attach(token, statements)
    return tree.body


def _attach(token: tokenize.TokenInfo, statements: Sequence[ast.stmt]) -> None:
    line = token.start[0]
    if token.line.strip().startswith("#"):
        after = [node for node in statements if node.lineno > line]
        if after:
            node = min(after, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
            setattr(node, _BEFORE, (*_before(node), token.string))
        return
    around = [node for node in statements if node.lineno <= line <= (node.end_lineno or 0)]
    if around:
        node = max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
        setattr(node, _BEHIND, token.string)


def _before(node: ast.stmt) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(node, _BEFORE, ())
    return found


def has_comments(node: ast.stmt) -> bool:
    """Whether a statement has a comment of its own."""
    return bool(_before(node) or getattr(node, _BEHIND, ""))


def take_comments(node: ast.stmt, other: ast.stmt) -> None:
    """Give a statement the comments of the one that it stands for."""
    setattr(node, _BEFORE, tuple(dict.fromkeys(_before(other) + _before(node))))
    if not getattr(node, _BEHIND, ""):
        setattr(node, _BEHIND, getattr(other, _BEHIND, ""))


def write(statements: Sequence[ast.stmt]) -> str:
    """The source of statements, each simple one on one line, with their comments."""
    module = ast.Module(list(statements), [])
    writer = _Marked()
    marked = ast.fix_missing_locations(writer.visit(_copy(module)))
    source = "\n".join(_unmarked(ast.unparse(marked).split("\n")))
    for index, items in enumerate(writer.tuples):
        source = source.replace(f"tuple_{index}_", items)
    return source


def _copy(tree: ast.AST) -> ast.AST:
    """A copy of a tree's statements that shares their expressions."""
    new = type(tree)(**dict(ast.iter_fields(tree)))
    for name in (_BEFORE, _BEHIND):
        if hasattr(tree, name):
            setattr(new, name, getattr(tree, name))
    for field, value in ast.iter_fields(tree):
        if isinstance(value, list) and value and isinstance(value[0], (ast.stmt, ast.excepthandler)):
            setattr(new, field, [_copy(item) for item in value])
    return new


class _Marked(ast.NodeTransformer):
    """Puts comments in front of their statements, as strings, and names for tuples."""

    def __init__(self) -> None:
        self.tuples: list[str] = []

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, field, [new for item in value for new in self._marked(item)])
        return node

    def _marked(self, node: ast.stmt) -> Iterator[ast.stmt]:
        for comment in _before(node):
            yield _mark("0", comment)
        if getattr(node, _BEHIND, ""):
            yield _mark("1", getattr(node, _BEHIND))
        yield self._bare(self.visit(node))

    def _bare(self, node: ast.stmt) -> ast.stmt:
        """A statement whose tuple stands without parentheses: a name holds its place."""
        if isinstance(node, (ast.Return, ast.Assign)) and isinstance(node.value, ast.Tuple):
            items = [ast.unparse(item) for item in node.value.elts]
            if len(items) > 1:
                node.value = ast.Name(f"tuple_{len(self.tuples)}_")
                self.tuples.append(", ".join(items))
        return node


def _mark(kind: str, comment: str) -> ast.Expr:
    """A comment as a statement; no string, which would be a docstring."""
    return ast.Expr(ast.List([ast.Constant(f"{_MARK}{kind}{comment}")], ast.Load()))


def _unmarked(lines: list[str]) -> Iterator[str]:
    behind = ""
    for line in lines:
        bare = line.strip()
        if bare[2:].startswith(_MARK) and bare[0] == "[":
            (content,) = ast.literal_eval(bare)
            kind, comment = content[len(_MARK)], content[len(_MARK) + 1 :]
            if kind == "1":
                behind = f"  {comment}"
            else:
                yield line[: len(line) - len(bare)] + comment
            continue
        yield line + behind
        behind = ""
