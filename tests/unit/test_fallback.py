"""In the release, blocks that cannot be made or do not work leave flat code and a note, and no crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegen import check, convert, passes, pipeline
from codegen.commands import convert as command
from codegen.commands.self_check import SelfCheckFailed, self_check
from codegen.graph import Graph
from tests.support.showcase import EXAMPLES

MLP = EXAMPLES / "mlp.h5"

Break = Callable[[pytest.MonkeyPatch], None]


def _no_outline(patch: pytest.MonkeyPatch) -> None:
    def fails(graph: Graph) -> None:
        del graph.nodes[:]
        raise ValueError("a node is not in list")

    broken = [replace(step, apply=fails) if step.switch == "blocks" else step for step in passes.PASSES]
    patch.setattr(passes, "PASSES", tuple(broken))


def _wrong_code(patch: pytest.MonkeyPatch) -> None:
    def fails(source: str, *others: Any) -> None:
        if "please report this" not in " ".join(source.split()):
            raise SelfCheckFailed("the first")
        self_check(source, *others)

    patch.setattr(command, "self_check", fails)


@pytest.mark.parametrize("broken", [_no_outline, _wrong_code])
def test_flat_code_takes_the_place_of_blocks(
    broken: Break, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    monkeypatch.setattr(pipeline, "FALLS_BACK", True)
    result = convert(MLP, output=tmp_path)
    assert result.notes == (pipeline.FALLBACK_NOTE,)
    assert not check(MLP, output=tmp_path)


@pytest.mark.parametrize(("broken", "error"), [(_no_outline, ValueError), (_wrong_code, SelfCheckFailed)])
def test_the_tests_see_every_fault_of_the_blocks(
    broken: Break, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    with pytest.raises(error):
        convert(MLP, output=tmp_path)
    assert not list(tmp_path.iterdir())
