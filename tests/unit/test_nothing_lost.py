"""`convert` overwrites only what it wrote itself; everything else stays until `--force` is given."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from codegen import ConversionError, check, convert
from codegen.cli import main
from codegen.commands.seal import read_seal, sealed
from tests.support.configs import by_keras
from tests.support.keras_files import CONFIG, DENSE, write_whole_h5
from tests.support.showcase import CUSTOM, EXAMPLES

MLP = EXAMPLES / "mlp.h5"


def k2t(*arguments: str | os.PathLike[str]) -> Result:
    return CliRunner().invoke(main, [os.fspath(argument) for argument in arguments])


def _stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def _model(path: Path, scale: float = 1.0) -> Path:
    """A model of one Dense whose kernel depends on `scale`."""
    arrays = {name: scale * array for name, array in DENSE["dense"].items()}
    config = json.loads(json.dumps(CONFIG))
    config["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 3]
    path.parent.mkdir(exist_ok=True)
    return write_whole_h5(path, by_keras(config), {"dense": arrays, "dropout": {}})


def test_what_is_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    assert convert(MLP, output=tmp_path).status == "new"
    before = _stamps(tmp_path)
    result = k2t("convert", MLP, "-o", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.endswith("mlp.py: unchanged\n")
    assert _stamps(tmp_path) == before
    assert convert(MLP, output=tmp_path, force=True).status == "updated"


def test_a_file_that_is_missing_is_written_again(tmp_path: Path) -> None:
    convert(MLP, output=tmp_path)
    (tmp_path / "mlp.pt").unlink()
    assert convert(MLP, output=tmp_path).status == "updated"
    (tmp_path / "mlp.py").unlink()
    assert convert(MLP, output=tmp_path).status == "updated"
    assert not check(MLP, output=tmp_path)


def test_an_edited_module_is_kept(tmp_path: Path) -> None:
    module = convert(MLP, output=tmp_path).source_path
    edited = module.read_text(encoding="utf-8").replace("p=0.2", "p=0.5")
    module.write_text(edited, encoding="utf-8")
    before = _stamps(tmp_path)
    result = k2t("convert", MLP, "-o", tmp_path)
    assert result.exit_code == 4
    assert (
        "was edited after it was converted; 1 lines of it would be lost for 1 others, from line"
        in result.stderr
    )
    assert _stamps(tmp_path) == before
    assert k2t("convert", MLP, "-o", tmp_path, "--force").exit_code == 0
    assert "p=0.2" in module.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["x = 1\n", "", '"""Source:  mlp.h5 (sha256 00…), by hand."""\n'])
def test_a_module_of_somebody_else_is_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / "mlp.py").write_text(text, encoding="utf-8")
    result = k2t("convert", MLP, "-o", tmp_path)
    assert result.exit_code == 4 and "is not from k2t-gen" in result.stderr
    assert (tmp_path / "mlp.py").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["mlp.py"]


def test_a_module_of_another_model_is_kept(tmp_path: Path) -> None:
    one, other = _model(tmp_path / "a" / "model.h5"), _model(tmp_path / "b" / "model.hdf5")
    convert(one, output=tmp_path / "out")
    with pytest.raises(ConversionError, match=r"model\.py was made from model\.h5; give another --name"):
        convert(other, output=tmp_path / "out")
    assert convert(other, output=tmp_path / "out", name="other").status == "new"


def test_two_models_of_one_command_are_not_one_file(tmp_path: Path) -> None:
    one, other = _model(tmp_path / "a" / "model.h5"), _model(tmp_path / "b" / "model.h5", 2)
    result = k2t("convert", one, other, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "would both become" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_that_was_trained_on_replaces_its_conversion(tmp_path: Path) -> None:
    path = _model(tmp_path / "model.h5")
    convert(path, output=tmp_path)
    _model(path, 2.0)
    assert convert(path, output=tmp_path).status == "updated"
    assert not check(path, output=tmp_path)


def test_trained_weights_are_kept(tmp_path: Path) -> None:
    weights = convert(MLP, output=tmp_path).weights_path
    assert weights is not None
    state = torch.load(weights)
    torch.save(state, weights)  # saved again, but not changed
    assert convert(MLP, output=tmp_path).status == "unchanged"
    state["hidden_1.bias"][3] += 1
    torch.save(state, weights)
    before = _stamps(tmp_path)
    with pytest.raises(ConversionError, match=r"hidden_1\.bias: 1 of 32 numbers differ, by 1 at most"):
        convert(MLP, output=tmp_path)
    assert _stamps(tmp_path) == before
    weights.write_bytes(b"not weights")
    assert k2t("convert", MLP, "-o", tmp_path).exit_code == 4
    assert weights.read_bytes() == b"not weights"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = k2t("convert", MLP, "-o", out, "--dry-run")
    assert result.exit_code == 0 and "mlp.pt: would be written\n" in result.stdout
    assert not out.exists()
    convert(MLP, output=out)
    assert "unchanged" in k2t("convert", MLP, "-o", out, "--dry-run").stdout
    assert "written again" in k2t("convert", MLP, "-o", out, "--dry-run", "--flat", "--force").stdout
    (out / "mlp.py").write_text("x = 1\n", encoding="utf-8")
    assert k2t("convert", MLP, "-o", out, "--dry-run").exit_code == 4


# -------------------------------------------------------------------- where


def test_output_may_be_the_module_itself(tmp_path: Path) -> None:
    assert k2t("convert", MLP, "-o", tmp_path / "digits.py").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.pt", "digits.py"]
    assert k2t("check", MLP, "-o", tmp_path / "digits.py").exit_code == 0
    result = k2t("convert", MLP, "-o", tmp_path / "no-name.py")
    assert result.exit_code == 1 and "no Python module name" in result.stderr
    assert k2t("convert", MLP, "-o", tmp_path / "a.py", "--name", "b").exit_code == 1
    assert k2t("convert", MLP, MLP, "-o", tmp_path / "a.py").exit_code == 2


def test_output_may_be_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = k2t("convert", MLP, "-o", "-")
    written = convert(MLP, output=tmp_path / "out").source_path
    assert result.stdout == written.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads(k2t("convert", MLP, "-o", "-", "--json").stdout)["models"][0]["text"] == result.stdout


# -------------------------------------------------------------------- templates


@pytest.mark.parametrize("is_there", [True, False])
def test_a_template_folder_without_a_template(tmp_path: Path, is_there: bool) -> None:
    folder = tmp_path / "templates"
    if is_there:
        folder.mkdir()
    result = k2t("convert", MLP, "-o", tmp_path / "out", "--template-dir", folder)
    assert result.exit_code == 1
    assert "--template-dir 'templates' has no model.py.jinja" in result.stderr
    assert not (tmp_path / "out").exists()


# -------------------------------------------------------------------- the seal


def test_the_seal_tells_every_edit(tmp_path: Path) -> None:
    text = convert(EXAMPLES / "gated.keras", output=tmp_path, custom=CUSTOM).source_path.read_text("utf-8")
    seal = read_seal(text)
    assert seal is not None and seal.is_whole and seal.names == ("gated.keras",)
    assert sealed(text) == text
    for place in range(0, len(text), 7):
        other = text[:place] + "#" + text[place + 1 :]
        found = read_seal(other)
        assert found is None or not found.is_whole or other == text


def test_the_seal_names_both_files(tmp_path: Path) -> None:
    weights = tmp_path / "m.weights.h5"
    shutil.copy(MLP, weights)
    found = read_seal(convert(MLP, output=tmp_path, weights=weights).source_path.read_text("utf-8"))
    assert found is not None and found.names == ("mlp.h5", "m.weights.h5")
    assert found.digests[0] == found.digests[1] and len(found.digests[0]) == 8
