"""Functions of source compute here what Python computes, and name what they cannot compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codegen.evaluation.meaning.values import NotEvaluated
from tests.fixtures import build_code_objects
from tests.support.sources import found, world

PYTHONS = json.loads((Path(__file__).parents[2] / "fixtures" / "code_objects.json").read_text("ascii"))
RESULTS = {made["name"]: made["results"] for made in PYTHONS[-1]["functions"]}
ARGUMENTS: dict[str, Any] = dict(build_code_objects.ARGUMENTS)
KEYWORDS: dict[str, Any] = dict(build_code_objects.KEYWORDS)


@pytest.mark.parametrize("name", sorted(RESULTS.keys() & ARGUMENTS.keys()))
def test_a_function_computes_what_it_computes_in_python(tmp_path: Path, name: str) -> None:
    source = build_code_objects.SOURCE + build_code_objects.MODERN
    evaluator, program = world(tmp_path, main=source)
    module = program.sources.module("main")
    assert module is not None
    function = evaluator.lookup(name, program.namespace(module))
    for args, expected in zip(ARGUMENTS[name], RESULTS[name], strict=True):
        result = evaluator.call(function, args, KEYWORDS.get(name, {}))
        assert json.loads(json.dumps(result)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 2\ndef f():\n    return 1\ndef f():\n    return x * 3\nvalue = f()", 6),
        ("value = [1]\nvalue.append(2)\nvalue[0] = 5\nvalue += [7]", [5, 2, 7]),
        ("value = {}\nfor i in range(3):\n    value[i] = i * i", {0: 0, 1: 1, 2: 4}),
        ("a, value = 1, 2", 2),
        ("try:\n    from x import y\nexcept ImportError:\n    y = 1\nvalue = 3", 3),
        ("if __name__ == '__main__':\n    value = 4\nelse:\n    value = 5\nvalue = 6", 6),
        ("class A:\n    k = 2\n    def g(self, n):\n        return self.k * n\nvalue = A().g(4)", 8),
        (
            "class A:\n    def __init__(self, n):\n        self.n = n\n    @property\n    def twice(self):\n"
            "        return 2 * self.n\n    @staticmethod\n    def one():\n        return 1\n"
            "    @classmethod\n    def of(cls, n):\n        return cls(n)\n"
            "class B(A):\n    def __init__(self, n):\n        super().__init__(n + 1)\n"
            "    @property\n    def twice(self):\n        return super().twice + self.one()\n"
            "value = B.of(3).twice",
            9,
        ),
        ("import helper\nvalue = helper.double(4)", 8),
        ("from helper import double as d, K\nvalue = d(K)", 10),
        ("import helper as h\nvalue = h.__doc__", None),
        ("value = [f'{name}_{i}' for i, name in enumerate(('a', 'b'))]", ["a_0", "b_1"]),
        ("value = (lambda *a, k=2, **o: [sum(a) * k, o])(1, 2, z=3)", [6, {"z": 3}]),
        ("total = 0\nwhile total < 5:\n    total += 2\nvalue = total", 6),
        ("value = 1\nvalue = value + 1", 2),
        ("def value():\n    return 3\nvalue = value()", 3),
    ],
)
def test_what_a_module_says_is_evaluated_when_it_is_asked_for(
    tmp_path: Path, text: str, expected: Any
) -> None:
    helper = "K = 5\ndef double(x):\n    return 2 * x\nopen('k2t_marker', 'w')"
    if expected is None:
        with pytest.raises(NotEvaluated):
            found(tmp_path, "value", main=text, helper=helper)
    else:
        assert found(tmp_path, "value", main=text, helper=helper) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("value = open('f')", "opens files"),
        ("value = eval('1')", "runs text as code"),
        ("import os\nvalue = os.system('ls')", "os, which is not in the file"),
        ("value = ().__class__", "reaches into Python itself"),
        ("value = other\nother = value", "by itself"),
        ("def f(n):\n    return f(n + 1)\nvalue = f(0)", "deep"),
        ("value = 10 ** 10 ** 10", "bits"),
        ("n = 0\nwhile True:\n    n += 1\nvalue = n", "steps"),
        ("value = [0] * 10 ** 9", "sequence"),
        ("async def f():\n    pass\nvalue = f()", "f"),
        ("def f():\n    raise ValueError('no')\nvalue = f()", "raises ValueError"),
        ("value = undefined + 1", "undefined"),
    ],
)
def test_what_cannot_be_evaluated_is_named_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(NotEvaluated, match=reason) as refused:
        evaluator, program = world(tmp_path, main=text)
        module = program.sources.module("main")
        assert module is not None
        evaluator.binary(
            "+", evaluator.lookup("value", program.namespace(module)), 0, floors=False, in_place=False
        )
    assert refused.value.place is None or refused.value.place[0] == "main.py"
