"""Five models of a project: unconvertible, edited by hand, unchanged, new, and with Python source."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from codegen.cli import main
from tests.support.showcase import EXAMPLES

SETTINGS = """
[tool.k2t-gen]
output = "out"

[[tool.k2t-gen.models]]
path = "gated.keras"

[[tool.k2t-gen.models]]
path = "mlp.h5"
name = "edited"

[[tool.k2t-gen.models]]
path = "mlp.h5"
name = "same"
class-name = "Digits"

[[tool.k2t-gen.models]]
path = "mlp.h5"
name = "added"

[[tool.k2t-gen.models]]
path = "gated.keras"
name = "written"
source = ["build_models.py"]
"""
NAMES = ("gated", "edited", "same", "added", "written")


def k2t(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the commands find it: two modules are there, and one of them was edited."""
    for name in ("mlp.h5", "gated.keras", "build_models.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    for name in ("edited", "same"):
        options = ["--class-name", "Digits"] if name == "same" else ["--class-name", "ConvertedModel"]
        assert k2t("convert", "mlp.h5", "--name", name, *options).exit_code == 0
    module = tmp_path / "out" / "edited.py"
    module.write_text(module.read_text(encoding="utf-8").replace("p=0.2", "p=0.5"), encoding="utf-8")
    return tmp_path


def _printed(*arguments: str) -> tuple[int, list[Any]]:
    result = k2t(*arguments, "--json")
    printed = json.loads(result.stdout)
    assert printed["exit_code"] == result.exit_code and printed["schema"] == 1
    return result.exit_code, printed["models"]


def test_convert(project: Path) -> None:
    result = k2t("convert", "--dry-run")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "out/same.py, out/same.pt: unchanged",
        "out/added.py, out/added.pt: would be written",
        "out/written.py, out/written.pt: would be written",
    ]
    first, second = result.stderr.splitlines()
    assert first.startswith("k2t-gen: gated.keras: layer 'scaled_gate': ScaledGate")
    assert second.startswith("k2t-gen: mlp.h5: out/edited.py was edited after it was converted;")
    code, models = _printed("convert")
    assert code == 1
    assert [(model["status"], model["exit_code"]) for model in models] == [
        ("failed", 1), ("refused", 4), ("unchanged", 0), ("new", 0), ("new", 0),
    ]  # fmt: skip
    assert "p=0.5" in (project / "out" / "edited.py").read_text(encoding="utf-8")
    assert sorted(path.stem for path in (project / "out").glob("*.py")) == sorted(NAMES[1:])


def test_check(project: Path) -> None:
    assert project == Path().resolve()
    code, models = _printed("check")
    assert code == 4
    assert [(model["status"], model["exit_code"]) for model in models] == [
        ("missing", 4), ("differs", 4), ("same", 0), ("missing", 4), ("missing", 4),
    ]  # fmt: skip
    assert "p=0.5" in models[1]["diff"] and models[1]["differences"] == []
    assert [model["problems"][0].split(":")[0] for model in models if model["problems"]] == [
        "gated.keras", "mlp.h5", "gated.keras",
    ]  # fmt: skip


def test_check_update(project: Path) -> None:
    code, models = _printed("check", "--update")
    assert code == 1
    assert [(model["status"], model["exit_code"]) for model in models] == [
        ("failed", 1), ("refused", 4), ("same", 0), ("updated", 0), ("updated", 0),
    ]  # fmt: skip
    assert _printed("check")[1][3]["status"] == "same"
    assert (project / "out" / "written.py").is_file()


def test_inspect(project: Path) -> None:
    code, models = _printed("inspect")
    assert code == 1 and project.is_dir()
    statuses = [model["status"] for model in models]
    assert statuses == ["unconvertible", *["convertible"] * 4]


def test_quiet(project: Path) -> None:
    result = k2t("check", "-q")
    assert (result.exit_code, result.stdout) == (4, "") and project.is_dir()
    assert len(result.stderr.splitlines()) == 3
