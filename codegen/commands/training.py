"""Writes a training script and the state of its optimizer, after they were imported and loaded."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from codegen.commands.self_check import SelfCheckFailed
from codegen.tensors.torch_writer import write_optimizer_state
from codegen.training.draft import TrainingDraft


def write_training(draft: TrainingDraft, text: str, class_name: str, model: Path) -> list[Path]:
    """Write `train_NAME.py` and, where there is a state, `NAME.optim.pt`; returns their paths.

    Args:
        draft: What is to be written.
        text: The whole text of the script.
        class_name: Of the model's class.
        model: The file of the model's source, beside which they are put.

    Raises:
        SelfCheckFailed: The script does not work.
    """
    script = model.with_name(f"train_{model.name}")
    script.write_text(text, encoding="utf-8", newline="\n")
    try:
        return [script, *_state(draft, class_name, model, script)]
    except Exception as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise SelfCheckFailed(f"in the training script: {problem}") from error


def _state(draft: TrainingDraft, class_name: str, model: Path, script: Path) -> list[Path]:
    import torch

    training = _module(script)
    if draft.state is None:
        return []
    with torch.device("meta"):  # which takes no memory
        made = getattr(_module(model), class_name)()
    groups = training.make_optimizer(made, resume=False).state_dict()["param_groups"]
    for group in groups:
        if "iterations" in group:
            group["iterations"] = draft.steps
    trained = [key for key, parameter in made.named_parameters() if parameter.requires_grad]
    path = model.with_suffix(".optim.pt")
    write_optimizer_state(path, [draft.state[key] for key in trained], groups)
    training.make_optimizer(made, resume=True)
    return [path]


def _module(path: Path) -> Any:
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    code = compile(path.read_text(encoding="utf-8"), "<generated>", "exec")
    exec(code, module.__dict__)  # our own text, safe by construction
    return module
