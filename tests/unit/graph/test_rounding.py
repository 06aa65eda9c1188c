"""Numbers are rounded to small formats as torch rounds them, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codegen.graph.rounding import round_to_format


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "float32"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int8])
def test_as_torch(dtype: str, kind: type) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=20_000) * 2.0 ** rng.integers(-30, 20, 20_000)
    ties = np.arange(-600, 600) / 16
    special = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 448, 463, 464, 465, 480, 65519, 65520, 1e-45, 3e38]
    )
    array = np.concatenate([numbers, ties, special])
    array = rng.integers(-128, 128, 999).astype(kind) if kind is np.int8 else array.astype(kind)
    wide = torch.from_numpy(array if kind is np.float64 else array.astype(np.float32))
    expected = wide.to(getattr(torch, dtype)).to(wide.dtype).numpy()
    found = round_to_format(array, dtype)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
