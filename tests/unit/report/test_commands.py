"""`k2t-gen report`, `convert --report` and `diff` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codegen.cli import main

EXAMPLES = Path(__file__).parents[3] / "examples"
MLP, UNET = EXAMPLES / "mlp.h5", EXAMPLES / "unet.json"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def k2t(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("output", "page"),
    [(None, "mlp.html"), ("a.html", "a.html"), ("pages", "pages/mlp.html"), ("x.py", "x.html")],
)
def test_report_writes_the_page_alone(output: str | None, page: str) -> None:
    Path("pages").mkdir()
    result = k2t("report", MLP, *(["-o", output] if output else []))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:3] == [
        page,
        "5 layers converted: of 3 classes; none was left out",
        "6 arrays, each used once: no array is missing, none is left over",
    ]
    assert [path for path in Path().rglob("*") if path.is_file()] == [Path(page)]


def test_json_has_the_facts_and_writes_nothing() -> None:
    data = json.loads(k2t("report", MLP, "--json").stdout)
    (found,) = data["models"]
    assert (data["command"], found["status"], found["page"]) == ("report", "reported", None)
    assert [layer["path"] for layer in found["report"]["layers"]][1:] == [
        "hidden_1", "hidden_2", "dropout", "predictions",
    ]  # fmt: skip
    assert list(Path().iterdir()) == []


def test_convert_writes_the_page_of_what_it_wrote() -> None:
    result = k2t("convert", MLP, "-o", "out", "--name", "scorer", "--report")
    assert result.exit_code == 0
    assert "out/scorer.html: the page for its review" in result.stdout
    assert "scorer.py" in Path("out/scorer.html").read_text(encoding="utf-8")
    assert not k2t("convert", MLP, "-o", "dry", "--report", "--dry-run").exit_code
    assert not Path("dry").exists()


def test_a_model_that_cannot_be_converted_has_no_page() -> None:
    result = k2t("report", EXAMPLES / "gated.keras")
    assert result.exit_code == 1
    assert result.stderr.startswith("k2t-gen: gated.keras: layer 'scaled_gate': ")
    assert list(Path().iterdir()) == []


def test_diff_says_what_differs_and_exits_so() -> None:
    k2t("convert", MLP)
    same = k2t("diff", MLP, "mlp.py")
    assert (same.exit_code, same.stdout) == (0, "layers: 3 equal\nthe same source\n")
    other = k2t("diff", MLP, UNET, "--report", "page.html")
    assert other.exit_code == 4
    assert other.stdout.startswith("--- mlp.h5\n+++ unet.json\n@@ ")
    assert other.stdout.endswith("note: unet.json has no weights\n")
    assert Path("page.html").is_file()
    assert k2t("diff", MLP, UNET, "-q").stdout == ""


def test_diff_as_json() -> None:
    data = json.loads(k2t("diff", MLP, MLP, "--json").stdout)
    assert (data["command"], data["exit_code"], data["problems"]) == ("diff", 0, [])
    assert data["diff"]["differs"] is False
    failed = k2t("diff", MLP, "no.h5", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["problems"] == ["no.h5: there is no such file; check the path"]
    assert failed.stderr == "k2t-gen: no.h5: there is no such file; check the path\n"
