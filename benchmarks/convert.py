"""Conversion against its floor: wall time and peak memory, as ratios. `python -m benchmarks.convert`.

The floor is what no conversion can avoid: import torch, read every tensor, write it once. Each
measurement is a process of its own, the two take turns, and the best of several counts. The models
have random weights and are built with Keras once, in a folder that is kept between runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 5
MODELS = ("ResNet50", "VGG16")

FLOOR = """
import sys, h5py, numpy, torch
with h5py.File(sys.argv[1]) as file, open(sys.argv[2], "wb") as out:
    def copy(name, item):
        if isinstance(item, h5py.Dataset):
            out.write(numpy.ascontiguousarray(item[()]))
    file["model_weights"].visititems(copy)
"""
CONVERSION = """
import sys
from codegen import convert
convert(sys.argv[1], output=sys.argv[2] + ".out", name="model")
"""


@dataclass(frozen=True)
class Cost:
    """Wall time in seconds and peak memory in MiB of one process."""

    seconds: float
    mebibytes: float


def measure(program: str, model: Path, scratch: Path) -> Cost:
    """Run a program in a fresh interpreter."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program, str(model), str(scratch / "weights")])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"a measured process failed with {os.waitstatus_to_exitcode(status)}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def build(name: str, folder: Path) -> Path:
    """The model's file; Keras runs in a process of its own so that its memory does not count."""
    path = folder / f"{name.lower()}.h5"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        code = f"import keras; keras.applications.{name}(weights=None).save({str(path)!r})"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return path


def best(costs: Sequence[Cost]) -> Cost:
    """The least of each."""
    return Cost(min(cost.seconds for cost in costs), min(cost.mebibytes for cost in costs))


def main() -> None:
    """Print one line a model."""
    folder = Path(tempfile.gettempdir(), "k2t-gen-benchmarks")
    print("model      file MB   floor s  ours s   ratio   floor MiB  ours - floor MiB")
    for name in MODELS:
        model = build(name, folder)
        with tempfile.TemporaryDirectory() as scratch:
            rounds = [
                (measure(FLOOR, model, Path(scratch)), measure(CONVERSION, model, Path(scratch)))
                for _ in range(ROUNDS)
            ]
        floor, ours = best([a for a, _ in rounds]), best([b for _, b in rounds])
        print(
            f"{name:<10} {model.stat().st_size / 1e6:>7.0f} {floor.seconds:>9.2f} {ours.seconds:>7.2f} "
            f"{ours.seconds / floor.seconds:>7.2f} {floor.mebibytes:>11.0f} "
            f"{ours.mebibytes - floor.mebibytes:>17.0f}"
        )


if __name__ == "__main__":
    main()
