"""TensorFlow functions that draw random numbers: torch draws others, of the same distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support.tf_models import chain, converted, function

pytestmark = pytest.mark.usefixtures("against_reference")

SAMPLES = 20_000

#: A TensorFlow function, its arguments, and mean, deviation, least and largest of what it draws.
DRAWN = [
    ("normal", {"mean": 2.0, "stddev": 0.5}, 2, 0.5, -np.inf, np.inf),
    ("stateless_normal", {"seed": [1, 2]}, 0, 1, -np.inf, np.inf),
    ("truncated_normal", {"stddev": 3.0}, 0, 3 * 0.8796, -6, 6),
    ("stateless_truncated_normal", {"stddev": 3.0, "seed": [1, 2]}, 0, 3 * 0.8796, -6, 6),
    ("uniform", {}, 0.5, 12**-0.5, 0, 1),
    ("uniform", {"minval": -1.0, "maxval": 3.0, "seed": 7}, 1, 4 * 12**-0.5, -1, 3),
    (
        "stateless_uniform",
        {"minval": 2, "maxval": 5, "dtype": "int32", "seed": [0, 0]},
        3,
        (2 / 3) ** 0.5,
        2,
        4,
    ),
]


def _outputs(model: Any, x: torch.Tensor) -> NDArray[Any]:
    with torch.no_grad():
        result: NDArray[Any] = model(x).numpy()
    return result


@pytest.mark.parametrize(("name", "arguments", "mean", "deviation", "least", "largest"), DRAWN)
def test_distribution(
    name: str,
    arguments: dict[str, Any],
    mean: float,
    deviation: float,
    least: float,
    largest: float,
    tmp_path: Path,
) -> None:
    model = converted(chain(("shape", {}), (f"random.{name}", arguments)), tmp_path)
    torch.manual_seed(0)
    y = _outputs(model, torch.zeros(SAMPLES, 2, 3))
    assert y.shape == (SAMPLES, 2, 3)
    assert y.dtype == arguments.get("dtype", "float32")
    np.testing.assert_allclose([y.mean(), y.std()], [mean, deviation], atol=0.03)
    assert least <= y.min()
    assert y.max() <= largest
    assert (y[0] != _outputs(model, torch.zeros(1, 2, 3))).any()
    assert "torch draws others" in next(tmp_path.glob("*.py")).read_text(encoding="utf-8")


def test_two_draws_are_two(tmp_path: Path) -> None:
    """Equal expressions are merged, but not these."""
    first, second = (chain(("shape", {}), ("random.normal", {})) for _ in range(2))
    for layer in second:
        layer["name"] = layer["config"]["name"] = f"{layer['name']}_again"
    second[1]["inbound_nodes"][0][0] = second[0]["name"]
    both = function("math.subtract", y=[second[1]["name"], 0, 0])
    both["inbound_nodes"][0][0] = first[1]["name"]
    assert _outputs(converted([*first, *second, both], tmp_path), torch.zeros(1, 2, 3)).all()


def test_dropout(tmp_path: Path) -> None:
    model = converted([function("nn.dropout", rate=0.25, noise_shape=[None, 2, 1])], tmp_path)
    torch.manual_seed(0)
    y = _outputs(model, torch.ones(SAMPLES, 2, 3))
    np.testing.assert_allclose(y.mean(), 1, atol=0.03)
    np.testing.assert_allclose(np.unique(y), [0, 4 / 3], rtol=1e-6)
    assert (y == y[..., :1]).all()


def test_categorical(tmp_path: Path) -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.7]], "float32"))
    calls = chain(("reshape", {"shape": [-1, 3]}), ("random.categorical", {"num_samples": SAMPLES}))
    torch.manual_seed(0)
    y = _outputs(converted(calls, tmp_path), torch.from_numpy(np.tile(logits, (2, 1)))[None])
    shares = np.stack([np.bincount(row, minlength=3) / SAMPLES for row in y])
    np.testing.assert_allclose(shares, np.exp(np.tile(logits, (2, 1))), atol=0.03)


def test_shuffle(tmp_path: Path) -> None:
    x = torch.arange(60.0).reshape(10, 2, 3)
    y = _outputs(converted([function("random.shuffle")], tmp_path), x)
    assert sorted(y.tolist()) == x.tolist() != y.tolist()
