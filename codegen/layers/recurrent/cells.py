"""Keras' cells over vectors: their options, their weights, and the torch module that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from codegen.graph import Module, Value
from codegen.graph.recipe import Weight
from codegen.layers.recurrent.functions import Activation, activations, dropout_rates
from codegen.layers.recurrent.loop import Loop, Outcome, flat_states, run_stepwise
from codegen.layers.recurrent.native import drop_features, run_native
from codegen.lowering import registry
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.parts.windows import check_rank
from codegen.lowering.ranges import Rate, Size
from codegen.model.packages import KERAS
from codegen.model.spec import LayerSpec, Shape

Kind = Literal["LSTM", "GRU", "SimpleRNN"]

#: The classes of cells that can run over time, by package.
CELLS = {
    KERAS: ("LSTMCell", "GRUCell", "SimpleRNNCell"),
    "Addons": (
        "ESNCell", "LayerNormLSTMCell", "LayerNormSimpleRNNCell", "NASCell", "PeepholeLSTMCell",
    ),
}  # fmt: skip

_TORCH = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN"}


#: Constructor arguments and state of a module.
More = tuple[dict[str, Any], dict[str, Weight | None]]


@options
class CellOptions:
    """The options that all cells have."""

    activation: Activation = "tanh"
    use_bias: bool = True
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0


@options
class Cell(CellOptions):
    """What one step computes; see `loop.Cell`.

    Attributes:
        units: Size of the output and of each state.
        num_gates: Number of projections.
        num_states: Number of state tensors.
        constructor: The `StepwiseRNN` that computes it, where torch has no module that does.
        is_frozen: Whether it is never trained.
    """

    units: Size
    implementation: int = 2

    kind: ClassVar[Kind]
    constructor: ClassVar[str]
    num_gates: ClassVar[int]
    num_states: ClassVar[int] = 1
    is_frozen: ClassVar[bool] = False
    state_perm: ClassVar[tuple[int, ...]] = (0, 1)

    @property
    def drops_by_gate(self) -> bool:
        """Whether each gate drops other features of the input.

        Keras does so unless `implementation` is 2, and whenever there is a recurrent dropout.
        """
        return self.implementation in (0, 1) or bool(self.recurrent_dropout)

    @property
    def is_native(self) -> bool:
        """Whether torch has a module that computes it."""
        return not (self.recurrent_dropout or (self.dropout and self.drops_by_gate))

    def arranged(self, b: Builder, x: Value) -> Value:
        """The input as floats in Keras' layout."""
        check_rank(b, x, 1)
        if x.shape[1] == 0:
            b.malformed(f"its input {x.shape} has no steps")
        return b.keras_layout(b.floating(x))

    def state_shape(self, _b: Builder, x: Value) -> Shape:
        """(N, units)."""
        return (x.shape[0], self.units)

    def weights(self, holder: Builder, features: int) -> Weights:
        """The cell's variables."""
        return Weights.of(holder, self, features)

    def more(self, holder: Builder) -> More:
        """What a kind of `StepwiseRNN` has beside what all have."""
        del holder
        return {}, {}

    def run(
        self,
        b: Builder,
        holder: Builder,
        loop: Loop,
        x: Value,
        mask: Value | None,
        states: Sequence[Value] | None,
        part: str = "",
    ) -> Outcome:
        """Run over time, by a module of torch's if there is one."""
        features = b.known(x, -1)
        weights = self.weights(holder, features)
        if self.is_native:
            module = define_native(b, self, features, [weights], part)
            x = drop_features(b, self.dropout, x, part)
            return run_native(b, module, self, loop, x, mask, states)
        module = define_stepwise(b, self, features, weights, self.more(holder), part)
        return run_stepwise(b, module, loop, x, mask, states, (self.units,), self.num_states)


@options
class SimpleRNNCell(Cell):
    """h = activation(x @ kernel + h @ recurrent_kernel + bias)."""

    kind = "SimpleRNN"
    constructor = "KerasSimpleRNN"
    num_gates = 1

    @property
    def drops_by_gate(self) -> bool:
        """There is just one."""
        return False

    @property
    def is_native(self) -> bool:
        """`nn.RNN` has two activations."""
        return super().is_native and self.activation in ("tanh", "relu")


