"""The recorder is one script that every Python since 2.7 reads, and that loads nothing it should not."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from codegen.cli import main
from codegen.evidence.script import recorder_script
from codegen.recorder.files import architecture, holds_code
from codegen.recorder.inputs import Given, sizes_to_try, suitable
from codegen.recorder.loading import candidates
from tests.support.showcase import EXAMPLES

FIXTURES = Path(__file__).parents[2] / "fixtures"

#: What Python 2.7 or 3.5 cannot parse.
NEW = (
    *(ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.MatMult, ast.YieldFrom, ast.Match),
    *(ast.AsyncFunctionDef, ast.AsyncWith, ast.AsyncFor, ast.Await),
)


def test_every_python_can_parse_it() -> None:
    tree = ast.parse(recorder_script())
    nodes = list(ast.walk(tree))
    assert [ast.unparse(node) for node in nodes if isinstance(node, NEW)] == []
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            assert not node.args.kwonlyargs and not node.args.posonlyargs and node.returns is None
            assert all(argument.annotation is None for argument in arguments)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)) and isinstance(node.ctx, ast.Load):  # type: ignore[union-attr]  # a set has none
            assert not any(isinstance(part, ast.Starred) for part in node.elts), ast.unparse(node)
        if isinstance(node, ast.Dict):
            assert None not in node.keys
        if isinstance(node, ast.ClassDef):
            assert node.bases and not node.keywords
        if isinstance(node, ast.Raise):
            assert node.cause is None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "super"


def test_it_imports_nothing_of_ours_and_no_keras_before_it_must() -> None:
    tree = ast.parse(recorder_script())
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {ast.unparse(node).split()[1].split(".")[0] for node in imports}
    allowed = {*sys.stdlib_module_names, "numpy", "h5py"}
    assert names <= allowed


def test_print_gives_a_script_that_runs(tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["record", "--print"]).stdout
    assert printed == recorder_script()
    (tmp_path / "record.py").write_text(printed, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "record.py", FIXTURES / "lambda.keras"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("record: error: the file holds Python code (a Lambda)")
    assert done.stderr.count("\n") == 1  # Keras was not even started


# -------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"function": ["4wEA", None, None], "function_type": "lambda"}, True),
        ({"function": {"class_name": "__lambda__", "config": {}}}, True),
        ({"function": "relu", "function_type": "function"}, False),
        ({"activation": "relu"}, False),
    ],
)
def test_code_in_a_file_is_seen_before_it_is_loaded(
    tmp_path: Path, config: object, *, expected: bool
) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Lambda", "config": config}, indent=2))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.1.0"}))
    text, version = architecture(str(path))
    assert (holds_code(text), version) == (expected, "3.1.0")


def test_the_file_tells_which_keras_wrote_it() -> None:
    assert architecture(str(FIXTURES / "keras_2.2.4_bidir_masked.h5"))[1] == "2.2.4"
    assert architecture(str(EXAMPLES / "resnet50.json"))[1] == "3"
    assert candidates("3.1.0")[0] == "keras"
    assert candidates("2.2.4")[0] == "keras"
    assert candidates("2.2.4-tf")[0] == "tf_keras"
    assert candidates("2.15.0")[0] == "tf_keras"


# -------------------------------------------------------------------- inputs


def test_inputs_suit_what_reads_them() -> None:
    given = [
        Given("words", (None, None), "float32", [("Embedding", {"input_dim": 9, "mask_zero": True})]),
        Given("codes", (None, 3), "int64", [("CategoryEncoding", {"num_tokens": 4})]),
        Given("photo", (None, 8, 9, 3), "float32", [("Rescaling", {"scale": 1 / 255})]),
        Given("steps", (3, None, 2), "float32", [("Masking", {"mask_value": -1.0})]),
        Given("keep", (None, 5), "bool", []),
        Given("plain", (None, 5), "float32", []),
    ]
    words, codes, photo, steps, keep, plain = suitable(given, 12, "normal", 1)
    assert words.shape == (2, 12) and words.dtype == np.float32
    assert (words[0] > 0).all() and (words[1, -3:] == 0).all() and words.max() < 9
    assert codes.min() >= 0 and codes.max() < 4
    assert photo.shape == (2, 8, 9, 3) and photo.max() > 2 and photo.max() < 256
    assert steps.shape == (3, 12, 2) and (steps[1, -1] == -1).all() and not (steps[0] == -1).any()
    assert keep.dtype == bool and keep[:, 0].all()
    assert plain.min() < 0
    assert suitable(given[-1:], 1, "positive", 1)[0].min() > 0


def test_open_axes_have_sizes_to_try() -> None:
    assert sizes_to_try([Given("x", (None, 3), "float32", [])]) == [1]
    assert sizes_to_try([Given("x", (None, None, 3), "float32", [])])[0] == 12
    assert sizes_to_try([Given("x", (None, None, None, 3), "float32", [])])[0] == 64


def test_text_is_asked_for() -> None:
    with pytest.raises(ValueError, match="'words' takes text: give some with --inputs"):
        suitable([Given("words", (None, 3), "string", [])], 1, "normal", 1)
