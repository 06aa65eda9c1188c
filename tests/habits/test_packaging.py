"""The repository's habits: types, lint, short files, a complete package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = sorted(
    path
    for folder in ("codegen", "tests", "benchmarks", "examples", "templates")
    for path in ROOT.glob(f"{folder}/**/*.py")
)
MAX_LINES = 400


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "--quiet"), ("black", "--check", "--quiet", "."), ("mypy", "--no-error-summary")],
    ids=" ".join,
)
def test_checker(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.mark.parametrize("path", [*OURS, *ROOT.glob("templates/*.jinja")], ids=name)
def test_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", OURS, ids=name)
def test_first_line_says_what_the_file_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_silenced_checks_have_a_reason() -> None:
    silenced = re.compile(r"# (noqa|type: ignore)(?!.*( - |  # )\w)")
    bare = [
        f"{name(path)}:{number}"
        for path in OURS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if silenced.search(line) and path != Path(__file__)
    ]
    assert bare == []


def test_the_package_is_complete() -> None:
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("codegen/**/__init__.py")}
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    assert listed == folders | {"codegen.templates"}
    assert (ROOT / "codegen" / "py.typed").is_file()


def test_keras_and_tensorflow_are_never_imported() -> None:
    foreign = {"keras", "tensorflow", "tf_keras", "pickle", "marshal", "dill"}
    allowed = {("codegen/weights/state_dict.py", "pickle")}  # writes, never reads
    found = set()
    for path in ROOT.glob("codegen/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(name(path), alias.name.split(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((name(path), (node.module or "").split(".")[0]))
    assert {(file, module) for file, module in found if module in foreign} == allowed
