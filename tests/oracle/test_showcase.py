"""generated/ is what examples/ yields today, and computes what Keras computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen import Options, check, convert
from tests.oracle.cases.case import keras
from tests.support.conversions import assert_same, torch_outputs
from tests.support.oracle import keras_outputs, randomise, sample_inputs
from tests.support.showcase import ARCHITECTURES, CUSTOM, EXAMPLES, GENERATED, WHOLE


@pytest.mark.parametrize("name", WHOLE + ARCHITECTURES)
def test_is_up_to_date(name: str) -> None:
    drift = check(EXAMPLES / name, Options(custom=CUSTOM), output=GENERATED)
    assert not drift, f"renew generated/ with `python -m tests.support.showcase`\n{drift.diff}"


def test_holds_nothing_else() -> None:
    names = {Path(name).stem for name in WHOLE + ARCHITECTURES}
    assert {path.stem for path in GENERATED.glob("*.p[yt]")} == names


def _code(path: Path) -> str:
    """A module without its docstring, which names the files that it was made from."""
    return path.read_text(encoding="utf-8").split('"""', 2)[2]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_computes_what_keras_computes(name: str, tmp_path: Path) -> None:
    architecture = EXAMPLES / name
    model = keras.models.model_from_json(architecture.read_text(encoding="utf-8"))
    randomise(model)
    model.save_weights(tmp_path / "model.weights.h5")
    result = convert(architecture, weights=tmp_path / "model.weights.h5", output=tmp_path)
    assert _code(result.source_path) == _code(GENERATED / result.source_path.name)
    inputs = sample_inputs(model, batch=2, ints=7)
    assert_same(torch_outputs(result, inputs), keras_outputs(model, inputs))


def test_whole_model_computes_what_keras_computes(tmp_path: Path) -> None:
    model = keras.models.load_model(EXAMPLES / "mlp.h5", compile=False)
    result = convert(EXAMPLES / "mlp.h5", output=tmp_path)
    inputs = sample_inputs(model, batch=4, ints=7)
    assert_same(torch_outputs(result, inputs), keras_outputs(model, inputs))
