"""A recording of what Keras computed: the archive that the recorder writes, read with nothing of it run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import CONFIG_FAULTS, FILE_FAULTS, ConversionError, shorten
from codegen.evidence.facts import CallPath

FORMAT = 1

Array = NDArray[Any]


@dataclass(frozen=True)
class Call:
    """One recorded call of a layer: its class, and its outputs as far as they are numbers."""

    call: CallPath
    class_name: str
    outputs: Sequence[Array | None]


@dataclass(frozen=True)
class Run:
    """What the model computed from one set of inputs, all in Keras' order."""

    inputs: Sequence[Array]
    outputs: Sequence[Array]
    calls: Sequence[Call] = ()


@dataclass(frozen=True)
class Recording:
    """What a model computed, and who ran it.

    Attributes:
        origin: "Keras 2.2.4 on tensorflow 1.15.5, Python 3.7.16".
        sha256: Of the model's file; "" if it was a folder.
        seed: Of the random inputs; None if the user gave them.
    """

    origin: str
    sha256: str
    runs: Sequence[Run]
    seed: int | None = None
    notes: Sequence[str] = field(default=())


def read_recording(path: Path) -> Recording:
    """Read what `k2t-gen record` wrote.

    Raises:
        ConversionError: It is no such file, or damaged.
    """
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if "meta" not in getattr(archive, "files", ()):
                raise ConversionError(f"{path.name} is no recording; make one with `k2t-gen record MODEL`")
            meta = json.loads(str(archive["meta"]))
            if meta["format"] != FORMAT:
                found = shorten(meta["format"])
                raise ConversionError(f"{path.name} is a recording of format {found}; supported: {FORMAT}")
            return Recording(
                origin=origin(meta),
                sha256=str(meta["sha256"]),
                runs=[_run(archive, run) for run in meta["runs"]],
                seed=meta["seed"],
                notes=[str(note) for note in meta["notes"]],
            )
    except ConversionError:
        raise
    except FileNotFoundError:
        raise ConversionError(
            f"there is no recording {str(path)!r}; make one with `k2t-gen record MODEL`"
        ) from None
    except (*FILE_FAULTS, *CONFIG_FAULTS, zipfile.BadZipFile) as error:
        raise ConversionError(f"{path.name} is no recording that can be read: {error}") from error


def origin(meta: Mapping[str, Any]) -> str:
    """Who computed a recording."""
    keras = {"keras": "Keras", "tf_keras": "tf_keras"}.get(str(meta["package"]), "tf.keras")
    return f"{keras} {meta['keras']} on {meta['backend']}, Python {meta['python']}"


def _run(archive: Mapping[str, Array], run: Mapping[str, Any]) -> Run:
    calls = [
        Call(
            CallPath(tuple(map(str, call["path"])), tuple(map(int, call["indices"]))),
            str(call["class"]),
            [None if key is None else archive[key] for key in call["outputs"]],
        )
        for call in run["calls"]
    ]
    return Run(
        inputs=[archive[given["key"]] for given in run["inputs"]],
        outputs=[archive[key] for key in run["outputs"]],
        calls=calls,
    )
