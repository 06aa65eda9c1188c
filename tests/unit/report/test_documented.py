"""Every key of the JSON is in the documentation."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

from codegen.difference import facts as difference
from codegen.report import facts as report
from codegen.report import statistics

PAGE = Path(__file__).parents[3] / "docs" / "report.md"


@pytest.mark.parametrize("module", [report, statistics, difference], ids=lambda module: module.__name__)
def test_every_key_is_documented(module: ModuleType) -> None:
    text = PAGE.read_text(encoding="utf-8")
    records = [item for item in vars(module).values() if isinstance(item, type) and is_dataclass(item)]
    own = [record for record in records if record.__module__ == module.__name__]
    keys = {field.name for record in own for field in fields(record)}
    assert keys
    assert {key for key in keys if f"`{key}`" not in text} == set()
