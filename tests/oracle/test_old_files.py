"""Files written by old versions of Keras, with the outputs that those versions computed.

The files in `fixtures/` have the version's name in front. Each was saved by that very version, with random
weights; its `.npz` holds inputs and outputs in Keras' order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codegen import convert
from tests.support.conversions import assert_same, torch_outputs

FIXTURES = Path(__file__).parents[1] / "fixtures"
FILES = sorted(FIXTURES.glob("*keras_*.h5"))


def test_there_are_files() -> None:
    assert len(FILES) > 20


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_computes_what_the_old_version_computed(file: Path, tmp_path: Path) -> None:
    stored = np.load(file.with_suffix(".npz"))
    inputs, outputs = (
        [stored[f"{kind}_{i}"] for i in range(len(stored)) if f"{kind}_{i}" in stored]
        for kind in ("input", "output")
    )
    result = convert(file, output=tmp_path, name="model")
    assert_same(torch_outputs(result, inputs), outputs)
