"""A frozen backbone with a new head, trained on by Keras and by the converted script: the curves of both.

Run `python -m benchmarks.fine_tuning docs/fine_tuning.svg`; it needs Keras, TensorFlow and scikit-learn,
whose digits are the data. It prints the last losses, how far two runs of Keras with other seeds are apart,
and how far Keras and torch are.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from codegen import convert

Array = NDArray[Any]

BATCH, EPOCHS = 32, 3
SIZE = (640, 300)
COLOURS = {"Keras": "#d62728", "torch": "#1f77b4", "Keras, another seed": "#bbbbbb"}


def backbone(images: Array, labels: Array) -> Any:
    """A small net that knows the digits below five; then it is frozen."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    features = layers.Flatten()(x)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(features))
    model.compile("adam", "sparse_categorical_crossentropy")
    below = labels < 5
    model.fit(images[below], labels[below], BATCH, 3, verbose=0)
    body = keras.Model(inputs, features, name="backbone")
    body.trainable = False
    return body


def with_head(body: Any, seed: int) -> Any:
    """The backbone under a new head for all ten digits."""
    keras.utils.set_random_seed(seed)
    head = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((8, 8, 1)), body, keras.layers.Dense(32, activation="relu"), head])
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    return model


def batches(count: int, seed: int) -> list[Array]:
    """The numbers of the samples of each step."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(count) for _ in range(EPOCHS)]
    return [order[start : start + BATCH] for order in orders for start in range(0, count - BATCH + 1, BATCH)]


def keras_losses(model: Any, images: Array, labels: Array, steps: list[Array]) -> list[float]:
    """The loss of each step."""
    losses = []
    for chosen in steps:
        model.reset_metrics()
        losses.append(float(np.ravel(model.train_on_batch(images[chosen], labels[chosen]))[0]))
    return losses


def torch_losses(path: Path, images: Array, labels: Array, steps: list[Array]) -> list[float]:
    """The same of the converted model, by its training script."""
    convert(path, output=path.parent, training=True)
    model = _module(path.with_suffix(".py")).load_model()
    script = _module(path.with_name(f"train_{path.stem}.py"))
    optimizer = script.make_optimizer(model)
    tensors = [(torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen])) for chosen in steps]
    return [script.training_step(model, optimizer, *pair).item() for pair in tensors]


def picture(curves: dict[str, list[float]]) -> str:
    """The curves as SVG."""
    width, height = SIZE
    top = max(max(losses) for losses in curves.values())
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    lines = [f'{head} font-family="sans-serif" font-size="13">']
    lines.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    for row, (name, losses) in enumerate(reversed(curves.items())):
        xs = np.linspace(40, width - 10, len(losses))
        ys = height - 30 - (height - 50) * np.asarray(losses) / top
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        dash = ' stroke-dasharray="5 4"' if name == "torch" else ""
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"{dash}/>'
        )
        lines.append(f'<text x="{width - 170}" y="{30 + 20 * row}" fill="{COLOURS[name]}">{name}</text>')
    lines.append(f'<text x="40" y="{height - 8}">steps 1 to {len(losses)}, loss 0 to {top:.2f}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Train, print and draw."""
    digits = load_digits()
    images = (digits.images[..., None] / 16).astype("float32")
    labels = digits.target.astype("int64")
    keras.utils.set_random_seed(0)
    body = backbone(images, labels)
    curves: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = with_head(body, seed=1)
        path = Path(folder, "digits.keras")
        model.save(path)
        steps = batches(len(images), seed=1)
        curves["Keras"] = keras_losses(model, images, labels, steps)
        curves["torch"] = torch_losses(path, images, labels, steps)
        other = with_head(body, seed=2)
        curves["Keras, another seed"] = keras_losses(other, images, labels, batches(len(images), seed=2))
    last = {name: float(np.mean(losses[-len(steps) // EPOCHS :])) for name, losses in curves.items()}
    for name, loss in last.items():
        print(f"{name}: mean loss of the last epoch {loss:.6f}")
    print(f"two seeds of Keras differ by {abs(last['Keras'] - last['Keras, another seed']):.2e}")
    print(f"Keras and torch differ by {abs(last['Keras'] - last['torch']):.2e}")
    apart = np.abs(np.subtract(curves["Keras"], curves["torch"])) / curves["Keras"]
    print(f"greatest relative difference of a step: {apart.max():.1e}")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(picture(curves), encoding="utf-8")


if __name__ == "__main__":
    main()
