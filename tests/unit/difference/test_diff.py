"""Two models, a model and its conversion, two conversions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from codegen import ConversionError, convert, diff
from codegen.difference.facts import LayerChange, ModelDiff
from tests.support.hostile import hostile_model

EXAMPLES = Path(__file__).parents[3] / "examples"
MLP = EXAMPLES / "mlp.h5"


def _bias(file: h5py.File) -> h5py.Dataset:
    """The bias of `hidden_2`, under whatever path."""
    found: list[h5py.Dataset] = []
    file["model_weights/hidden_2"].visititems(
        lambda name, item: found.append(item) if name.rpartition("/")[2].startswith("bias") else None
    )
    return found[0]


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The MLP with two numbers of one bias changed."""
    path = tmp_path / "changed.h5"
    shutil.copy(MLP, path)
    with h5py.File(path, "r+") as file:
        numbers = _bias(file)[...]
        numbers[2:4] += (3.0, -4.0)
        _bias(file)[...] = numbers
    return path


def differing(found: ModelDiff) -> dict[str, LayerChange]:
    assert found.layers is not None
    return {layer.path: layer for layer in found.layers if layer.status != "equal"}


def test_a_model_equals_itself() -> None:
    found = diff(MLP, MLP)
    assert not found
    assert (found.source, found.counts) == ("", {"equal": 3})
    assert found.first == found.second == MLP.as_posix()


def test_the_layer_that_changed_is_named(changed: Path) -> None:
    found = diff(MLP, changed)
    assert found and found.source == ""
    (layer,) = differing(found).values()
    assert (layer.path, layer.status) == ("hidden_2", "changed")
    assert [(tensor.name, tensor.status) for tensor in layer.tensors] == [
        ("kernel", "equal"),
        ("bias", "changed"),
    ]
    assert layer.largest == pytest.approx(4.0, rel=1e-6)
    with h5py.File(MLP) as file:
        norm = np.linalg.norm(_bias(file)[...])
    assert layer.relative == (pytest.approx(5.0 / norm, rel=1e-5) if norm else float("inf"))


@pytest.mark.parametrize("suffix", [".py", ".pt"])
def test_a_conversion_is_compared_by_the_keys_of_its_state_dict(
    changed: Path, tmp_path: Path, suffix: str
) -> None:
    converted = convert(MLP, output=tmp_path / "out", name="anything").source_path.with_suffix(suffix)
    assert not diff(MLP, converted)
    layers = differing(diff(converted, changed))
    assert [tensor.name for tensor in layers["hidden_2"].tensors] == ["hidden_2.weight", "hidden_2.bias"]
    assert layers.keys() == {"hidden_2"}


def test_two_state_dicts_are_compared_by_module(changed: Path, tmp_path: Path) -> None:
    one, other = (convert(path, output=tmp_path / path.stem).weights_path for path in (MLP, changed))
    assert one and other
    one.with_suffix(".py").unlink()
    found = diff(one, other)
    assert found.source is None and found.notes == ("mlp.pt has no source beside it",)
    assert differing(found).keys() == {"hidden_2"}


def test_sources_differ_in_exactly_the_changed_lines(tmp_path: Path) -> None:
    text = (EXAMPLES / "unet.json").read_text(encoding="utf-8")
    config = json.loads(text)
    layer = next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == "mask")
    layer["config"]["activation"] = "tanh"
    (tmp_path / "unet.json").write_text(json.dumps(config), encoding="utf-8")
    found = diff(EXAMPLES / "unet.json", tmp_path / "unet.json")
    assert found.layers is None and found.source
    lines = found.source.splitlines()[2:]
    gone, new = ([line[1:] for line in lines if line[0] == sign] for sign in "-+")
    assert gone and [line.replace("sigmoid", "tanh") for line in gone] == new


def test_what_is_wrong_with_a_file_names_that_file(tmp_path: Path) -> None:
    for name in ("no.h5", "no.pt", "no.py"):
        with pytest.raises(ConversionError, match=rf"^{name}: .*no such file"):
            diff(MLP, tmp_path / name)
    (tmp_path / "bad.pt").write_bytes(b"PK")
    with pytest.raises(ConversionError, match=r"^bad\.pt: "):
        diff(tmp_path / "bad.pt", MLP)


def test_a_comparison_is_json_and_a_page(changed: Path, tmp_path: Path) -> None:
    data = json.loads(json.dumps(diff(MLP, changed).as_dict(), allow_nan=False))
    assert (data["schema"], data["differs"], len(data["layers"])) == (1, True, 3)
    page = tmp_path / "diff.html"
    diff(MLP, changed, output=page)
    text = page.read_text(encoding="utf-8")
    assert "1 of 3 layers differ" in text and "<b>hidden_2</b>" in text
    diff(hostile_model(tmp_path), EXAMPLES / "unet.json", output=page)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "<img" not in text and "owned" in text


def test_torch_is_not_loaded(changed: Path, tmp_path: Path) -> None:
    converted = convert(MLP, output=tmp_path / "out").source_path
    code = (
        "import sys; from codegen import diff; "
        f"found = diff({str(converted)!r}, {str(changed)!r}); print(found.counts, 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("} ")[1].strip() == "False"
