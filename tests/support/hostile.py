"""Models that a page must bear: names that are HTML, and very many layers."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

#: Names of a model and of its layers.
HOSTILE = [
    "</title><script>owned = 1</script>",
    "<img src=x onerror=owned=1>",
    "</script><script>owned = 1</script>",
    "\"><svg onload='owned=1'> &lt;b&gt; {{ 7 * 7 }} {% raw %}",
    "*/ alert(1) //\u2028<!--",
]


def _layer(name: str, source: str | None, class_name: str, **config: Any) -> dict[str, Any]:
    tensor = {"shape": [None, 3], "dtype": "float32", "keras_history": [source, 0, 0]}
    call = {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}
    return {
        "module": "keras.layers", "class_name": class_name, "name": name, "config": {"name": name, **config},
        "registered_name": None, "inbound_nodes": [] if source is None else [call],
    }  # fmt: skip


def _model(name: str, names: list[str]) -> str:
    layers = [_layer(names[0], None, "InputLayer", batch_shape=[None, 3], dtype="float32")]
    for number, (before, after) in enumerate(itertools.pairwise(names)):
        if number % 2:
            layers.append(_layer(after, before, "Activation", activation="relu"))
        else:
            layers.append(_layer(after, before, "Dense", units=3))
    config = {
        "name": name, "layers": layers,
        "input_layers": [[names[0], 0, 0]], "output_layers": [[names[-1], 0, 0]],
    }  # fmt: skip
    return json.dumps({"module": "keras", "class_name": "Functional", "config": config})


def hostile_model(folder: Path) -> Path:
    """The JSON of a model whose names are HTML and script."""
    path = folder / "hostile.json"
    path.write_text(_model(HOSTILE[0], HOSTILE[1:]), encoding="utf-8")
    return path


def long_model(folder: Path, count: int) -> Path:
    """The JSON of a chain of so many layers behind its input."""
    path = folder / "long.json"
    path.write_text(_model("long", ["input", *(f"layer_{n}" for n in range(count))]), encoding="utf-8")
    return path
