"""Bytecode that was tampered with: a result or one reason, in bounded time, and nothing is run."""

from __future__ import annotations

import base64
import json
import marshal
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from codegen.bytecode.compiled import read_function
from codegen.bytecode.unmarshal import BadCode
from codegen.errors import ConversionError
from codegen.evaluation.evaluator import evaluate
from codegen.evaluation.meaning.tools import Versions
from codegen.evaluation.meaning.values import NotEvaluated
from codegen.graph import Value
from codegen.lowering import catalogue
from codegen.model.python_code import StoredList
from tests.support.builder import empty_builder

FIXTURE = Path(__file__).parents[2] / "fixtures" / "code_objects.json"
PYTHONS = json.loads(FIXTURE.read_text("ascii"))


@pytest.fixture(autouse=True)
def _registered() -> None:
    """Functions call what is registered."""
    catalogue.load()


def outcome(data: bytes, count: int) -> str:
    """What becomes of a code object that is called with tensors; anything but these is a fault."""
    b = empty_builder()
    x = Value((None, 4), layer="x")
    b.graph.inputs = [x]
    try:
        routine = read_function(data)
        evaluate(b, Versions(), routine, [x] * count, {}, closure=[3] * len(routine.free))
    except BadCode:
        return "unreadable"
    except (NotEvaluated, ConversionError) as refused:
        assert len(str(refused)) < 1000
        return "refused"
    return "evaluated"


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One byte or four changed, dropped, doubled, or exchanged."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 4))):
        at = rng.randrange(len(changed))
        kind = rng.randrange(5)
        if kind == 0:
            changed[at] = rng.randrange(256)
        elif kind == 1:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del changed[at]
        elif kind == 3:
            changed.insert(at, changed[at])
        else:
            other = rng.randrange(len(changed))
            changed[at], changed[other] = changed[other], changed[at]
    return bytes(changed)


def test_code_objects_that_were_tampered_with() -> None:
    rng = random.Random(4)
    codes = [base64.b64decode(made["code"]) for python in PYTHONS for made in python["functions"]]
    found = Counter(outcome(mutated(rng.choice(codes), rng), rng.randint(0, 2)) for _ in range(1500))
    assert found["unreadable"] > 100
    assert found["refused"] > 100


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("lambda x: x * 10 ** 10 ** 10", "more than 256 bits"),
        ("lambda x: x * (1 << 10 ** 9)", "more than 256 bits"),
        ("lambda x: x + len('a' * 10 ** 9)", "computes a str"),
        ("lambda x: [0] * 10 ** 9", "a sequence of 1e+09 items"),
        ("lambda x: range(10 ** 12)[0] * x", "a sequence of 1e+12 items"),
        ("lambda x: np.zeros(10 ** 9) + x", "an array of 1e+09 elements"),
        ("lambda x: np.ones((10 ** 5, 10 ** 5)) + x", "an array of 1e+10 elements"),
        ("lambda x: np.ones((1000, 1)) @ np.ones((1, 10 ** 6)) + x", "an array of 1e+09 elements"),
        ("lambda x: (lambda f: f(f))(lambda f: f(f))", "calls functions more than"),
        ("lambda x: [y for y in iter(lambda: x, 0)]", "calls iter() wrongly"),
        ("lambda x: x.__class__.__bases__", "reaches into Python itself (__class__)"),
        ("lambda x: ().__class__", "reaches into Python itself (__class__)"),
        ("lambda x: getattr(x, 'shape')", "looks attributes up by name (getattr)"),
        ("lambda x: __import__('os').system('touch k2t')", "imports modules by name (__import__)"),
        ("lambda x: eval('x')", "runs text as code (eval)"),
        ("lambda x: tf.io.read_file('k2t')", "reads or writes files (tf.io.read_file)"),
        ("lambda x: tf.py_function(lambda y: y, [x], tf.float32)", "runs Python code within the graph"),
        ("lambda x: x * tf.Variable(2.0)", "makes a variable, whose value is not in the file"),
        ("lambda x: np.random.normal() * x", "draws random numbers when the model is made"),
        ("lambda x: os.getcwd()", "uses os, which is not in the file"),
        ("lambda x: x * len('%0999999999d' % 3)", "uses a text, which is not in the file"),
        ("lambda x: K.frobnicate(x)", "calls K.frobnicate, which is not supported"),
        ("lambda x: while_true(x)", "calls while_true, which is not in the file"),
    ],
)
def test_what_a_function_may_not_do(source: str, says: str) -> None:
    code: Any = compile(source, "train.py", "eval").co_consts[0]
    b = empty_builder()
    x = Value((None, 4), layer="x")
    b.graph.inputs = [x]
    with pytest.raises(NotEvaluated) as refused:
        evaluate(b, Versions(), read_function(marshal.dumps(code)), [x], {})
    assert says in str(refused.value)


def test_a_list_of_a_closure_may_have_been_an_array() -> None:
    def made(sizes: list[int]) -> Any:
        return lambda x: x * len(sizes * 2)

    b = empty_builder()
    x = Value((None, 4), layer="x")
    routine = read_function(marshal.dumps(made([1]).__code__))
    with pytest.raises(NotEvaluated, match="a list or an array"):
        evaluate(b, Versions(), routine, [x], {}, closure=[StoredList([1, 2])])


def test_a_loop_without_end_ends() -> None:
    names: dict[str, Any] = {}
    exec("def f(x):\n  while True:\n    x = x + 1\n  return x", names)
    b = empty_builder()
    x = Value((None, 4), layer="x")
    b.graph.inputs = [x]
    with pytest.raises(NotEvaluated, match=r"(takes|makes) more than"):
        evaluate(b, Versions(), read_function(marshal.dumps(names["f"].__code__)), [x], {})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("lambda x: np.arange(6).reshape(2, 3, order='F')", [[0, 2, 4], [1, 3, 5]]),
        ("lambda x: np.arange(6).reshape((2, 3)).flatten(order='F')", [0, 3, 1, 4, 2, 5]),
        ("lambda x: np.arange(6).reshape(2, 3).transpose().copy()", [[0, 3], [1, 4], [2, 5]]),
        ("lambda x: np.arange(6).reshape(2, 3).sum(axis=1, keepdims=True)", [[3], [12]]),
    ],
)
def test_methods_of_arrays_heed_their_keywords(source: str, expected: list[Any]) -> None:
    code: Any = compile(source, "train.py", "eval").co_consts[0]
    found = evaluate(empty_builder(), Versions(), read_function(marshal.dumps(code)), [None], {})
    assert found.tolist() == expected
