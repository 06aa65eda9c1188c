"""What the test beside a source needs: golden numbers, and which properties the model has."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codegen.emit.code import Code, docstring, literal, plain
from codegen.evidence.interpreter import as_array
from codegen.evidence.recording import Recording, Run
from codegen.evidence.subject import Subject
from codegen.evidence.trace import Source

#: How far numbers of another machine may be from the golden ones, relative to the largest of their tensor.
EXACT, ROUNDED, KERAS = 1e-8, 2e-5, 1e-4

#: Not more runs are golden, and none behind the first once the file is larger than this.
_RUNS, _LARGE = 2, 300_000


@dataclass(frozen=True)
class TestFile:
    """The test of a converted module, as text in parts; see `templates/test.py.jinja`."""

    __test__ = False  # for pytest it looks like a test

    doc: Code
    module: Code
    class_name: Code
    golden: Code
    dtypes: Code
    precision: Code
    tolerance: Code
    keras_tolerance: Code
    runs: Code
    is_recorded: bool
    has_samples: bool
    has_training: bool
    has_export: bool


@dataclass(frozen=True)
class Golden:
    """Golden arrays by name, and the test that reads them."""

    arrays: dict[str, NDArray[Any]]
    test: TestFile


def golden(
    subject: Subject, runs: Sequence[Run], recording: Recording | None, source: Path, *, in_package: bool
) -> Golden:
    """The golden numbers of a converted model, and its test.

    Args:
        subject: The model; its checked-in source is the one that is tested.
        runs: The inputs, and what Keras computed of them if there is a recording.
        recording: Who computed that; None if we did.
        source: Path of the module.
        in_package: Whether its folder is a package.
    """
    runs = runs[:1] if sum(array.nbytes for array in runs[0].inputs) > _LARGE else runs[:_RUNS]
    inputs = [[as_array(x) for x in subject.stored(run.inputs, torch.float32)] for run in runs]
    model = subject.checked_in.build(torch.float32)
    rounded = [_run(model, arrays) for arrays in inputs]
    is_exact, expected = _in_float64(subject.checked_in, subject, runs, inputs)
    if not is_exact:
        expected = rounded
    arrays: dict[str, NDArray[Any]] = {}
    for number, (given, outputs, run) in enumerate(zip(inputs, expected, runs, strict=True)):
        arrays.update({f"input{number}_{i}": array for i, array in enumerate(given)})
        arrays.update({f"output{number}_{i}": array for i, array in enumerate(outputs)})
        if recording is not None:
            keras = [as_array(x) for x in subject.stored_outputs(run.outputs)]
            arrays.update({f"keras{number}_{i}": array for i, array in enumerate(keras)})
    batch = EXACT if is_exact else ROUNDED
    precise = model.double() if is_exact else model
    has_samples = _holds(lambda: _is_by_sample(precise, inputs[0], batch))
    has_export = _holds(lambda: _exports(precise, inputs[0], batch))
    has_training = _holds(lambda: _trains(subject.checked_in, inputs[0], is_exact=is_exact))
    left_out = [
        what
        for what, holds in (("samples", has_samples), ("training", has_training), ("export", has_export))
        if not holds
    ]
    kinds = {array.dtype.str: f"torch.{array.dtype.name}" for array in arrays.values()}
    test = TestFile(
        doc=_doc(source.stem, recording, left_out, is_exact=is_exact),
        module=Code(f".{source.stem}" if in_package else source.stem),
        class_name=Code(subject.checked_in.class_name),
        golden=literal(f"{source.stem}.golden.npz"),
        dtypes=Code(", ".join(f"{literal(kind)}: {name}" for kind, name in sorted(kinds.items()))),
        precision=Code("torch.float64" if is_exact else "torch.float32"),
        tolerance=literal(batch),
        keras_tolerance=literal(KERAS),
        runs=literal(list(range(len(runs)))),
        is_recorded=recording is not None,
        has_samples=has_samples,
        has_training=has_training,
        has_export=has_export,
    )
    return Golden(arrays, test)


def _doc(name: str, recording: Recording | None, left_out: Sequence[str], *, is_exact: bool) -> Code:
    kind = "float64, so an edit that changes any number shows" if is_exact else "float32"
    lines = [f"Tests of `{plain(name)}`; they need pytest and torch, and no Keras.", ""]
    if recording is None:
        lines += ["The golden numbers are k2t-gen's own: what the saved model computes,", f"in {kind}."]
    else:
        lines += [
            "The golden numbers are a recording, and k2t-gen's own run of the same inputs,",
            f"in {kind}. It was recorded by",
            f"{plain(recording.origin)}.",
        ]
    lines += [f"Left out, as the model is not made for it: {', '.join(left_out)}."] if left_out else []
    return docstring([*lines, ""])


def _in_float64(
    source: Source, subject: Subject, runs: Sequence[Run], inputs: Sequence[Sequence[NDArray[Any]]]
) -> tuple[bool, list[list[NDArray[Any]]]]:
    """Whether the model also runs in float64, as it is, and then computes exactly what the graph does."""
    exact = [[as_array(x) for x in subject.stored_outputs(subject.exact.run(run.inputs)[0])] for run in runs]

    def is_same() -> bool:
        model = source.build(torch.float32).double()
        found = [_run(model, arrays) for arrays in inputs]
        return all(_are_close(ours, theirs, EXACT / 10) for ours, theirs in zip(found, exact, strict=True))

    return _holds(is_same), exact


def _holds(property_: Callable[[], bool]) -> bool:
    """Whether a model has a property; what fails has not."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return property_()
    except Exception:
        return False


def _run(model: torch.nn.Module, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    with torch.no_grad():
        outputs = model(*_tensors(model, arrays))
    return [as_array(x) for x in (outputs if isinstance(outputs, tuple) else (outputs,))]


def _tensors(model: torch.nn.Module, arrays: Sequence[NDArray[Any]]) -> list[torch.Tensor]:
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    tensors = [torch.from_numpy(array.copy()) for array in arrays]
    return [x.to(dtype) if x.is_floating_point() else x for x in tensors]


def _are_close(one: Sequence[Any], other: Sequence[Any], tolerance: float) -> bool:
    from codegen.evidence.measure import difference

    return all(difference(a, b).relative <= tolerance for a, b in zip(one, other, strict=True))


def _is_by_sample(model: torch.nn.Module, arrays: Sequence[NDArray[Any]], tolerance: float) -> bool:
    if any(len(array) != 2 for array in arrays):
        return False
    singles = [_run(model, [array[i : i + 1] for array in arrays]) for i in (0, 1)]
    joined = [np.concatenate(pair) for pair in zip(*singles, strict=True)]
    return _are_close(joined, _run(model, arrays), tolerance / 10)


def _exports(model: torch.nn.Module, arrays: Sequence[NDArray[Any]], tolerance: float) -> bool:
    inputs = tuple(_tensors(model, arrays))
    with torch.no_grad():
        outputs = torch.export.export(model, inputs).module()(*inputs)
    found = [as_array(x) for x in (outputs if isinstance(outputs, tuple) else (outputs,))]
    return _are_close(found, _run(model, arrays), tolerance / 10)


def _trains(source: Source, arrays: Sequence[NDArray[Any]], *, is_exact: bool) -> bool:
    model = source.build(torch.float32)
    model = (model.double() if is_exact else model).train()
    outputs = model(*_tensors(model, arrays))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = sum(x.sum() for x in outputs if x.requires_grad)
    if not isinstance(total, torch.Tensor):
        return False
    torch.autograd.backward(total)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return bool(gradients) and all(bool(gradient.isfinite().all()) for gradient in gradients)
