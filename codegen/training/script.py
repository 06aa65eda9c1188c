"""Plan -> the text of `train_NAME.py`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.emit.code import Code, docstring, literal, plain
from codegen.emit.parts import FunctionSource
from codegen.emit.source import Provenance, import_lines, source_lines
from codegen.graph import naming
from codegen.graph.helpers import closure
from codegen.lowering.loss_inputs import LossInputs
from codegen.training.losses import Terms
from codegen.training.plan import Plan, described

#: The functions and classes that a script may need.
LIBRARY = Path(__file__).parent / "library"

TEMPLATE = "training.py.jinja"

_WIDTH = 88


@dataclass(frozen=True)
class Script:
    """The training script, as text in parts."""

    doc: Code
    standard_imports: tuple[Code, ...]
    torch_imports: tuple[Code, ...]
    state_name: Code
    helpers: tuple[Code, ...]
    functions: tuple[FunctionSource, ...]


@dataclass(frozen=True)
class Interface:
    """What the script has to know of the model.

    Attributes:
        module_name: Of the file that the model is in.
        is_split: Whether the model has `forward_training`.
        regularized: Whether it has `regularization_loss`.
        constraints: Statements that bring `model`'s weights back to where they may be.
    """

    module_name: str
    is_split: bool
    regularized: bool
    constraints: tuple[str, ...] = ()


#: Import lines by the name that they bind.
_IMPORTS = {
    "math": "import math",
    "Any": "from typing import Any",
    "Callable": "from collections.abc import Callable",
    "Iterable": "from collections.abc import Iterable",
    "Path": "from pathlib import Path",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}


def write_script(
    plan: Plan,
    model: Interface,
    outputs: tuple[str, ...],
    inputs: LossInputs,
    origin: Provenance,
    *,
    has_state: bool,
) -> Script:
    """Decide the whole text of the script.

    Args:
        plan: What it does.
        model: What there is to know of the model.
        outputs: Names of the outputs' layers.
        inputs: What the losses are computed from.
        origin: Where that came from.
        has_state: Whether the optimizer's state is beside the script.
    """
    variables = _variables(plan, outputs, inputs)
    functions = [_loss(plan, inputs, variables)]
    if (metrics := _metrics(plan, outputs, variables)) is not None:
        functions.append(metrics)
    if plan.schedule:
        functions.append(
            _function(
                "learning_rate(step: int) -> float", ["The learning rate after so many steps."], plan.schedule
            )
        )
    functions.append(_optimizer(plan, has_state=has_state))
    if model.constraints:
        doc = ["Bring the weights back to where Keras' constraints allow them."]
        body = ["with torch.no_grad():", *(f"    {line}" for line in model.constraints)]
        functions.append(_function("constrain(model: Any) -> None", doc, body))
    functions += [_step(plan, model, len(outputs)), _fit()]
    reads = {"torch", "Tensor", "nn"} | ({"Path"} if has_state else set())
    for function in functions:
        reads |= _names(f"def {function.signature}:\n" + textwrap.indent("\n".join(function.body), "    "))
    helpers = closure(reads, LIBRARY)
    reads = reads.union(*(helper.reads for helper in helpers))
    imports = dict(_IMPORTS)
    for helper in helpers:
        imports |= helper.imports
    standard, third_party = import_lines([imports[name] for name in sorted(reads & imports.keys())])
    return Script(
        doc=_doc(plan, model, origin, has_state=has_state),
        standard_imports=standard,
        torch_imports=third_party,
        state_name=Code(f"{model.module_name}.optim.pt" if has_state else ""),
        helpers=tuple(Code(helper.source) for helper in helpers),
        functions=tuple(functions),
    )


def _function(signature: str, doc: list[str], body: Sequence[str]) -> FunctionSource:
    return FunctionSource(Code(signature), docstring(doc), tuple(map(Code, body)))


def _names(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


# -------------------------------------------------------------------- parts


@dataclass(frozen=True)
class _Variables:
    """What the outputs, their masks, targets and weights are called in `loss` and `metrics`.

    Attributes:
        trained: The numbers of the outputs that have a loss.
        head: The statements that unpack the arguments, but for the weights.
        arguments: The first two arguments.
    """

    names: list[str]
    masks: list[str]
    targets: list[str]
    weights: list[str]
    trained: list[int]
    head: list[str]
    arguments: list[str]


def _variables(plan: Plan, outputs: tuple[str, ...], inputs: LossInputs) -> _Variables:
    space = naming.variables(frozenset(_IMPORTS))
    for word in ("outputs", "targets", "sample_weight", "values", "total", "found", "output", "target"):
        space.claim(word)
    trained = [index for index, loss in enumerate(plan.compiled.losses) if loss is not None]
    several = len(trained) > 1
    alone = len(outputs) == 1 and not any(inputs.masks)
    names = ["output"] if alone else [space.claim(naming.identifier(name)) for name in outputs]
    masks = [
        space.claim(f"{name}_mask") if masked else ""
        for name, masked in zip(names, inputs.masks, strict=True)
    ]
    targets = [space.claim(f"{name}_target") if several else "target" for name in names]
    weights = [space.claim(f"{name}_weight") if several else "sample_weight" for name in names]
    head = [] if alone else [f"{', '.join([*names, *filter(None, masks)])} = outputs"]
    if several:
        head.append(f"{', '.join(targets[i] for i in trained)} = targets")
    arguments = [
        "output: Tensor" if alone else "outputs: tuple[Tensor, ...]",
        "targets: tuple[Tensor, ...]" if several else "target: Tensor",
    ]
    return _Variables(names, masks, targets, weights, trained, head, arguments)


def _loss(plan: Plan, inputs: LossInputs, v: _Variables) -> FunctionSource:
    body = list(v.head)
    several = len(v.trained) > 1
    weight = "sample_weight: Tensor | None = None"
    if several:
        weight = "sample_weight: Tensor | tuple[Tensor | None, ...] | None = None"
        body.append("if not isinstance(sample_weight, tuple):")
        body.append(f"    sample_weight = (sample_weight,) * {len(v.trained)}")
        body.append(f"{', '.join(v.weights[i] for i in v.trained)} = sample_weight")
    total = ""
    for index in v.trained:
        terms, loss = plan.losses[index], plan.compiled.losses[index]
        if terms is None:
            message = f"the loss {plain(loss.name) if loss else ''} is not known: write it here"
            body.append(f"raise NotImplementedError({literal(message)})")
            break
        body.append(f"values = {terms.values.format(output=v.names[index], target=v.targets[index])}")
        reduced = _reduced(plan, terms, v.targets[index], v.weights[index], v.masks[index])
        factor = plan.compiled.loss_weights[index]
        reduced = reduced if factor == 1 else f"{literal(factor)} * {reduced}"
        if several:
            body.append(f"total = {f'total + {reduced}' if total else reduced}")
        total = "total" if several else reduced
    else:
        body.append(f"return {total}")
    if not v.trained:
        body = ["raise NotImplementedError('the Keras model was compiled without a loss: write it here')"]
    signature = f"loss({', '.join([*v.arguments, weight])}) -> Tensor"
    return _function(signature, _loss_doc(plan, inputs), body)


def _metrics(plan: Plan, outputs: tuple[str, ...], v: _Variables) -> FunctionSource | None:
    body = [*v.head, "found = {}"]
    for index in v.trained:
        for name, terms in plan.metrics[index]:
            label = f"{outputs[index]}_{name}" if len(v.trained) > 1 else name
            reduced = _reduced(plan, terms, v.targets[index], "None", v.masks[index])
            if not v.masks[index] and not terms.valid:
                reduced = "values.mean()"
            body.append(f"values = {terms.values.format(output=v.names[index], target=v.targets[index])}")
            body.append(f"found[{literal(label)}] = {reduced}")
    if not any(plan.metrics[index] for index in v.trained):
        return None
    doc = ["Keras' metrics of one batch, by name."]
    return _function(f"metrics({', '.join(v.arguments)}) -> dict[str, Tensor]", doc, [*body, "return found"])


def _loss_doc(plan: Plan, inputs: LossInputs) -> list[str]:
    names = described(plan.compiled.losses)
    if not names:
        return ["The loss."]
    source = ", from logits" if any(inputs.logits) else ""
    return textwrap.wrap(f"Keras' {names}{source}, with weights for samples.", _WIDTH - 8)


def _reduced(plan: Plan, terms: Terms, target: str, weight: str, mask: str) -> str:
    """The expression of an output's loss."""
    generation = plan.compiled.generation
    valid = f"({terms.valid.format(target=target)})" if terms.valid else ""
    if generation == "keras2" and plan.compiled.version < (2, 3):
        return f"mean_of_weighted(values, {weight}{f', {mask}' if mask else ''})"
    # Keras 3, and tf.keras since 2.10 (`apply_valid_mask`), take the mean of what the masks keep.
    shares_out = generation == "keras3" or plan.compiled.version >= (2, 10)
    if shares_out and mask and valid:
        mask, valid = "", f"{mask}.bool() & {valid}"
    function = "shared_out" if terms.reduction == "mean" else "only"
    weight = f"{function if shares_out else 'only'}({mask}, {weight})" if mask else weight
    weight = f"{function}({valid}, {weight})" if valid else weight
    function = {"mean": "weighted_mean", "sum": "weighted_sum", "weight": "mean_by_weight"}[terms.reduction]
    return f"{function}(values, {weight})"


