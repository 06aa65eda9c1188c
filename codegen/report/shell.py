"""Templates -> pages that need no other file: style, scripts, and the policy that allows no others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from codegen.emit.render import template_text
from codegen.report.figures import count_text, number_text, shape_text

_FOLDER = "report/"


def render_page(template: str, scripts: Sequence[str] = (), **content: Any) -> str:
    """The text of a page. All content but `Markup` is escaped.

    Args:
        template: Its name.
        scripts: Names of the scripts, in the order in which they must stand.
        content: What the template shows.
    """
    style, script = _shipped("page.css"), "\n".join(map(_shipped, scripts))
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
            **content,
        )
    )


def _hash(text: str) -> str:
    """What the page's policy allows: this script, or style, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shipped(name: str) -> str:
    text = template_text(_FOLDER + name)
    assert text is not None
    return text


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: template_text(_FOLDER + name)),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(count=count_text, number=number_text, shape=shape_text, breakable=_breakable)
    return environment


def _breakable(name: str) -> Markup:
    """A name that may be broken behind what joins its words."""
    text = str(escape(name))
    for character in "_/":
        text = text.replace(character, f"{character}<wbr>")
    return Markup(text)
