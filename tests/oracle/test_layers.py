"""Every row of the tables in tests/oracle/cases: real Keras and the converted model compute the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.cases.case import Case
from tests.oracle.cases.tables import CASES
from tests.support.oracle import build, check_conversion, sample_inputs


def test_names_of_rows_are_unique() -> None:
    names = [case.name for case in CASES]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.usefixtures("against_reference")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_row(case: Case, tmp_path: Path) -> None:
    model = build(case)
    inputs = sample_inputs(model, case.batch, case.ints)
    for ending in case.files:
        check_conversion(model, tmp_path / f"model.{ending}", inputs)
