"""Converted models against hand-written ones and against Keras: `python -m benchmarks.forward [NETWORK ...]`.

Each contestant is a process of its own with two threads, whose processor time is taken: other users of
the machine disturb that least. They take turns, run by run, and the median counts. The ratios are
those of the converted model's times to the others': below 1 it is the faster one.

"forward" is what a call `model(x)` takes, "compiled" the same after `torch.compile` or `tf.function`, and
"step" a training step without the optimiser (Keras' on TensorFlow as a graph).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.contestant import CONTESTANTS
from benchmarks.models import NETWORKS
from codegen import convert

ROUNDS, WARM_UP = 7, 1


class Contestant:
    """A process that runs a model on demand."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, kind: str) -> float:
        """Processor seconds of one run: "forward", "compiled" or "step"; nan if it has no such run."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(kind, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"a contestant failed: {' '.join(map(str, self.process.args[2:]))}")  # type: ignore[index]  # a list
        return float(answer)


@contextmanager
def started(contestant: str, name: str, file: Path) -> Iterator[Contestant]:
    """Start a contestant and end it after use."""
    command = [sys.executable, "-m", "benchmarks.contestant", contestant, name, str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        yield Contestant(process)
        process.terminate()


def build(name: str, folder: Path) -> Path:
    """The Keras file of a network, and its conversion beside it."""
    file = folder / f"{name.lower()}.keras"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        code = f"from benchmarks.models import NETWORKS; NETWORKS[{name!r}].build().save({str(file)!r})"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    convert(file, output=folder)
    return file


def measure(name: str, file: Path, kind: str) -> dict[str, float]:
    """Median seconds of each contestant."""
    with ExitStack() as stack:
        contestants = {c: stack.enter_context(started(c, name, file)) for c in CONTESTANTS}
        times: dict[str, list[float]] = {contestant: [] for contestant in contestants}
        for number in range(WARM_UP + ROUNDS):
            for contestant, process in contestants.items():
                seconds = process.run(kind)
                if number >= WARM_UP:
                    times[contestant].append(seconds)
    return {contestant: statistics.median(runs) for contestant, runs in times.items()}


def main() -> None:
    """Print one line a network and kind of run."""
    folder = Path(tempfile.gettempdir(), "k2t-gen-benchmarks")
    others = [contestant for contestant in CONTESTANTS if contestant != "converted"]
    print(f"{'network':<16}{'run':<9}{'ms':>8}" + "".join(f"{'/ ' + other:>20}" for other in others))
    for name in sys.argv[1:] or NETWORKS:
        file = build(name, folder)
        for kind in ("forward", "compiled", "step"):
            medians = measure(name, file, kind)
            ours = medians["converted"]
            ratios = "".join(f"{ours / medians[other]:>20.2f}" for other in others)
            print(f"{name:<16}{kind:<9}{1e3 * ours:>8.1f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
