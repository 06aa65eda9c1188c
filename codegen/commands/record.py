"""Records what Keras computes for a model: runs the recorder where Keras is, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from codegen.errors import ConversionError
from codegen.evidence.script import recorder_script
from codegen.options import FilePath, Progress

_MARK = "record: "


def record(
    path: FilePath,
    *,
    output: FilePath | None = None,
    python: FilePath | None = None,
    weights: FilePath | None = None,
    inputs: FilePath | None = None,
    imports: Sequence[FilePath] = (),
    keras: str | None = None,
    seed: int = 1,
    layers: bool = True,
    unsafe: bool = False,
    progress: Progress = lambda _: None,
) -> Path:
    """Run a model with Keras and write what it computes, layer by layer; returns the file's path.

    Args:
        path: The model: `.h5`, `.hdf5`, `.keras`, a SavedModel folder, or the JSON of an architecture.
        output: The file to write; `<path>.recording.npz` by default.
        python: The Python of the environment with Keras; this one by default.
        weights: The weights of an architecture.
        inputs: An `.npz` with the model's inputs, in place of random ones that suit it.
        imports: Python files with the layers and functions that Keras lacks; they are run.
        keras: "keras", "tf_keras" or "tensorflow.keras"; by default what suits the file.
        seed: Of the random inputs.
        layers: Whether the layers are recorded, and not the model's outputs alone.
        unsafe: Whether Python code that the file holds may be run.
        progress: Called with a few words at every stage.

    Raises:
        ConversionError: There is no Keras, or it cannot load or run the model; the message says why.
    """
    target = Path(output) if output is not None else Path(f"{os.fspath(path).rstrip('/')}.recording.npz")
    arguments = [os.fspath(Path(path).absolute()), "--output", os.fspath(target.absolute()), f"--seed={seed}"]
    for option, value in (("--weights", weights), ("--inputs", inputs)):
        arguments += [option, os.fspath(Path(value).absolute())] if value is not None else []
    for file in imports:
        arguments += ["--import", os.fspath(Path(file).absolute())]
    arguments += ["--keras", keras] if keras else []
    arguments += [flag for flag, wanted in (("--no-layers", not layers), ("--unsafe", unsafe)) if wanted]
    with tempfile.TemporaryDirectory(prefix="k2t-gen-") as folder:
        script = Path(folder, "record.py")
        script.write_text(recorder_script(), encoding="utf-8")
        _run(
            [os.fspath(python or sys.executable), os.fspath(script), *arguments], python is not None, progress
        )
    return target


def _run(command: Sequence[str], elsewhere: bool, progress: Progress) -> None:
    """Run the recorder and pass on what it says.

    Raises:
        ConversionError: It failed.
    """
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if elsewhere:
        environment = {k: v for k, v in environment.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise ConversionError(f"{command[0]!r} cannot be run: {error.strerror}") from error
    said, last = "", ""
    assert process.stderr is not None
    with process, process.stderr as lines:
        for line in lines:
            last = line.strip() or last
            if line.startswith(_MARK):
                said = line.removeprefix(_MARK).strip()
                progress(said)
    if process.returncode:
        reason = said.removeprefix("error: ") if said.startswith("error: ") else f"while {said}: {last}"
        raise ConversionError(f"Keras did not run the model: {reason}")
