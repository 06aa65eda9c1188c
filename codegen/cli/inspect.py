"""`k2t-gen inspect`: shows what a model holds and what of it can be converted."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import DONE, REFUSED, exit_codes, print_lines
from codegen.commands.inspect import Inspection, TensorReport, inspect
from codegen.commands.scaffold import scaffold as write_scaffold
from codegen.commands.target import Taken
from codegen.options import Progress
from codegen.project import Job
from codegen.tensors.whole import whole_file


@model_command(
    "inspect",
    epilog=exit_codes("each model can be converted", "a model cannot be read or converted"),
    of_model=True,
)
@click.option(
    "--scaffold",
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Write a file for --custom with a stub for each layer that needs a function of yours.",
)
def inspect_command(run: Run, scaffold: Path | None) -> None:
    """Show the layers of MODEL, their shapes and parameters, and what of it can be converted."""
    if scaffold is not None and len(run.jobs) > 1:
        raise click.UsageError("--scaffold goes with one MODEL")

    def one(job: Job, _: Progress) -> Outcome:
        if scaffold is not None:
            return _write_stubs(job, scaffold)
        found = inspect(job.path, job.options)
        status, code = ("convertible", DONE) if found.convertible else ("unconvertible", REFUSED)
        return Outcome(status, found.as_dict(), partial(_show, found), code)

    run.each(one)


def _write_stubs(job: Job, file: Path) -> Outcome:
    if file.exists():
        raise Taken(f"{file.as_posix()} exists, and is not overwritten; give another name to --scaffold")
    text = write_scaffold(job.path, job.options)
    with whole_file(file) as stream:
        stream.write(text.encode())
    count = text.count("raise NotImplementedError")
    lines = [f"{file.as_posix()}: {count} functions to write; then convert with --custom {file.as_posix()}"]
    return Outcome("scaffolded", {"scaffold": file.as_posix()}, partial(print_lines, lines))


def _show(found: Inspection) -> None:
    print_lines(_report(found))


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
