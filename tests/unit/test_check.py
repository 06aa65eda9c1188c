"""`check` compares code and tensors, says what differs, and writes only what it is told to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from codegen import check, convert
from codegen.cli import main
from tests.support.showcase import CUSTOM, EXAMPLES

MLP = EXAMPLES / "mlp.h5"


def k2t(*arguments: str | os.PathLike[str]) -> Result:
    return CliRunner().invoke(main, [os.fspath(argument) for argument in arguments])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    convert(MLP, output=tmp_path)
    return tmp_path


def _replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _saved(path: Path, **changes: Any) -> None:
    """Save a state dict again, with other tensors, or without those that are None."""
    state = {**torch.load(path), **{key.replace("__", "."): value for key, value in changes.items()}}
    torch.save({key: value for key, value in state.items() if value is not None}, path)


# -------------------------------------------------------------------- weights


def test_weights_that_were_saved_again_are_the_same(out: Path) -> None:
    _saved(out / "mlp.pt")
    assert (k2t("check", MLP, "-o", out).output, check(MLP, output=out).differences) == ("", ())


def test_tensors_that_differ_are_named(out: Path) -> None:
    state = torch.load(out / "mlp.pt")
    bias = state["hidden_1.bias"].clone()
    bias[2:5] += torch.tensor([0.5, -0.25, 0.0])
    _saved(
        out / "mlp.pt",
        hidden_1__bias=bias,
        hidden_2__bias=None,
        hidden_2__weight=state["hidden_2.weight"].T,
        predictions__bias=state["predictions.bias"].half(),
        more=torch.ones(3),
    )
    result = k2t("check", MLP, "-o", out)
    assert result.exit_code == 4
    assert result.stdout == (
        f"{(out / 'mlp.pt').as_posix()} holds other weights than mlp.h5:\n"
        "  hidden_1.bias: 2 of 32 numbers differ, by 0.5 at most\n"
        "  hidden_2.weight is float32 (32, 16) instead of float32 (16, 32)\n"
        "  hidden_2.bias is missing\n"
        "  predictions.bias is float16 (10,) instead of float32 (10,)\n"
        "  more is surplus\n"
    )
    drift = json.loads(k2t("check", MLP, "-o", out, "--json").stdout)["models"][0]
    assert (drift["status"], drift["weights_differ"], drift["diff"]) == ("differs", True, "")
    assert drift["differences"][0] == {
        "name": "hidden_1.bias", "kind": "numbers", "found": "float32 (32,)", "expected": "float32 (32,)",
        "count": 2, "total": 32, "largest": 0.5,
    }  # fmt: skip


def test_zeros_and_what_is_no_number(out: Path) -> None:
    bias = torch.load(out / "mlp.pt")["hidden_2.bias"].clone()
    bias[0], bias[1] = float("nan"), float("inf")
    _saved(out / "mlp.pt", hidden_2__bias=bias)
    (difference,) = check(MLP, output=out).differences or ()
    assert (difference.count, difference.largest) == (2, float("inf"))
    assert bias.dtype == torch.float32


def test_a_file_that_is_no_state_dict(out: Path) -> None:
    (out / "mlp.pt").write_bytes(b"")
    result = k2t("check", MLP, "-o", out)
    assert result.exit_code == 1
    assert "mlp.pt: this is no file of torch 1.6 or later" in result.stderr


# -------------------------------------------------------------------- sources


def test_another_version_is_no_drift(out: Path) -> None:
    _replaced(out / "mlp.py", "k2t-gen 0.1.0", "k2t-gen 0.0.9")
    assert k2t("check", MLP, "-o", out).exit_code == 0
    result = k2t("check", MLP, "-o", out, "--strict")
    assert result.exit_code == 4
    changed = [line for line in result.stdout.splitlines()[2:] if line[0] in "+-"]
    assert [line[:1] for line in changed] == ["-", "+"] and "k2t-gen 0.0.9" in changed[0]


@pytest.mark.parametrize("has_weights", [True, False])
def test_another_file_name_is_no_drift(out: Path, has_weights: bool) -> None:
    shutil.copy(MLP, out / "renamed.h5")
    if not has_weights:
        (out / "mlp.pt").unlink()
    assert not check(out / "renamed.h5", output=out, name="mlp")
    assert check(out / "renamed.h5", output=out, name="mlp", strict=True)


def test_another_digest_is_drift_where_there_are_no_weights_to_compare(out: Path) -> None:
    shutil.copy(MLP, out / "mlp.h5")
    with (out / "mlp.h5").open("ab") as file:
        file.write(b"\0")  # HDF5 does not look there
    assert not check(out / "mlp.h5", output=out)
    assert check(out / "mlp.h5", output=out, strict=True)
    (out / "mlp.pt").unlink()
    assert "sha256" in check(out / "mlp.h5", output=out).diff


def test_other_code_is_drift_whatever_the_docstring_says(out: Path) -> None:
    _replaced(out / "mlp.py", "k2t-gen 0.1.0", "k2t-gen 9")
    _replaced(out / "mlp.py", "p=0.2", "p=0.5")
    diff = check(MLP, output=out).diff
    assert "-        self.dropout = nn.Dropout(p=0.5)" in diff and "k2t-gen" not in diff


# -------------------------------------------------------------------- update, missing, speed


def test_update_writes_what_differs_and_keeps_edits(out: Path) -> None:
    before = (out / "mlp.py").read_bytes()
    assert k2t("check", MLP, "-o", out, "--update").output == ""
    result = k2t("check", MLP, "-o", out, "--class-name", "Digits", "--update")
    assert (result.exit_code, result.stdout) == (0, f"{(out / 'mlp.py').as_posix()}: updated\n")
    assert b"class Digits" in (out / "mlp.py").read_bytes()
    assert k2t("check", MLP, "-o", out, "--update").exit_code == 0
    assert (out / "mlp.py").read_bytes() == before
    _replaced(out / "mlp.py", "p=0.2", "p=0.5")
    result = k2t("check", MLP, "-o", out, "--update")
    assert result.exit_code == 4 and "was edited" in result.stderr
    assert "p=0.5" in (out / "mlp.py").read_text(encoding="utf-8")


def test_what_is_not_converted_yet_is_missing(tmp_path: Path) -> None:
    result = k2t("check", MLP, "-o", tmp_path / "out")
    assert result.exit_code == 4 and "there is no mlp.py in" in result.stderr
    assert not (tmp_path / "out").exists()
    assert k2t("check", MLP, "-o", tmp_path / "out", "--update").exit_code == 0
    assert k2t("check", MLP, "-o", tmp_path / "out").exit_code == 0


def test_differs_is_not_unconvertible(tmp_path: Path) -> None:
    convert(EXAMPLES / "gated.keras", output=tmp_path, custom=CUSTOM)
    assert k2t("check", EXAMPLES / "gated.keras", "-o", tmp_path).exit_code == 1


def test_neither_torch_nor_a_temporary_file_is_needed(out: Path) -> None:
    code = (
        "import sys, tempfile; sys.modules['torch'] = None; tempfile.TemporaryDirectory = None\n"
        f"from codegen import check; print(check({os.fspath(MLP)!r}, output={os.fspath(out)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("differences=())\n")
