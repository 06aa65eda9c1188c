"""`k2t-gen diff`: shows how two models differ."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from codegen.cli.model_command import option_of
from codegen.cli.run import print_json
from codegen.cli.terminal import (
    DIFFERS,
    DONE,
    exit_codes,
    failure,
    print_diff,
    print_errors,
    print_lines,
    shown_progress,
)
from codegen.commands.diff import diff
from codegen.difference.facts import LayerChange, ModelDiff, SideError, TensorChange
from codegen.options import Options

F = TypeVar("F", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)

#: Options that say what is written, or which weights one model has.
_OF_ONE_FILE = ("name", "weights", "no_weights", "template_dir")


def _options(command: F) -> F:
    for option in reversed(fields(Options)):
        command = command if option.name in _OF_ONE_FILE else option_of(option)(command)
    return command


@click.command(
    "diff", epilog=exit_codes("nothing differs", "a model cannot be read or converted", "something differs")
)
@click.argument("first", type=_PATH, metavar="A")
@click.argument("second", type=_PATH, metavar="B")
@click.option(
    "--architecture", type=_PATH, metavar="FILE", help="The architecture, if A and B hold weights alone."
)
@click.option("--report", "page", type=_PATH, metavar="FILE.html", help="Write a page about it, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, see docs/report.md.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print equal layers, too, and each array.")
@_options
def diff_command(
    first: Path,
    second: Path,
    architecture: Path | None,
    page: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Show how B differs from A: the source that they convert to, then the weights by layer.

    Each is a saved model, a generated .py or a .pt; with --architecture, a file of weights.
    """
    try:
        with shown_progress(second) as progress:
            found = diff(
                first, second, Options(**options), architecture=architecture, output=page, progress=progress
            )
    except SideError as error:
        _fail(*failure(error.cause, error.path), as_json=as_json)
    except Exception as error:
        _fail(*failure(error, first), as_json=as_json)
    code = DIFFERS if found else DONE
    if as_json:
        print_json("diff", code, problems=[], diff=found.as_dict())
    elif not quiet:
        _show(found, verbose=verbose)
    sys.exit(code)


def _fail(code: int, lines: tuple[str, ...], *, as_json: bool) -> NoReturn:
    if as_json:
        print_json("diff", code, problems=list(lines))
    print_errors(lines)
    sys.exit(code)


def _show(found: ModelDiff, *, verbose: bool) -> None:
    print_diff(found.source or "")
    lines = []
    for layer in found.layers or ():
        if verbose or layer.status != "equal":
            lines.append(_layer_line(layer))
            lines += [_tensor_line(tensor) for tensor in layer.tensors if verbose or tensor.status != "equal"]
    print_lines(lines)
    if found.layers is not None:
        print_lines(["layers: " + ", ".join(f"{count} {status}" for status, count in found.counts.items())])
    if found.source == "":
        print_lines(["the same source"])
    print_lines(f"note: {note}" for note in found.notes)


def _layer_line(layer: LayerChange) -> str:
    renamed = f" (now {layer.renamed})" if layer.renamed else ""
    return f"{layer.path}{renamed}: {layer.status}"


def _tensor_line(tensor: TensorChange) -> str:
    shapes = [str(list(shape)) for shape in dict.fromkeys((tensor.before, tensor.after)) if shape is not None]
    text = f"  {tensor.name} {' -> '.join(shapes)}"
    if tensor.status != "changed" or tensor.largest is None or tensor.relative is None:
        return f"{text}: {tensor.status}"
    return f"{text}: changed by at most {tensor.largest:.3g}, {tensor.relative:.3g} of its norm"
