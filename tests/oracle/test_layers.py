"""Every row of the tables in tests/oracle/cases: real Keras and the converted model compute the same."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from codegen.lowering import catalogue, registry
from tests.oracle import cases
from tests.oracle.cases.case import Case
from tests.support.oracle import build, check_conversion, sample_inputs

TABLES = [
    import_module(f"tests.oracle.cases.{found.name}")
    for found in pkgutil.iter_modules(cases.__path__)
    if found.name != "case"
]
CASES: list[Case] = [case for table in TABLES for case in table.CASES]


def test_names_of_rows_are_unique() -> None:
    names = [case.name for case in CASES]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_row(case: Case, tmp_path: Path) -> None:
    model = build(case)
    inputs = sample_inputs(model, case.batch, case.ints)
    for ending in case.files:
        check_conversion(model, tmp_path / f"model.{ending}", inputs)


def test_every_registered_layer_has_a_row() -> None:
    catalogue.load()
    folder = Path(__file__).parents[1]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("**/*.py")))
    words = set(re.findall(r"\w+", text))
    names = [re.split("[.>]", name)[-1] for (_, name) in registry.registered()]  # `math.add`, `Addons>gelu`
    missing = {name for name in names if name not in words}
    assert sorted(missing) == []
