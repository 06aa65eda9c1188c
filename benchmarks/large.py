"""What a large model costs: `python -m benchmarks.large 4` (gigabytes). Each command is a process of its own.

The model is an embedding, a quarter of all, and a stack of equal dense layers, with random weights; Keras is
not needed to write its `.h5`. The floor reads every tensor with h5py and writes it, with torch imported. Wall
time, CPU time and peak memory; the file is kept between runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.convert import FLOOR

WIDTH, LENGTH = 1024, 8
COMMAND = "import sys; from codegen.cli import main; main(sys.argv[3:], prog_name='k2t-gen')"
LOAD = "import sys, runpy; runpy.run_path(sys.argv[3])['load_model']()"


def build(path: Path, gigabytes: float) -> None:
    """Write the model as tf.keras does."""
    kernels = int(gigabytes * 1e9 * 3 / 4 / (4 * WIDTH * WIDTH))
    vocabulary = int(gigabytes * 1e9 / 4 / (4 * WIDTH))
    embedding = {"name": "words", "input_dim": vocabulary, "output_dim": WIDTH}
    dense = {"units": WIDTH, "activation": "relu"}
    configs: list[tuple[str, dict[str, Any]]] = [
        ("InputLayer", {"name": "ids", "batch_shape": [None, LENGTH], "dtype": "int32"})
    ]
    configs += [("Embedding", embedding)]
    configs += [("Dense", {"name": f"dense_{number}", **dense}) for number in range(kernels)]
    layers: list[dict[str, Any]] = [
        {"class_name": name, "module": "keras.layers", "config": options} for name, options in configs
    ]
    config = {"class_name": "Sequential", "config": {"name": "large", "layers": layers}}
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), "3.5.0"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer["config"]["name"].encode() for layer in layers]
        for layer in layers:
            name = layer["config"]["name"]
            arrays: dict[str, tuple[int, ...]] = {"kernel:0": (WIDTH, WIDTH), "bias:0": (WIDTH,)}
            if name in ("ids", "words"):
                arrays = {"embeddings:0": (vocabulary, WIDTH)} if name == "words" else {}
            part = group.create_group(name)
            part.attrs["weight_names"] = [f"{name}/{key}".encode() for key in arrays]
            for key, shape in arrays.items():
                data = part.create_dataset(f"{name}/{key}", shape, "float32")
                for start in range(0, shape[0], 4096):
                    rows = data[start : start + 4096].shape
                    data[start : start + 4096] = rng.random(rows, np.float32) / WIDTH


def measure(what: str, program: str, *arguments: str) -> None:
    """Run a program and print what it cost."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status)
    print(f"{what:<24} {wall:>7.1f} {cpu:>7.1f} {usage.ru_maxrss / 1024:>8.0f} {code:>5}", flush=True)


def main() -> None:
    """Print one line a command."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    folder = Path(tempfile.gettempdir(), "k2t-gen-benchmarks")
    folder.mkdir(exist_ok=True)
    model = folder / f"large_{gigabytes:g}.h5"
    if not model.exists():
        build(model, gigabytes)
    print(f"{model.stat().st_size / 1e9:.2f} GB          wall s   CPU s      MiB  exit")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        paths = (str(model), f"{scratch}/floor")
        measure("floor", FLOOR, *paths)
        Path(paths[1]).unlink()
        measure("inspect", COMMAND, *paths, "inspect", str(model))
        measure("convert", COMMAND, *paths, "convert", str(model), "-o", scratch)
        measure("convert, unchanged", COMMAND, *paths, "convert", str(model), "-o", scratch)
        measure("check", COMMAND, *paths, "check", str(model), "-o", scratch)
        measure("load_model()", LOAD, *paths, str(next(Path(scratch).glob("large*.py"))))


if __name__ == "__main__":
    main()
