"""Compares a checked-in conversion with what Keras computed, end to end and layer by layer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from codegen.commands.check import find_checked_in, says
from codegen.commands.record import record
from codegen.evidence.facts import Verification
from codegen.evidence.recording import Recording, read_recording
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read.reader import read_model

#: Largest relative difference that is taken for rounding, if the user says nothing else.
TOLERANCE = 1e-4

#: Who computed it, where no Keras did.
OWN = "k2t-gen's own run of the saved model in float64 (no Keras)"


@takes_options
def verify(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath | None = None,
    against: FilePath | None = None,
    with_keras: bool = False,
    python: FilePath | None = None,
    inputs: FilePath | None = None,
    imports: Sequence[FilePath] = (),
    unsafe: bool = False,
    tolerance: float = TOLERANCE,
    layers: bool = True,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> Verification:
    """Compare `<output>/<name>.py` and `<output>/<name>.pt` with what Keras computes for the saved model.

    Without a recording and without Keras, they are compared with what the saved model converts to today,
    computed by ourselves in float64: that finds what was changed by hand.

    Args:
        path: As for `convert`.
        options: Those that the model was converted with.
        output: Where the checked-in files are, as for `check`.
        against: What `record` wrote.
        with_keras: Whether the Keras of this environment is run.
        python: The Python of another environment, whose Keras is run.
        inputs: As for `record`.
        imports: As for `record`.
        unsafe: As for `record`.
        tolerance: Largest relative difference that is taken for rounding.
        layers: Whether layers are compared, and not the model's outputs alone.
        progress: Called with a few words at every stage.
        changes: As for `convert`.

    Raises:
        ConversionError: The model cannot be read, converted or run, or there is nothing to compare with.
    """
    # torch, passes, emit and black are much to load, and other commands need none
    from codegen.evidence.compare import combined, compare
    from codegen.evidence.inputs import own_runs
    from codegen.evidence.subject import subject_of
    from codegen.pipeline import FALLBACK_NOTE, fallback, generate, lower_model

    options = replace(options, **changes)
    files = find_checked_in(Path(path), options, output)
    text = files.source.read_text(encoding="utf-8", errors="replace")
    recording: Recording | None = None
    if against is not None:
        recording = read_recording(Path(against))
    elif with_keras or python is not None:
        with tempfile.TemporaryDirectory(prefix="k2t-gen-") as folder:
            made = record(
                path, output=Path(folder, "recording.npz"), python=python, weights=options.weights,
                inputs=inputs, imports=imports, layers=layers, unsafe=unsafe, progress=progress,
            )  # fmt: skip
            recording = read_recording(made)
    progress("converting")
    with read_model(path, options.weights, alone=options.model is not None) as saved:
        draft = generate(saved, options, files.name)
        if says(text, FALLBACK_NOTE):
            draft = fallback(saved, options, files.name)
        notes = list(recording.notes) if recording else []
        if recording and recording.sha256 and recording.sha256 != saved.sha256:
            notes.append(f"the recording was made of another file than {saved.file_name}")
        if not files.weights.is_file():
            notes.append(f"there is no {files.weights.name}: the weights are those of the Keras model")
        subject = subject_of(
            saved, lower_model(saved, options), draft, options.class_name, text, files.source, files.weights
        )
        runs = recording.runs if recording else own_runs(subject)
        outputs, found = [], []
        for number, run in enumerate(runs, start=1):
            progress(f"comparing run {number} of {len(runs)}")
            subject.check(run)
            results = compare(subject, run, tolerance, layers=layers)
            outputs.append(results[0])
            found.append(results[1])
    return Verification(
        model=saved.file_name,
        source=files.source.as_posix(),
        origin=recording.origin if recording else OWN,
        tolerance=tolerance,
        outputs=tuple(combined(outputs)),
        layers=tuple(combined(found)),
        notes=tuple(notes),
    )
