"""Modules -> attributes: their names, the lines of `__init__`, the keys of the state dict."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from codegen.emit.freezing import freezing
from codegen.errors import ConversionError, shorten
from codegen.graph import Graph, Module, Symbol, definitions, naming
from codegen.graph.expression import literal_tree
from codegen.graph.parsing import parse_template
from codegen.graph.recipe import Weight
from codegen.model.variables import Variable
from codegen.torch_api import short_arguments

#: Constructors that make a bare tensor instead of a module.
TENSORS = ("nn.Parameter", "buffer")


@dataclass
class Names:
    """Names of classes by graph, and of attributes by graph and module."""

    classes: dict[Graph, str] = field(default_factory=dict)
    attributes: dict[Graph, dict[Module, str]] = field(default_factory=dict)


def name_everything(root: Graph, root_name: str = "ConvertedModel") -> Names:
    """Give every class and attribute of the file its name. Blocks come before what uses them."""
    names = Names()
    taken = naming.classes()
    taken.claim(root_name)
    for graph in definitions(root):
        wanted = naming.class_name(graph.name)
        names.classes[graph] = root_name if graph is root else taken.claim(wanted)
        free = naming.attributes()
        names.attributes[graph] = {m: free.claim(naming.identifier(m.name)) for m in graph.modules()}
    return names


def state_dict(root: Graph, names: Names) -> Iterator[tuple[str, Module, Weight]]:
    """Every key of the model's state dict with its module and recipe, in torch's order."""
    for module in root.modules():
        yield from _module_state(module, names.attributes[root][module], names, {})


def refuse_constants(root: Graph, names: Names) -> None:
    """See that nothing but what training changes is in the state dict, so that a model needs no file.

    Raises:
        ConversionError: Numbers of the config stand there.
    """
    for key, _, weight in state_dict(root, names):
        if not weight.leaves() and _holds_numbers(weight):
            raise ConversionError(
                f"--no-weights: {shorten(key)} holds constants, which need a file of weights"
            )


def _holds_numbers(weight: Weight) -> bool:
    """Whether numbers of the config are in a recipe."""
    return weight.step == "constant" or any(map(_holds_numbers, weight.inputs))


def torch_names(root: Graph, names: Names) -> dict[str, tuple[str, ...]]:
    """Where the weights of each Keras layer are: its path, "encoder/dense", to the names of torch modules."""
    found: dict[str, dict[str, None]] = {}
    for key, module, weight in state_dict(root, names):
        name = key if module.constructor in TENSORS else key.rpartition(".")[0]
        for leaf in weight.leaves():
            if isinstance(leaf, Variable):
                found.setdefault("/".join(leaf.owner), {})[name] = None
    return {path: tuple(modules) for path, modules in found.items()}


def _module_state(
    module: Module, path: str, names: Names, members: Mapping[Module, Module]
) -> Iterator[tuple[str, Module, Weight]]:
    """The keys below one module; `members` are the modules that stand for those of the class it is in."""
    for key, weight in module.state.items():
        yield (f"{path}.{key}" if key else path), module, weight
    for index, child in enumerate(module.children):
        yield from _module_state(members.get(child, child), f"{path}.{index}", names, members)
    if module.graph is not None:
        attributes = names.attributes[module.graph]
        inside = {proto: members.get(real, real) for proto, real in module.members.items()}
        below = {**members, **inside}
        for inner in module.graph.modules():
            yield from _module_state(inside.get(inner, inner), f"{path}.{attributes[inner]}", names, below)


def constructor(module: Module, names: Names) -> ast.expr:
    """The expression that makes a module."""
    if module.constructor in TENSORS:
        return _tensor(module)
    if module.constructor == "attribute":
        return literal_tree(module.args[0])
    callee = names.classes[module.graph] if module.graph else module.constructor
    args = [literal_tree(argument) for argument in module.args] + _children(module, names)
    if module.constructor == "nn.ModuleList":
        args = [_list(args)]
    written = short_arguments(callee, dict(module.kwargs))
    keywords = [ast.keyword(name, literal_tree(value)) for name, value in written.items()]
    made = ast.Call(parse_template(callee), args, keywords)
    if module.when is None:
        return made
    return ast.IfExp(literal_tree(module.when), made, parse_template("nn.Identity()"))


def _list(elements: list[ast.expr]) -> ast.expr:
    """A list of these elements; of those of a loop alone, a comprehension."""
    only = elements[0] if len(elements) == 1 else None
    if isinstance(only, ast.Starred) and isinstance(only.value, ast.GeneratorExp):
        return ast.ListComp(only.value.elt, only.value.generators)
    return ast.List(elements, ast.Load())


def _children(module: Module, names: Names) -> list[ast.expr]:
    """Arguments of an `nn.Sequential`; three and more equal or evenly growing ones are a comprehension."""
    trees = [constructor(child, names) for child in module.children]
    if powers := _powers(module.children, names):
        return [powers]
    arguments: list[ast.expr] = []
    while trees:
        count = _run_length(trees)
        arguments.append(_loop(trees[:count]) if count > 2 else trees[0])
        del trees[: count if count > 2 else 1]
    return arguments


def _powers(children: tuple[Module, ...], names: Names) -> ast.expr | None:
    """`*(Block(dilation=2**i) for _ in range(3) for i in range(10))`, if that is what the modules are."""
    graph = children[0].graph if children else None
    if graph is None or any(child.graph is not graph or child.args != children[0].args for child in children):
        return None
    full = [
        {p.name: child.kwargs.get(p.name, p.default) for p in graph.params if p.has_default}
        | dict(child.kwargs)
        for child in children
    ]
    varied = [name for name in full[0] if any(of_child[name] != full[0][name] for of_child in full)]
    if len(varied) != 1:
        return None
    numbers = [of_child[varied[0]] for of_child in full]
    count = next((n for n in range(3, len(numbers) + 1) if numbers == numbers[:n] * (len(numbers) // n)), 0)
    if not count or numbers[:count] != [2**i for i in range(count)]:
        return None
    made = constructor(replace(children[0], kwargs={**children[0].kwargs, varied[0]: Symbol("2**i")}), names)
    repeats = [("_", len(numbers) // count)] * (count < len(numbers)) + [("i", count)]
    loops = [
        ast.comprehension(ast.Name(name, ast.Store()), parse_template(f"range({times})"), [], 0)
        for name, times in repeats
    ]
    return ast.Starred(ast.GeneratorExp(made, loops), ast.Load())


def _run_length(trees: list[ast.expr]) -> int:
    """How many of the first expressions are equal, or differ by whole numbers that grow evenly."""
    if len(trees) < 2 or _shape_of(trees[0]) != _shape_of(trees[1]):
        return 1
    first = _steps(trees[0], trees[1])
    count = 2
    while count < len(trees) and _shape_of(trees[count]) == _shape_of(trees[0]):
        if _steps(trees[count - 1], trees[count]) != first:
            break
        count += 1
    return count


def _loop(trees: list[ast.expr]) -> ast.expr:
    """`*(Block(64 + 32 * i) for i in range(6))`."""
    steps = _steps(trees[0], trees[1])
    variable = "i" if any(steps) else "_"
    element = _growing(trees[0], iter(steps)) if any(steps) else trees[0]
    count = parse_template(f"range({len(trees)})")
    comprehension = ast.comprehension(ast.Name(variable, ast.Store()), count, [], 0)
    return ast.Starred(ast.GeneratorExp(element, [comprehension]), ast.Load())


def _shape_of(tree: ast.expr) -> str:
    """An expression without its whole numbers."""
    return ast.dump(_growing(tree, iter(()), blank=True))


def _steps(before: ast.expr, after: ast.expr) -> list[int]:
    return [b - a for a, b in zip(_numbers(before), _numbers(after), strict=True)]


def _numbers(tree: ast.expr) -> list[int]:
    constants = [node.value for node in _preorder(tree) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, int) and not isinstance(value, bool)]


def _preorder(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes in the order in which `ast.NodeTransformer` visits them."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _preorder(child)


def _growing(tree: ast.expr, steps: Iterator[int], *, blank: bool = False) -> ast.expr:
    """The expression with each whole number `n` as `n + step * i`."""

    def grow(number: ast.Constant) -> ast.expr:
        step = 0 if blank else next(steps)
        if step == 0:
            return ast.Constant(0) if blank else number
        sign = "+" if step > 0 else "-"
        factor = f"{abs(step)} * i" if abs(step) != 1 else "i"
        return parse_template(f"{number.value!r} {sign} {factor}" if number.value else factor)

    result: ast.expr = _Numbers(grow).visit(copy.deepcopy(tree))
    return result


class _Numbers(ast.NodeTransformer):
    """Replaces the whole numbers of an expression, in order."""

    def __init__(self, replace: Callable[[ast.Constant], ast.expr]) -> None:
        self.replace = replace

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Replace a whole number."""
        return self.replace(node) if type(node.value) is int else node


def _tensor(module: Module) -> ast.expr:
    shape, dtype = module.args
    keywords = [] if dtype == Symbol("torch.float32") else [ast.keyword("dtype", literal_tree(dtype))]
    sizes = [literal_tree(size) for size in shape] or [literal_tree(())]
    empty: ast.expr = ast.Call(parse_template("torch.empty"), sizes, keywords)
    if module.constructor == "buffer":
        return empty
    frozen = [ast.keyword("requires_grad", ast.Constant(value=False))] if module.frozen else []
    return ast.Call(parse_template("nn.Parameter"), [empty], frozen)


def attribute_lines(graph: Graph, module: Module, name: str, names: Names) -> list[str]:
    """The statements of `__init__` that make one attribute."""
    made = ast.unparse(ast.fix_missing_locations(constructor(module, names)))
    if module.constructor == "buffer":
        return [f'self.register_buffer("{name}", {made})']
    return [f"self.{name} = {made}", *freezing(graph, module, name)]


def parameter_dtype(module: Module) -> str:
    """Name of the dtype of a module's floating-point tensors."""
    symbol = module.args[1] if module.constructor in TENSORS else module.kwargs.get("dtype")
    return symbol.code.removeprefix("torch.") if isinstance(symbol, Symbol) else "float32"
