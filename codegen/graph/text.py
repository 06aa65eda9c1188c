"""Graph -> text for people and tests: a line for each module and each expression, inner classes first.

    class Net:
        self.conv = nn.Conv2d(3, 8, kernel_size=3)
        %0 = input  # (N, 8, 8, 3) float32 image
        %1 = %0.permute(*{dims: (0, 3, 1, 2)})  # (N, 8, 8, 3) float32 perm 0312 image @ conv [layout]
        %2 = self.conv(%1)  # (N, 6, 6, 8) float32 perm 0312 conv
        return %2

Behind an expression stand what it yields, in Keras' order of axes, the layout where it is not Keras'
(the stored axis i holds Keras' axis `perm[i]`) and the Keras layer, `@` that of the expression where it
is another. Its first value is the operand `x`, the second `y`, the third `z`, its first module is
`module`; any other operand says its name: `{dims: ...}`. What an expression computes is said, `[layout]`,
where its template alone does not tell. Recipes of weights are left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from codegen.graph.core import (
    Graph,
    Module,
    Node,
    Operand,
    Parameter,
    Targets,
    Value,
    definitions,
    with_children,
)
from codegen.graph.expression import literal_tree, text
from codegen.graph.naming import Namespace, class_name, identifier
from codegen.graph.parsing import free_names
from codegen.graph.shapes import axis_letters

#: Names of operands that need not be said, in the order in which values and modules occur.
VALUE_NAMES, MODULE_NAMES = ("x", "y", "z"), ("module",)


def graph_text(root: Graph) -> str:
    """The text of a graph and of the classes inside it."""
    graphs = definitions(root)
    constructors = {m.constructor for graph in graphs for m in with_children(graph.modules())}
    taken = Namespace(constructors)
    names = {graph: taken.claim(class_name(graph.name)) for graph in graphs}
    return "\n\n".join("\n    ".join(_Writer(graph, names).lines()) for graph in graphs)


class _Writer:
    """Writes one class, whether it is valid or not: what nothing yields is `%?`."""

    def __init__(self, graph: Graph, classes: Mapping[Graph, str]) -> None:
        self.graph = graph
        self.classes = classes
        values = [*graph.inputs, *(value for node in graph.nodes for value in node.results())]
        self.values = {value: f"%{number}" for number, value in enumerate(dict.fromkeys(values))}
        free = Namespace({"training"})
        modules = dict.fromkeys(_children_first(graph.modules()))
        self.modules = {module: free.claim(identifier(module.name)) for module in modules}

    def lines(self) -> list[str]:
        """Header, modules, inputs, expressions, outputs."""
        graph = self.graph
        outputs = ", ".join(self.values.get(value, "%?") for value in graph.outputs)
        return [
            self._header(),
            *([_quoted(graph.doc)] if graph.doc else []),
            *map(self._module_line, self.modules),
            *(f"{self.values[value]} = input  # {_note(value)}" for value in graph.inputs),
            *map(self._node_line, graph.nodes),
            f"return {outputs}",
        ]

    def _header(self) -> str:
        name = self.classes[self.graph]
        params = f"({', '.join(map(self._parameter, self.graph.params))})" if self.graph.params else ""
        return f"class {name}{params}:" + _comment(_unless(self.graph.name, name))

    def _parameter(self, parameter: Parameter) -> str:
        default = f" = {text(self._tree(parameter.default))}" if parameter.has_default else ""
        return f"{parameter.name}: {parameter.type}{default}"

    def _module_line(self, module: Module) -> str:
        name = self.modules[module]
        callee = self.classes[module.graph] if module.graph else module.constructor
        arguments = [*map(self._tree, module.args), *map(self._tree, module.children)]
        keywords = [ast.keyword(key, self._tree(value)) for key, value in module.kwargs.items()]
        made: ast.expr = ast.Call(ast.Name(callee), arguments, keywords)
        if module.when is not None:
            made = ast.IfExp(literal_tree(module.when), made, ast.Name("nn.Identity()"))
        frozen = f"frozen {', '.join(map(repr, sorted(module.frozen)))}" if module.frozen else ""
        return f"self.{name} = {text(made)}{_comment(_unless(module.name, name), frozen)}"

    def _node_line(self, node: Node) -> str:
        target = f"{text(self._target(node.targets))} = " if node.targets is not None else ""
        results = list(node.results())
        layer = results[0].layer if results else ""
        of = f"@ {_word(node.layer)}" if node.layer != layer else ""
        is_given = node.op is not Node(node.template, node.operands).op
        op = f"[{node.op.name.lower()}]" if is_given else ""
        notes = "; ".join(map(_note, results))
        return f"{target}{text(self._expression(node))}{_comment(notes, of, op)}"

    def _target(self, targets: Targets) -> ast.expr:
        if isinstance(targets, tuple):
            return ast.Tuple([self._target(target) for target in targets])
        return ast.Name("_") if targets is None else self._tree(targets)

    def _expression(self, node: Node) -> ast.expr:
        """The template with its operands put in, under their names where these must be said."""
        trees: dict[str, ast.expr] = {}
        plain: list[Operand] = []
        values, modules = list(VALUE_NAMES), list(MODULE_NAMES)
        for name in free_names(node.template):
            if name not in node.operands:
                continue
            operand = node.operands[name]
            names = values if isinstance(operand, Value) else modules if isinstance(operand, Module) else []
            trees[name] = self._tree(operand)
            if names[:1] == [name] and operand not in plain:
                plain.append(operand)
                del names[0]
            else:
                trees[name] = ast.Dict([ast.Name(name)], [trees[name]])
        expression: ast.expr = _Filler(trees).visit(ast.parse(node.template, mode="eval").body)
        return expression

    def _tree(self, operand: Operand) -> ast.expr:
        if isinstance(operand, Value):
            return ast.Name(self.values.get(operand, "%?"))
        if isinstance(operand, Module):
            return ast.Name(f"self.{self.modules[operand]}")
        if isinstance(operand, str):
            return ast.Name(_quoted(operand))
        if isinstance(operand, (tuple, list)):
            items = [self._tree(item) for item in operand]
            return ast.Tuple(items) if isinstance(operand, tuple) else ast.List(items)
        if isinstance(operand, Mapping):
            return ast.Dict([*map(self._tree, operand)], [*map(self._tree, operand.values())])
        if isinstance(operand, slice):
            parts = (operand.start, operand.stop, operand.step)
            return ast.Call(ast.Name("slice"), [self._tree(part) for part in parts], [])
        return literal_tree(operand)


class _Filler(ast.NodeTransformer):
    """Puts operands into a template, and quotes its strings."""

    def __init__(self, trees: Mapping[str, ast.expr]) -> None:
        self.trees = trees

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put an operand in."""
        return self.trees.get(node.id, node)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Quote a string."""
        return ast.Name(_quoted(node.value)) if isinstance(node.value, str) else node


def _children_first(modules: Iterable[Module]) -> Iterator[Module]:
    for module in modules:
        yield from _children_first(module.children)
        yield module


def _note(value: Value) -> str:
    """What is to be said of a value."""
    letters = axis_letters(value.rank)
    sizes = value.labels or tuple(
        letters[axis] if size is None else str(size) for axis, size in enumerate(value.shape)
    )
    shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
    perm = "" if value.perm == tuple(range(value.rank)) else f" perm {_digits(value.perm)}"
    flat = f" flat {value.flat.sizes} by {_digits(value.flat.dims)}" if value.flat else ""
    layer = f" {_word(value.layer)}" if value.layer else ""
    return f"{shape} {value.dtype}{perm}{flat}{layer}"


def _digits(numbers: tuple[int, ...]) -> str:
    return ("" if len(numbers) < 10 else ",").join(map(str, numbers))


def _comment(*parts: str) -> str:
    said = " ".join(part for part in parts if part)
    return f"  # {said}" if said else ""


def _unless(name: str, shown: str) -> str:
    """A name where it is not the one that is shown for it."""
    return "" if name == shown else _word(name)


def _word(name: str) -> str:
    """A stranger's name: quoted where it could be taken for something else."""
    return name if name.isidentifier() and name.isascii() else _quoted(name)


def _quoted(string: Any) -> str:
    """A string literal without the characters that mean something in the text of a graph."""
    quoted = repr(string)
    for character in "%#;{":
        quoted = quoted.replace(character, f"\\x{ord(character):02x}")
    return quoted
