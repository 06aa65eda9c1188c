"""Runs cells over time: masks, states, direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from codegen.graph import Module, Op, Value
from codegen.graph.recipe import Weight
from codegen.lowering.binder import Quirk, options
from codegen.lowering.builder import Builder
from codegen.model.spec import Shape


@options
class Loop:
    """How a recurrent layer runs over time; the words are Keras'.

    Attributes:
        repeats_state: Whether the output of a masked step is the first of the states, as it was in Keras
            before 2.3, rather than the output before.
    """

    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    time_major: bool = False
    zero_output_for_mask: bool = False
    repeats_state: Quirk[bool] = False

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


class Cell(Protocol):
    """What one step computes."""

    @property
    def dropout(self) -> float:
        """Of the input."""

    @property
    def recurrent_dropout(self) -> float:
        """Of the states."""

    @property
    def num_states(self) -> int:
        """Number of state tensors, of which the first is the output."""

    @property
    def state_perm(self) -> tuple[int, ...]:
        """How a state is stored."""

    def arranged(self, b: Builder, x: Value) -> Value:
        """The whole input in the layout in which `run` takes it."""

    def state_shape(self, b: Builder, x: Value) -> Shape:
        """Shape of each state for this input, in Keras' order."""

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
        """Run over time, from the first step to the last.

        Args:
            b: The layer's builder.
            holder: The builder to which the cell's weights belong.
            loop: What to return.
            x: The arranged input, first step first.
            mask: Its mask, (N, T).
            states: Before the first step.
            part: Tells apart the cells of a stack.
        """


def run_layer(
    b: Builder,
    cells: Sequence[tuple[Cell, Builder]],
    loop: Loop,
    x: Value,
    initial_state: Any,
    training: Any,
    *,
    reversed_states: bool = False,
) -> list[Value]:
    """Run the cells over time; returns the layer's outputs.

    A stack of cells is a stack of layers: none of them sees what comes later. At a masked step all keep
    their states, so that what the lower ones yield there does not matter. With `reversed_states` the
    states are those of the last cell first.
    """
    refuse_training(b, training, max(max(cell.dropout, cell.recurrent_dropout) for cell, _ in cells))
    carried, mask = b.carried_mask(x), b.mask(x)
    if mask is not None and mask.rank != 2:
        b.unsupported("mask", mask.shape, "supported: one of (batch, time)")
    x = cells[0][0].arranged(b, x)
    if loop.time_major:
        x = _swap_time(b, x)
        mask = _swap_time(b, mask) if mask else None
    run_mask = mask
    if loop.go_backwards:
        x = b.op("x.flip(1)", shape=x.shape, x=x, like=x)
        run_mask = b.op("x.flip(1)", shape=mask.shape, x=mask) if mask else None
    counts = [cell.num_states for cell, _ in cells]
    memories: list[Module] = []
    given = flat_states(b, initial_state, sum(counts))
    if given and reversed_states:
        given = _last_cell_first(given, counts[::-1])
    if given:
        check_states(b, given, [cell.state_shape(b, x) for cell, _ in cells for _ in range(cell.num_states)])
    if loop.stateful:
        memories, remembered = _remember(b, [cell for cell, _ in cells], x)
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
        before = given[start:stop] if given else None
        outcome = cell.run(b, holder, inner, x, run_mask, before, part)
        x = outcome.output
        outputs.append(x)
        states.extend(outcome.states)
    if run_mask is not None and loop.repeats_state:
        first = sum(counts[:-1]) if reversed_states else 0
        initial = given[first] if given else None
        held = outputs[-1 if reversed_states else 0]
        x = _repeat_state(b, loop, x, held, run_mask, initial)
    if mask is not None and late:
        x = _where_unmasked(b, x, mask, (slice(None), slice(None), *(None,) * (x.rank - 2)))
    rest = iter(states)
    for memory in memories:
        kept = list(islice(rest, memory.args[0]))
        b.emit("memory.keep(states)", None, memory=memory, states=kept)
    if loop.return_sequences and loop.time_major:
        x = _swap_time(b, x)
    if loop.return_sequences:
        x.mask = carried
    if reversed_states:
        states = _last_cell_first(states, counts)
    return [x, *states] if loop.return_state else [x]


def _last_cell_first(states: Sequence[Value], counts: Sequence[int]) -> list[Value]:
    """The states of a stack of cells, `counts` of each, with the order of the cells reversed."""
    rest = iter(states)
    by_cell = [list(islice(rest, count)) for count in counts]
    return [state for group in reversed(by_cell) for state in group]


