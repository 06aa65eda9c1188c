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


def test_files_are_short() -> None:
    paths = [*OURS, *ROOT.glob("templates/*.jinja")]
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_first_lines_say_what_the_files_are_for() -> None:
    assert [name(path) for path in OURS if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_no_test_module_imports_another() -> None:
    imports = re.compile(r"^\s*(?:from|import) (tests\.[\w.]*test_\w+)", re.MULTILINE)
    tests = ROOT.glob("tests/**/*.py")
    found = {name(path): imports.findall(path.read_text(encoding="utf-8")) for path in tests}
    assert {path: modules for path, modules in found.items() if modules} == {}


def test_silenced_checks_have_a_reason() -> None:
    silenced = re.compile(r"# (noqa|type: ignore)(?!.*( - |  # )[`\w])")
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
    found = set()
    for path in ROOT.glob("codegen/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(name(path), alias.name.split(".")[0]) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((name(path), (node.module or "").split(".")[0]))
    assert {(file, module) for file, module in found if module in foreign} == set()
