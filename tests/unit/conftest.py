"""Unit tests must run without Keras and TensorFlow: importing them is an error here."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def _no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("keras", "tensorflow", "tf_keras"):
        monkeypatch.setitem(sys.modules, name, None)
