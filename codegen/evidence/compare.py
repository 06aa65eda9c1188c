"""Compares a checked-in source with what Keras computed: end to end, and each layer call with its twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codegen.evidence.facts import CallPath, Place, Result
from codegen.evidence.measure import difference, worse
from codegen.evidence.recording import Run
from codegen.evidence.subject import Subject
from codegen.evidence.trace import Event, Source, Trace
from codegen.evidence.twins import SAME, Twin, align, all_orders, candidates, match

Array = NDArray[Any]
#: One tensor of a layer call.
Key = tuple[CallPath, int]

#: What differs by more in float64, relatively, is no rounding: float32 itself holds seven digits.
CHANGED = 1e-7


def compare(
    subject: Subject, run: Run, tolerance: float, *, layers: bool
) -> tuple[list[Result], list[Result]]:
    """The model's outputs and its layer calls in one recorded run.

    Args:
        subject: What is compared.
        run: What Keras computed.
        tolerance: Largest relative difference that is rounding.
        layers: Whether layer calls are compared, too.
    """
    return _Comparison(subject, run, tolerance).results(layers=layers)


class _Comparison:
    def __init__(self, subject: Subject, run: Run, tolerance: float) -> None:
        self.subject, self.run, self.tolerance = subject, run, tolerance
        self.outputs, self.exact = subject.exact.run(run.inputs)

    def results(self, *, layers: bool) -> tuple[list[Result], list[Result]]:
        twins, events, trace, kept = self._twins() if layers else ({}, [], self._trace(), {})
        keep = {twin.event for twin in twins.values()} if layers else set()
        rounded = self._run(self.subject.checked_in, torch.float32, keep)
        outputs = list(self._outputs(trace, rounded))
        if not layers:
            return outputs, []
        changed = any(o.change is None or o.change.relative > SAME for o in outputs)
        found = list(self._layers(twins, events, trace, kept, rounded, changed=changed))
        return outputs, found

    def _run(self, source: Source, dtype: torch.dtype, keep: set[int] | None = None) -> Trace:
        return source.run(self.subject.stored(self.run.inputs, dtype), dtype, keep)

    def _trace(self) -> Trace:
        return self._run(self.subject.checked_in, torch.float64, set())

    # ---------------------------------------------------------------- outputs

    def _outputs(self, exact: Trace, rounded: Trace) -> Iterator[Result]:
        names = [value.layer for value in self.subject.graph.outputs]
        found, wide = self.subject.in_order(rounded), self.subject.in_order(exact)
        arrays = zip(names, found, wide, self.outputs, self.run.outputs, strict=True)
        for number, (layer, ours, precise, reference, keras) in enumerate(arrays):
            result = Result(
                name=f"output {number + 1}" if len(names) > 1 else "output",
                layer=layer,
                class_name="",
                shape=keras.shape,
                place=Place(),
                seen="source",
                note=exact.failure or rounded.failure,
            )
            yield self._measured(result, keras, ours, precise, reference)

    def _measured(
        self, found: Result, keras: Array, ours: Array | None, wide: Array | None, reference: Array | None
    ) -> Result:
        """A result with its differences; what is missing is infinitely far away."""
        none = np.empty(0) if keras.size else np.empty((0, 0))
        float32 = difference(none if ours is None else ours, keras)
        float64 = difference(none if wide is None else wide, keras)
        change = None
        if found.seen == "source" and reference is not None:
            change = difference(none if wide is None else wide, reference)
        beyond = not float32.relative <= self.tolerance
        edited = change is not None and not change.relative <= CHANGED
        return replace(found, float32=float32, float64=float64, change=change, parts=beyond or edited)

    # ---------------------------------------------------------------- layers

    def _twins(self) -> tuple[dict[Key, Twin], list[Event], Trace, dict[int, Array]]:
        """The twins in the checked-in source, its events, its run, and the twins' tensors."""
        models = {call.path[:-1] for call in self.exact}
        wanted = {
            (call, number): array
            for call, arrays in self.exact.items()
            for number, array in enumerate(arrays)
            if array is not None and call.path not in models
        }
        subject = self.subject
        events = self._run(subject.generated, torch.float64).events
        possible = candidates(events, wanted, SAME)
        kept = self._run(subject.generated, torch.float64, _all(possible))
        twins = match(wanted, possible, kept.kept, SAME, lambda _, stored: all_orders(stored))
        if subject.checked_in is subject.generated:
            return twins, events, kept, kept.kept
        edited = self._run(subject.checked_in, torch.float64).events
        aligned = align(events, edited)
        places = {key: _places(aligned, twin.event, possible[key]) for key, twin in twins.items()}
        alike = candidates(edited, {key: wanted[key] for key in twins}, SAME)
        choice = {
            key: [n for n in (there, *alike[key]) if n is not None and n not in others]
            for key, (there, others) in places.items()
        }
        kept = self._run(subject.checked_in, torch.float64, _all(choice))
        found = match(
            {key: wanted[key] for key in twins}, choice, kept.kept, SAME, lambda key, _: [twins[key].dims]
        )
        for key, twin in twins.items():
            there = places[key][0]
            found.setdefault(key, Twin(-1 if there is None else there, twin.dims))
        return found, edited, kept, kept.kept

    def _layers(
        self,
        twins: Mapping[Key, Twin],
        events: Sequence[Event],
        exact: Trace,
        kept: Mapping[int, Array],
        rounded: Trace,
        *,
        changed: bool,
    ) -> Iterator[Result]:
        subject = self.subject
        rounded_graph = subject.rounded.run(self.run.inputs)[1]
        for call in self.run.calls:
            if call.call.layer not in subject.classes:
                continue  # Keras' own, not the file's: how it computes a mask
            reference = self.exact.get(call.call, [])
            for number, keras in enumerate(call.outputs):
                wide = reference[number] if number < len(reference) else None
                twin = twins.get((call.call, number)) or self._inner_twin(twins, call.call, wide)
                at_work = events[twin.event].lines if twin and 0 <= twin.event < len(events) else ()
                found = Result(
                    name=f"{call.call}:{number}" if number else str(call.call),
                    layer=call.call.layer,
                    class_name=subject.classes[call.call.layer],
                    shape=() if keras is None else keras.shape,
                    place=subject.lines.place(subject.modules(call.call.layer), at_work),
                    seen="graph",
                )
                if keras is None or wide is None:
                    yield replace(found, seen="nowhere", note=_why(keras))
                    continue
                if twin is not None:
                    stored = kept.get(twin.event), rounded.kept.get(twin.event)
                    arranged = [None if a is None else twin.arrange(a, wide.shape) for a in stored]
                    if changed or (
                        arranged[0] is not None and difference(arranged[0], wide).relative <= SAME
                    ):
                        found = replace(
                            found, seen="source", note=exact.failure if arranged[0] is None else ""
                        )
                        ours = arranged[1] if arranged[1] is not None else arranged[0]
                        yield self._measured(found, keras, ours, arranged[0], wide)
                        continue
                    found = replace(found, note="the source has other numbers, on which no output depends")
                yield self._measured(found, keras, rounded_graph[call.call][number], wide, wide)

    def _inner_twin(self, twins: Mapping[Key, Twin], call: CallPath, array: Array | None) -> Twin | None:
        """The twin of the layer whose output a nested model puts out in one of its calls."""
        depth = len(call.path)
        inner = (
            twin
            for (other, number), twin in reversed(list(twins.items()))
            if (other.path[:depth], other.indices[:depth]) == (call.path, call.indices)
            and np.array_equal(np.asarray(self.exact[other][number]), np.asarray(array), equal_nan=True)
        )
        return next(inner, None)


def _all(possible: Mapping[Key, Sequence[int]]) -> set[int]:
    return {number for numbers in possible.values() for number in numbers}


def _places(
    aligned: Callable[[int], int | None], event: int, alike: Sequence[int]
) -> tuple[int | None, set[int | None]]:
    """Where a twin is in the edited source, and where what had the same numbers is: that says nothing now."""
    there = aligned(event)
    return there, {aligned(number) for number in alike} - {there}


def _why(keras: Array | None) -> str:
    return "no numbers" if keras is None else "computed nowhere: no output depends on it"


def combined(runs: Sequence[Sequence[Result]]) -> list[Result]:
    """One result for each name: the worst of all runs."""
    found: dict[str, Result] = {}
    for results in runs:
        for result in results:
            before = found.get(result.name)
            found[result.name] = result if before is None else _worse(before, result)
    return list(found.values())


def _worse(one: Result, other: Result) -> Result:
    first = one if one.parts or not other.parts else other
    return replace(
        first,
        float32=worse(one.float32, other.float32),
        float64=worse(one.float64, other.float64),
        change=worse(one.change, other.change),
        parts=one.parts or other.parts,
    )
