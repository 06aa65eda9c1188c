"""Python files of an author, and what their names stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codegen.evaluation.author import Author
from codegen.evaluation.evaluator import Evaluator
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.namespaces import Program
from codegen.source.files import Sources
from tests.support.builder import empty_builder


def world(tmp_path: Path, **files: str) -> tuple[Evaluator, Program]:
    """An evaluator, and the program of these files."""
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    program = Program(Sources([tmp_path]))
    author = Author(program, lambda *_: None, 3)  # type: ignore[arg-type]  # no layers here
    return Evaluator(empty_builder(), Versions(), author), program


def found(tmp_path: Path, name: str, **files: str) -> Any:
    """What a name of the file `main` stands for."""
    evaluator, program = world(tmp_path, **files)
    module = program.sources.module("main")
    assert module is not None
    return evaluator.lookup(name, program.namespace(module))
