"""Converted recurrent layers with a mask against torch's own without: `python -m benchmarks.masked_rnn`.

A third of the steps is masked. One thread, processor time, medians of runs that take turns; the bar is 1.5.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codegen import convert

BATCH, STEPS, FEATURES, UNITS = 32, 100, 64, 64
ROUNDS, WARM_UP = 15, 2

BUILD = """
import sys, keras
from keras import layers as L
units = int(sys.argv[3])
made = {"LSTM": L.LSTM, "GRU": L.GRU}[sys.argv[2].split()[-1]](units, return_sequences=True)
made = L.Bidirectional(made) if sys.argv[2].startswith("Bidirectional") else made
x, mask = keras.Input((None, int(sys.argv[4]))), keras.Input((None,), dtype="bool")
keras.Model([x, mask], made(x, mask=mask)).save(sys.argv[1])
"""


def converted(kind: str, folder: Path) -> nn.Module:
    """The Keras layer with a mask as its second input."""
    file = folder / f"{kind.replace(' ', '_').lower()}.keras"
    command = [sys.executable, "-c", BUILD, str(file), kind, str(UNITS), str(FEATURES)]
    subprocess.run(command, check=True, capture_output=True)
    source = convert(file, output=folder).source_path
    namespace: dict[str, Any] = {"__name__": "generated", "__file__": str(source)}
    exec(source.read_text(encoding="utf-8"), namespace)
    model: nn.Module = namespace["load_model"]()
    return model


def plain(kind: str) -> Callable[[Tensor, Tensor], Tensor]:
    """torch's own layer, which sees every step."""
    made = nn.LSTM if kind.endswith("LSTM") else nn.GRU
    rnn = made(FEATURES, UNITS, batch_first=True, bidirectional=kind.startswith("Bidirectional"))
    return lambda x, _: rnn(x)[0]


def seconds(model: Callable[[Tensor, Tensor], Tensor], x: Tensor, mask: Tensor, step: bool) -> float:
    """Processor time of one run."""
    start = time.process_time()
    with torch.set_grad_enabled(step):
        output = model(x, mask)
    if step:
        torch.autograd.backward(output.sum())
    return time.process_time() - start


def main() -> None:
    """Print one line a layer and kind of run."""
    os.environ["KERAS_BACKEND"] = "torch"
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, mask = torch.randn(BATCH, STEPS, FEATURES), torch.rand(BATCH, STEPS) > 1 / 3
    print(f"{'layer':<20}{'run':<9}{'masked ms':>10}{'plain ms':>10}{'ratio':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("LSTM", "GRU", "Bidirectional LSTM", "Bidirectional GRU"):
            models = (converted(kind, Path(folder)), plain(kind))
            for step in (False, True):
                rounds = [[seconds(m, x, mask, step) for m in models] for _ in range(WARM_UP + ROUNDS)]
                masked, bare = (
                    1e3 * statistics.median(times) for times in zip(*rounds[WARM_UP:], strict=True)
                )
                run = "step" if step else "forward"
                print(f"{kind:<20}{run:<9}{masked:>10.1f}{bare:>10.1f}{masked / bare:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
