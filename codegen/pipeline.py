"""The pipeline, and nothing else: file -> SavedModel -> ModelSpec -> Graph -> SourceFile -> text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from codegen import passes
from codegen.config import parse
from codegen.emit import emit
from codegen.emit.modules import (
    Names,
    name_everything,
    parameter_dtype,
    refuse_constants,
    state_dict,
    torch_names,
)
from codegen.emit.places import locate
from codegen.emit.render import render
from codegen.emit.source import Provenance, with_digests
from codegen.emit.training.methods import regularizer_notes, training_methods
from codegen.errors import ConversionError, WeightMismatch
from codegen.graph import Graph, Node
from codegen.graph.recipe import Leaf, Weight
from codegen.lowering.custom import custom_layers, refuse_misspelt
from codegen.lowering.lower import Lowered, lower
from codegen.model.saved_model import SavedModel, Source
from codegen.model.variables import count_parameters
from codegen.options import Options
from codegen.training.draft import (
    NEVER_COMPILED,
    TrainingDraft,
    as_trained,
    draft_training,
    read_compilation,
    split,
)
from codegen.training.script import Interface
from codegen.version import VERSION
from codegen.weights import bind

#: Whether a model whose blocks cannot be made becomes flat code.
FALLS_BACK = True

FALLBACK_NOTE = "what repeats is written out: making classes of it failed, please report this"


@dataclass(frozen=True)
class Generated:
    """A converted model before anything is written.

    Attributes:
        draft: The text of the file, but for the digests of the model's files.
        notes: What the file's docstring says beside the facts.
        steps: The nodes that each statement of a class's `forward` computes.
        sources: The model's files; waits for their digests.
        training: What is needed to train it on; None if that is not asked for, or there is nothing.
        remarks: What is to be said of the conversion, but not in the file.
    """

    lowered: Lowered
    names: Names
    draft: str
    notes: tuple[str, ...]
    steps: Mapping[Graph, Sequence[tuple[Node, ...]]]
    sources: Callable[[], tuple[Source, ...]]
    training: TrainingDraft | None = None
    remarks: tuple[str, ...] = ()

    @cached_property
    def source(self) -> str:
        """The text of the file; waits for the digests of the model's files."""
        return with_digests(self.draft, (source.sha256 for source in self.sources()))

    @property
    def script(self) -> str:
        """The text of the training script; waits for the digests, too."""
        assert self.training is not None
        return with_digests(self.training.script, (source.sha256 for source in self.sources()))

    @property
    def parameter_count(self) -> int:
        """Number of weights of the Keras model."""
        return count_parameters(self.lowered.tree)

    @property
    def torch_names(self) -> dict[str, tuple[str, ...]]:
        """The torch modules that hold the weights of each Keras layer."""
        return torch_names(self.lowered.graph, self.names)

    def layers_at(self, line: int | None) -> list[str]:
        """Paths of the layers, "encoder/dense", that this line of a `forward` computes; the nearest first."""
        if line is None:
            return []
        located = locate(self.lowered.graph, self.names, self.steps, self.source, self.lowered.results)
        spans = sorted(
            (place.last - place.first, "/".join(call.path))
            for call, location in located.calls.items()
            for place in location.places
            if place.method == "forward" and place.first <= line <= place.last
        )
        return [path for _, path in spans]

    def state(self, saved: SavedModel) -> Iterator[tuple[str, Weight, str]]:
        """Every key of the state dict with its recipe over the file's arrays, and its dtype."""
        try:
            bound = dict[Leaf, Weight](bind(self.lowered.tree, saved).items())
        except WeightMismatch as error:
            if saved.weights is None or not self.lowered.own:
                raise
            functions = ", ".join(dict.fromkeys(self.lowered.own.values()))
            advice = (
                "; or a function of yours does not ask for its weights with b.weight, or b.call for a layer"
            )
            raise WeightMismatch(f"{error}{advice}: {functions}") from error
        for key, module, weight in state_dict(self.lowered.graph, self.names):
            yield key, weight.substitute(lambda leaf: bound[leaf]), parameter_dtype(module)


