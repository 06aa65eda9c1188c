"""Runs cells over time: masks, states, direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from codegen.graph import Module, Op, Value
from codegen.graph.recipe import Weight
from codegen.layers.recurrent.cells import Cell, Weights, define_native, define_stepwise
from codegen.lowering.builder import Builder
from codegen.model.spec import Shape


@dataclass(frozen=True)
class Loop:
    """How a recurrent layer runs over time; the words are Keras'.

    Attributes:
        repeats_state: Whether the output of a masked step is the first of the states, as it was in Keras
            before 2.3, rather than the output before.
        reversed_states: Whether the states of a stack of cells are those of its last cell first.
    """

    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    time_major: bool = False
    zero_output_for_mask: bool = False
    unroll: bool = False
    repeats_state: bool = False
    reversed_states: bool = False

    @property
    def zeroes_by_forward_mask(self) -> bool:
        """Whether Keras zeroes the outputs of a reversed sequence by the mask as it was given."""
        return self.unroll and self.go_backwards and self.return_sequences and self.zero_output_for_mask


@dataclass(frozen=True)
class Outcome:
    """What a recurrent module yields.

    Attributes:
        output: All outputs, or the last one if no more is asked for.
        states: After the last step.
    """

    output: Value
    states: tuple[Value, ...]


def run_layer(
    b: Builder,
    cells: Sequence[tuple[Cell, Builder]],
    loop: Loop,
    x: Value,
    initial_state: Any,
    training: Any,
) -> list[Value]:
    """Run the cells over time; returns the layer's outputs.

    A stack of cells is a stack of layers: none of them sees what comes later. At a masked step all keep
    their states, so that what the lower ones yield there does not matter.
    """
    refuse_training(b, training, max(max(cell.dropout, cell.recurrent_dropout) for cell, _ in cells))
    carried, mask = b.carried_mask(x), b.mask(x)
    if mask is not None and mask.rank != 2:
        b.unsupported("mask", mask.shape, "supported: one of (batch, time)")
    x = b.keras_layout(b.floating(x))
    if loop.time_major:
        x = _swap_time(b, x)
        mask = _swap_time(b, mask) if mask else None
    run_mask = mask
    if loop.go_backwards:
        x = b.op("x.flip(1)", shape=x.shape, x=x, like=x)
        run_mask = b.op("x.flip(1)", shape=mask.shape, x=mask) if mask else None
    shapes: list[Shape] = [(x.shape[0], cell.units) for cell, _ in cells for _ in range(cell.num_states)]
    memory = None
    given = flat_states(b, initial_state, len(shapes))
    counts = [cell.num_states for cell, _ in cells]
    if given and loop.reversed_states:
        given = _last_cell_first(given, counts[::-1])
    if loop.stateful:
        memory, remembered = remember(b, shapes)
        given = given or remembered
    states: list[Value] = []
    outputs: list[Value] = []
    late = mask is not None and loop.zeroes_by_forward_mask
    zero = loop.zero_output_for_mask and not late
    for position, (cell, holder) in enumerate(cells):
        last = position == len(cells) - 1
        start, stop = len(states), len(states) + cell.num_states
        sequences = not last or loop.return_sequences
        inner = replace(loop, return_sequences=sequences, zero_output_for_mask=zero)
        part = f"cell{position + 1}" if len(cells) > 1 else ""
        outcome = run_cell(b, holder, cell, inner, x, run_mask, given[start:stop] if given else None, part)
        x = outcome.output
        outputs.append(x)
        states.extend(outcome.states)
    if run_mask is not None and loop.repeats_state:
        first = len(shapes) - counts[-1] if loop.reversed_states else 0
        x = _repeat_state(b, loop, outputs, run_mask, given[first] if given else None)
    if mask is not None and late:
        x = _where_unmasked(b, x, mask, (slice(None), slice(None), None))
    if memory is not None:
        b.emit("memory.keep(states)", None, memory=memory, states=list(states))
    if loop.return_sequences and loop.time_major:
        x = _swap_time(b, x)
    if loop.return_sequences:
        x.mask = carried
    if loop.reversed_states:
        states = _last_cell_first(states, counts)
    return [x, *states] if loop.return_state else [x]


def _last_cell_first(states: Sequence[Value], counts: Sequence[int]) -> list[Value]:
    """The states of a stack of cells, `counts` of each, with the order of the cells reversed."""
    rest = iter(states)
    by_cell = [list(islice(rest, count)) for count in counts]
    return [state for group in reversed(by_cell) for state in group]


def _repeat_state(
    b: Builder, loop: Loop, outputs: Sequence[Value], mask: Value, initial: Value | None
) -> Value:
    """The output of the last cell, with the first of the states at masked steps.

    That is what its cell has put out last; before it has, its `initial` state, zeros if None.
    """
    x, held = outputs[-1], outputs[-1 if loop.reversed_states else 0]
    if initial is not None and held.rank == 3:
        template = "torch.where((mask.cumsum(dim=1) > 0).unsqueeze(-1), x, state.unsqueeze(1))"
        held = b.op(template, shape=held.shape, mask=mask, x=held, state=initial)
    elif initial is not None:
        held = where_any(b, mask, held, initial)
    if len(outputs) == 1 or loop.reversed_states:
        return held
    if loop.return_sequences:
        return b.op("torch.where(mask.unsqueeze(-1), x, held)", shape=x.shape, mask=mask, x=x, held=held)
    return b.op("torch.where(mask[:, -1:], x, held[:, -1])", shape=x.shape, mask=mask, x=x, held=held)


def refuse_training(b: Builder, training: Any, dropout: float) -> None:
    """Refuse dropout that a call turns on for good; without dropout `training` changes nothing."""
    if dropout and training not in (None, False):
        b.unsupported("training", training, "supported: dropout in training mode only")


def run_cell(
    b: Builder,
    holder: Builder,
    cell: Cell,
    loop: Loop,
    x: Value,
    mask: Value | None,
    states: Sequence[Value] | None,
    part: str,
) -> Outcome:
    """Run one cell over time, from the first step to the last."""
    features = b.known(x, -1)
    weights = Weights.of(holder, cell, features)
    if cell.is_native:
        module = define_native(b, cell, features, [weights], part)
        x = drop_features(b, cell, x, part)
        return _run_native(b, module, cell, loop, x, mask, states)
    module = define_stepwise(b, cell, features, weights, part)
    return run_stepwise(b, module, loop, x, mask, states, (cell.units,), cell.num_states)


def drop_features(b: Builder, cell: Cell, x: Value, part: str = "") -> Value:
    """The dropout of a cell's input in front of one of torch's modules."""
    if not cell.dropout:
        return x
    dropout = b.define("VariationalDropout", args=(cell.dropout,), part=f"{part}_dropout".lstrip("_"))
    return b.op("module(x)", shape=x.shape, module=dropout, x=x)


def call_native(
    b: Builder, module: Module, cell: Cell, x: Value, states: Any, directions: int = 1
) -> tuple[Value, list[Value]]:
    """Call one of torch's modules; returns its first output and its states."""
    size = directions * cell.units
    output = b.value((*x.shape[:2], size), dtype=x.dtype)
    names = ("h", "c")[: cell.num_states]
    after = [b.value((directions, x.shape[0], cell.units), dtype=x.dtype) for _ in names]
    for name, value in zip(names, after, strict=True):
        value.layer = f"{b.label}_{name}"
    targets = (output, tuple(after) if cell.kind == "LSTM" else after[0])
    template = "module(x)" if states is None else "module(x, states)"
    operands = {} if states is None else {"states": states}
    b.emit(template, targets, module=module, x=x, **operands)
    return output, after


