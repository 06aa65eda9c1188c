"""Writes evidence beside a converted module: a test that needs no Keras, and its golden numbers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from codegen.commands.check import find_checked_in, says
from codegen.evidence.recording import Recording, read_recording
from codegen.options import FilePath, Options, Progress, takes_options
from codegen.read.reader import read_model


@dataclass(frozen=True)
class TestFiles:
    """What `write_test` wrote.

    Attributes:
        test_path: The test.
        golden_path: Its numbers.
        origin: Who computed them.
    """

    __test__ = False  # for pytest it looks like a test

    test_path: Path
    golden_path: Path
    origin: str


@takes_options
def write_test(
    path: FilePath,
    options: Options = Options(),
    *,
    output: FilePath | None = None,
    recording: FilePath | None = None,
    progress: Progress = lambda _: None,
    **changes: Any,
) -> TestFiles:
    """Write `test_<name>.py` and `<name>.golden.npz` beside a converted module.

    Args:
        path: As for `convert`.
        options: Those that the model was converted with.
        output: Where the module is, as for `check`.
        recording: What `record` wrote; without, the numbers are our own.
        progress: Called with a few words at every stage.
        changes: As for `convert`.

    Raises:
        ConversionError: There is no module, it has no weights, or it does not run.
    """
    # torch, passes, emit and black are much to load, and other commands need none
    from codegen.emit.render import render
    from codegen.evidence.golden import golden
    from codegen.evidence.inputs import own_runs
    from codegen.evidence.subject import subject_of
    from codegen.pipeline import FALLBACK_NOTE, fallback, generate, lower_model

    options = replace(options, **changes)
    files = find_checked_in(Path(path), options, output)
    text = files.source.read_text(encoding="utf-8", errors="replace")
    recorded: Recording | None = read_recording(Path(recording)) if recording is not None else None
    progress("writing the test")
    with read_model(path, options.weights, hashed=True, alone=options.model is not None) as saved:
        draft = generate(saved, options, files.name)
        if says(text, FALLBACK_NOTE):
            draft = fallback(saved, options, files.name)
        subject = subject_of(
            saved, lower_model(saved, options), draft, options.class_name, text, files.source, files.weights
        )
        runs = recorded.runs if recorded else own_runs(subject)
        for run in runs:
            subject.check(run)
        made = golden(
            subject, runs, recorded, files.source, in_package=(files.source.parent / "__init__.py").is_file()
        )
        source = render(made.test, template="test.py.jinja")
    test_path = files.source.with_name(f"test_{files.name}.py")
    golden_path = files.source.with_name(f"{files.name}.golden.npz")
    with tempfile.TemporaryDirectory(dir=files.source.parent, prefix=".k2t-gen-") as scratch:
        np.savez(Path(scratch, "golden.npz"), **made.arrays)  # type: ignore[arg-type]  # numpy's stubs think of its options
        Path(scratch, "test.py").write_text(source, encoding="utf-8", newline="\n")
        Path(scratch, "golden.npz").replace(golden_path)
        Path(scratch, "test.py").replace(test_path)
    return TestFiles(test_path, golden_path, recorded.origin if recorded else "k2t-gen's own run")