def _optimizer(plan: Plan, *, has_state: bool) -> FunctionSource:
    signature = "make_optimizer(model: nn.Module, resume: bool = True) -> torch.optim.Optimizer"
    optimizer = plan.compiled.optimizer
    name = plain(optimizer.name) if optimizer else ""
    if plan.rule is None:
        message = f"the optimizer {name} of the Keras model is not known: make it here"
        return _function(signature, ["The optimizer."], [f"raise NotImplementedError({literal(message)})"])
    rule = plan.rule
    parameters = "parameters"
    if _counts_here(plan):
        parameters = '[{"params": parameters, "iterations": 0}]'
    rate = literal(plan.rate) if plan.rate is not None else "learning_rate(0)"
    options = [f"lr={rate}", *(f"{key}={literal(value)}" for key, value in rule.options.items())]
    body = [
        "parameters = [p for p in model.parameters() if p.requires_grad]",
        f"optimizer = {rule.constructor}({', '.join([parameters, *options])})",
    ]
    if plan.by_use:
        body = [
            "for module in model.modules():",
            "    if isinstance(module, nn.Embedding):",
            "        module.sparse = True",
            *body,
        ]
    doc = [f"Keras' {name} over all that is trained"]
    if has_state:
        doc[0] += ", where its training stopped if it is to `resume`."
        body += ["if resume:", '    state = torch.load(STATE_PATH, "cpu", weights_only=True)']
        body += ["    optimizer.load_state_dict(state)"]
    else:
        doc[0] += "; the file holds no state to `resume`."
        body.insert(0, "del resume")
    return _function(signature, [*textwrap.wrap(doc[0], _WIDTH - 8)], [*body, "return optimizer"])


