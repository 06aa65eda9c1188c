"""Models that a page must bear: names that are HTML, and very many layers."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from tests.support.keras_json import layer, model, tensor, whole

#: Names of a model and of its layers.
HOSTILE = [
    "</title><script>owned = 1</script>",
    "<img src=x onerror=owned=1>",
    "</script><script>owned = 1</script>",
    "\"><svg onload='owned=1'> &lt;b&gt; {{ 7 * 7 }} {% raw %}",
    "*/ alert(1) //\u2028<!--",
]


def _chain(name: str, names: list[str]) -> str:
    layers = [layer(names[0], "InputLayer", batch_shape=[None, 3], dtype="float32")]
    for number, (before, after) in enumerate(itertools.pairwise(names)):
        if number % 2:
            layers.append(layer(after, "Activation", tensor(before), activation="relu"))
        else:
            layers.append(layer(after, "Dense", tensor(before), units=3))
    return json.dumps(whole(model(name, layers, names[0], names[-1])))


def hostile_model(folder: Path) -> Path:
    """The JSON of a model whose names are HTML and script."""
    path = folder / "hostile.json"
    path.write_text(_chain(HOSTILE[0], HOSTILE[1:]), encoding="utf-8")
    return path


def long_model(folder: Path, count: int) -> Path:
    """The JSON of a chain of so many layers behind its input."""
    path = folder / "long.json"
    path.write_text(_chain("long", ["input", *(f"layer_{n}" for n in range(count))]), encoding="utf-8")
    return path