@options
class GatedCell(Cell):
    """A cell with gates that have an activation of their own."""

    recurrent_activation: Activation = "sigmoid"

    @property
    def is_native(self) -> bool:
        """torch's modules have these activations alone."""
        is_plain = self.activation == "tanh" and self.recurrent_activation == "sigmoid"
        return super().is_native and is_plain


@options
class LSTMCell(GatedCell):
    """c = f * c + i * activation(...), h = o * activation(c)."""

    kind = "LSTM"
    constructor = "KerasLSTM"
    num_gates = 4
    num_states = 2


@options
class GRUCell(GatedCell):
    """h = z * h + (1 - z) * activation(...).

    Attributes:
        reset_after: Whether the reset gate works on the projected state.
    """

    reset_after: bool = True

    kind = "GRU"
    constructor = "KerasGRU"
    num_gates = 3

    @property
    def is_native(self) -> bool:
        """`nn.GRU` resets after the projection."""
        return super().is_native and self.reset_after


def read_cell(spec: LayerSpec) -> Cell | None:
    """The cell that an `LSTMCell`, or another of Keras or TensorFlow Addons, is; None for any other layer."""
    is_cell = spec.class_name in CELLS.get(spec.package, ())
    return _bound_cell(spec) if is_cell else None


def layer_cell(spec: LayerSpec) -> Cell | None:
    """The one cell that an LSTM, GRU, SimpleRNN or RNN layer runs; None for any other layer."""
    is_layer = spec.package == KERAS and spec.class_name in (*_TORCH, "RNN")
    return _bound_cell(spec) if is_layer else None


def _bound_cell(spec: LayerSpec) -> Cell | None:
    """What the layer function of `spec` takes as `cell`; None if a user's own takes something else."""
    cell = registry.find(spec).bind(spec).get("cell")
    if isinstance(cell, LayerSpec):
        return read_cell(cell)
    return cell if isinstance(cell, Cell) else None


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
        two = isinstance(cell, GRUCell) and cell.reset_after
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
    frozen = [*state] if cell.is_frozen else [key for suffix in suffixes for key in frozen_keys(cell, suffix)]
    return b.define(_TORCH[cell.kind], kwargs=kwargs, state=state, frozen=frozen, part=part)


def define_stepwise(
    b: Builder,
    cell: Cell,
    features: int,
    weights: Weights,
    more: More,
    part: str = "",
) -> Module:
    """`KerasLSTM`, `KerasGRU` or `KerasSimpleRNN`, or a module made like them, with `more` than they have."""
    kwargs: dict[str, Any] = {"input_size": features, "hidden_size": cell.units}
    if not cell.use_bias:
        kwargs["bias"] = False
    kernel, recurrent, bias = weights.kernel, weights.recurrent_kernel, weights.bias
    size = cell.num_gates * cell.units
    state: dict[str, Weight | None] = {"input_projection.weight": kernel.T, "input_projection.bias": bias}
    state["recurrent_projection.weight"] = recurrent.T
    if isinstance(cell, GRUCell) and not cell.reset_after:
        kwargs["reset_after"] = False
    elif cell.kind == "GRU" and bias is not None:
        state["input_projection.bias"] = bias.slice(0, 0, 1).reshape(size)
        state["recurrent_projection.bias"] = bias.slice(0, 1, 2).reshape(size)
    recurrent_activation = cell.recurrent_activation if isinstance(cell, GatedCell) else None
    kwargs |= activations(b, cell.activation, recurrent_activation)
    kwargs |= dropout_rates(cell.dropout, cell.recurrent_dropout) | more[0]
    state |= more[1]
    frozen = [*state] if cell.is_frozen else ()
    return b.define(cell.constructor, kwargs=kwargs, state=state, frozen=frozen, part=part)


def one_step(b: Builder, cell: Cell, x: Value, states: Any) -> list[Value]:
    """A cell called by itself: one step of a sequence."""
    given = flat_states(b, states, cell.num_states)
    steps = b.op("x.unsqueeze(1)", shape=(x.shape[0], 1, *x.shape[1:]), x=x)
    outcome = cell.run(b, b, Loop(return_state=True), steps, None, given or None)
    return [outcome.output, *outcome.states]