def _counts_here(plan: Plan) -> bool:
    """Whether the script counts steps, as it needs them and the optimizer does not."""
    return plan.rule is not None and not plan.rule.counts and bool(plan.schedule or plan.average)


def _step(plan: Plan, model: Interface, count: int) -> FunctionSource:
    run = "model.forward_training" if model.is_split else "model"
    arguments = [
        f"model: {'Any' if model.is_split or model.regularized else 'nn.Module'}",
        "optimizer: torch.optim.Optimizer",
        "inputs: Tensor | tuple[Tensor, ...]",
        "targets: Any",
        "sample_weight: Any = None",
    ]
    added = " + model.regularization_loss()" if model.regularized else ""
    body = [
        "model.train()",
        "optimizer.zero_grad()",
        f"outputs = {run}(*(inputs if isinstance(inputs, tuple) else (inputs,)))",
        f"total: Tensor = loss(outputs, targets, sample_weight){added}",
        "torch.autograd.backward(total)",
    ]
    if plan.clipping or plan.schedule or (plan.rule and plan.rule.decay) or _counts_here(plan):
        body.append("group = optimizer.param_groups[0]")
    if plan.clipping:
        body += [line.replace("parameters", 'group["params"]') for line in plan.clipping]
    if plan.schedule:
        body.append('group["lr"] = learning_rate(group["iterations"])')
    if plan.rule and plan.rule.decay:
        body.append(f'decay_weights(group["params"], group["lr"] * {literal(plan.rule.decay)})')
    body.append("optimizer.step()")
    if _counts_here(plan):
        body.append('group["iterations"] += 1')
    if plan.average:
        momentum, every = plan.average
        body.append(f"average_weights(optimizer, {literal(momentum)}, {literal(every)})")
    if model.constraints:
        body.append("constrain(model)")
    signature = f"training_step({', '.join(arguments)}) -> Tensor"
    doc = ["Do what Keras' `train_on_batch` does; returns the loss before the step."]
    if count > 1:
        doc += ["", "Args:", "    targets: One for each output with a loss, in their order.", ""]
    return _function(signature, doc, [*body, "return total.detach()"])


def _fit() -> FunctionSource:
    return _function(
        "fit(model: nn.Module, optimizer: torch.optim.Optimizer, "
        "batches: Iterable[Any], epochs: int) -> None",
        ["A training loop to begin with: `batches` yields (inputs, targets), again in each epoch."],
        [
            "for epoch in range(epochs):",
            "    losses = [training_step(model, optimizer, *batch) for batch in batches]",
            '    print(f"epoch {epoch + 1}: loss {torch.stack(losses).mean():.4f}")',
            "model.eval()",
        ],
    )


def _doc(plan: Plan, model: Interface, origin: Provenance, *, has_state: bool) -> Code:
    name = model.module_name
    lines = [
        f"Trains `{name}.py` on as Keras would.",
        "",
        *source_lines(origin),
    ]
    if has_state:
        lines.append(f"State:   {name}.optim.pt, next to this file")
    for text in plan.left_out:
        lines += textwrap.wrap(f"Note:    not continued: {plain(text)}", _WIDTH, subsequent_indent=" " * 9)
    made = "load_model()" if origin.weights_name else "ConvertedModel()"
    return docstring(
        [
            *lines,
            "",
            f"    model = {name}.{made}",
            f"    optimizer = train_{name}.make_optimizer(model)",
            f"    train_{name}.fit(model, optimizer, batches, epochs=3)",
            "",
        ]
    )
