"""The source of a whole package: what of it counts, and how its modules find one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codegen import convert, inspect
from codegen.evaluation.author import Author
from codegen.evaluation.evaluator import Evaluator
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.namespaces import Program
from codegen.source.files import Sources
from tests.support.builder import empty_builder
from tests.support.configs import entry, functional, input_entry
from tests.support.sources import found

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
    made = convert(tmp_path / "model.json", source=[str(package)], no_weights=True, output=tmp_path)
    assert any("LeakyReLU is Keras' layer, not the class of layers.py" in note for note in made.notes) == (
        class_name == "LeakyReLU"
    )
    (found,) = _problems(tmp_path, layer, package / "layers.py")
    assert "layer 'layer'" in found and "open" in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n    import jax\nexcept ImportError:\n    jax = None\nvalue = jax is None", True),
        ("try:\n    import numpy as np\nexcept ImportError:\n    np = None\nvalue = np is None", False),
        ("flag = False\nif flag:\n    value = 1\nelse:\n    value = 2", 2),
        ("flag = True\nif flag:\n    value = 1\nelif missing():\n    value = 2\nelse:\n    value = 3", 1),
        ("import os\nif os.getenv('A'):\n    value = 1\nelse:\n    value = 2", 1),
        ("if False:\n    def value():\n        return 1\nelse:\n    value = 3\nvalue = value + 1", 4),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    value = 1\nelse:\n    value = 2", 2),
        ("if value:\n    value = 1\nelse:\n    value = 2", 1),
        ("name = 'w'\nvalue = '%s_%d' % (name, 2)", "w_2"),
        ("import string\nvalue = string.ascii_lowercase[2]", "c"),
        ("import warnings\nwarnings.warn('old')\nvalue = (2.0).is_integer()", True),
        ("from packaging import version\nvalue = version.parse('3.10.1') > version.parse('3.9')", True),
        ("from collections import OrderedDict\nvalue = list(OrderedDict([('b', 1), ('a', 2)]))", ["b", "a"]),
    ],
)
def test_a_module_means_what_python_would_make_of_it(tmp_path: Path, text: str, expected: Any) -> None:
    assert found(tmp_path, "value", main=text) == expected


@pytest.mark.parametrize("where", ["keras.backend", "keras.config", "tensorflow.keras.backend"])
def test_the_image_data_format_is_what_the_layers_of_the_file_say(tmp_path: Path, where: str) -> None:
    (tmp_path / "main.py").write_text(f"from {where} import image_data_format\nvalue = image_data_format()")
    program = Program(Sources([tmp_path]))
    module = program.sources.module("main")
    assert module is not None
    author = Author(program, lambda *_: None, 3)  # type: ignore[arg-type]  # no layers here
    evaluator = Evaluator(empty_builder(), Versions(data_format="channels_first"), author)
    assert evaluator.lookup("value", program.namespace(module)) == "channels_first"


def test_a_package_finds_its_own_modules(tmp_path: Path) -> None:
    inside = "from lib import backend, own\nfrom . import other\nvalue = backend.size + other.size + own"
    package = _package(
        tmp_path, "lib", __init__="from lib import backend\nfrom .other import own\nimport lib.main",
        backend="size = 1", other="size = 20\nown = 300", main=inside,
    )  # fmt: skip
    program = Program(Sources([package]))
    module = program.sources.module("lib.main")
    assert module is not None and program.sources.is_packaged(module)
    author = Author(program, lambda *_: None, 3)  # type: ignore[arg-type]  # no layers here
    evaluator = Evaluator(empty_builder(), Versions(), author)
    assert evaluator.lookup("value", program.namespace(module)) == 321