def _run_native(
    b: Builder,
    module: Module,
    cell: Cell,
    loop: Loop,
    x: Value,
    mask: Value | None,
    states: Sequence[Value] | None,
) -> Outcome:
    before = None
    if states is not None:
        before = tuple(_with_leading_axis(b, state) for state in states)
    argument = before if before is None or cell.kind == "LSTM" else before[0]
    if mask is not None:
        return _run_masked(b, module, cell, loop, x, mask, states, argument)
    output, after = call_native(b, module, cell, x, argument)
    last = [b.op("state[-1]", shape=(x.shape[0], cell.units), state=state) for state in after]
    return Outcome(output if loop.return_sequences else last[0], tuple(last))


def _run_masked(
    b: Builder,
    module: Module,
    cell: Cell,
    loop: Loop,
    x: Value,
    mask: Value,
    states: Sequence[Value] | None,
    argument: Any,
) -> Outcome:
    """Run over the unmasked steps; what comes after them is not looked at.

    Only the cell state of an LSTM is not among the outputs: where it is asked for, the sequence is packed.
    """
    packed = cell.kind == "LSTM" and (loop.return_state or loop.stateful)
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
        return Outcome(_zero_if_masked(b, loop, end, mask), tuple(last))
    option = ", zero_masked=True" if loop.zero_output_for_mask else ""
    template = f"spread_steps(x, mask{option})"
    return Outcome(b.op(template, shape=output.shape, x=output, mask=mask), tuple(last))