def _repeat_state(b: Builder, loop: Loop, x: Value, held: Value, mask: Value, initial: Value | None) -> Value:
    """The output `x` of the last cell, with the first of the states at masked steps.

    That is what its cell has put out last, `held`; before it has, its `initial` state, zeros if None.
    """
    of_one_cell = x is held
    if initial is not None and held.rank == 3:
        template = "torch.where((mask.cumsum(dim=1) > 0).unsqueeze(-1), x, state.unsqueeze(1))"
        held = b.op(template, shape=held.shape, mask=mask, x=held, state=initial)
    elif initial is not None:
        held = where_any(b, mask, held, initial)
    if of_one_cell:
        return held
    if loop.return_sequences:
        return b.op("torch.where(mask.unsqueeze(-1), x, held)", shape=x.shape, mask=mask, x=x, held=held)
    return b.op("torch.where(mask[:, -1:], x, held[:, -1])", shape=x.shape, mask=mask, x=x, held=held)


def refuse_training(b: Builder, training: Any, dropout: float) -> None:
    """Refuse dropout that a call turns on for good; without dropout `training` changes nothing."""
    if dropout and training not in (None, False):
        b.unsupported("training", training, "supported: dropout in training mode only")


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
    if loop.return_state or loop.stateful:
        b.emit(template, (output, tuple(after)), module=module, x=x, **operands)
    else:
        b.emit(f"{template}[0]", output, module=module, x=x, **operands)
    if loop.return_sequences:
        if mask is not None and loop.zero_output_for_mask:
            index = (slice(None), slice(None), *(None,) * len(inner))
            output = _where_unmasked(b, output, mask, index)
        return Outcome(output, tuple(after))
    shape, layout = after[0].shape, after[0].perm
    last = b.op("x[:, -1]", shape=shape, dtype=x.dtype, perm=layout, x=output)
    return Outcome(zero_if_masked(b, loop, last, mask), tuple(after))


def where_any(b: Builder, mask: Value, value: Value, old: Value | None) -> Value:
    """`value` in rows with an unmasked step; the others never left their initial state."""
    return b.op(
        "torch.where(mask.any(dim=1, keepdim=True), value, old)", shape=value.shape, dtype=value.dtype,
        perm=value.perm, mask=mask, value=value, old=0.0 if old is None else old,
    )  # fmt: skip


def zero_if_masked(b: Builder, loop: Loop, output: Value, mask: Value | None) -> Value:
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


def check_states(b: Builder, states: Sequence[Value], shapes: Sequence[Shape]) -> None:
    """Refuse states of other shapes than the cells have."""
    for state, shape in zip(states, shapes, strict=True):
        sizes = zip(state.shape, shape, strict=False)
        if state.rank != len(shape) or any(None not in pair and pair[0] != pair[1] for pair in sizes):
            b.malformed(f"it is called with a state of shape {state.shape}, but has one of {shape}")


def _remember(b: Builder, cells: Sequence[Cell], x: Value) -> tuple[list[Module], list[Value]]:
    """What a stateful layer keeps, for cells of one size together, and the values before this call."""
    shapes = [cell.state_shape(b, x) for cell in cells]
    counts = [cell.num_states for cell in cells]
    perm, together = cells[0].state_perm, len(set(shapes)) == 1
    if together:
        shapes, counts = shapes[:1], [sum(counts)]
    memories: list[Module] = []
    values: list[Value] = []
    for number, (shape, count) in enumerate(zip(shapes, counts, strict=True), start=1):
        stored = tuple(shape[axis] for axis in perm)
        if None in stored:
            b.malformed(f"it is stateful, so that its state {stored} must have a fixed size")
        sizes = tuple(size for size in stored if size is not None)
        zeros = Weight.full((count, *sizes), 0.0)
        part = "state" if together else f"cell{number}_state"
        memory = b.define("RecurrentState", args=(count, sizes), state={"values": zeros}, part=part)
        stacked = b.op("memory()", shape=(count, *stored), dtype=b.dtype, memory=memory)
        memories.append(memory)
        values += [b.op("x[i]", shape=shape, perm=perm, x=stacked, i=i) for i in range(count)]
    return memories, values


def _swap_time(b: Builder, x: Value) -> Value:
    shape = (x.shape[1], x.shape[0], *x.shape[2:])
    return b.op("x.transpose(0, 1)", shape=shape, op=Op.LAYOUT, x=x)
