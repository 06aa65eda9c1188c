"""Recurrent cells: their options, their weights, and the torch module that runs them over a sequence."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from codegen.graph import Graph, Module, Symbol, Value
from codegen.graph.expression import build, text
from codegen.graph.recipe import Weight
from codegen.lowering import registry
from codegen.lowering.builder import Builder
from codegen.model.packages import KERAS
from codegen.model.spec import LayerSpec
from codegen.torch_api import MODULE_OF

Kind = Literal["LSTM", "GRU", "SimpleRNN"]
Activation = str | LayerSpec

#: Functions for activations whose expression is more than one call of a function.
_FUNCTIONS = {
    "linear": "identity",
    "sparse_sigmoid": "sparse_sigmoid",
    "sparsemax": "sparsemax",
    "Addons>sparsemax": "simplex_projection",
}

#: The same for those that an older Keras computed otherwise.
_OLD_FUNCTIONS = {"hard_sigmoid": "legacy_hard_sigmoid"}

_TORCH = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN"}
_OURS = {"LSTM": "KerasLSTM", "GRU": "KerasGRU", "SimpleRNN": "KerasSimpleRNN"}


@dataclass(frozen=True)
class Cell:
    """What one step computes.

    Attributes:
        kind: "LSTM", "GRU" or "SimpleRNN".
        units: Size of the output and of each state.
        gate_dropout: Whether each gate drops other features of the input.
    """

    kind: Kind
    units: int
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    use_bias: bool = True
    reset_after: bool = True
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    gate_dropout: bool = False

    @property
    def num_states(self) -> int:
        """Number of state tensors."""
        return 2 if self.kind == "LSTM" else 1

    @property
    def num_gates(self) -> int:
        """Number of projections."""
        return {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[self.kind]

    @property
    def is_native(self) -> bool:
        """Whether torch has a module that computes it."""
        if self.recurrent_dropout or (self.dropout and self.gate_dropout):
            return False
        if self.kind == "SimpleRNN":
            return self.activation in ("tanh", "relu")
        is_plain = self.activation == "tanh" and self.recurrent_activation == "sigmoid"
        return is_plain and (self.kind == "LSTM" or self.reset_after)


def read_cell(spec: LayerSpec) -> Cell | None:
    """The cell that an `LSTMCell`, `GRUCell` or `SimpleRNNCell` is; None for any other layer."""
    kinds: dict[str, Kind] = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
    kind = kinds.get(spec.class_name) if spec.package == KERAS else None
    return make_cell(kind, **registry.find(spec).bind(spec)) if kind else None


def layer_cell(spec: LayerSpec) -> Cell | None:
    """The one cell that an LSTM, GRU, SimpleRNN or RNN layer runs; None for any other layer."""
    if spec.package != KERAS or spec.class_name not in (*_TORCH, "RNN"):
        return None
    options = registry.find(spec).bind(spec)
    if spec.class_name == "RNN":
        return read_cell(options["cell"]) if isinstance(options["cell"], LayerSpec) else None
    kind: Kind = "LSTM" if spec.class_name == "LSTM" else "GRU" if spec.class_name == "GRU" else "SimpleRNN"
    return make_cell(kind, **{name: value for name, value in options.items() if name in _CELL_OPTIONS})


def make_cell(
    kind: Kind,
    *,
    implementation: int = 2,
    unit_forget_bias: bool = True,  # noqa: ARG001 - says how the bias is initialised
    **options: Any,
) -> Cell:
    """A cell from a layer's options.

    Keras drops other features for each gate unless `implementation` is 2, and whenever there is a
    recurrent dropout.
    """
    by_gate = implementation in (0, 1) or bool(options.get("recurrent_dropout"))
    return Cell(kind, gate_dropout=by_gate and kind != "SimpleRNN", **options)


_CELL_OPTIONS = {field.name for field in fields(Cell)} | {"implementation", "unit_forget_bias"}


@dataclass(frozen=True)
class Weights:
    """The variables of a cell, in Keras 3's shapes."""

    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None

    @staticmethod
    def of(b: Builder, cell: Cell, features: int) -> Weights:
        """Those of the layer of `b`, which is the cell itself."""
        size = cell.num_gates * cell.units
        two = cell.kind == "GRU" and cell.reset_after
        kernel = b.weight("kernel", (features, size))
        recurrent = b.weight("recurrent_kernel", (cell.units, size))
        bias = b.weight("bias", (2, size) if two else (size,)) if cell.use_bias else None
        return Weights(kernel, recurrent, bias)


def native_state(cell: Cell, weights: Weights, suffix: str = "") -> dict[str, Weight | None]:
    """State of one direction of `nn.LSTM`, `nn.GRU` or `nn.RNN`; suffix "_reverse" for the second."""
    size = cell.num_gates * cell.units
    first = second = weights.bias
    if weights.bias is not None and cell.kind == "GRU":
        first = weights.bias.slice(0, 0, 1).reshape(size)
        second = weights.bias.slice(0, 1, 2).reshape(size)
    elif weights.bias is not None:
        second = Weight.full((size,), 0.0)
    recipes = (weights.kernel.T, weights.recurrent_kernel.T, first, second)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return {
        f"{name}{suffix}": _torch_gates(cell, recipe) if recipe is not None else None
        for name, recipe in zip(names, recipes, strict=True)
    }


