"""Keras' recurrent layers: LSTM, GRU, SimpleRNN, RNN over cells, and the cells as layers of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from codegen.errors import shorten
from codegen.graph import Value
from codegen.layers.recurrent.cells import (
    CELLS,
    Cell,
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    cell_builder,
    one_step,
    read_cell,
)
from codegen.layers.recurrent.loop import Loop, run_layer
from codegen.lowering import registry
from codegen.lowering.builder import Builder
from codegen.lowering.registry import lowers
from codegen.model.packages import KERAS
from codegen.model.spec import LayerSpec

_KNOWN = ", ".join(CELLS[KERAS])
_NAMES = {"LSTM": "lstm_cell", "GRU": "gru_cell", "SimpleRNN": "simple_rnn_cell"}


@lowers("LSTM", masks="own", training_only=("unit_forget_bias",))
def lstm(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    *,
    cell: LSTMCell,
    loop: Loop,
) -> list[Value]:
    """At each step c = f * c + i * activation(...), h = o * activation(c)."""
    return run_layer(b, [(cell, cell_builder(b))], loop, x, initial_state, training)


@lowers("GRU", masks="own")
def gru(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    *,
    cell: GRUCell,
    loop: Loop,
) -> list[Value]:
    """At each step h = z * h + (1 - z) * activation(...)."""
    return run_layer(b, [(cell, cell_builder(b))], loop, x, initial_state, training)


@lowers("SimpleRNN", masks="own")
def simple_rnn(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    *,
    cell: SimpleRNNCell,
    loop: Loop,
) -> list[Value]:
    """At each step h = activation(x @ kernel + h @ recurrent_kernel + bias)."""
    return run_layer(b, [(cell, cell_builder(b))], loop, x, initial_state, training)


@lowers("RNN", masks="own", note="over Keras' cells, in `StackedRNNCells` too")
def rnn(
    b: Builder,
    x: Value,
    initial_state: Any = None,
    training: Any = None,
    constants: Any = None,
    *,
    cell: LayerSpec | tuple[LayerSpec, ...],
    loop: Loop,
) -> list[Value]:
    """A cell, or a stack of cells, run over time.

    None of Keras' own cells takes `constants`; a stack of them does not look at those that it is given.
    """
    del constants
    reversed_states = isinstance(cell, LayerSpec) and _has_last_cell_first(cell)
    return run_layer(b, _cells(b, cell), loop, x, initial_state, training, reversed_states=reversed_states)


def _has_last_cell_first(spec: LayerSpec) -> bool:
    """Whether the states of a stack of cells are those of its last cell first, as asked for or always."""
    return bool(spec.config.get("reverse_state_order") or spec.quirks.get("reversed_states"))


def _cells(b: Builder, spec: LayerSpec | tuple[LayerSpec, ...]) -> list[tuple[Cell, Builder]]:
    """The cells of an RNN, from the input to the output."""
    if isinstance(spec, tuple):
        spec = LayerSpec("stacked_rnn_cells", "StackedRNNCells", {"cells": list(spec)})
    holder = replace(b.sublayer("cell", replace(spec, calls=b.spec.calls)), label=b.label)
    cell = read_cell(spec)
    if cell is not None:
        return [(cell, holder)]
    if spec.class_name != "StackedRNNCells":
        registry.find(spec)  # names the class if nothing is known of it
        b.unsupported("cell", spec.class_name, f"supported: {_KNOWN}, StackedRNNCells")
    for option, value in spec.config.items():
        if option not in ("cells", "reverse_state_order") and value is not None:
            holder.unsupported(option, value, "no such option is known")
    found: list[tuple[Cell, Builder]] = []
    names: dict[str, int] = {}
    listed = spec.config.get("cells", ())
    if not isinstance(listed, (list, tuple)) or not all(isinstance(inner, LayerSpec) for inner in listed):
        holder.malformed(f"its cells should be layers, but are {shorten(listed)}")
    for inner in listed:
        cell = read_cell(inner)
        if cell is None:
            registry.find(inner)  # the same
            b.unsupported("cells", inner.class_name, f"supported: {_KNOWN}")
        name = _NAMES[cell.kind]
        count = names[name] = names.get(name, -1) + 1
        attribute = f"cells/{name}_{count}" if count else f"cells/{name}"
        found.append((cell, holder.sublayer(attribute, replace(inner, calls=b.spec.calls))))
    if not found:
        b.malformed("it is a stack of no cells")
    return found


# -------------------------------------------------------------------- cells as layers


@lowers("LSTMCell", masks="own", training_only=("unit_forget_bias",))
def lstm_cell(b: Builder, x: Value, states: Any, *, cell: LSTMCell) -> list[Value]:
    """One step of an LSTM."""
    return one_step(b, cell, x, states)


@lowers("GRUCell", masks="own")
def gru_cell(b: Builder, x: Value, states: Any, *, cell: GRUCell) -> list[Value]:
    """One step of a GRU."""
    return one_step(b, cell, x, states)


@lowers("SimpleRNNCell", masks="own")
def simple_rnn_cell(b: Builder, x: Value, states: Any, *, cell: SimpleRNNCell) -> list[Value]:
    """One step of a SimpleRNN."""
    return one_step(b, cell, x, states)
