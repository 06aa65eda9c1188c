"""The `k2t-gen` commands: what they take, what they print, how they exit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from codegen.commands.check import check
from codegen.commands.convert import Conversion, convert
from codegen.commands.dump_graph import dump_graph as dump
from codegen.commands.inspect import Inspection, TensorReport, inspect
from codegen.errors import Bug, ConversionError, Unsupported, summary
from codegen.options import Options, Progress
from codegen.version import VERSION

F = TypeVar("F", bound=Callable[..., Any])

REFUSED, BUG = 1, 3

_PATH = click.Path(path_type=Path)


def _exit_codes(done: str, failed: str) -> str:
    """The end of a command's help."""
    return f"""\b
Exit codes:
  0  {done}
  1  {failed}
  2  the command line is wrong
  3  a bug of k2t-gen: please report it
"""


def _options(*, of_model: bool = False) -> Callable[[F], F]:
    """A command-line option for each field of `Options`, or for those alone that say what the model is."""

    def decorate(command: F) -> F:
        for option in reversed(fields(Options)):
            if option.metadata["of_model"] or not of_model:
                command = _option(option)(command)
        return command

    return decorate


def _option(option: Field[Any]) -> Callable[[F], F]:
    metavar = option.metadata["metavar"]
    return click.option(
        f"--{option.name.replace('_', '-')}",
        default=option.default,
        is_flag=isinstance(option.default, bool),
        multiple=isinstance(option.default, tuple),
        show_default=isinstance(option.default, str),
        type=_PATH if metavar else None,
        metavar=metavar,
        help=option.metadata["help"],
    )


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_exit_codes("done", "the command refuses, and says why; with `check` also: something differs"),
)
@click.version_option(VERSION, prog_name="k2t-gen")
def main() -> None:
    """Turn saved Keras models into PyTorch source code worth checking in."""


@main.command(
    "convert", epilog=_exit_codes("done", "the model cannot be read or converted; nothing was written")
)
@click.argument("model", type=_PATH)
@click.option("-o", "--output", type=_PATH, default=Path(), metavar="DIR", help="Folder to write to.")
@click.option("-v", "--verbose", is_flag=True, help="List the torch names of all layers with weights.")
@click.option(
    "--dump-graph",
    is_flag=True,
    help="For bug reports: print the graph, as lowered and after each pass that changes it; write nothing.",
)
@_options()
def convert_command(model: Path, output: Path, verbose: bool, dump_graph: bool, **options: Any) -> None:
    """Write MODEL as DIR/NAME.py and its weights as DIR/NAME.pt."""
    if dump_graph:
        with _reported(model):
            dump(model, Options(**options), write=lambda text: _print(text.split("\n")))
        return
    with _reported(model), _shown_progress(model) as progress:
        result = convert(model, Options(**options), output=output, progress=progress)
    _print(_conversion_text(result).split("\n"))
    if verbose:
        _print(_names(result))


