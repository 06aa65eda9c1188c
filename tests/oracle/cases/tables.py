"""All rows of all tables in this folder."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tests.oracle import cases
from tests.oracle.cases.case import Case

_NO_TABLES = ("author", "case", "tables")

CASES: list[Case] = [
    case
    for found in pkgutil.iter_modules(cases.__path__)
    if found.name not in _NO_TABLES
    for case in import_module(f"tests.oracle.cases.{found.name}").CASES
]
