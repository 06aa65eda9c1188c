"""The README tells the truth: its table, its examples, its commands."""

from __future__ import annotations

import inspect as python_inspect
import re
import subprocess
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from codegen.cli import main
from tests.oracle.cases.case import keras
from tests.support.keras_classes import KERAS_1, KERAS_2
from tests.support.readme import renewed
from tests.support.showcase import EXAMPLES, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(mark: str) -> str:
    """The fenced code after a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```\n", README, re.DOTALL)
    assert found, mark
    return found[1]


def test_made_parts_are_up_to_date() -> None:
    assert renewed(README) == README, "renew it with `python -m tests.support.readme`"


def test_ci_runs_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    extraction = re.search(r"command=\$\((.*)\)\n", script)
    assert extraction
    shell = ["bash", "-c", extraction[1]]
    assert subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True).stdout == block(
        "tests"
    )
    assert "pytest" in block("tests")


def test_refusal_is_as_printed(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["convert", str(EXAMPLES / "gated.keras"), "-o", str(tmp_path)])
    shown = "".join(f"    {line}\n" for line in result.stderr.splitlines())
    assert shown in README
    assert result.exit_code == 1


def test_every_option_of_convert_is_shown() -> None:
    usage = README.split("## Commands")[1].split("k2t-gen inspect")[0]
    for option in main.commands["convert"].params:
        if option.param_type_name == "option":
            assert option.opts[0] in usage


def _keras_layers() -> list[str]:
    """The layer classes of the installed Keras, without abstract ones."""
    found: list[tuple[str, Any]] = python_inspect.getmembers(keras.layers, python_inspect.isclass)
    abstract = {"InputLayer", "Layer", "Wrapper"}
    return sorted({cls.__name__ for _, cls in found if issubclass(cls, keras.layers.Layer)} - abstract)


def test_table_knows_every_layer_of_every_keras() -> None:
    table = README.split("<!-- layers -->")[1].split("<!-- end of layers -->")[0]
    refused = README.split("## What is refused")[1].split("<!-- end of refused -->")[0]
    words = set(re.findall(r"\w+", table + refused))
    assert set(_keras_layers()) - words == set()
    assert set(KERAS_2) - words == set()
    assert set(KERAS_1) - words == set()
