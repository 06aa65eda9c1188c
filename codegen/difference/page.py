"""ModelDiff -> one HTML file, as self-contained and as safe as the review page."""

from __future__ import annotations

from codegen.difference.facts import ModelDiff
from codegen.report.shell import render_page

_KINDS = {"+": "added", "-": "removed", "@": "place"}


def page(diff: ModelDiff) -> str:
    """The text of the page."""
    lines = (diff.source or "").splitlines()
    return render_page(
        "diff.html.jinja",
        diff=diff,
        changed=[layer for layer in diff.layers or () if layer.status != "equal"],
        lines=[(_KINDS.get(line[:1], ""), line) for line in lines[2:]],
    )
