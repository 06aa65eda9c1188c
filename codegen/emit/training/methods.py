"""What only training needs: the methods that initialise a model as Keras does and sum its regularisers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codegen.emit.code import plain
from codegen.emit.modules import TENSORS, Names, parameter_dtype, state_dict
from codegen.emit.source import Method
from codegen.emit.training.initializers import torch_initializer
from codegen.emit.training.regularizers import describe, torch_penalty
from codegen.emit.training.rules import Task, write_rules
from codegen.emit.training.starts import Start, write_starts
from codegen.graph import Graph, Module
from codegen.graph.recipe import Weight
from codegen.model.spec import LayerSpec
from codegen.model.variables import Variable, VariableTree
from codegen.torch_api import facts

#: Keras' initialisers of variables where the config is silent.
_DEFAULTS = {
    "kernel": "glorot_uniform",
    "depthwise_kernel": "glorot_uniform",
    "pointwise_kernel": "glorot_uniform",
    "recurrent_kernel": "orthogonal",
    "lora_kernel_a": "he_uniform",
    "lora_kernel_b": "zeros",
    "embeddings": "uniform",
    "bias": "zeros",
    "gamma": "ones",
    "beta": "zeros",
    "alpha": "zeros",
    "scale": "ones",
    "concat_score_weight": "ones",
}


#: How a parameter is filled with one number.
_FILLS = {0: "nn.init.zeros_({p})", 1: "nn.init.ones_({p})"}


@dataclass(frozen=True)
class _Source:
    """A Keras variable and the layers that hold it, its own first."""

    variable: Variable
    layers: tuple[LayerSpec, ...]

    def option(self, kind: str) -> Any:
        """The initialiser or regulariser that the nearest layer's config has for the variable."""
        name = self.variable.name
        names = [name, name.removesuffix("_kernel")]
        if name == "kernel" and self.layers[0].class_name.startswith("Depthwise"):
            names.insert(0, "depthwise")
        for layer in self.layers:
            for word in names:
                if f"{word}_{kind}" in layer.config:
                    return layer.config[f"{word}_{kind}"]
        return None

    def initializer(self) -> Any:
        """As in the config, or the layer's default, or Keras'."""
        usual = _DEFAULTS.get(self.variable.name)
        return self.option("initializer") or self.variable.initializer or usual

    def matrix(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Inputs and outputs of an EinsumDense's kernel, which is a tensor of this shape in torch."""
        own, stored = self.layers[0], self.variable.shape
        if own.class_name != "EinsumDense" or self.variable.name != "kernel":
            return None
        operands, _, result = str(own.config.get("equation", "")).partition("->")
        letters = operands.partition(",")[2]
        if len(letters) != len(stored):  # one that another layer holds, always a linear layer
            return (shape[1], shape[0]) if len(shape) == 2 else None
        outputs = math.prod(size for size, letter in zip(stored, letters, strict=True) if letter in result)
        return math.prod(stored) // max(outputs, 1), outputs

    @property
    def has_forget_bias(self) -> bool:
        """Whether it is the bias of an LSTM that begins with ones for the forget gate."""
        own = self.layers[0]
        is_lstm = "LSTM" in own.class_name and self.variable.name == "bias"
        return is_lstm and bool(own.config.get("unit_forget_bias", True))


def training_methods(graph: Graph, names: Names, tree: VariableTree) -> list[Method]:
    """`reset_parameters`, `train` and `regularization_loss`, where there is something to do.

    Args:
        graph: The model.
        names: Of its classes and attributes.
        tree: The layers' configs and variables.
    """
    sources = {source.variable: source for source in _sources(tree, ())}
    state = list(state_dict(graph, names))
    parameters = [(key, module, weight) for key, module, weight in state if not _is_buffer(key, module)]
    places = dict(_places(graph, names, ""))
    start = [_start(*parameter, sources, *places.get(parameter[0], ("", ""))) for parameter in parameters]
    penalties = [_penalty(key, module, weight, sources) for key, module, weight in parameters]
    methods = []
    if body := write_starts(start, names.classes[graph]):
        methods.append(
            Method("reset_parameters(self) -> None", _start_doc(start), body, "self.reset_parameters()")
        )
    norms = {key.removesuffix(".running_mean"): m for key, m, _ in state if key.endswith(".running_mean")}
    if any(map(_is_frozen, norms.values())):
        methods.append(_train(norms, names.classes[graph]))
    if body := write_rules(penalties):
        body = ["loss = torch.zeros(())", *body, "return loss"]
        doc = ["What the regularisers of the Keras model's weights add to the loss."]
        methods.append(Method("regularization_loss(self) -> Tensor", doc, body))
    return methods


def _is_frozen(module: Module) -> bool:
    return "running_mean" in module.frozen


def _train(norms: Mapping[str, Module], class_name: str) -> Method:
    """Keras' frozen batch normalisation takes its moving statistics in training, too."""
    kinds = sorted({module.constructor for module in norms.values() if _is_frozen(module)})
    kind = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
    same = [module for module in norms.values() if module.constructor in kinds]
    for own in ("weight", "bias"):
        if all(own in module.state and (own in module.frozen) == _is_frozen(module) for module in same):
            loop = "for module in self.modules():"
            test = f"if isinstance(module, {kind}) and not module.{own}.requires_grad:"
            break
    else:
        loop = "for name, module in self.named_modules():"
        test = f"if name in {tuple(name for name, module in norms.items() if _is_frozen(module))!r}:"
    return Method(
        f'train(self, mode: bool = True) -> "{class_name}"',
        ["As in Keras, frozen batch normalisation stays in eval mode."],
        ["super().train(mode)", loop, f"    {test}", "        module.eval()", "return self"],
        "self.train()",
    )


def trained_sources(
    graph: Graph, names: Names, tree: VariableTree
) -> Iterator[tuple[str, Module, Weight, _Source | None]]:
    """Every parameter with its module, its recipe, and the variable that it is; None if it is none alone."""
    sources = {source.variable: source for source in _sources(tree, ())}
    for key, module, weight in state_dict(graph, names):
        if not _is_buffer(key, module):
            own = key.rsplit(".", 1)[-1] if module.constructor not in TENSORS else ""
            source = None if own in module.frozen else _rearranged(weight, sources)
            yield key, module, weight, source


def regularizer_notes(tree: VariableTree) -> tuple[str, ...]:
    """Regularisers that `regularization_loss` leaves out: those of outputs, and unknown ones."""
    notes: dict[str, None] = {}
    for source in _sources(tree, ()):
        saved = source.option("regularizer")
        if saved and torch_penalty(saved, is_matrix=True, transposed=False) is None and describe(saved) != "":
            notes[f"{describe(saved)} of a weight of {source.layers[0].name}"] = None
    stack = [tree]
    while stack:
        node = stack.pop()
        config: Mapping[str, Any] = node.spec.config
        saved = config.get("activity_regularizer")
        if node.spec.class_name == "ActivityRegularization":
            saved = {"class_name": "L1L2", "config": {key: config.get(key) for key in ("l1", "l2")}}
        if saved and describe(saved):
            notes[f"{describe(saved)} of the output of {node.spec.name}"] = None
        stack.extend(reversed(node.children))
    more = [f"and {len(notes) - 3} more"] if len(notes) > 3 else []
    return tuple(f"the regulariser {note} is left out" for note in [*notes][:3]) + tuple(more)


def _sources(tree: VariableTree, outer: tuple[LayerSpec, ...]) -> Iterator[_Source]:
    layers = (tree.spec, *outer) if tree.spec.model is None else ()
    for variable in tree.variables:
        yield _Source(variable, layers)
    for child in tree.children:
        yield from _sources(child, layers)


def _is_buffer(key: str, module: Module) -> bool:
    last = key.rsplit(".", 1)[-1]
    return module.constructor == "buffer" or last in ("max", "min", "running_mean", "running_var", "values")


# -------------------------------------------------------------------- initialisers


def _places(graph: Graph, names: Names, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The class and the attribute that hold each parameter, by key; "" for what is in a sequence."""

    def inside(module: Module, path: str, attribute: str) -> Iterator[tuple[str, tuple[str, str]]]:
        for key in module.state:
            yield (f"{path}.{key}" if key else path), (names.classes[graph], attribute)
        for index, child in enumerate(module.children):
            yield from inside(child, f"{path}.{index}", "")
        if module.graph is not None:
            yield from _places(module.graph, names, f"{path}.")

    for module, name in names.attributes[graph].items():
        yield from inside(module, prefix + name, name if module.when is None else "")


def _start(
    key: str,
    module: Module,
    weight: Weight,
    sources: Mapping[Variable, _Source],
    owner: str,
    attribute: str,
) -> Start:
    """How a parameter is initialised."""
    statement = _initializer(weight, sources)
    if statement and parameter_dtype(module) in ("float16", "bfloat16"):
        statement = statement.replace("nn.init.orthogonal_", "orthogonal_in_half_")
    is_bare = module.constructor in TENSORS
    names = () if is_bare else module.state
    local = next((name for name in names if f".{key}".endswith(f".{name}")), "")
    initial = facts(module.constructor).initial.get(local)
    is_done = initial is not None and statement == _FILLS[initial]
    kind = "" if is_bare else module.constructor
    return Start(key, kind, local, owner, attribute, len(weight.shape), statement, not is_done)


def named(key: str, module: Module) -> str:
    """The key as an attribute that has a type for mypy; "" if it has none."""
    depth = key.count(".")
    typed = facts(module.constructor).typed and key.endswith(".weight")
    if depth == 1 and (typed or (module.constructor == "nn.Linear" and key.endswith(".bias"))):
        return key
    return key if depth == 0 and module.constructor == "nn.Parameter" else ""


def _initializer(weight: Weight, sources: Mapping[Variable, _Source]) -> str | None:
    if weight.step == "full":
        return _FILLS.get(weight.params[0])
    source = _rearranged(weight, sources)
    if source is None:
        return None
    stored = source.variable.shape
    ordered = math.prod(stored) == math.prod(weight.shape) and stored[-1:] == weight.shape[:1]
    saved = source.initializer()
    statement = torch_initializer(saved, source.matrix(weight.shape) or stored, weight.shape, ordered=ordered)
    if statement and source.has_forget_bias:
        return f"{statement}\nnn.init.ones_({{p}}.view(4, -1)[1])"
    return statement


def _rearranged(weight: Weight, sources: Mapping[Variable, _Source]) -> _Source | None:
    """The variable whose numbers a recipe only puts elsewhere."""
    weight = weight.trained()
    leaves = set(weight.leaves())
    if len(leaves) != 1 or _computes(weight):
        return None
    (leaf,) = leaves
    return sources.get(leaf) if isinstance(leaf, Variable) else None


def _is_transposed(weight: Weight) -> bool:
    return weight.step == "transpose" or any(map(_is_transposed, weight.inputs))


def _computes(weight: Weight) -> bool:
    return weight.step in ("numpy", "full", "constant") or any(map(_computes, weight.inputs))


def _start_doc(starts: list[Start]) -> list[str]:
    unknown = [start.key for start in starts if start.statement is None]
    if not unknown:
        return ["Initialise as Keras does."]
    more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
    names = ", ".join(f"`{plain(key)}`" for key in unknown[:3])
    return [
        "Initialise as Keras does, where that is known.",
        "",
        *textwrap.wrap(f"Left as torch has them: {names}{more}.", 80),
        "",
    ]


# -------------------------------------------------------------------- regularisers


def _penalty(key: str, module: Module, weight: Weight, sources: Mapping[Variable, _Source]) -> Task:
    """What a parameter adds to the loss."""
    source = _rearranged(weight, sources)
    own = key.rsplit(".", 1)[-1] if module.constructor not in TENSORS else ""
    statement = None
    if source is not None and own not in module.frozen and source.variable.trainable:
        is_matrix = len(source.variable.shape) == len(weight.shape) == 2
        statement = torch_penalty(
            source.option("regularizer"), is_matrix=is_matrix, transposed=_is_transposed(weight)
        )
    return Task(key, len(weight.shape), statement, needed=True, attribute=named(key, module))
