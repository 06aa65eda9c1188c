"""Runs torch's own recurrent modules, which know no masks, as Keras runs its cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from codegen.graph import Module, Op, Value
from codegen.layers.recurrent.loop import Loop, Outcome, where_any, zero_if_masked
from codegen.lowering.builder import Builder


class _Cell(Protocol):
    """What matters of a cell: an LSTM's has two states."""

    @property
    def units(self) -> int: ...

    @property
    def num_states(self) -> int: ...


def drop_features(b: Builder, rate: float, x: Value, part: str = "") -> Value:
    """The dropout of a cell's input in front of one of torch's modules."""
    if not rate:
        return x
    dropout = b.define("VariationalDropout", args=(rate,), part=f"{part}_dropout".lstrip("_"))
    return b.op("module(x)", shape=x.shape, module=dropout, x=x)


def call_native(
    b: Builder, module: Module, cell: _Cell, x: Value, states: Any, directions: int = 1
) -> tuple[Value, list[Value]]:
    """Call one of torch's modules; returns its first output and its states."""
    size = directions * cell.units
    output = b.value((*x.shape[:2], size), dtype=x.dtype)
    names = ("h", "c")[: cell.num_states]
    after = [b.value((directions, x.shape[0], cell.units), dtype=x.dtype) for _ in names]
    for name, value in zip(names, after, strict=True):
        value.layer = f"{b.label}_{name}"
    targets = (output, tuple(after) if cell.num_states > 1 else after[0])
    template = "module(x)" if states is None else "module(x, states)"
    operands = {} if states is None else {"states": states}
    b.emit(template, targets, module=module, x=x, **operands)
    return output, after


def run_native(
    b: Builder,
    module: Module,
    cell: _Cell,
    loop: Loop,
    x: Value,
    mask: Value | None,
    states: Sequence[Value] | None,
) -> Outcome:
    """Run a cell over time by one of torch's modules."""
    before = None
    if states is not None:
        before = tuple(with_leading_axis(b, state) for state in states)
    argument = before if before is None or cell.num_states > 1 else before[0]
    if mask is not None:
        return _run_masked(b, module, cell, loop, x, mask, states, argument)
    output, after = call_native(b, module, cell, x, argument)
    last = [b.op("state[-1]", shape=(x.shape[0], cell.units), state=state) for state in after]
    return Outcome(output if loop.return_sequences else last[0], tuple(last))


def _run_masked(
    b: Builder,
    module: Module,
    cell: _Cell,
    loop: Loop,
    x: Value,
    mask: Value,
    states: Sequence[Value] | None,
    argument: Any,
) -> Outcome:
    """Run over the unmasked steps; what comes after them is not looked at.

    Only the cell state of an LSTM is not among the outputs: where it is asked for, the sequence is packed.
    """
    packed = cell.num_states > 1 and (loop.return_state or loop.stateful)
    template = "pack_unmasked(x, mask)" if packed else "compact_steps(x, mask)"
    x = b.op(template, shape=x.shape, x=x, mask=mask)
    output, after = call_native(b, module, cell, x, argument)
    if packed:
        output = b.op("unpack(x, mask)", shape=output.shape, x=output, mask=mask)
    shape = (x.shape[0], cell.units)
    end = b.op("last_step(x, mask)", shape=shape, x=output, mask=mask)
    last = [end, *(b.op("state[-1]", shape=shape, state=state) for state in after[1:])]
    if states is not None or packed:
        old: Sequence[Value | None] = states or [None] * len(last)
        last = [where_any(b, mask, *pair) for pair in zip(last, old, strict=True)]
    if not loop.return_sequences:
        return Outcome(zero_if_masked(b, loop, end, mask), tuple(last))
    option = ", zero_masked=True" if loop.zero_output_for_mask else ""
    template = f"spread_steps(x, mask{option})"
    return Outcome(b.op(template, shape=output.shape, x=output, mask=mask), tuple(last))


def with_leading_axis(b: Builder, state: Value) -> Value:
    """A state as torch's modules take it, (1, N, H)."""
    node = state.node
    if node is not None and node.op is Op.LAST_STATE and node.source.shape == (1, *state.shape):
        return node.source
    return b.op("x.unsqueeze(0)", shape=(1, *state.shape), x=state)
