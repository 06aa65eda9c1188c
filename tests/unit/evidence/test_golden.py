"""`convert --test`: the test passes as written, is clean, and fails for whatever changes numbers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from codegen.cli import main
from tests.support.showcase import EXAMPLES

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODEL = FIXTURES / "recorded_tf_keras_2.21.0.keras"

#: What a hand may do to the source: a pattern, what it becomes.
MUTATIONS = {
    "epsilon": (r"eps=1e-3", "eps=1.01e-3"),
    "stride": (r"stride=2", "stride=1"),
    "padding side": (r"self\.conv\(x\)", "self.conv(x.flip(3)).flip(3)"),
    "activation": (r"F\.relu\(", "F.gelu("),
    "axis": (r"F\.softmax\((.*), dim=-1\)", r"F.softmax(\1, dim=0)"),
    "transposed weight": (
        r"self\.place\((\w+)\)",
        r"self.place(\1 @ self.place.weight.T @ self.place.weight)",
    ),
    "swapped gates": (r"(torch\.load\(.*weights_only=True\))", r"swapped(\1)"),
    "dropped bias": (r"self\.place\((\w+)\)", r"F.linear(\1, self.place.weight)"),
    "wrong mask": (r" != 0", " != 1"),
    "pooling": (r"\.amax\(", ".mean("),
}

SWAPPED = '''

def swapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gates of an LSTM in another order."""
    key = next(key for key in state if key.startswith("last.") and state[key].dim() == 2)
    return {**state, key: torch.cat(state[key].chunk(4)[::-1])}
'''


def k2t(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run_tests(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run all tests of a folder without our own settings and packages."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rf", *options, "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted model with its test and a recording's numbers."""
    folder = tmp_path_factory.mktemp("written")
    done = k2t(
        "convert", MODEL, "-o", folder, "--name", "net", "--test", "--recording", MODEL.with_suffix(".npz")
    )
    assert done.exit_code == 0, done.output
    return folder


def test_it_passes_as_written_and_says_whose_numbers_they_are(written: Path) -> None:
    done = run_tests(written)
    assert done.returncode == 0, done.stdout
    text = (written / "test_net.py").read_text(encoding="utf-8")
    assert "recorded by\ntf_keras 2.21.0 on tensorflow 2.21.0, Python 3.11.7." in text
    for name in (
        "weights_load_strictly",
        "shapes",
        "numbers",
        "numbers_of_keras",
        "samples_do_not_touch",
        "export",
    ):
        assert f"def test_{name}(" in text
    imports = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    assert imports - sys.stdlib_module_names == {"pytest", "torch", "net"}


def test_it_is_clean(written: Path) -> None:
    rules = "E,F,W,I,B,C4,PIE,RET,SIM,UP"
    for command in (
        ("ruff", "check", "--isolated", "--quiet", "--select", rules, "--line-length", "88", "."),
        ("black", "--check", "--quiet", "."),
        ("mypy", "--strict", "--config-file", os.devnull, "."),
    ):
        done = subprocess.run([sys.executable, "-m", *command], cwd=written, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_mutation_is_caught(written: Path, tmp_path: Path) -> None:
    source, test = ((written / name).read_text(encoding="utf-8") for name in ("net.py", "test_net.py"))
    for number, (name, (old, new)) in enumerate(MUTATIONS.items()):
        mutant = re.sub(old, new, source) + (SWAPPED if "swapped" in new else "")
        assert mutant != source + (SWAPPED if "swapped" in new else ""), name
        module = f"mutant_{number}"
        (tmp_path / f"{module}.py").write_text(mutant, encoding="utf-8")
        (tmp_path / f"test_{module}.py").write_text(re.sub(r"\bnet\b", module, test), encoding="utf-8")
        shutil.copy(written / "net.pt", tmp_path / f"{module}.pt")
        shutil.copy(written / "net.golden.npz", tmp_path / f"{module}.golden.npz")
    done = run_tests(tmp_path, "-k", "numbers or shapes")
    caught = set(re.findall(r"^FAILED test_mutant_(\d+)\.py", done.stdout, re.MULTILINE))
    assert [name for number, name in enumerate(MUTATIONS) if str(number) not in caught] == []


def test_without_a_recording_the_numbers_are_our_own(tmp_path: Path) -> None:
    first = k2t("convert", EXAMPLES / "mlp.h5", "-o", tmp_path, "--test")
    assert first.exit_code == 0 and "test_mlp.py: its test, by k2t-gen's own run" in first.stdout
    text = (tmp_path / "test_mlp.py").read_text(encoding="utf-8")
    assert "The golden numbers are k2t-gen's own" in text and "numbers_of_keras" not in text
    with zipfile.ZipFile(tmp_path / "mlp.golden.npz") as archive:
        assert sorted(archive.namelist()) == ["input0_0.npy", "output0_0.npy"]
    with np.load(tmp_path / "mlp.golden.npz") as arrays:
        assert arrays["input0_0"].shape == (2, 64) and arrays["output0_0"].dtype == np.float64
    before = (tmp_path / "mlp.golden.npz").read_bytes(), text
    assert k2t("convert", EXAMPLES / "mlp.h5", "-o", tmp_path, "--test").exit_code == 0
    assert (
        (tmp_path / "mlp.golden.npz").read_bytes(),
        (tmp_path / "test_mlp.py").read_text("utf-8"),
    ) == before


def test_in_a_package_the_module_is_imported_from_it(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    assert k2t("convert", EXAMPLES / "mlp.h5", "-o", tmp_path, "--test").exit_code == 0
    assert "\nfrom .mlp import ConvertedModel, load_model\n" in (tmp_path / "test_mlp.py").read_text("utf-8")


def test_a_test_needs_weights(tmp_path: Path) -> None:
    done = k2t("convert", EXAMPLES / "mlp.h5", "-o", tmp_path, "--test", "--no-weights")
    assert done.exit_code == 1 and "--test needs weights" in done.stderr
    assert k2t("convert", EXAMPLES / "mlp.h5", "-o", tmp_path, "--recording", "r.npz").exit_code == 2
