"""The seal of a generated file: a digest of its text, by which an edited file is known.

It stands behind the version in the docstring's source line: `converted by k2t-gen 0.1.0 (3f2a9c1b)`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_MADE = re.compile(r"converted by k2t-gen (?P<version>\S+)(?P<seal> \([0-9a-f]{8}\))?$", re.MULTILINE)
_LINES = re.compile(r"^Source:  .*(?:\n {9}.*)*$", re.MULTILINE)
_NAME = re.compile(r"(?:^Source: |^ *and|,? and) (.+?) \((?:Keras [^()]*, )?sha256 (\w*)…\)", re.MULTILINE)
_NO_SEAL = f" ({'0' * 8})"


@dataclass(frozen=True)
class Seal:
    """What the docstring of a generated file says of its making.

    Attributes:
        sources: The files that it was made from, each with the beginning of its digest.
        is_whole: Whether the text is as it was written.
    """

    sources: tuple[tuple[str, str], ...]
    is_whole: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The files that it was made from."""
        return tuple(name for name, _ in self.sources)

    @property
    def digests(self) -> tuple[str, ...]:
        """The beginnings of their digests."""
        return tuple(digest for _, digest in self.sources)


def sealed(text: str) -> str:
    """The text with its seal; as it is if it does not say what made it (a template of the user's own)."""
    made = _MADE.search(text)
    if made is None:
        return text
    open_text = text[: made.end("version")] + _NO_SEAL + text[made.end() :]
    return open_text.replace(_NO_SEAL, f" ({_digest(open_text)})", 1)


def read_seal(text: str) -> Seal | None:
    """What a text says of its making; None if k2t-gen did not write it."""
    made, lines = _MADE.search(text), _LINES.search(text)
    if made is None or lines is None:
        return None
    found = made["seal"]
    open_text = text[: made.end("version")] + _NO_SEAL + text[made.end() :]
    sources = tuple((name, digest) for name, digest in _NAME.findall(lines[0]))
    return Seal(sources, found == f" ({_digest(open_text)})")


def with_source_lines_of(text: str, other: str) -> str:
    """The text, said to be made as another one was: what differs then is the code."""
    lines = _LINES.search(other)
    return text if lines is None else _LINES.sub(lambda _: lines[0], text, count=1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
