"""The review page in a browser: it works, it is silent, it asks for nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codegen import report
from tests.support.browser import CHROMIUM, Page, browser
from tests.support.hostile import HOSTILE, hostile_model, long_model

Pages = Callable[[str], tuple[Path, dict[str, Any]]]

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium here; apt-get install chromium brings the one that the page is tested with",
)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _silent(page: Page) -> Iterator[None]:
    """No error in the console, no request but for the page itself."""
    page.complaints.clear()
    page.requests.clear()
    yield
    assert page.complaints == []
    assert len([url for url in page.requests if not url.startswith("data:")]) == 1


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The page of an example, and its facts; each is made once."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def made(name: str) -> tuple[Path, dict[str, Any]]:
        path = folder / f"{name}.html"
        return path, report(EXAMPLES / f"{name}.json", output=path).as_dict()

    return made


def marked(page: Page, kind: str) -> dict[str, list[str]]:
    """What is marked: paths of layers in the table and in the drawing, lines of the source."""
    found: dict[str, list[str]] = page.evaluate(f"""({{
            table: [...document.querySelectorAll(".row.{kind} b")].map(name => name.textContent),
            drawing: [...document.querySelectorAll("#canvas .node.{kind}")]
                .map(box => facts.layers[box.dataset.layer].path),
            source: [...document.querySelectorAll(".line.{kind} code")].map(line => line.textContent.trim()),
        }})""")
    return found


def number(facts: dict[str, Any], path: str) -> int:
    return [layer["path"] for layer in facts["layers"]].index(path)


def test_a_click_in_the_table_shows_the_layer_everywhere(page: Page, pages: Pages) -> None:
    file, facts = pages("resnet50")
    page.open(file)
    path = "conv3_block2_2_conv"
    assert page.evaluate(
        f"!document.querySelector('#canvas [data-layer=\"{number(facts, path)}\"]')"
    )  # folded
    page.click(f'.row[data-layer="{number(facts, path)}"]')
    lines = [
        "self.conv_2 = nn.Conv2d(mid_channels, mid_channels, kernel_size=3, padding=1)",
        "y = F.relu(self.bn_2(self.conv_2(y)))",
    ]
    assert marked(page, "chosen") == {"table": [path], "drawing": [path], "source": lines}
    assert marked(page, "hot")["source"] == lines
    assert "x = self.conv3(x)  # (N, 512, 28, 28)" in marked(page, "warm")["source"]
    assert "conv3.1.conv_2" in page.evaluate("document.querySelector('.detail').textContent")


def test_a_click_in_the_drawing_opens_what_is_folded_and_chooses_a_layer(page: Page, pages: Pages) -> None:
    page.open(pages("unet")[0])
    boxes = page.evaluate("document.querySelectorAll('#canvas .node').length")
    page.click('[data-group="down_1"] .box')
    assert page.evaluate("document.querySelectorAll('#canvas .node').length") == boxes + 6
    page.click('#canvas .node[data-layer="1"] .box')
    assert marked(page, "chosen")["table"] == ["down_1_conv_1"]
    page.click('[data-group="down_1"] .sign')
    page.click("#open")
    assert page.evaluate("document.querySelectorAll('#canvas .node').length") == 53
    page.click("#fold")
    assert page.evaluate("document.querySelectorAll('#canvas .node').length") == boxes


def test_a_click_in_the_source_goes_through_the_layers_of_a_line(page: Page, pages: Pages) -> None:
    file, facts = pages("text_encoder")
    page.open(file)
    line = next(
        place["first"]
        for place in facts["layers"][number(facts, "block1_expand")]["calls"][0]["places"]
        if place["own"]
    )
    chosen = []
    for _ in range(4):
        page.click(f"#L{line} code")
        chosen += marked(page, "chosen")["table"]
    assert chosen == [f"block{n}_expand" for n in (1, 2, 3, 4)]


def test_search(page: Page, pages: Pages) -> None:
    page.open(pages("resnet50")[0])
    shown = "[...document.querySelectorAll('.row:not([hidden]) b')].map(name => name.textContent)"
    for words, expected in {
        "conv4_block6 bn": [f"conv4_block6_{n}_bn" for n in (1, 2, 3)],
        "no such layer": [],
        "MaxPooling2D": ["pool1_pool"],
        "conv5.2.conv_3": ["conv5_block3_3_conv"],
    }.items():
        page.evaluate("search.value = ''")
        page.type("#search", words)
        assert page.evaluate(shown) == expected
        assert page.evaluate("document.querySelector('#none').hidden") == bool(expected)


def test_a_class_is_a_filter(page: Page, pages: Pages) -> None:
    page.open(pages("unet")[0])
    page.evaluate("classes.value = 'Conv2DTranspose'; classes.dispatchEvent(new Event('change'))")
    shown = "[...document.querySelectorAll('.row:not([hidden]) b')].map(name => name.textContent)"
    assert page.evaluate(shown) == ["up_3_conv", "up_2_conv", "up_1_conv"]


def test_boxes_do_not_overlap_and_edges_lead_down(page: Page, pages: Pages) -> None:
    page.open(pages("unet")[0])
    page.click("#open")
    boxes = page.evaluate(
        "[...document.querySelectorAll('#canvas .node .box')].map(b => [b.x, b.y, b.width, b.height]"
        ".map(v => v.baseVal.value))"
    )
    assert len(boxes) == 53
    for i, (x, y, width, height) in enumerate(boxes):
        for u, v, other_width, other_height in boxes[:i]:
            assert x + width <= u or u + other_width <= x or y + height <= v or v + other_height <= y


def test_a_phone_has_one_view_at_a_time(page: Page, pages: Pages) -> None:
    page.open(pages("unet")[0], width=390, height=844, dark=True)
    shown = "[...document.querySelectorAll('.pane')].filter(p => p.clientHeight).map(p => p.id)"
    assert page.evaluate(shown) == ["layers"]
    for name in ("drawing", "source", "layers"):
        page.click(f'.tabs [data-view="{name}"]')
        assert page.evaluate(shown) == [name]
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_names_that_are_html_are_shown_as_text(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    facts = report(hostile_model(tmp_path), output=path).as_dict()
    page.open(path)
    assert page.evaluate("document.querySelector('h1').textContent") == HOSTILE[0]
    names = page.evaluate("[...document.querySelectorAll('.row b')].map(name => name.textContent)")
    assert names == [layer["path"] for layer in facts["layers"]] == HOSTILE[1:]
    for place in range(len(names)):
        page.click(f'.row[data-layer="{place}"]')
    page.click("#open")
    assert page.evaluate("document.querySelectorAll('img, iframe, script').length") == 2  # facts and ours
    assert page.evaluate("'owned' in window") is False
    assert json.loads(page.evaluate("JSON.stringify(facts.layers[1].options)"))["units"] == "3"


def test_a_thousand_layers_are_usable(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    facts = report(long_model(tmp_path, 1000), output=path)
    assert len(facts.layers) == 1001
    assert path.stat().st_size < 5e6
    page.open(path)
    page.click("#open")
    page.type("#search", "layer_777")
    page.click(".row:not([hidden])")
    found = marked(page, "chosen")
    assert (found["table"], found["drawing"]) == (["layer_777"], ["layer_777"])
    assert found["source"]
