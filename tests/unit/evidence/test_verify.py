"""`verify` without Keras: against recordings of old versions, and against our own float64 run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from codegen import ConversionError, convert
from codegen.cli import main
from codegen.commands.verify import verify
from codegen.evidence.facts import Verification, by_layer
from tests.support.showcase import EXAMPLES

FIXTURES = Path(__file__).parents[2] / "fixtures"
RECORDED = ("recorded_2.2.4.h5", "recorded_tf_keras_2.21.0.keras")


@dataclass(frozen=True)
class CheckedIn:
    """A converted model that can be edited."""

    model: Path
    folder: Path

    @property
    def source(self) -> Path:
        return next(self.folder.glob("*.py"))

    @property
    def recording(self) -> Path:
        return self.model.with_suffix(".npz")

    def edit(self, old: str, new: str) -> None:
        text = self.source.read_text(encoding="utf-8")
        assert old in text, text
        self.source.write_text(text.replace(old, new), encoding="utf-8")

    def nudge(self, key: str, by: float) -> None:
        path = self.source.with_suffix(".pt")
        state = torch.load(path, weights_only=True)
        state[key].view(-1)[-1] += by
        torch.save(state, path)

    def verify(self, **options: Any) -> Verification:
        return verify(self.model, output=self.folder, **options)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("converted")
    for name in RECORDED:
        convert(FIXTURES / name, output=folder / name)
    convert(EXAMPLES / "mlp.h5", output=folder / "mlp.h5")
    yield {path.name: path for path in folder.iterdir()}


@pytest.fixture
def checked_in(converted: dict[str, Path], tmp_path: Path) -> CheckedIn:
    """The model of Keras 2.2.4, free to be edited."""
    shutil.copytree(converted[RECORDED[0]], tmp_path / "out")
    return CheckedIn(FIXTURES / RECORDED[0], tmp_path / "out")


@pytest.mark.parametrize("name", RECORDED)
def test_every_layer_call_agrees_with_its_recording(converted: dict[str, Path], name: str) -> None:
    subject = CheckedIn(FIXTURES / name, converted[name])
    found = subject.verify(against=subject.recording)
    assert found.is_equal and found.first is None and found.notes == ()
    names = [result.name for result in found.layers]
    assert {"encoder/conv", "encoder#2/conv", "encoder#2", "both_ways", "last", "kind", "place"} <= set(names)
    assert len(names) == len(set(names)) == 15
    for result in (*found.layers, *found.outputs):
        assert result.float32 is not None and result.float32.relative < 1e-5, result
        assert result.float64 is not None and result.float64.relative < 1e-5, result
        assert result.seen == "source"
    assert found.origin.endswith(("Keras 2.2.4 on tensorflow 1.15.5, Python 3.7.16", "Python 3.11.7"))
    source = subject.source.read_text(encoding="utf-8").splitlines()
    lines = by_layer(found.layers)["encoder/conv"].place.lines
    assert [line for line in lines if "nn.Conv2d(" in source[line - 1]] == list(lines[:1])
    assert "self.conv(" in source[lines[-1] - 1]


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ("eps=1e-3", "eps=1.0001e-3", "encoder/bn"),
        ("stride=2", "stride=1", "encoder/conv"),
        ("self.conv(", "self.conv(0.5 * ", "encoder/conv"),
        (".amax(", ".mean(", "encoder/pool"),
        ("scale_factor=2.0", "scale_factor=2.0, mode='bilinear'", "larger"),
        (" != 0", " != 1", "both_ways"),
        ("F.softmax(", "F.log_softmax(", "kind"),
        ("self.bn(F.relu(", "self.bn(2 * F.relu(", "encoder/bn"),
    ],
)
def test_an_edit_is_found_where_it_is(checked_in: CheckedIn, old: str, new: str, first: str) -> None:
    checked_in.edit(old, new)
    found = checked_in.verify(against=checked_in.recording)
    assert found.first is not None and found.first.name == first
    assert found.first.change is not None and found.first.change.relative > 1e-9


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("encoder.conv.weight", "encoder/conv"),
        ("last.recurrent_projection.weight", "last"),
        ("place.bias", "place"),
    ],
)
def test_a_changed_weight_is_found_where_it_is(checked_in: CheckedIn, key: str, first: str) -> None:
    checked_in.nudge(key, 1e-3)
    found = checked_in.verify()
    assert found.first is not None and found.first.name == first


def test_code_that_was_only_written_otherwise_agrees(checked_in: CheckedIn) -> None:
    checked_in.edit(
        "self.bn(F.relu(self.conv(x))).amax(dim=(2, 3))",
        "self.bn(self.conv(x).clamp(min=0)).flatten(2).amax(2)",
    )
    assert checked_in.verify(against=checked_in.recording).is_equal


def test_without_keras_it_is_compared_with_our_own_run(converted: dict[str, Path]) -> None:
    found = CheckedIn(EXAMPLES / "mlp.h5", converted["mlp.h5"]).verify()
    assert found.is_equal and "no Keras" in found.origin
    assert [result.name for result in found.layers] == ["hidden_1", "hidden_2", "dropout", "predictions"]
    assert by_layer(found.layers)["hidden_1"].place.modules == ("hidden_1",)


# -------------------------------------------------------------------- what goes wrong


def test_a_source_that_does_not_run_parts_where_it_stops(checked_in: CheckedIn) -> None:
    checked_in.edit("self.encoder(larger), x], dim=1", "self.encoder(larger), x], dim=7")
    found = checked_in.verify(against=checked_in.recording)
    assert found.first is not None and found.first.name == "merged"
    assert "IndexError" in found.first.note


def test_a_source_that_does_not_load_is_refused(checked_in: CheckedIn) -> None:
    checked_in.edit("class ConvertedModel", "raise ValueError('no')\nclass ConvertedModel")
    with pytest.raises(ConversionError, match="does not load: ValueError: no"):
        checked_in.verify()


def test_weights_that_do_not_load_are_refused(checked_in: CheckedIn) -> None:
    checked_in.source.with_suffix(".pt").write_bytes(b"PK")
    with pytest.raises(ConversionError, match=r"\.pt cannot be loaded"):
        checked_in.verify()


def test_without_a_file_of_weights_those_of_the_model_are_taken(checked_in: CheckedIn) -> None:
    checked_in.source.with_suffix(".pt").unlink()
    found = checked_in.verify()
    assert found.is_equal and "the weights are those of the Keras model" in found.notes[0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04N."])
def test_what_is_no_recording_is_refused(checked_in: CheckedIn, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(ConversionError, match=r"bad\.npz is no recording"):
        checked_in.verify(against=tmp_path / "bad.npz")


def test_recordings_of_other_formats_and_models_are_refused(checked_in: CheckedIn, tmp_path: Path) -> None:
    with np.load(checked_in.recording) as archive:
        arrays = dict(archive)
    meta = json.loads(str(arrays["meta"]))

    def verified(**changes: Any) -> Verification:
        np.savez(tmp_path / "new.npz", **{**arrays, "meta": np.array(json.dumps({**meta, **changes}))})
        return checked_in.verify(against=tmp_path / "new.npz")

    with pytest.raises(ConversionError, match="format 7; supported: 1"):
        verified(format=7)
    run = {**meta["runs"][0], "inputs": meta["runs"][0]["inputs"][:1]}
    with pytest.raises(ConversionError, match="of another model: it has 1 inputs and 2 outputs"):
        verified(runs=[run])
    with pytest.raises(ConversionError, match="is no recording that can be read"):
        verified(runs=[{"inputs": 3}])
    assert "made of another file" in verified(sha256="0" * 64).notes[0]
    with pytest.raises(ConversionError, match="there is no recording"):
        checked_in.verify(against=tmp_path / "nowhere.npz")


# -------------------------------------------------------------------- the command


def k2t(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_table_says_where_they_part(checked_in: CheckedIn) -> None:
    done = k2t("verify", checked_in.model, "-o", checked_in.folder, "--against", checked_in.recording)
    assert done.exit_code == 0, done.output
    assert "all of 15 layer calls and 2 outputs agree" in done.stdout
    checked_in.edit("eps=1e-3", "eps=2e-3")
    done = k2t("verify", checked_in.model, "-o", checked_in.folder, "--against", checked_in.recording)
    assert done.exit_code == 1
    assert "they part first at 'encoder/bn' (BatchNormalization): " in done.stdout
    assert "that is no rounding: in float64 the source is " in done.stdout
    assert next(line for line in done.stdout.splitlines() if line.endswith("PARTS")).startswith("encoder/bn ")


def test_json_has_all_facts(checked_in: CheckedIn) -> None:
    done = k2t("verify", checked_in.model, "-o", checked_in.folder, "--json")
    (found,) = json.loads(done.stdout)["models"]
    assert (done.exit_code, found["status"], found["equal"], found["first"]) == (0, "equal", True, None)
    first = found["layers"][0]
    assert {"name", "layer", "class_name", "shape", "place", "float32", "float64", "change"} <= first.keys()


def test_a_wrong_command_line() -> None:
    assert k2t("verify", "m.h5", "--with-keras", "--python", "p").exit_code == 2
    assert k2t("verify", "m.h5", "n.h5", "--against", "r.npz").exit_code == 2
    assert k2t("record").exit_code == 2
    done = k2t("record", EXAMPLES / "mlp.h5", "--python", "/nowhere/python", "-o", "x.npz")
    assert (done.exit_code, done.stderr) == (
        1, "k2t-gen: mlp.h5: '/nowhere/python' cannot be run: No such file or directory\n",
    )  # fmt: skip
