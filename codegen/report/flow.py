"""Which call of a layer reads what which other one yields, through the borders of nested models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from codegen.model.nested import instances
from codegen.model.spec import LayerCall, LayerSpec, ModelSpec, TensorRef


@dataclass
class Flow:
    """The data of a model.

    Attributes:
        numbers: Of all calls, in saved order, nested models before their layers.
        sources: The numbers of the calls whose outputs each call reads.
        inputs: The model's own inputs, and those of nested models.
    """

    numbers: dict[LayerCall, int] = field(default_factory=dict)
    sources: dict[LayerCall, tuple[int, ...]] = field(default_factory=dict)
    inputs: dict[LayerCall, LayerSpec] = field(default_factory=dict)


def flow(model: ModelSpec) -> Flow:
    """The data of a model and of those inside it."""
    return _Tracer(model).trace()


class _Tracer:
    def __init__(self, root: ModelSpec) -> None:
        self.root = root
        self.flow = Flow()
        self.models: dict[tuple[str, ...], ModelSpec] = {(): root}
        self.specs: dict[tuple[str, ...], Mapping[str, LayerSpec]] = {}
        self.known: dict[tuple[tuple[str, ...], TensorRef], tuple[LayerCall, ...]] = {}

    def trace(self) -> Flow:
        self._number(self.root, ())
        for path, model in self.models.items():
            for spec in model.layers:
                for index, call in enumerate(spec.calls):
                    refs = instances([call.args, dict(call.kwargs)], TensorRef)
                    found = (source for ref in refs for source in self._sources(path, ref))
                    numbers = tuple(self.flow.numbers[source] for source in dict.fromkeys(found))
                    self.flow.sources[LayerCall((*path, spec.name), index)] = numbers
        return self.flow

    def _number(self, model: ModelSpec, path: tuple[str, ...]) -> None:
        self.specs[path] = {spec.name: spec for spec in model.layers}
        for spec in model.layers:
            for index in range(max(1, len(spec.calls))):
                self.flow.numbers[LayerCall((*path, spec.name), index)] = len(self.flow.numbers)
            if spec.class_name == "InputLayer":
                self.flow.inputs[LayerCall((*path, spec.name))] = spec
            if spec.model is not None:
                self.models[(*path, spec.name)] = spec.model
                self._number(spec.model, (*path, spec.name))

    def _sources(self, path: tuple[str, ...], ref: TensorRef) -> tuple[LayerCall, ...]:
        """The calls that yield a tensor of the model at `path`; several where the model is shared."""
        if (path, ref) not in self.known:
            self.known[path, ref] = ()  # a file may lead in a circle
            self.known[path, ref] = self._found(path, ref)
        return self.known[path, ref]

    def _found(self, path: tuple[str, ...], ref: TensorRef) -> tuple[LayerCall, ...]:
        spec = self.specs[path].get(ref.layer)
        if spec is None:
            return ()
        if spec.model is not None:
            outputs = spec.model.outputs[ref.output : ref.output + 1]
            inside = (*path, spec.name)
            return tuple(call for output in outputs for call in self._sources(inside, output))
        inputs = self.models[path].inputs
        if not path or spec.name not in inputs:
            return (LayerCall((*path, spec.name), ref.call),)
        outer = self.specs[path[:-1]][path[-1]]
        position, found = inputs.index(spec.name), []
        for call in outer.calls:
            given = list(instances([call.args, dict(call.kwargs)], TensorRef))[position : position + 1]
            found += [source for one in given for source in self._sources(path[:-1], one)]
        return tuple(dict.fromkeys(found))
