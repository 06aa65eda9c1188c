"""The rooms of the house: what imports what, and how full a folder may be."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "codegen"

#: Rooms (folders, and the files beside them) from top to bottom; an import goes to a lower line only.
ROOMS = (
    "__main__",
    "cli",
    "__init__",
    "commands custom",
    "difference",
    "report",
    "evidence",
    "pipeline project",
    "training",
    "options read config passes emit.training weights tensors layers.zoo ops.tensorflow",
    "config.dialects passes.blocks emit layers.attention layers.recurrent layers.windows ops.keras",
    "read.tensorflow layers ops",
    "evaluation",
    "evaluation.meaning",
    "read.parts",
    "lowering.parts",
    "lowering",
    "graph",
    "model source specialise",
    "bytecode training.library",
    "errors version recorder torch_api",
    "runtime runtime.images runtime.indexing runtime.recurrent runtime.training",
)

#: Stages that know nothing of one another, each with the rooms in it.
APART = (
    {"read", "config", "passes", "emit", "weights", "lowering"},
    {"read", "config", "passes", "emit", "weights", "layers", "ops"},
)

FLOORS = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms.split()}


@cache
def files() -> dict[str, Path]:
    """Every file of the package by the name of its module."""
    return {_module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The room that a module is in: its folder, or itself beside the folders."""
    folder = files()[module].parent
    return files()[module].stem if folder == PACKAGE else ".".join(folder.relative_to(PACKAGE).parts)


def _imports(module: str) -> Iterator[str]:
    """The modules of ours that a file imports, at whatever place in it."""
    for node in ast.walk(ast.parse(files()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files())
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            for name in [f"{node.module}.{alias.name}" for alias in node.names]:
                found = name if name in files() else str(node.module)
                if found in files():
                    yield found


@cache
def arrows() -> frozenset[tuple[str, str]]:
    """Every import of the package."""
    return frozenset((one, other) for one in files() for other in _imports(one))


def test_every_room_has_its_floor() -> None:
    assert {room(module) for module in files()} == FLOORS.keys()


def test_imports_go_downwards() -> None:
    between = {(one, other) for one, other in arrows() if room(one) != room(other)}
    assert {(one, other) for one, other in between if FLOORS[room(one)] >= FLOORS[room(other)]} == set()


@pytest.mark.parametrize("stages", APART, ids=lambda stages: "-".join(sorted(stages)))
def test_stages_do_not_know_one_another(stages: set[str]) -> None:
    tops = [tuple(room(module).split(".")[0] for module in arrow) for arrow in arrows()]
    assert {(one, other) for one, other in tops if one != other and {one, other} <= stages} == set()


def test_no_circle_between_files() -> None:
    circles = set(arrows())
    while ends := {one for one, _ in circles} ^ {other for _, other in circles}:
        circles = {arrow for arrow in circles if ends.isdisjoint(arrow)}
    assert circles == set()


def test_nothing_is_imported_for_the_type_checker_alone() -> None:
    found = {m for m, path in files().items() if "TYPE_CHECKING" in path.read_text(encoding="utf-8")}
    assert found == set()


def _folders() -> list[Path]:
    return sorted({path.parent for path in files().values()})


@pytest.mark.parametrize("folder", _folders(), ids=lambda folder: folder.name)
def test_a_folder_is_a_room_and_no_hall(folder: Path) -> None:
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert len(names) <= 20
    prefixes = Counter(name.split("_")[0] for name in names)
    assert [prefix for prefix, count in prefixes.items() if count > 3] == []
    assert {folder.name, folder.name.removesuffix("s")}.isdisjoint(
        name.split("_")[0] for name in names if "_" in name
    )