@main.command(
    "inspect",
    epilog=_exit_codes("done, whether the model can be converted or not", "the model cannot be read"),
)
@click.argument("model", type=_PATH)
@_options(of_model=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect_command(model: Path, as_json: bool, **options: Any) -> None:
    """Show the layers of MODEL, their shapes and parameters, and what of it can be converted."""
    with _reported(model):
        found = inspect(model, Options(**options))
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        _print(_report(found))


@main.command(
    "check",
    epilog=_exit_codes("nothing differs", "something differs, or a model cannot be read or converted"),
)
@click.argument("models", nargs=-1, required=True, type=_PATH, metavar="MODEL...")
@click.option(
    "-o", "--output", type=_PATH, metavar="DIR",
    help="Folder with the checked-in files; by default the model's own, or the current one.",
)  # fmt: skip
@_options()
def check_command(models: tuple[Path, ...], output: Path | None, **options: Any) -> None:
    """Regenerate each MODEL in memory and compare it with the files that are checked in.

    Give the options that it was converted with. Differences are printed as a unified diff.
    """
    if len(models) > 1 and (options["name"] or options["weights"]):
        raise click.UsageError("--name and --weights go with one MODEL")
    status = 0
    for model in models:
        try:
            with _reported(model), _shown_progress(model) as progress:
                drift = check(model, Options(**options), output=output, progress=progress)
        except SystemExit as stop:
            status = max(status, int(stop.code or 0))
            continue
        click.echo(drift.diff, nl=False)
        if drift.weights_differ:
            click.echo(f"{drift.weights_path.as_posix()} holds other weights than {model.name}")
        status = max(status, REFUSED if drift else 0)
    sys.exit(status)


# -------------------------------------------------------------------- errors and progress


@contextmanager
def _reported(model: Path) -> Iterator[None]:
    """Errors as one line each on stderr, never a traceback."""
    try:
        yield
    except Bug as error:
        _fail(BUG, f"{model.name}: {error}")
    except Unsupported as error:
        _fail(REFUSED, *(f"{model.name}: {line}" for line in summary(error.problems)))
    except ConversionError as error:
        text = str(error)
        _fail(REFUSED, text if text.startswith((str(model), "--")) else f"{model.name}: {text}")
    except Exception as error:
        _fail(BUG, f"{model.name}: a bug of k2t-gen, please report it: {type(error).__name__}: {error}")


def _fail(status: int, *lines: str) -> None:
    _print([f"k2t-gen: {' '.join(line.split())}" for line in lines], err=True)
    sys.exit(status)


def _print(lines: Iterable[str], *, err: bool = False) -> None:
    """A stranger's names must neither steer the terminal nor make lines of their own."""
    for line in lines:
        click.echo("".join(ch if ch.isprintable() else "?" for ch in line), err=err)


@contextmanager
def _shown_progress(model: Path) -> Iterator[Progress]:
    """The present stage on one line of stderr, if that is a terminal; it is wiped at the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    name = click.format_filename(model.name)
    try:
        yield lambda stage: click.echo(f"\r\x1b[K{name}: {stage} …", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


# -------------------------------------------------------------------- reports


def _conversion_text(result: Conversion) -> str:
    lines = result.source_path.read_text(encoding="utf-8").count("\n")
    weights = f"no weights: {result.parameter_count:,} parameters start as Keras initialises them"
    if result.weights_path is not None:
        size = result.weights_path.stat().st_size / 1e6
        weights = f"{result.weights_path.as_posix()}: {result.parameter_count:,} parameters, {size:,.1f} MB"
    return (
        f"{result.source_path.as_posix()}: {lines} lines\n"
        f"{weights}\n"
        f"imported, {'strictly loaded and ' if result.weights_path else ''}run once"
        + "".join(f"\nnote: {note}" for note in result.notes)
    )


def _names(result: Conversion) -> list[str]:
    width = max(map(len, result.torch_names), default=0)
    lines = [f"  {layer:<{width}}  {', '.join(names)}" for layer, names in result.torch_names.items()]
    return ["torch names:", *lines]


def _report(found: Inspection) -> list[str]:
    version = f"Keras {found.keras_version}, " if found.keras_version else ""
    lines = [
        f"{found.class_name} model {found.model_name!r} ({version}{found.file_name})",
        *_listed("inputs", found.inputs),
        *_listed("outputs", found.outputs),
        "",
        *_table(found),
        "",
        "parameters: " + (f"{found.parameter_count:,}" if found.parameter_count is not None else "unknown"),
    ]
    if found.problems:
        lines.append("cannot be converted; in the way:")
        lines += [f"  {problem}" for problem in found.problems]
    else:
        lines.append("can be converted" + ("" if found.has_weights else "; give the weights with --weights"))
    return lines


def _listed(title: str, tensors: tuple[TensorReport, ...]) -> list[str]:
    return [f"{title}: " + ", ".join(f"{t.name} {t.dtype} {t.shape}" for t in tensors)] if tensors else []


def _table(found: Inspection) -> list[str]:
    rows = [("layer", "class", "output shape", "parameters", "")]
    for layer in found.layers:
        shapes = ", ".join(map(str, layer.output_shapes)) or "?"
        count = "?" if layer.parameter_count is None else f"{layer.parameter_count:,}"
        rows.append((layer.name, layer.class_name, shapes, count, "NOT SUPPORTED" if layer.problems else ""))
    widths = [min(48, max(len(row[column]) for row in rows)) for column in range(4)]
    return [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}  {e}".rstrip()
        for a, b, c, d, e in rows
    ]
