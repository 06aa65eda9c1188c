"""Runs the graph as it was lowered, node by node: what each call of each Keras layer yields."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codegen.emit.modules import TENSORS, Names, constructor, parameter_dtype
from codegen.evidence.facts import CallPath
from codegen.evidence.precision import as_input, precision
from codegen.graph import FlatOrder, Graph, Module, Node, Operand, Symbol, Targets, Value
from codegen.graph.expression import text
from codegen.graph.helpers import closure
from codegen.graph.parsing import free_names
from codegen.graph.recipe import Leaf, Weight
from codegen.lowering.lower import Lowered
from codegen.model.nested import map_nested
from codegen.model.saved_model import SavedModel, StoredTensor
from codegen.weights import bind

Array = NDArray[Any]
Environment = dict[Value, Any]


class Interpreter:
    """A lowered model, before any pass, that is run on inputs.

    Args:
        lowered: From `lower`.
        saved: The file with the weights.
        dtype: float32 or float64.
    """

    def __init__(self, lowered: Lowered, saved: SavedModel, dtype: torch.dtype) -> None:
        self.lowered, self.dtype = lowered, dtype
        self._bound = dict[Leaf, Weight](bind(lowered.tree, saved).items())
        self._modules: dict[Module, Any] = {}
        self._scope = _scope(lowered.graph)
        self._code: dict[str, Any] = {}
        self._inside: dict[tuple[int, Node], Environment] = {}

    def run(self, inputs: Sequence[Array]) -> tuple[list[Array | None], dict[CallPath, list[Array | None]]]:
        """The model's outputs, and what each layer call puts out, in Keras' order; None for no tensor."""
        self._inside.clear()
        with precision(self.dtype):
            tensors = [as_input(array, self.dtype) for array in inputs]
            graph = self.lowered.graph
            stored = [t.permute(v.perm) for v, t in zip(graph.inputs, tensors, strict=True)]
            env = self._run(graph, stored)
            calls = dict(self._calls(env, (), ()))
            outputs = [in_keras_order(value, env[value]) for value in graph.outputs]
        self._inside.clear()
        return outputs, calls

    # ---------------------------------------------------------------- nodes

    def _run(self, graph: Graph, inputs: Sequence[Any]) -> Environment:
        env: Environment = dict(zip(graph.inputs, inputs, strict=True))
        for node in graph.nodes:
            scope = {name: self._operand(value, env, node) for name, value in node.operands.items()}
            _assign(env, node.targets, eval(self._compiled(node.template), self._scope, scope))
        return env

    def _compiled(self, template: str) -> Any:
        """Templates are our own text, checked when the graph was made."""
        if template not in self._code:
            self._code[template] = compile(template.strip(), "<graph>", "eval")
        return self._code[template]

    def _operand(self, operand: Operand, env: Environment, node: Node) -> Any:
        def read(part: Any) -> Any:
            if isinstance(part, Value):
                return env[part]
            if isinstance(part, Symbol):
                return eval(self._compiled(part.code), self._scope)
            if isinstance(part, Module):
                return self._module(part) if part.graph is None else self._nested(part.graph, env, node)
            return part

        return map_nested(read, operand)

    def _nested(self, graph: Graph, env: Environment, node: Node) -> Callable[..., Any]:
        def call(*inputs: Any) -> Any:
            inner = self._inside[id(env), node] = self._run(graph, inputs)
            outputs = tuple(inner[value] for value in graph.outputs)
            return outputs[0] if len(outputs) == 1 else outputs

        return call

    def _module(self, module: Module) -> Any:
        if module not in self._modules:
            self._modules[module] = self._made(module)
        return self._modules[module]

    def _made(self, module: Module) -> Any:
        code = text(constructor(module, Names()))
        state = {key: self._tensor(weight, parameter_dtype(module)) for key, weight in module.state.items()}
        if module.constructor in TENSORS:
            return state[""]
        made = eval(self._compiled(code), self._scope)
        if isinstance(made, torch.nn.Module):
            made.load_state_dict(state)
            made.eval()
        return made

    def _tensor(self, weight: Weight, dtype: str) -> torch.Tensor:
        return tensor_of(weight.substitute(lambda leaf: self._bound[leaf]), dtype, self.dtype)

    # ---------------------------------------------------------------- layers

    def _calls(self, env: Environment, path: tuple[str, ...], indices: tuple[int, ...]) -> Any:
        """The calls of the layers of one model, in the environment of one of its own calls."""
        for call, values in self.lowered.results.items():
            if call.path[:-1] != path or not all(value in env for value in values):
                continue
            here = (*indices, call.index)
            nodes = {value.node for value in values if value.node is not None}
            for node in nodes:
                inner = self._inside.get((id(env), node))
                if inner is not None:
                    yield from self._calls(inner, call.path, here)
            yield CallPath(call.path, here), [in_keras_order(value, env[value]) for value in values]


def _assign(env: Environment, targets: Targets, result: Any) -> None:
    if isinstance(targets, Value):
        env[targets] = result
    elif isinstance(targets, tuple):
        for target, part in zip(targets, result, strict=True):
            _assign(env, target, part)


def _scope(graph: Graph) -> dict[str, Any]:
    """The names that templates may use: torch, and the helpers of the generated files."""
    scope: dict[str, Any] = {
        "math": math, "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "Tensor": torch.Tensor,
    }  # fmt: skip
    helpers = closure(_names(graph, set()))
    lines = sorted({line for helper in helpers for line in helper.imports.values()})
    source = "\n".join(["from __future__ import annotations", *lines, *(h.source for h in helpers)])
    exec(compile(source, "<helpers>", "exec"), scope)  # our own text, as in every generated file
    return scope


def _names(graph: Graph, seen: set[Graph]) -> set[str]:
    """All names that a graph's templates and constructors read."""
    seen.add(graph)
    found: set[str] = set()
    for node in graph.nodes:
        found.update(free_names(node.template))
        for module in node.modules():
            if module.graph is None:
                tree = constructor(module, Names()) if module.constructor else ast.Constant(None)
                found.update(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
            elif module.graph not in seen:
                found |= _names(module.graph, seen)
    return found


def tensor_of(weight: Weight, dtype: str, precise: torch.dtype) -> torch.Tensor:
    """A bound recipe as a tensor of the dtype that the file of weights has; float32 becomes `precise`."""
    with np.errstate(all="ignore"):
        array = np.ascontiguousarray(weight.evaluate(_read)).reshape(weight.shape)
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    tensor = torch.from_numpy(array.astype(kind).copy()).to(getattr(torch, dtype))
    return tensor.to(precise) if tensor.dtype is torch.float32 else tensor


def _read(leaf: Leaf) -> Array:
    assert isinstance(leaf, StoredTensor)
    return leaf.read()


# -------------------------------------------------------------------- layouts


def in_keras_order(value: Value, stored: Any) -> Array | None:
    """A value's tensor as Keras has it; None if it is no tensor."""
    if not isinstance(stored, torch.Tensor):
        return None
    if value.flat is not None:
        return _unflattened(stored, value.flat)
    order = [value.perm.index(axis) for axis in range(value.rank)]
    return as_array(stored.permute(order) if stored.dim() == value.rank else stored)


def _unflattened(stored: torch.Tensor, flat: FlatOrder) -> Array:
    lead = stored.dim() - 1
    dims = [*range(lead), *(lead + dim for dim in flat.dims)]
    return as_array(stored.reshape(*stored.shape[:-1], *flat.sizes).permute(dims).flatten(lead))


def as_array(tensor: torch.Tensor) -> Array:
    """A tensor as an array; of half precision as float32."""
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    array: Array = tensor.detach().numpy().copy()
    return array
