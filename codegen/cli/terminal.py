"""What the commands print, and the codes with which they exit."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from codegen.commands.target import Taken
from codegen.errors import Bug, ConversionError, Unsupported, summary
from codegen.options import Progress

#: The exit codes of all commands; 2 is click's own, for a wrong command line.
DONE, REFUSED, WRONG, BUG, DIFFERS = 0, 1, 2, 3, 4

_PACKAGE = Path(__file__).parents[1]

#: The worse of two models decides how a command exits.
_SEVERITY = (DONE, DIFFERS, REFUSED, WRONG, BUG)


def exit_codes(done: str, refused: str, differs: str = "") -> str:
    """The end of a command's help."""
    return f"""\b
Exit codes:
  0  {done}
  1  {refused}
  2  the command line or the project's settings are wrong
  3  a bug of k2t-gen: please report it
""" + (f"  4  {differs}\n" if differs else "")


def worst(codes: Iterable[int]) -> int:
    """The exit code of a command whose models ended with these."""
    return max(codes, key=_SEVERITY.index, default=DONE)


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines: a stranger's names must neither steer the terminal nor make lines of their own."""
    for line in lines:
        click.echo("".join(ch if ch.isprintable() else "?" for ch in line), err=err)


def print_diff(diff: str) -> None:
    """Print a unified diff, coloured on a terminal unless the variable NO_COLOR is set."""
    for line in diff.splitlines():
        text = "".join(ch if ch.isprintable() or ch == "\t" else "?" for ch in line)
        click.secho(text, **_style(line))


def _style(line: str) -> dict[str, Any]:
    if os.environ.get("NO_COLOR"):
        return {}
    if line.startswith(("---", "+++")):
        return {"bold": True}
    colours = {"-": "red", "+": "green", "@": "cyan"}
    return {"fg": colours[line[0]]} if line[:1] in colours else {}


def failure(error: Exception, model: Path) -> tuple[int, tuple[str, ...]]:
    """The exit code for an error and what to say about it, a line for each reason."""
    name = model.name
    if isinstance(error, Bug):
        return BUG, (f"{name}: {error}",)
    if isinstance(error, Unsupported):
        return REFUSED, tuple(f"{name}: {line}" for line in summary(error.problems))
    if isinstance(error, Taken):
        return DIFFERS, (f"{name}: {error}",)
    if isinstance(error, ConversionError):
        text = str(error)
        return REFUSED, (text if text.startswith((str(model), "--")) else f"{name}: {text}",)
    return BUG, (f"{name}: a bug of k2t-gen, please report it: {type(error).__name__}: {error}",)


def print_errors(lines: Iterable[str]) -> None:
    """Errors as one line each on stderr."""
    print_lines((f"k2t-gen: {' '.join(line.split())}" for line in lines), err=True)


def traceback_lines(error: Exception) -> list[str]:
    """The traceback of the user's own code, if it went wrong there: without our frames in it."""
    cause = error.__cause__
    while cause is not None:
        frames = [
            frame
            for frame in traceback.extract_tb(cause.__traceback__)
            if not Path(frame.filename).is_relative_to(_PACKAGE) and Path(frame.filename).is_file()
        ]
        if frames:
            return "".join([*traceback.format_list(frames), f"{type(cause).__name__}: {cause}"]).split("\n")
        cause = cause.__cause__
    return []


@contextmanager
def shown_progress(model: Path) -> Iterator[Progress]:
    """The present stage on one line of stderr, if that is a terminal; it is wiped at the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    name = click.format_filename(model.name)
    try:
        yield lambda stage: click.echo(f"\r\x1b[K{name}: {stage} …", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)
