"""The source of a whole package: what of it counts, and how its modules find one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codegen import inspect
from tests.support.configs import entry, functional, input_entry

#: A class of which no call can be evaluated.
OPENS = """
from tensorflow.keras.layers import Layer


class {name}(Layer):
    def __init__(self, **kwargs):
        super().__init__()

    def call(self, inputs):
        return open("k2t_marker")
"""


def _problems(folder: Path, layer: dict[str, Any], source: Path) -> list[str]:
    layers = [input_entry("x", 4), layer]
    model = functional(layers, [["x", 0, 0]], [["layer", 0, 0]])
    path = folder / "model.json"
    path.write_text(json.dumps({**model, "keras_version": "2.8.0", "backend": "tensorflow"}))
    return list(inspect(path, source=[str(source)]).problems)


def _package(folder: Path, name: str, **files: str) -> Path:
    package = folder / name
    package.mkdir()
    for stem, text in {"__init__": "", **files}.items():
        (package / f"{stem}.py").write_text(text)
    return package


@pytest.mark.parametrize(
    ("class_name", "options"),
    [
        ("Addons>InstanceNormalization", {"groups": 2, "axis": -1, "epsilon": 1e-3}),
        ("LeakyReLU", {"alpha": 0.25, "trainable": True, "dtype": "float32"}),
        ("GeLU", {"approximate": False}),
    ],
)
def test_layers_that_are_known_need_no_source_of_their_package(
    tmp_path: Path, class_name: str, options: dict[str, Any]
) -> None:
    layer = entry(class_name, "layer", [[["x", 0, 0, {}]]], **options)
    package = _package(tmp_path, "lib", layers=OPENS.format(name=class_name.rpartition(">")[2]))
    assert _problems(tmp_path, layer, package) == []
    (found,) = _problems(tmp_path, layer, package / "layers.py")
    assert "layer 'layer'" in found and "open" in found
