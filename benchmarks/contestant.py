"""One contestant of `benchmarks.forward`, a process that runs a model when told to and takes the time."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.models import NETWORKS, Network

Run = Callable[[], object]

#: With a single one, torch takes other kernels for 1x1 convolutions.
THREADS = "2"


def sample(network: Network) -> NDArray[Any]:
    """One batch."""
    rng = np.random.default_rng(0)
    shape = (network.batch, *network.shape)
    if network.tokens:
        return rng.integers(0, network.tokens, shape).astype(np.int32)
    return rng.uniform(0, 1, shape).astype(np.float32)


def torch_runs(model: Any, x: Any) -> dict[str, Run]:
    """Inference, as it is and compiled, and a training step without the optimiser."""
    import torch
    from torch import _dynamo, _inductor

    _dynamo.config.allow_rnn = True
    _inductor.config.freezing = True  # weights are constants, as in a graph of TensorFlow's
    graph: Callable[[Any], Any] = torch.compile(model)

    def forward() -> None:
        with torch.inference_mode():
            model.eval()(x)

    def compiled() -> None:
        with torch.no_grad():
            model.eval()
            graph(x)

    def step() -> None:
        model.train().zero_grad()
        model(x).square().mean().backward()

    return {"forward": forward, "compiled": compiled, "step": step}


def converted(name: str, file: Path) -> dict[str, Run]:
    """What k2t-gen makes of the model."""
    import torch

    namespace: dict[str, Any] = {"__name__": "generated", "__file__": str(file.with_suffix(".py"))}
    exec(file.with_suffix(".py").read_text(encoding="utf-8"), namespace)
    return torch_runs(namespace["load_model"](), torch.from_numpy(sample(NETWORKS[name])))


def handwritten(name: str, file: Path) -> dict[str, Run]:
    """What a person writes; images as torch has them, channels first."""
    import torch

    from benchmarks.handwritten import HANDWRITTEN

    del file
    x = torch.from_numpy(sample(NETWORKS[name]))
    return torch_runs(HANDWRITTEN[name](), x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x)


def keras_torch(name: str, file: Path) -> dict[str, Run]:
    """Keras on torch."""
    import keras
    import torch

    model = keras.saving.load_model(file, compile=False)
    x = torch.from_numpy(sample(NETWORKS[name]))

    def forward() -> None:
        with torch.inference_mode():
            model(x, training=False)

    def step() -> None:
        model.zero_grad()
        model(x, training=True).square().mean().backward()

    return {"forward": forward, "step": step}


def keras_tensorflow(name: str, file: Path) -> dict[str, Run]:
    """Keras on TensorFlow: called, and as a graph."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(int(THREADS))
    tf.config.threading.set_inter_op_parallelism_threads(int(THREADS))
    model = keras.saving.load_model(file, compile=False)
    x = tf.constant(sample(NETWORKS[name]))

    def forward() -> Any:
        return model(x, training=False)

    def step() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True)))
        return tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    graph, step_graph = tf.function(forward), tf.function(step)
    return {
        "forward": lambda: forward().numpy(),
        "compiled": lambda: graph().numpy(),
        "step": lambda: step_graph()[-1].numpy(),
    }


#: The contestants, each with the Keras backend that it needs.
CONTESTANTS: dict[str, tuple[Callable[[str, Path], dict[str, Run]], str]] = {
    "converted": (converted, ""),
    "handwritten": (handwritten, ""),
    "keras-tensorflow": (keras_tensorflow, "tensorflow"),
    "keras-torch": (keras_torch, "torch"),
}


def main(contestant: str, name: str, file: Path) -> None:
    """Answer each line of the standard input with the seconds of one run of that kind, or nan."""
    os.environ |= {"OMP_NUM_THREADS": THREADS, "OMP_WAIT_POLICY": "PASSIVE"}  # who waits takes no time
    make, backend = CONTESTANTS[contestant]
    os.environ["KERAS_BACKEND"] = backend or "torch"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    runs = make(name, file)
    for line in sys.stdin:
        run = runs.get(line.strip())
        start = time.process_time()
        if run is not None:
            run()
        print(time.process_time() - start if run else math.nan, file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
