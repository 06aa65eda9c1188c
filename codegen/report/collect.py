"""A conversion -> its facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from codegen.emit.modules import state_dict
from codegen.emit.places import Located, Location, locate
from codegen.errors import shorten
from codegen.evidence.facts import Verification
from codegen.graph.recipe import Weight
from codegen.model.python_code import CompiledFunction
from codegen.model.saved_model import SavedModel, StoredTensor
from codegen.model.spec import Constant, LayerCall, LayerSpec, ModelSpec, Untold
from codegen.model.variables import Variable, VariableTree, all_variables, count_parameters
from codegen.options import Progress
from codegen.pipeline import Generated
from codegen.report.facts import (
    ArrayFacts,
    CallFacts,
    LayerFacts,
    ModuleFacts,
    PortFacts,
    Report,
    TensorFacts,
    VariableFacts,
)
from codegen.report.flow import Flow, flow
from codegen.report.statistics import Statistics, statistics
from codegen.version import VERSION
from codegen.weights import bind

#: Longer texts and lists of options are cut.
_MAX_TEXT, _MAX_ITEMS = 200, 24


def collect(
    saved: SavedModel,
    made: Generated,
    source_name: str,
    source: str,
    verification: Verification | None = None,
    progress: Progress = lambda _: None,
) -> Report:
    """The facts of a conversion.

    Args:
        saved: The model's file.
        made: What it became.
        source_name: File name of the module.
        source: Its text.
        verification: How its numbers compare with Keras'.
        progress: Called with a few words at every stage.

    Raises:
        ConversionError: The weights do not fit the architecture, or the file is damaged.
    """
    lowered = made.lowered
    model = lowered.tree.spec.model
    assert model is not None
    bound = bind(lowered.tree, saved) if saved.weights is not None else {}
    progress("looking at weights")
    collector = _Collector(made, source, bound, flow(model))
    layers = tuple(collector.layers(model, lowered.tree, (), trains=lowered.tree.spec.trainable))
    counted = {variable for variable in all_variables(lowered.tree) if not variable.aside}
    graph = lowered.graph
    return Report(
        tool_version=VERSION,
        model_name=model.name,
        class_name=model.class_name,
        file_name=saved.file_name,
        sha256=saved.sha256,
        keras_version=saved.keras_version,
        inputs=tuple(PortFacts(v.layer, v.dtype, v.shape) for v in graph.inputs),
        outputs=tuple(
            PortFacts(ref.layer, v.dtype, v.shape)
            for ref, v in zip(model.outputs, graph.outputs, strict=True)
        ),
        parameters=count_parameters(lowered.tree),
        trainable_parameters=sum(
            int(np.prod(variable.shape, dtype=object)) for variable in counted & collector.trained
        ),
        notes=made.notes,
        arrays=_arrays(bound) if saved.weights is not None else None,
        source_name=source_name,
        source=source,
        modules=tuple(ModuleFacts(path, name) for path, name in collector.located.modules.items()),
        layers=layers,
        verification=verification,
    )


class _Collector:
    """Collects what there is to say of each layer.

    Attributes:
        located: Where the layers are in the source.
        trained: The variables that training changes, of the layers that were looked at.
    """

    def __init__(self, made: Generated, source: str, bound: Mapping[Variable, Weight], data: Flow) -> None:
        self.made, self.bound, self.data = made, bound, data
        self.located: Located = locate(
            made.lowered.graph, made.names, made.steps, source, made.lowered.results
        )
        self.trained: set[Variable] = set()
        self.tensors: dict[Variable, dict[str, None]] = {}
        for key, _, weight in state_dict(made.lowered.graph, made.names):
            for leaf in weight.leaves():
                if isinstance(leaf, Variable):
                    self.tensors.setdefault(leaf, {})[key] = None
        self.looked_at: dict[Variable, Statistics] = {}

    def layers(
        self, model: ModelSpec, tree: VariableTree, owner: tuple[str, ...], *, trains: bool
    ) -> Iterator[LayerFacts]:
        """The layers of a model, and of those inside it."""
        children = {child.attribute: child for child in tree.children}
        for spec in model.layers:
            path, below = (*owner, spec.name), children.get(spec.name)
            trained = trains and spec.trainable
            yield self._layer(spec, below, path, trains=trained)
            if spec.model is not None and below is not None:
                yield from self.layers(spec.model, below, path, trains=trained)

    def _layer(
        self, spec: LayerSpec, tree: VariableTree | None, path: tuple[str, ...], *, trains: bool
    ) -> LayerFacts:
        variables = tuple(self._variables(tree, path, trains=trains)) if tree and not spec.model else ()
        whole = all_variables(tree) if tree else []
        location = self.located.calls.get(LayerCall(path), Location())
        return LayerFacts(
            path="/".join(path),
            class_name=spec.title,
            options={} if spec.model else {name: _plain(value) for name, value in spec.config.items()},
            dtype=spec.dtype,
            parameters=count_parameters(tree) if tree else 0,
            trainable=trains and any(variable.trainable for variable in whole) if whole else None,
            names=tuple(location.names),
            calls=tuple(self._call(LayerCall(path, index)) for index in range(max(1, len(spec.calls)))),
            variables=variables,
            is_model=spec.model is not None,
        )

    def _call(self, call: LayerCall) -> CallFacts:
        first = self.located.calls.get(LayerCall(call.path), Location())
        location = self.located.calls.get(call, Location())
        made = [place for place in first.places if place.method == "__init__"]
        places = tuple(dict.fromkeys([*made, *location.places]))
        values = self.made.lowered.results.get(call, ())
        outputs = tuple(TensorFacts(value.dtype, value.shape) for value in values)
        if port := self.data.inputs.get(call):
            outputs = (TensorFacts(port.dtype, tuple(port.config.get("batch_shape") or ())),)
        return CallFacts(
            number=self.data.numbers[call],
            inputs=self.data.sources.get(call, ()),
            outputs=outputs,
            module=_module(first, location),
            places=places,
        )

    def _variables(
        self, tree: VariableTree, path: tuple[str, ...], *, trains: bool
    ) -> Iterator[VariableFacts]:
        for variable in all_variables(tree):
            changes = trains and variable.trainable
            if changes:
                self.trained.add(variable)
            yield VariableFacts(
                name="/".join((*variable.owner[len(path) :], variable.name)),
                shape=variable.shape,
                trainable=changes,
                tensors=tuple(self.tensors.get(variable, ())),
                statistics=self._statistics(variable),
            )

    def _statistics(self, variable: Variable) -> Statistics | None:
        if variable not in self.bound:
            return None
        if variable not in self.looked_at:
            self.looked_at[variable] = statistics(self.bound[variable].evaluate(_read))
        return self.looked_at[variable]


def _read(leaf: Any) -> Any:
    assert isinstance(leaf, StoredTensor)
    return leaf.read()


def _module(first: Location, location: Location) -> str:
    """The module in whose class a call is computed: the innermost one that has lines of its own."""
    holders = [place.module for place in (*first.places, *location.places) if place.own]
    return max(holders, key=lambda name: (name.count(".") + bool(name), name), default="")


def _arrays(bound: Mapping[Variable, Weight]) -> ArrayFacts:
    readers = Counter(leaf for weight in bound.values() for leaf in dict.fromkeys(weight.leaves()))
    stored = {leaf: count for leaf, count in readers.items() if isinstance(leaf, StoredTensor)}
    return ArrayFacts(len(stored), sum(count > 1 for count in stored.values()))


def _plain(value: Any) -> Any:
    """An option as plain data; what is long is cut."""
    if isinstance(value, LayerSpec):
        return {"class_name": value.class_name, "options": _plain(value.config)}
    if isinstance(value, Constant):
        return _plain(value.values)
    if isinstance(value, (Untold, CompiledFunction)):
        return "<not saved>" if isinstance(value, Untold) else "<function>"
    if isinstance(value, Mapping):
        return {str(key)[:_MAX_TEXT]: _plain(part) for key, part in list(value.items())[:_MAX_ITEMS]}
    if isinstance(value, (list, tuple)):
        more = [f"… {len(value) - _MAX_ITEMS} more"] if len(value) > _MAX_ITEMS else []
        return [*(_plain(part) for part in value[:_MAX_ITEMS]), *more]
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else value[:_MAX_TEXT] + "…"
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return shorten(value)
