"""The cells of TensorFlow Addons, and its echo state network.

Formulas: the files of `tensorflow_addons/rnn`, and `layers/esn.py` (0.20).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from codegen.graph import Value
from codegen.graph.recipe import Weight
from codegen.layers.recurrent.cells import Cell, LSTMCell, More, SimpleRNNCell, Weights, one_step
from codegen.layers.recurrent.loop import Loop, Outcome, run_layer
from codegen.lowering.binder import options
from codegen.lowering.builder import Builder
from codegen.lowering.ranges import NonNegative
from codegen.lowering.registry import lowers
from codegen.model.spec import LayerSpec

_ADDONS, _NOTE = "Addons", "TensorFlow Addons"

#: How the kernels of an echo state network began.
_ECHO_ONLY = ("connectivity", "spectral_radius", "use_norm2")


@options
class PeepholeLSTMCell(LSTMCell):
    """An LSTM whose gates see the cell state."""

    constructor = "PeepholeLSTM"

    @property
    def is_native(self) -> bool:
        """torch has none."""
        return False

    def more(self, holder: Builder) -> More:
        """A weight for each gate and unit."""
        names = ("input_gate", "forget_gate", "output_gate")
        weights = [holder.weight(f"{name}_peephole_weights", (self.units,)) for name in names]
        return {}, dict(zip(names, weights, strict=True))


@options
class LayerNormLSTMCell(LSTMCell):
    """An LSTM that normalises its projections and its cell state."""

    norm_epsilon: NonNegative = 1e-3

    constructor = "LayerNormLSTM"

    @property
    def is_native(self) -> bool:
        """torch has none."""
        return False

    def more(self, holder: Builder) -> More:
        """Three normalisations."""
        state: dict[str, Weight | None] = {}
        for name, size in (("kernel", 4), ("recurrent", 4), ("state", 1)):
            norm = holder.sublayer(f"{name}_norm", LayerSpec(f"{name}_norm", "LayerNormalization"))
            state[f"{name}_norm.weight"] = norm.weight("gamma", (size * self.units,))
            state[f"{name}_norm.bias"] = norm.weight("beta", (size * self.units,))
        return {"eps": self.norm_epsilon}, state


@options
class LayerNormSimpleRNNCell(SimpleRNNCell):
    """h = activation(normalised(x @ kernel + h @ recurrent_kernel) + bias)."""

    layernorm_epsilon: NonNegative = 1e-5

    constructor = "LayerNormSimpleRNN"

    @property
    def is_native(self) -> bool:
        """torch has none."""
        return False

    def more(self, holder: Builder) -> More:
        """A normalisation without a bias of its own."""
        norm = holder.sublayer("layernorm", LayerSpec("layernorm", "LayerNormalization"))
        return {"eps": self.layernorm_epsilon}, {"norm.weight": norm.weight("gamma", (self.units,))}


@options
class ESNCell(SimpleRNNCell):
    """h = (1 - leaky) * h + leaky * activation(x @ kernel + h @ recurrent_kernel + bias), never trained."""

    leaky: float = 1.0

    constructor = "EchoStateRNN"
    is_frozen = True

    @property
    def is_native(self) -> bool:
        """Without a leak it is a SimpleRNN."""
        return super().is_native and self.leaky == 1

    def weights(self, holder: Builder, features: int) -> Weights:
        """In the order in which this cell makes them."""
        recurrent = holder.weight("recurrent_kernel", (self.units, self.units), trainable=False)
        kernel = holder.weight("kernel", (features, self.units), trainable=False)
        bias = holder.weight("bias", (self.units,), trainable=False) if self.use_bias else None
        return Weights(kernel, recurrent, bias)

    def more(self, holder: Builder) -> More:
        """How much of the state is new at each step."""
        del holder
        return {"leak": self.leaky}, {}


@options
class NASCell(Cell):
    """The cell that neural architecture search found, whose output is its second state."""

    projection: int | None = None

    kind = "LSTM"
    constructor = "NASRNN"
    num_gates = 8
    num_states = 2

    @property
    def is_native(self) -> bool:
        """torch has none."""
        return False

    def weights(self, holder: Builder, features: int) -> Weights:
        """In the order in which this cell makes them."""
        if self.projection is not None:
            holder.unsupported("projection", self.projection, "supported: none")
        size = 8 * self.units
        recurrent = holder.weight("recurrent_kernel", (self.units, size))
        kernel = holder.weight("kernel", (features, size))
        return Weights(kernel, recurrent, holder.weight("bias", (size,)) if self.use_bias else None)

    def more(self, holder: Builder) -> More:
        """The bias belongs to the state."""
        bias = holder.weight("bias", (8 * self.units,)) if self.use_bias else None
        return {}, {"input_projection.bias": None, "recurrent_projection.bias": bias}

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
        """Run over time with the output as the first state."""
        outcome = super().run(b, holder, loop, x, mask, states and states[::-1], part)
        return replace(outcome, states=outcome.states[::-1])


@lowers("PeepholeLSTMCell", package=_ADDONS, masks="own", training_only=("unit_forget_bias",), note=_NOTE)
def peephole_lstm_cell(b: Builder, x: Value, states: Any, *, cell: PeepholeLSTMCell) -> list[Value]:
    """One step of an LSTM whose gates see the cell state."""
    return one_step(b, cell, x, states)


@lowers("LayerNormLSTMCell", package=_ADDONS, masks="own", training_only=("unit_forget_bias",), note=_NOTE)
def layer_norm_lstm_cell(b: Builder, x: Value, states: Any, *, cell: LayerNormLSTMCell) -> list[Value]:
    """One step of an LSTM with layer normalisation."""
    return one_step(b, cell, x, states)


@lowers("LayerNormSimpleRNNCell", package=_ADDONS, masks="own", note=_NOTE)
def layer_norm_simple_rnn_cell(
    b: Builder, x: Value, states: Any, *, cell: LayerNormSimpleRNNCell
) -> list[Value]:
    """One step of a SimpleRNN with layer normalisation."""
    return one_step(b, cell, x, states)


@lowers("NASCell", package=_ADDONS, masks="own", note=_NOTE)
def nas_cell(b: Builder, x: Value, state: Any, *, cell: NASCell) -> list[Value]:
    """One step of the cell that neural architecture search found."""
    return one_step(b, cell, x, state)


@lowers("ESNCell", package=_ADDONS, masks="own", training_only=_ECHO_ONLY, note=_NOTE)
def esn_cell(b: Builder, x: Value, state: Any, *, cell: ESNCell) -> list[Value]:
    """One step of an echo state network."""
    return one_step(b, cell, x, state)


@lowers("ESN", package=_ADDONS, masks="own", training_only=_ECHO_ONLY, note=_NOTE)
def esn(
    b: Builder, x: Value, initial_state: Any = None, training: Any = None, *, cell: ESNCell, loop: Loop
) -> list[Value]:
    """An echo state network over time."""
    holder = b.sublayer("cell", replace(b.spec, class_name="ESNCell"))
    return run_layer(b, [(cell, holder)], loop, x, initial_state, training)