def _torch_gates(cell: Cell, weight: Weight) -> Weight:
    """The rows in torch's order of gates: the GRU has reset before update."""
    if cell.kind != "GRU" or weight.step == "full":
        return weight
    z, r, h = (weight.slice(0, k * cell.units, (k + 1) * cell.units) for k in range(3))
    return Weight.cat([r, z, h])


def frozen_keys(cell: Cell, suffix: str = "") -> list[str]:
    """The second bias, which Keras does not have outside the GRU."""
    return [f"bias_hh_l0{suffix}"] if cell.use_bias and cell.kind != "GRU" else []


def cell_builder(b: Builder) -> Builder:
    """The builder of the cell that a layer holds, to which its variables belong."""
    cell = b.spec.config.get("cell")
    if not isinstance(cell, LayerSpec):
        cell = replace(b.spec, class_name=f"{b.spec.class_name}Cell", stored=None)
    return b.sublayer("cell", replace(cell, calls=b.spec.calls))


def define_native(b: Builder, cell: Cell, features: int, directions: list[Weights], part: str = "") -> Module:
    """`nn.LSTM`, `nn.GRU` or `nn.RNN` with one direction or two."""
    suffixes = ("", "_reverse")[: len(directions)]
    state: dict[str, Weight | None] = {}
    for suffix, weights in zip(suffixes, directions, strict=True):
        state |= native_state(cell, weights, suffix)
    kwargs: dict[str, Any] = {"input_size": features, "hidden_size": cell.units}
    if cell.kind == "SimpleRNN":
        kwargs["nonlinearity"] = cell.activation
    kwargs |= {"bias": cell.use_bias, "batch_first": True, "bidirectional": len(directions) == 2}
    frozen = [key for suffix in suffixes for key in frozen_keys(cell, suffix)]
    return b.define(_TORCH[cell.kind], kwargs=kwargs, state=state, frozen=frozen, part=part)


def define_stepwise(b: Builder, cell: Cell, features: int, weights: Weights, part: str = "") -> Module:
    """`KerasLSTM`, `KerasGRU` or `KerasSimpleRNN`."""
    kwargs: dict[str, Any] = {"input_size": features, "hidden_size": cell.units}
    if not cell.use_bias:
        kwargs["bias"] = False
    kernel, recurrent, bias = weights.kernel, weights.recurrent_kernel, weights.bias
    size = cell.num_gates * cell.units
    state: dict[str, Weight | None] = {"input_projection.weight": kernel.T, "input_projection.bias": bias}
    state["recurrent_projection.weight"] = recurrent.T
    if cell.kind == "GRU" and not cell.reset_after:
        kwargs["reset_after"] = False
    elif cell.kind == "GRU" and bias is not None:
        state["input_projection.bias"] = bias.slice(0, 0, 1).reshape(size)
        state["recurrent_projection.bias"] = bias.slice(0, 1, 2).reshape(size)
    kwargs |= activations(b, cell.activation, None if cell.kind == "SimpleRNN" else cell.recurrent_activation)
    kwargs |= dropout_rates(cell.dropout, cell.recurrent_dropout)
    return b.define(_OURS[cell.kind], kwargs=kwargs, state=state, part=part)


def activations(b: Builder, activation: Activation, recurrent: Activation | None) -> dict[str, Symbol]:
    """Constructor arguments of a `StepwiseRNN` for activations that are not its defaults."""
    chosen = {}
    if activation != "tanh":
        chosen["activation"] = function(b, "activation", activation)
    if recurrent is not None and recurrent != "sigmoid":
        chosen["recurrent_activation"] = function(b, "recurrent_activation", recurrent)
    return chosen


def dropout_rates(dropout: float, recurrent_dropout: float) -> dict[str, float]:
    """Constructor arguments of a `StepwiseRNN` for dropout, where there is any."""
    rates = {"dropout": dropout, "recurrent_dropout": recurrent_dropout}
    return {name: rate for name, rate in rates.items() if rate}


def function(b: Builder, option: str, activation: Activation) -> Symbol:
    """An activation as a function of one tensor: `torch.tanh`, `nn.Softmax(dim=-1)`, or a lambda."""
    if isinstance(activation, str) and activation in _FUNCTIONS:
        return Symbol(_FUNCTIONS[activation])
    if isinstance(activation, LayerSpec) and activation.quirks and activation.class_name in _OLD_FUNCTIONS:
        return Symbol(_OLD_FUNCTIONS[activation.class_name])
    x = Value((None, 1), b.dtype)
    scratch = replace(b, graph=Graph("activation"))
    result = scratch.activation(x, activation)

    def name_of(value: Value) -> ast.expr:
        if value is x:
            return ast.Name("x", ast.Load())
        if value.node is None or value.node.targets is not value:
            b.unsupported(option, activation, "supported: activations without weights")
        return build(value.node.template, value.node.operands, name_of, refuse)

    def refuse(module: Module) -> ast.expr:
        b.unsupported(option, module.constructor, "supported: activations without weights")

    tree = name_of(result)
    if isinstance(tree, ast.Call) and [text(part) for part in tree.args] == ["x"]:
        if not tree.keywords:
            return Symbol(text(tree.func))
        if (module := MODULE_OF.get(text(tree.func))) is not None:  # unlike a lambda, it can be pickled
            return Symbol(text(ast.Call(ast.parse(module, mode="eval").body, [], tree.keywords)))
    return Symbol(f"lambda x: {text(tree)}")
