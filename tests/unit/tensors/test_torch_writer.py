"""The weights file: what torch reads back, sharing, alignment, determinism, atomicity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from codegen.errors import ConversionError, WeightMismatch
from codegen.graph.recipe import Weight
from codegen.model.saved_model import StoredTensor
from codegen.tensors.torch_writer import write_state_dict

RNG = np.random.default_rng(0)


def stored(array: np.ndarray, shape: tuple[int, ...] | None = None) -> Weight:
    return Weight.of(StoredTensor("layer/w", "w", shape or array.shape, str(array.dtype), lambda: array))


FLOATS = RNG.normal(size=(3, 5)).astype("float32")
ARRAYS = {
    "float32": FLOATS,
    "float64": RNG.normal(size=(2, 3)),
    "float16": FLOATS,
    "bfloat16": FLOATS,
    "int64": np.arange(5),
    "int32": np.arange(6, dtype="int32").reshape(2, 3),
    "uint8": np.arange(7, dtype="uint8"),
    "int8": np.arange(-3, 3, dtype="int8"),
    "bool": np.array([True, False]),
    "complex64": np.array([1 + 2j], dtype="complex64"),
}


@pytest.mark.parametrize("mmap", [True, False])
def test_torch_reads_every_dtype(tmp_path: Path, mmap: bool) -> None:
    path = tmp_path / "model.pt"
    write_state_dict(path, [(f"layer.{dtype}", stored(array), dtype) for dtype, array in ARRAYS.items()])
    loaded = torch.load(path, weights_only=True, mmap=mmap)
    assert list(loaded) == [f"layer.{dtype}" for dtype in ARRAYS]
    for dtype, array in ARRAYS.items():
        tensor = loaded[f"layer.{dtype}"]
        assert tensor.dtype == getattr(torch, dtype)
        assert tensor.is_contiguous()
        assert tensor.data_ptr() % 64 == 0
        torch.testing.assert_close(tensor, torch.from_numpy(array).to(tensor.dtype), rtol=0, atol=0)


@pytest.mark.parametrize(
    "array",
    [np.array(3.0), np.zeros((0, 4)), np.arange(3, dtype=">f4"), np.asfortranarray(FLOATS), np.zeros((2, 0))],
    ids=["scalar", "empty", "big-endian", "fortran", "no columns"],
)
def test_unusual_arrays(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "model.pt"
    write_state_dict(path, [("w", stored(array), "float32")])
    loaded = torch.load(path, weights_only=True)["w"]
    np.testing.assert_array_equal(loaded.numpy(), array.astype("float32"))


def test_a_large_transposed_array_is_written_in_pieces(tmp_path: Path) -> None:
    array = RNG.normal(size=(3000, 2500)).astype("float32")
    path = tmp_path / "model.pt"
    write_state_dict(path, [("w", stored(array).T, "float32")])
    np.testing.assert_array_equal(torch.load(path, weights_only=True, mmap=True)["w"].numpy(), array.T)


def test_equal_recipes_share_one_storage_and_equal_constants_do_not(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    weight, ones = stored(FLOATS), Weight.full((3,), 1.0)
    entries = [
        ("a", weight.T, "float32"),
        ("b", weight.T, "float32"),
        ("c", ones, "float32"),
        ("d", ones, "float32"),
    ]
    write_state_dict(path, entries)
    loaded = torch.load(path, weights_only=True)
    assert loaded["a"].data_ptr() == loaded["b"].data_ptr()
    assert loaded["c"].data_ptr() != loaded["d"].data_ptr()


def test_the_file_is_the_same_on_every_run(tmp_path: Path) -> None:
    for name in ("one.pt", "two.pt"):
        write_state_dict(
            tmp_path / name, [("a", stored(FLOATS).T, "float32"), ("b", stored(FLOATS), "float16")]
        )
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()


def test_nothing_is_left_of_a_failed_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"before")
    with pytest.raises(WeightMismatch, match=r"should have shape \(4,\)"):
        write_state_dict(
            path, [("a", stored(FLOATS), "float32"), ("b", stored(np.zeros(3), (4,)), "float32")]
        )
    assert path.read_bytes() == b"before"
    assert [found.name for found in tmp_path.iterdir()] == ["model.pt"]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"model\.pt cannot be written"):
        write_state_dict(tmp_path / "missing" / "model.pt", [("a", stored(FLOATS), "float32")])
