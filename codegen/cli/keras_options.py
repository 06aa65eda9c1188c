"""The options of commands that run Keras, in whatever environment it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)


def keras_options(command: F) -> F:
    """Add them to a command; they are the arguments of `record` that say how Keras is run."""
    options = (
        click.option(
            "--python", type=_PATH, metavar="PATH", help="The Python of another environment, with its Keras."
        ),
        click.option(
            "--inputs", type=_PATH, metavar="FILE.npz",
            help="Your own inputs; by default random ones that suit."
        ),
        click.option(
            "--import", "imports", type=_PATH, metavar="FILE.py", multiple=True,
            help="Your Python file with layers that Keras lacks; it is run.",
        ),
        click.option("--unsafe", is_flag=True, help="Let Keras run the Python code that a model holds."),
        click.option("--no-layers", is_flag=True, help="Outputs alone, no layers."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
