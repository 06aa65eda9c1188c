"""The review page as text: what it lets in, and what it says."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from codegen import Report, report
from codegen.evidence.facts import Difference, Place, Result, Verification
from codegen.report.figures import count_text, number_text, shape_text
from codegen.report.highlight import highlighted
from codegen.report.page import page
from tests.support.hostile import HOSTILE, hostile_model

EXAMPLES = Path(__file__).parents[3] / "examples"


class Tags(HTMLParser):
    """The tags of a page with their attributes, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.texts.setdefault(self.tags[-1][0], []).append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def mlp() -> Report:
    return report(EXAMPLES / "mlp.h5")


def test_the_policy_allows_this_script_and_this_style_alone(mlp: Report) -> None:
    text = page(mlp)
    policy = next(m["content"] for m in Tags(text).attributes("meta") if "http-equiv" in m) or ""
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        (written,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(written.encode()).digest()).decode()
        assert allowed.pop(directive) == f"'sha256-{digest}'"
    assert allowed == {
        "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip


def test_nothing_is_loaded_and_nothing_has_style_or_events(mlp: Report) -> None:
    for tag, attributes in Tags(page(mlp)).tags:
        assert not attributes.keys() & {"src", "srcset", "style", "action", "data"}
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "data:,") == "data:,"
        assert tag not in ("img", "iframe", "object", "embed", "form", "a", "base")


def test_names_are_text(tmp_path: Path) -> None:
    found = report(hostile_model(tmp_path))
    text = page(found)
    tags = Tags(text)
    assert [name for name, _ in tags.tags if name in ("script", "img", "svg", "b")].count("script") == 2
    assert "".join(tags.texts["h1"]).startswith(HOSTILE[0])
    facts = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)[0])
    assert [layer["path"] for layer in facts["layers"]] == HOSTILE[1:]


def test_highlighting_keeps_every_character() -> None:
    source = 'class A:\n    """Doc <b>\n\n    more."""\n\n    def f(self, x: int) -> str:  # no\n'
    source += '        return f"{x}<" + "&" * 3\n'
    lines = highlighted(source)
    assert [html.unescape(re.sub("<[^>]+>", "", line)) for line in lines] == source.splitlines()
    assert '<i class="k">class</i> <i class="d">A</i>' in lines[0]


def test_figures_are_short() -> None:
    numbers = [None, 0, 1, -0.5, 0.012345, 1234.5, 12345.6, 1e-9, -2.5e20]
    minus = "\u2212"
    assert [number_text(number) for number in numbers] == [
        "–", "0", "1", f"{minus}0.5", "0.0123", "1234", "1.2e4", f"1.0e{minus}9", f"{minus}2.5e20",
    ]  # fmt: skip
    assert (count_text(1234567), count_text(12)) == ("1\u202f234\u202f567", "12")
    assert (shape_text((None, 3, None)), shape_text((2, 3)), shape_text(())) == ("N×3×?", "2×3", "scalar")


def _verified(mlp: Report, *, parts: bool) -> Report:
    results = tuple(
        Result(
            name, name, "Dense", (2, 16), Place(), "source", parts=parts and name == "hidden_2",
            float32=Difference(0.5 if parts and name == "hidden_2" else 1e-7, 2e-7, 3.0),
        )
        for name in ("hidden_1", "hidden_2", "predictions")
    )  # fmt: skip
    found = Verification("mlp.h5", "mlp.py", "Keras 3.15 on <TensorFlow>", 1e-4, (), results)
    return replace(mlp, verification=found)


def test_numbers_stand_beside_the_layers(mlp: Report) -> None:
    text = page(_verified(mlp, parts=False))
    assert "Same numbers as Keras" in text and "Keras 3.15 on &lt;TensorFlow&gt;" in text
    assert text.count('<td class="num">2.0e\u22127</td>') == 3
    assert "1.0e\\u22127 apart, 2.0e\\u22127 of the largest, 3 units in the last place" in text


def test_the_first_layer_that_differs_is_named(mlp: Report) -> None:
    text = page(_verified(mlp, parts=True))
    assert "first at hidden_2; compared with Keras 3.15" in text
    assert text.count('<td class="num bad">2.0e\u22127</td>') == 1
