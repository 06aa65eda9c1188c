"""Generated files as code: clean by ruff and mypy whatever the model, whatever its names."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codegen import Conversion, Options, convert
from codegen.pipeline import generate
from codegen.read.reader import read_model
from tests.oracle.cases.tables import CASES
from tests.support.configs import by_keras
from tests.support.conversions import load
from tests.support.keras_files import write_keras
from tests.support.oracle import build, save
from tests.support.showcase import GENERATED

#: But for RET504: what a module's call yields has no type, so that `return self.dense(x)` is not strict.
RULES = "E,F,W,I,B,C4,PIE,RET501,RET502,RET503,RET505,RET506,RET507,RET508,SIM,UP"

HOSTILE = (
    *(
        '"',
        "'",
        '"""',
        "'''",
        "\\",
        "\n",
        "a\nb",
        "\t",
        "\r",
        "\x1b[31m",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\U0001f600",
    ),
    *(
        "ünïcödé",
        "名前",
        "a b",
        "a-b",
        "a_b",
        "a.b",
        "A_B",
        "0start",
        "_",
        "__init__",
        "__class__",
        "_modules",
        " ",
    ),
    *("class", "None", "match", "forward", "train", "training", "eval", "parameters", "modules", "type"),
    *(
        "self",
        "torch",
        "nn",
        "F",
        "x",
        "Tensor",
        "Path",
        "math",
        "print",
        "super",
        "load_model",
        "T_destination",
    ),
    *("WEIGHTS_PATH", "ConvertedModel", "{{ 7 * 7 }}", "{% raise %}", "{0}", "%s", "# comment"),
    *('"""); import os; ("""', "long" * 2500, "long" * 2500 + "2"),
)


def run(*command: str | os.PathLike[str], folder: Path) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def assert_clean(folder: Path) -> None:
    """All Python files of a folder pass ruff and mypy --strict."""
    run(
        "ruff",
        "check",
        "--isolated",
        "--quiet",
        "--select",
        RULES,
        "--line-length",
        "88",
        folder,
        folder=folder,
    )
    run("mypy", "--strict", "--no-error-summary", "--config-file", os.devnull, folder, folder=folder)


def test_every_row_is_clean(tmp_path: Path) -> None:
    for index, case in enumerate(CASES):
        file = save(build(case), tmp_path / f"model.{case.files[-1]}")
        with read_model(file) as saved:
            source = generate(saved, Options(), "model").source
        (tmp_path / f"case_{index}.py").write_text(source, encoding="utf-8")
    for path in GENERATED.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert_clean(tmp_path)


# -------------------------------------------------------------------- hostile names


def layer(class_name: str, name: str, inbound: list[str], **config: Any) -> dict[str, Any]:
    """A layer of a functional model as Keras 2.12 saves it."""
    nodes = [[[source, 0, 0, {}] for source in inbound]] if inbound else []
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


def hostile_model(path: Path) -> tuple[Path, list[Any]]:
    """Every hostile name is an input's or a Dense's; every layer's output is read twice."""
    rng = np.random.default_rng(0)
    half = len(HOSTILE) // 2
    pairs = list(zip(HOSTILE[:half], HOSTILE[half : 2 * half], strict=True))
    inputs = [layer("InputLayer", name, [], batch_input_shape=[None, 2]) for name, _ in pairs]
    dense = [layer("Dense", name, [source], units=2, activation="linear") for source, name in pairs]
    names = [name for _, name in pairs]
    outputs = [layer("Add", "sum", names), layer("Multiply", "product", names)]
    config = {
        "name": '"""\nimport os\n"""',
        "layers": [*inputs, *dense, *outputs],
        "input_layers": [[source, 0, 0] for source, _ in pairs],
        "output_layers": [["sum", 0, 0], ["product", 0, 0]],
    }
    kernels = [rng.normal(size=(2, 2)).astype(np.float32) for _ in pairs]
    tree = {}
    for index, kernel in enumerate(kernels):
        place = f"layers/dense_{index}" if index else "layers/dense"
        tree[f"{place}/vars/0"] = kernel
        tree[f"{place}/vars/1"] = np.zeros(2, np.float32)
    architecture = json.dumps(by_keras({"class_name": "Functional", "config": config}))
    write_keras(path, tree, more={"config.json": architecture})
    return path, kernels


def test_hostile_names(tmp_path: Path) -> None:
    file, kernels = hostile_model(tmp_path / "hostile.keras")
    result = convert(file, output=tmp_path / "out")
    text = result.source_path.read_text(encoding="utf-8")
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert {ast.unparse(node).split()[1].split(".")[0] for node in imports} == {"pathlib", "torch"}
    assert max(map(len, text.splitlines())) <= 88
    inputs = [torch.rand(3, 2) for _ in kernels]
    total, product = load(result).load_model()(*inputs)
    expected = [x @ torch.from_numpy(kernel) for x, kernel in zip(inputs, kernels, strict=True)]
    torch.testing.assert_close(total, torch.stack(expected).sum(0))
    torch.testing.assert_close(product, torch.stack(expected).prod(0))
    assert_clean(tmp_path / "out")


HOSTILE_FILES = (
    *('"""; import os #.keras', "a\nb.keras", "ünï.keras", "1.keras", "class.keras", "-o.keras", ".keras"),
    *(os.fsdecode(b"\xff\xfe.keras"), "x" * 240 + ".keras", "{{ 7 * 7 }}.keras"),
)


@pytest.mark.parametrize("name", HOSTILE_FILES, ids=ascii)
def test_hostile_file_names(tmp_path: Path, name: str) -> None:
    file, _ = hostile_model(tmp_path / name)
    result: Conversion = convert(file, output=tmp_path / "out")
    assert result.source_path.stem.isidentifier()
    load(result).load_model()
