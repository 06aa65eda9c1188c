"""The recipes of CONTRIBUTING.md work as they stand there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegen.graph import Value
from codegen.lowering import catalogue, registry
from codegen.lowering.builder import Builder
from codegen.model.packages import CUSTOM
from tests.oracle.cases import zoo
from tests.oracle.cases.case import Case, layers
from tests.support.docs import CONTRIBUTING, block
from tests.support.oracle import build, check_conversion, sample_inputs

#: What the file of the layer's kin imports.
IMPORTS = {"Builder": Builder, "CUSTOM": CUSTOM, "Value": Value, "lowers": registry.lowers}


@pytest.mark.parametrize("behind", ["", "Conv2D"])
def test_a_layer(behind: str, tmp_path: Path) -> None:
    catalogue.load()
    case: Case = eval(block(CONTRIBUTING, "layer row"), dict(vars(zoo)))
    if behind:
        case = replace(case, call=lambda layer, inputs: layer(layers.Conv2D(6, 3)(inputs[0])))
    with registry.restored():
        exec(block(CONTRIBUTING, "layer"), {**IMPORTS})
        model: Any = build(case)
        for ending in case.files:
            check_conversion(model, tmp_path / f"model.{ending}", sample_inputs(model, case.batch, case.ints))
