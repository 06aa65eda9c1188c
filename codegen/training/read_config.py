"""`training_config` of HDF5 files and `compile_config` of archives -> `Compiled`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from codegen.training.spec import Compiled, Generation, Saved


def read_compiled(config: Mapping[str, Any], keras_version: str, output_names: Sequence[str]) -> Compiled:
    """What a file says of training.

    Args:
        config: Exactly as saved.
        keras_version: As saved.
        output_names: What Keras calls the outputs: the layers that they come from.
    """
    count = len(output_names)
    optimizer = saved_object(config.get("optimizer") or config.get("optimizer_config"))
    metrics = [
        _of_outputs(config.get(key), output_names, several=True) for key in ("metrics", "weighted_metrics")
    ]
    weights = _of_outputs(config.get("loss_weights"), output_names)
    return Compiled(
        generation=_generation(keras_version, optimizer),
        version=version_numbers(keras_version),
        losses=tuple(
            saved_object(loss) for loss in _of_outputs(config.get("loss"), output_names, shared=True)
        ),
        loss_weights=tuple(1.0 if not is_number(weight) else float(weight) for weight in weights),
        metrics=tuple(
            tuple(found for part in metrics for found in _listed(part[index])) for index in range(count)
        ),
        optimizer=optimizer,
    )


def is_number(value: object) -> bool:
    """Whether a config's entry is a number that code can do something with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30


def version_numbers(text: str) -> tuple[int, ...]:
    """`2.2.4-tf` is (2, 2, 4)."""
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


def _generation(version: str, optimizer: Saved | None) -> Generation:
    numbers = version_numbers(version)
    if numbers[:1] >= (3,):
        return "keras3"
    if numbers < (2, 4) and not version.endswith("-tf"):
        return "keras2"
    options = optimizer.options if optimizer is not None else {}
    is_new = "use_ema" in options or (numbers >= (2, 11) and not options)  # given by its name alone
    return "tf_new" if is_new else "tf"


def saved_object(value: Any) -> Saved | None:
    """One function or object, as any Keras writes it."""
    if isinstance(value, str):
        return Saved(value)
    if not isinstance(value, Mapping):
        return None
    name, options = value.get("class_name"), value.get("config")
    if name == "function" and isinstance(options, str):  # of Keras 3
        return Saved(options, own=True)
    if not isinstance(name, str):
        return None
    if isinstance(options, Mapping) and set(options) >= {"class_name", "config"}:
        options = options["config"]
    package = value.get("registered_name") or ""
    own = isinstance(package, str) and ">" in package and not package.startswith("Addons>")
    return Saved(name, options if isinstance(options, Mapping) else {}, own)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and "class_name" in value)


def _of_outputs(
    value: Any, names: Sequence[str], *, shared: bool = False, several: bool = False
) -> list[Any]:
    """What belongs to each output: given by name, in order, or once for all (`shared`, or `several`)."""
    count = len(names)
    if value is None:
        return [None] * count
    if isinstance(value, Mapping) and not _is_object(value):
        return [value.get(name) for name in names]
    if isinstance(value, Sequence) and not isinstance(value, str):
        is_per_output = not several or any(
            isinstance(part, Sequence) and not isinstance(part, str) for part in value
        )
        if several and count == 1 and not is_per_output:
            return [value]
        if len(value) == count and is_per_output:
            return list(value)
        return [value] * count if several else [None] * count
    return [value] * count if shared or several or count == 1 else [None] * count


def _listed(value: Any) -> list[Saved]:
    parts = value if _is_list(value) else [value]
    return [found for part in parts if (found := saved_object(part)) is not None]
