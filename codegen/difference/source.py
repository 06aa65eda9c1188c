"""Two sources as a unified diff, without what is about files and not about models."""

from __future__ import annotations

import difflib
import re

#: The lines of the docstring that say which file the source was made from, and where its weights are.
_FILES = re.compile(r"^(Source|Weights):.*\n(?: {9}.*\n)*", re.MULTILINE)


def neutral(source: str) -> str:
    """A generated source without the lines that name files, versions and digests."""
    quotes = '"""'
    if not source.startswith(quotes):
        return source
    end = source.find(quotes, len(quotes))
    return _FILES.sub("", source[:end]) + source[end:]


def source_diff(before: str, after: str, first: str, second: str) -> str:
    """Unified diff of two sources; "" if they are equal.

    Args:
        before: The first source.
        after: The second.
        first: What the first is called.
        second: What the second is called.
    """
    lines = difflib.unified_diff(
        neutral(before).splitlines(), neutral(after).splitlines(), first, second, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
