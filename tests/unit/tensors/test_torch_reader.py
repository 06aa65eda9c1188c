"""`.pt` files are read as torch reads them, without torch; what they would run is refused."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from codegen.errors import UnreadableFile
from codegen.graph.recipe import Weight
from codegen.tensors.dtypes import DTYPES
from codegen.tensors.torch_reader import read_state_dict
from codegen.tensors.torch_writer import write_state_dict

torch.manual_seed(0)
BASE = torch.randn(5, 7, 3)


def saved(path: Path, value: object, **how: Any) -> Path:
    torch.save(value, path, **how)
    return path


TENSORS = {
    "whole": BASE,
    "part": BASE[1:3],
    "transposed": BASE.permute(2, 0, 1),
    "strided": BASE[::2, 1::3],
    "column": BASE[:, 2, 1],
    "scalar": torch.tensor(3.5),
    "empty": torch.zeros(0, 4),
    "parameter": nn.Parameter(torch.randn(2, 3)),
    **{f"of {name}": torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in DTYPES},
    "halves": torch.randn(9).bfloat16(),
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_torch_saves_is_read(tmp_path: Path, protocol: int) -> None:
    file = read_state_dict(saved(tmp_path / "a.pt", TENSORS, pickle_protocol=protocol))
    assert list(file.tensors) == list(TENSORS)
    assert file.origin is None
    for name, tensor in TENSORS.items():
        found = file.tensors[name]
        assert (found.dtype.name, found.shape) == (str(tensor.dtype).removeprefix("torch."), tensor.shape)
        expected = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
        np.testing.assert_array_equal(found.read(), expected.numpy())


def test_the_state_of_a_module_is_read(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(4, 5))
    state = module.state_dict()
    file = read_state_dict(saved(tmp_path / "a.pt", state))
    assert list(file.tensors) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(file.tensors[name].read(), tensor.numpy())


def test_large_tensors_come_in_pieces(tmp_path: Path) -> None:
    large = torch.randn(1500, 1000)
    file = read_state_dict(saved(tmp_path / "a.pt", {"a": large, "b": large.T}))
    for name, tensor in (("a", large), ("b", large.T)):
        pieces = [bytes(piece) for piece in file.tensors[name].pieces()]
        assert len(pieces) > 2
        assert b"".join(pieces) == tensor.contiguous().numpy().tobytes()


def test_what_a_file_was_made_of(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_state_dict(path, [("a", Weight.full((3,), 2.0), "float32")], lambda: {"m.h5": "12ab"})
    assert read_state_dict(path).origin == {"m.h5": "12ab"}
    assert read_state_dict(saved(tmp_path / "b.pt", torch.load(path))).origin is None


def test_neither_torch_nor_pickle_is_needed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", TENSORS)
    code = (
        f"import sys; from pathlib import Path; sys.modules['torch'] = None\n"
        f"from codegen.tensors.torch_reader import read_state_dict as read; read(Path({os.fspath(path)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -------------------------------------------------------------------- refusals


class Hostile:
    """Would run a command where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch pwned",)


def _refusal(path: Path) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read_state_dict(path)
    assert str(caught.value).startswith(f"{path.name}: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"model": {"a": BASE}}, "its entry 'model' is no tensor but 'dict'"),
        ({"epoch": 3}, "its entry 'epoch' is no tensor but 'int'"),
        ([BASE], "it holds no dictionary"),
        (BASE, "it holds no dictionary"),
        ({"a": BASE[:1, :1, :1].expand(100, 100, 100)}, "repeats its numbers"),
        ({"a": BASE.to_sparse()}, "_rebuild_sparse_tensor"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, value: object, says: str) -> None:
    assert says in _refusal(saved(tmp_path / "a.pt", value))


def test_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "a.pt", {"a": Hostile()})
    assert "system" in _refusal(path)
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("b/data.pkl", pickle.dumps(Hostile(), 0))
    _refusal(tmp_path / "b.pt")
    assert not (tmp_path / "pwned").exists()


def test_other_files_of_torch_are_named(tmp_path: Path) -> None:
    old = saved(tmp_path / "old.pt", {"a": BASE}, _use_new_zipfile_serialization=False)
    assert "torch 1.6" in _refusal(old)
    (tmp_path / "none.pt").write_bytes(b"")
    assert "torch 1.6" in _refusal(tmp_path / "none.pt")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("s/data.pkl", b"")
        archive.writestr("s/constants.pkl", b"")
    assert "no state dict" in _refusal(tmp_path / "script.pt")


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.pt", {"a": BASE, "b": torch.ones(3)}).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.pt"
    refused = 0
    for _ in range(300):
        content = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.3 else whole)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        try:
            for tensor in read_state_dict(path).tensors.values():
                tensor.read()
        except UnreadableFile:
            refused += 1
    assert refused > 100


def test_a_file_of_another_byte_order(tmp_path: Path) -> None:
    buffer = io.BytesIO(saved(tmp_path / "a.pt", {"a": BASE}).read_bytes())
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(tmp_path / "big.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, b"big" if name.endswith("byteorder") else old.read(name))
    assert "big-endian" in _refusal(tmp_path / "big.pt")