def transform(saved: SavedModel, options: Options, watch: passes.Watch = lambda *_: None) -> Lowered:
    """SavedModel -> ModelSpec -> Graph: the first half of `generate`, up to the last pass.

    Raises:
        ConversionError: The model cannot be converted exactly.
    """
    with custom_layers(map(Path, options.custom)):
        sources = options.sources()
        model = parse(saved, options.backend, sources, options.constructor(), options.inputs())
        refuse_misspelt(model)
        compilation = read_compilation(saved, model) if options.training else None
        lowered = lower(
            model,
            channels_first=options.channels_first,
            finish_class=passes.finish_class,
            losses=compilation.logits if compilation else None,
        )
    passes.run(lowered.graph, blocks=not options.flat, channels_first=options.channels_first, watch=watch)
    as_trained(lowered, compilation)
    return replace(lowered, notes=lowered.notes + sources.notes())


def lower_model(saved: SavedModel, options: Options) -> Lowered:
    """SavedModel -> ModelSpec -> Graph, before any pass: node for node what the layers do, in their order.

    Raises:
        ConversionError: The model cannot be converted exactly.
    """
    with custom_layers(map(Path, options.custom)):
        model = parse(saved, options.backend, options.sources(), options.constructor(), options.inputs())
        return lower(model, channels_first=options.channels_first, finish_class=passes.finish_class)


def generate(saved: SavedModel, options: Options, name: str) -> Generated:
    """SavedModel -> ModelSpec -> Graph -> SourceFile -> text.

    Raises:
        ConversionError: The model cannot be converted exactly.
    """
    return next(attempts(saved, options, name))


def attempts(saved: SavedModel, options: Options, name: str) -> Iterator[Generated]:
    """The converted model, and once more without blocks, for those whom the first does not serve.

    Blocks make code readable and are no reason to fail: where making them fails, the flat model is the
    first. The tests have it otherwise (`FALLS_BACK`), so that no fault of the blocks stays hidden.

    Raises:
        ConversionError: The model cannot be converted exactly.
    """
    can_fall_back = FALLS_BACK and not options.flat
    try:
        yield _generate(saved, options, name)
    except ConversionError:
        raise
    except Exception:
        if not can_fall_back:
            raise
    if can_fall_back:
        yield fallback(saved, options, name)


def fallback(saved: SavedModel, options: Options, name: str) -> Generated:
    """The converted model without blocks, and a note that it should have some."""
    return _generate(saved, replace(options, flat=True), name, (FALLBACK_NOTE,))


def _generate(saved: SavedModel, options: Options, name: str, notes: tuple[str, ...] = ()) -> Generated:
    lowered = transform(saved, options)
    lowered, halves = split(lowered)
    names = name_everything(lowered.graph, options.class_name)
    if options.no_weights:
        refuse_constants(lowered.graph, names)
    notes = lowered.notes + regularizer_notes(lowered.tree) + notes
    provenance = Provenance(
        saved.file_names,
        saved.keras_version,
        lowered.tree.spec.name,
        VERSION,
        None if options.no_weights else f"{name}.pt",
        notes,
    )
    methods = training_methods(lowered.graph, names, lowered.tree)
    source = emit(lowered.graph, names, provenance, count_parameters(lowered.tree), methods, halves)
    draft = render(source, options.template_dir)
    if not options.training:
        return Generated(lowered, names, draft, notes, source.steps, saved.sources)
    has_penalties = any(method.signature.startswith("regularization_loss") for method in methods)
    interface = Interface(name, is_split=halves is not None, regularized=has_penalties)
    training = draft_training(lowered, names, saved, provenance, interface)
    left_out = (NEVER_COMPILED,) if training is None else training.left_out
    remarks = tuple(f"not continued: {what}" for what in left_out)
    return Generated(lowered, names, draft, notes, source.steps, saved.sources, training, remarks)
