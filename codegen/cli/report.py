"""`k2t-gen report`: writes the page on which a reviewer sees a conversion."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import exit_codes, print_lines
from codegen.commands.report import report
from codegen.options import Progress
from codegen.project import Job
from codegen.report.facts import Report
from codegen.report.verdict import verdict

_PATH = click.Path(path_type=Path)


@model_command(
    "report",
    epilog=exit_codes("done", "a model cannot be read or converted; no page was written for it"),
    output="The page, an .html file, or a folder for NAME.html; with --json none is written by default.",
)
@click.option(
    "--against", type=_PATH, metavar="FILE.npz", help="Compare the numbers with what `record` wrote."
)
@click.option("--with-keras", is_flag=True, help="Compare the numbers with the Keras of this environment.")
@click.option(
    "--python", type=_PATH, metavar="PATH",
    help="The Python of another environment; compare the numbers with its Keras.",
)  # fmt: skip
def report_command(run: Run, against: Path | None, python: Path | None, with_keras: bool) -> None:
    """Write a page about MODEL: its layers, where they are in the source, its weights.

    One HTML file that needs no network. Nothing is converted on disk.
    """
    if sum((against is not None, with_keras, python is not None)) > 1:
        raise click.UsageError("--against, --with-keras and --python exclude each other")
    if against is not None and len(run.jobs) > 1:
        raise click.UsageError("--against goes with one MODEL")

    def one(job: Job, progress: Progress) -> Outcome:
        page = page_path(job.output, job.options.module_name(job.path), is_asked=not run.as_json)
        found = report(
            job.path, job.options, output=page, against=against, with_keras=with_keras, python=python,
            progress=progress,
        )  # fmt: skip
        data = {"page": page.as_posix() if page else None, "report": found.as_dict() if run.as_json else None}
        return Outcome("reported", data, partial(_show, found, page))

    run.each(one)


def page_path(output: str | None, name: str, *, is_asked: bool = True) -> Path | None:
    """Where the page of a module goes; None if neither an output is named nor a page asked for."""
    if output is None:
        return Path(f"{name}.html") if is_asked else None
    path = Path(output)
    if path.suffix == ".py":
        return path.with_suffix(".html")
    return path if path.suffix.lower() in (".html", ".htm") else path / f"{name}.html"


def _show(found: Report, page: Path | None) -> None:
    said = [f"{s.title}: {s.text}".replace("\u202f", ",") for s in verdict(found)]
    print_lines([*([page.as_posix()] if page else []), *said, *(f"note: {note}" for note in found.notes)])
