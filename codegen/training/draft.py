"""A compiled model -> its training script and the state of its optimizer, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from codegen.emit.halves import Halves, halve
from codegen.emit.modules import TENSORS, Names, parameter_dtype, state_dict
from codegen.emit.render import render
from codegen.emit.source import Provenance
from codegen.graph import Module
from codegen.graph.recipe import Weight
from codegen.graph.rewrite import remove_unused
from codegen.lowering.loss_inputs import LossInputs
from codegen.lowering.lower import Lowered
from codegen.model.saved_model import SavedModel, SavedTraining
from codegen.model.spec import ModelSpec
from codegen.training.constraints import constraint_lines
from codegen.training.losses import wanted_logits
from codegen.training.plan import Plan, make_plan
from codegen.training.read_config import read_compiled
from codegen.training.script import TEMPLATE, Interface, write_script
from codegen.training.spec import Compiled
from codegen.training.state import read_state
from codegen.training.statistics import bias_variances

#: What is said of a model that was never compiled.
NEVER_COMPILED = "there is nothing to continue: the model was saved without compile()"


@dataclass(frozen=True)
class TrainingDraft:
    """What `--training` adds to a converted model.

    Attributes:
        script: The text of `train_NAME.py`, but for the digests of the model's files.
        steps: How many steps the optimizer has done.
        state: Recipe and dtype of each tensor of the optimizer's state, by the name of the parameter; None
            if there is no state to write.
        left_out: What cannot be continued.
    """

    script: str
    steps: int
    state: Mapping[str, Mapping[str, tuple[Weight, str]]] | None
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Compilation:
    """What the file says of training."""

    compiled: Compiled
    saved: SavedTraining

    @property
    def logits(self) -> list[str]:
        """The activations in front of which the losses are computed."""
        return [wanted_logits(loss) for loss in self.compiled.losses]


def read_compilation(saved: SavedModel, model: ModelSpec) -> Compilation | None:
    """What the file says of training; None if the model was never compiled.

    Raises:
        UnreadableFile: That part of the file is damaged.
    """
    found = saved.training()
    if found is None:
        return None
    names = [output.layer for output in model.outputs]
    return Compilation(read_compiled(found.config, saved.keras_version, names), found)


def as_trained(lowered: Lowered, compilation: Compilation | None) -> None:
    """Let a lowered model do in training what Keras did, behind the passes."""
    if compilation is not None:
        bias_variances(lowered.graph, compilation.compiled.generation)


def split(lowered: Lowered) -> tuple[Lowered, Halves | None]:
    """Take the outputs for the losses off a graph; the model in two halves, if the losses need them.

    Args:
        lowered: Behind the last pass.
    """
    found, graph = lowered.loss_inputs, lowered.graph
    if found is None:
        return lowered, None
    count = len(found.ranks)
    own, extra = graph.outputs[:count], graph.outputs[count:]
    graph.outputs = own
    halves = None if extra == own else halve(graph, extra)
    if halves is None:
        remove_unused(graph)
        plain = LossInputs((False,) * count, (False,) * count, found.ranks)
        return replace(lowered, loss_inputs=plain), None
    return lowered, halves


def draft_training(
    lowered: Lowered,
    names: Names,
    saved: SavedModel,
    origin: Provenance,
    interface: Interface,
) -> TrainingDraft | None:
    """Make the script and the state of a model; None if it was never compiled.

    Args:
        lowered: The model, which was split.
        names: Of its attributes.
        saved: The file.
        origin: For the script's docstring.
        interface: What the script has to know of the model.
    """
    inputs, model = lowered.loss_inputs, lowered.tree.spec.model
    assert model is not None
    compilation = read_compilation(saved, model)
    if inputs is None or compilation is None:
        return None
    trained = dict(_trained(lowered, names))
    has_embeddings = any(module.constructor == "nn.Embedding" for module, _ in trained.values())
    plan = make_plan(compilation.compiled, inputs, has_embeddings=has_embeddings)
    steps, state = plan.attempt(lambda: _state(compilation, plan, lowered, trained, saved)) or (0, None)
    outputs = tuple(output.layer for output in model.outputs)
    constraints = plan.attempt(lambda: constraint_lines(lowered.graph, names, lowered.tree)) or []
    interface = replace(interface, constraints=tuple(constraints))
    script = write_script(plan, interface, outputs, inputs, origin, has_state=state is not None)
    return TrainingDraft(render(script, template=TEMPLATE), steps, state, tuple(plan.left_out))


def _trained(lowered: Lowered, names: Names) -> Iterator[tuple[str, tuple[Module, Weight]]]:
    """The parameters that are trained, by name, with their modules and recipes."""
    for key, module, weight in state_dict(lowered.graph, names):
        own = key.rsplit(".", 1)[-1] if module.constructor not in TENSORS else ""
        if own not in module.frozen and module.constructor != "buffer" and not own.startswith("running_"):
            yield key, (module, weight)


def _state(
    compilation: Compilation,
    plan: Plan,
    lowered: Lowered,
    trained: Mapping[str, tuple[Module, Weight]],
    saved: SavedModel,
) -> tuple[int, Mapping[str, Mapping[str, tuple[Weight, str]]]] | None:
    """How many steps were done, and the state of each parameter; None if the file has none.

    An optimizer that has not yet done a step has at most a count and a learning rate.
    """
    arrays = compilation.saved.optimizer
    can_be_made = plan.rule is not None and not plan.has_unknown_rate and trained
    if plan.rule is None or not can_be_made or all(array.shape == () for array in arrays):
        return None
    found = read_state(lowered.tree, saved, arrays, plan.rule, averages=plan.average is not None)
    state = {}
    for key, (module, weight) in trained.items():
        tensors = found.of(weight)
        if plan.rule.steps:
            tensors = {"step": Weight.full((), found.steps or 0), **tensors}
        state[key] = {name: (recipe, parameter_dtype(module)) for name, recipe in tensors.items()}
    return found.steps or 0, state
