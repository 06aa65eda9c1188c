"""README, CONTRIBUTING and docs/ tell the truth: their tables, examples, commands, paths and links."""

from __future__ import annotations

import inspect as python_inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from codegen.cli import main
from tests.oracle.cases.case import keras
from tests.support.docs import ARCHITECTURE, CONTRIBUTING, DOCS, LAYERS, README, block, renewed, text_of
from tests.support.keras_classes import KERAS_1, KERAS_2
from tests.support.showcase import EXAMPLES, ROOT

PAGES = (README, CONTRIBUTING, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))
#: What a path in the text begins with, if it means a file of this repository.
FOLDERS = ("codegen/", "docs/", "templates/", "tests/", "benchmarks/", "examples/", ".ci/")


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# -------------------------------------------------------------------- made parts


@pytest.mark.parametrize(("path", "text"), renewed().items(), ids=lambda part: getattr(part, "name", ""))
def test_made_parts_are_up_to_date(path: Path, text: str) -> None:
    assert text_of(path) == text, "renew it with `python -m tests.support.docs`"


def test_ci_runs_the_test_command() -> None:
    script = text_of(ROOT / ".ci" / "run")
    extraction = re.search(r"command=\$\((.*)\)\n", script)
    assert extraction
    shell = ["bash", "-c", extraction[1]]
    found = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found == block(README, "tests")
    assert "pytest" in found


def test_refusal_is_as_printed(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["convert", str(EXAMPLES / "gated.keras"), "-o", str(tmp_path)])
    shown = "".join(f"    {line}\n" for line in result.stderr.splitlines())
    assert shown in text_of(README)
    assert result.exit_code == 1


def test_every_option_of_convert_is_shown() -> None:
    usage = text_of(README).split("## Commands")[1].split("k2t-gen inspect")[0]
    for option in main.commands["convert"].params:
        if option.param_type_name == "option":
            assert option.opts[0] in usage


def test_the_readme_is_no_reference() -> None:
    assert len(README.read_bytes()) < 12_000


# -------------------------------------------------------------------- layers


def _keras_layers() -> list[str]:
    """The layer classes of the installed Keras, without abstract ones."""
    found: list[tuple[str, Any]] = python_inspect.getmembers(keras.layers, python_inspect.isclass)
    abstract = {"InputLayer", "Layer", "Wrapper"}
    return sorted({cls.__name__ for _, cls in found if issubclass(cls, keras.layers.Layer)} - abstract)


def test_table_knows_every_layer_of_every_keras() -> None:
    words = set(re.findall(r"\w+", text_of(LAYERS)))
    assert set(_keras_layers()) - words == set()
    assert set(KERAS_2) - words == set()
    assert set(KERAS_1) - words == set()


def test_architecture_names_every_room() -> None:
    table = text_of(ARCHITECTURE).split("<!-- rooms -->")[1].split("<!-- end of rooms -->")[0]
    named = set(re.findall(r"`([\w./]+)`", table))
    folders = {page_name(path.parent) + "/" for path in ROOT.glob("codegen/*/**/__init__.py")}
    files = {page_name(path) for path in ROOT.glob("codegen/*.py")}
    halls = {"codegen/ops/"} | {folder for folder in folders if folder.startswith("codegen/runtime/")}
    doors = {"codegen/__init__.py", "codegen/__main__.py", "codegen/custom.py"}
    assert (folders - halls) | (files - doors) <= named


# -------------------------------------------------------------------- paths, links, commands


def _paths(page: Path) -> Iterator[str]:
    """Every path of this repository that a page names, in code or in a command."""
    for word in re.findall(r"[\w./*<>{},-]+", text_of(page)):
        path = word.strip(".,").removeprefix("./")
        if path.startswith(FOLDERS) and not set("<>{") & set(path):
            yield path


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_paths_exist(page: Path) -> None:
    assert [path for path in _paths(page) if not list(ROOT.glob(path.rstrip("/")))] == []


def _anchors(page: Path) -> set[str]:
    """Those that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_modules_that_are_run_exist(page: Path) -> None:
    ours = re.findall(r"python -m ((?:codegen|tests|benchmarks|examples)[\w.]*)", text_of(page))
    for module in ours:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_tests_that_are_named_exist(page: Path) -> None:
    for file, test in re.findall(r"(tests/[\w/]+\.py)::(\w+)", text_of(page)):
        assert f"def {test}(" in text_of(ROOT / file), f"{file}::{test}"
