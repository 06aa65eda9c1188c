"""Functions that each Python compiled compute here what they computed there."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from codegen.bytecode.compiled import read_function
from codegen.bytecode.normalize import normalize
from codegen.bytecode.opcodes import VERSIONS
from codegen.bytecode.routine import OPERATIONS, Routine
from codegen.bytecode.unmarshal import BadCode, Layout, unmarshal
from codegen.evaluation import machine, steps
from codegen.evaluation.evaluator import Evaluator
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.meaning.values import Function
from tests.fixtures import build_code_objects
from tests.support.builder import empty_builder

ARGUMENTS: dict[str, Any] = dict(build_code_objects.ARGUMENTS)
KEYWORDS: dict[str, Any] = dict(build_code_objects.KEYWORDS)
PYTHONS = json.loads((Path(__file__).parents[2] / "fixtures" / "code_objects.json").read_text("ascii"))
CASES = [
    pytest.param(python["python"], made, id=f"{made['name']}-{python['python']}")
    for python in PYTHONS
    for made in python["functions"]
]


def plain(value: Any) -> Any:
    """A result as JSON has it."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(("python", "made"), CASES)
def test_a_function_computes_what_it_computed_in_python(python: str, made: dict[str, Any]) -> None:
    function = Function(read_function(base64.b64decode(made["code"])), made["defaults"], made["options"])
    for args, expected in zip(ARGUMENTS[made["name"]], made["results"], strict=True):
        evaluator = Evaluator(empty_builder(), Versions())
        result = machine.call_function(evaluator, function, args, KEYWORDS.get(made["name"], {}))
        assert plain(result) == expected, python


@pytest.mark.parametrize(("python", "made"), CASES)
def test_the_version_that_compiled_a_function_is_among_those_that_it_is_read_as(
    python: str, made: dict[str, Any]
) -> None:
    data = base64.b64decode(made["code"])
    major, minor = map(int, python.split("."))
    layouts = []
    for layout in Layout:
        try:
            unmarshal(data, layout)
            layouts.append(layout)
        except BadCode:
            continue
    assert len(layouts) == 1
    assert normalize(unmarshal(data, layouts[0]), (major, minor)) == read_function(data)


def test_every_instruction_has_a_meaning_and_is_run() -> None:
    assert steps.OPERATIONS.keys() == OPERATIONS.keys()
    found: set[str] = set()

    def collect(routine: Routine) -> None:
        for instruction in routine.instructions:
            found.add(instruction.op)
            if isinstance(instruction.arg, Routine):
                collect(instruction.arg)

    for made in (made for python in PYTHONS for made in python["functions"]):
        collect(read_function(base64.b64decode(made["code"])))
    assert OPERATIONS.keys() - found == {"with", "bring", "store_attribute", "super"}  # the latter of source


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_code_that_is_cut_off_is_refused(cut: int) -> None:
    data = base64.b64decode(PYTHONS[6]["functions"][0]["code"])
    with pytest.raises(BadCode):
        read_function(data[: -1 - cut])


def test_python_3_14_is_known_by_its_numbers() -> None:
    """RESUME 0, LOAD_FAST_BORROW 0, LOAD_SMALL_INT 2, BINARY_OP *, RETURN_VALUE, as 3.14 packs them."""
    words = [128, 0, 86, 0, 94, 2, 44, 5, *[0] * 10, 35, 0]
    assert (3, 14) in VERSIONS
    code = unmarshal(_lambda_of(bytes(words)), Layout.PYTHON_3_11)
    routine = normalize(code, (3, 14))
    result = machine.call_function(Evaluator(empty_builder(), Versions()), Function(routine), [21], {})
    assert result == 42


def _lambda_of(code: bytes) -> bytes:
    """A marshalled code object of one argument `x`."""

    def number(value: int) -> bytes:
        return value.to_bytes(4, "little")

    def text(value: str) -> bytes:
        return b"z" + bytes([len(value)]) + value.encode("ascii")

    def data(value: bytes) -> bytes:
        return b"s" + number(len(value)) + value

    counts = [1, 0, 0, 3, 0x03]
    parts = [data(code), b")\0", b")\0", b")\1" + text("x"), data(b"\x20")]
    names = [text("train.py"), text("<lambda>"), text("<lambda>"), number(1), data(b""), data(b"")]
    return b"c" + b"".join(map(number, counts)) + b"".join(parts) + b"".join(names)