def run_stepwise(
    b: Builder,
    module: Module,
    loop: Loop,
    x: Value,
    mask: Value | None,
    states: Sequence[Value] | None,
    inner: tuple[int | None, ...],
    num_states: int,
    perm: tuple[int, ...] = (),
) -> Outcome:
    """Call a `StepwiseRNN`.

    Args:
        b: The layer's builder.
        module: The `StepwiseRNN`.
        loop: What to return.
        x: The input, first step first.
        mask: Its mask.
        states: Before the first step.
        inner: Shape of one output without batch, in Keras' order.
        num_states: Number of states.
        perm: Layout of one output.
    """
    sequence_perm = (0, 1, *(axis + 1 for axis in perm[1:])) if perm else ()
    output = b.value((*x.shape[:2], *inner), dtype=x.dtype, perm=sequence_perm)
    after = [b.value((x.shape[0], *inner), dtype=x.dtype, perm=perm) for _ in range(num_states)]
    for name, value in zip(("h", "c"), after, strict=False):
        value.layer = f"{b.label}_{name}"
    template = "module(x)"
    operands: dict[str, Any] = {}
    if states is not None:
        template = "module(x, states)"
        operands["states"] = list(states)
    if mask is not None:
        template = f"{template[:-1]}, mask=mask)"
        operands["mask"] = mask
    b.emit(template, (output, tuple(after)), module=module, x=x, **operands)
    if loop.return_sequences:
        if mask is not None and loop.zero_output_for_mask:
            index = (slice(None), slice(None), *(None,) * len(inner))
            output = _where_unmasked(b, output, mask, index)
        return Outcome(output, tuple(after))
    shape, layout = after[0].shape, after[0].perm
    last = b.op("x[:, -1]", shape=shape, dtype=x.dtype, perm=layout, x=output) if mask else after[0]
    return Outcome(_zero_if_masked(b, loop, last, mask), tuple(after))


def where_any(b: Builder, mask: Value, value: Value, old: Value | None) -> Value:
    """`value` in rows with an unmasked step; the others never left their initial state."""
    return b.op(
        "torch.where(mask.any(dim=1, keepdim=True), value, old)", shape=value.shape, dtype=value.dtype,
        perm=value.perm, mask=mask, value=value, old=0.0 if old is None else old,
    )  # fmt: skip


def _zero_if_masked(b: Builder, loop: Loop, output: Value, mask: Value | None) -> Value:
    """The last output; with `zero_output_for_mask`, zero where the last step is masked."""
    if mask is None or not loop.zero_output_for_mask:
        return output
    return _where_unmasked(b, output, mask, (slice(None), -1, *(None,) * (output.rank - 1)))


def _where_unmasked(b: Builder, x: Value, mask: Value, index: tuple[slice | int | None, ...]) -> Value:
    """`x` with zeros where `mask[index]` is False."""
    return b.op(
        "torch.where(mask[index], x, 0.0)", shape=x.shape, dtype=x.dtype, perm=x.perm,
        mask=mask, index=index, x=x,
    )  # fmt: skip


def _with_leading_axis(b: Builder, state: Value) -> Value:
    """A state as torch's modules take it, (1, N, H)."""
    node = state.node
    if node is not None and node.op is Op.LAST_STATE and node.source.shape == (1, *state.shape):
        return node.source
    return b.op("x.unsqueeze(0)", shape=(1, *state.shape), x=b.keras_layout(state))


def flat_states(b: Builder, initial_state: Any, count: int) -> list[Value]:
    """The states given in a call, one after the other; none if the call gives none."""
    states: list[Value] = []
    stack = [initial_state]
    while stack:
        item = stack.pop()
        if isinstance(item, (list, tuple)):
            stack.extend(reversed(item))
        elif isinstance(item, Value):
            states.append(item)
    if states and len(states) != count:
        b.malformed(f"it has {count} states, but is called with {len(states)}")
    return states


def remember(b: Builder, shapes: Sequence[Shape]) -> tuple[Module, list[Value]]:
    """What a stateful layer keeps between calls, and its values before this call."""
    if len(set(shapes)) > 1:
        b.unsupported("stateful", True, "supported: cells of one size")
    if None in shapes[0]:
        b.malformed(f"it is stateful, so that its state {shapes[0]} must have a fixed size")
    sizes = tuple(size for size in shapes[0] if size is not None)
    zeros = Weight.full((len(shapes), *sizes), 0.0)
    memory = b.define("RecurrentState", args=(len(shapes), sizes), state={"values": zeros}, part="state")
    stacked = b.op("memory()", shape=(len(shapes), *shapes[0]), dtype=b.dtype, memory=memory)
    return memory, [b.op("x[i]", shape=shapes[0], x=stacked, i=i) for i in range(len(shapes))]


def _swap_time(b: Builder, x: Value) -> Value:
    shape = (x.shape[1], x.shape[0], *x.shape[2:])
    return b.op("x.transpose(0, 1)", shape=shape, op=Op.LAYOUT, x=x)
