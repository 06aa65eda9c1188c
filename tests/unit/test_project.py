"""`[tool.k2t-gen]` of a pyproject.toml: found upwards, checked, and what the commands make of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codegen.cli import main
from codegen.project import NO_PROJECT, WrongSettings, find_project
from tests.support.showcase import EXAMPLES


def k2t(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models, in which the commands run."""
    for name in ("mlp.h5", "gated.keras"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _settings(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_a_project_is_the_nearest_above(project: Path) -> None:
    below = project / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) == NO_PROJECT
    _settings(
        project, '[tool.k2t-gen]\nflat = true\n[[tool.k2t-gen.models]]\npath = "mlp.h5"\nname = "net"\n'
    )
    _settings(below, "[project]\nname = 'other'\n")
    (job,) = find_project(below).jobs
    assert (job.path, job.settings) == (Path("mlp.h5"), {"flat": True, "name": "net"})
    assert find_project(below).job(project / "mlp.h5") == job
    assert find_project(below).job(Path("other.h5")).settings == {"flat": True}


def test_paths_start_from_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settings(
        project,
        '[tool.k2t-gen]\noutput = "out"\n[[tool.k2t-gen.models]]\n'
        'path = "gated.keras"\ncustom = ["mine.py"]\n',
    )
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    (job,) = find_project().jobs
    assert (job.path, job.output) == (Path("../gated.keras"), "../out")
    assert job.options.custom == (Path("../mine.py"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("flatt = true", "did you mean 'flat'?"),
        ("colour = 1", "known are name, weights"),
        ("flat = 1", "flat of [tool.k2t-gen] is 1, not true or false"),
        ("custom = 'a.py'", "not a list of strings"),
        ("class-name = true", "not a string"),
        ("output = 3", "output of [tool.k2t-gen] is 3, not a string"),
        ("name = 'x'", "'name' of [tool.k2t-gen] belongs to one of its models"),
        ("models = 3", "no list of tables"),
        ("[[tool.k2t-gen.models]]\nname = 'x'", "model 1 of [tool.k2t-gen] has no path"),
        ("flat = ", "cannot be read"),
    ],
)
def test_settings_that_make_no_sense(project: Path, text: str, says: str) -> None:
    _settings(project, f"[tool.k2t-gen]\n{text}\n")
    with pytest.raises(WrongSettings) as caught:
        find_project()
    assert says in str(caught.value)
    result = k2t("convert", "mlp.h5")
    assert result.exit_code == 2 and says in " ".join(result.stderr.split())


def test_commands_without_models_work_on_those_of_the_project(project: Path) -> None:
    _settings(
        project,
        '[tool.k2t-gen]\noutput = "out"\n[[tool.k2t-gen.models]]\npath = "gated.keras"\n'
        '[[tool.k2t-gen.models]]\npath = "mlp.h5"\nclass-name = "Digits"\n',
    )
    result = k2t("convert", "--json")
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert [printed[key] for key in ("schema", "command", "exit_code")] == [1, "convert", 1]
    assert [model["status"] for model in printed["models"]] == ["failed", "new"]
    assert "class Digits(" in (project / "out" / "mlp.py").read_text(encoding="utf-8")
    assert k2t("check", "mlp.h5", "-q").exit_code == 0
    assert k2t("check", "mlp.h5", "-q", "--class-name", "Numbers").exit_code == 4


def test_no_models_and_no_project(project: Path) -> None:
    result = k2t("convert")
    assert result.exit_code == 2
    assert "pyproject.toml" in result.stderr
    assert sorted(path.name for path in project.iterdir()) == ["gated.keras", "mlp.h5"]
