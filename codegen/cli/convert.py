"""`k2t-gen convert`: writes the source and the weights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import exit_codes, print_lines
from codegen.commands.convert import Conversion, convert, source_text
from codegen.commands.dump_graph import dump_graph as dump
from codegen.commands.report import report
from codegen.commands.target import target
from codegen.commands.write_test import TestFiles, write_test
from codegen.errors import ConversionError
from codegen.options import Progress
from codegen.project import Job


@model_command(
    "convert",
    epilog=exit_codes(
        "done",
        "a model cannot be read or converted; nothing was written for it",
        "a file that stands there was changed since, or is none of ours; nothing was written for the model",
    ),
    output="Folder to write to, or the .py file; - prints the source and writes nothing.",
)
@click.option("--force", is_flag=True, help="Overwrite files that were changed since, or are none of ours.")
@click.option("--dry-run", is_flag=True, help="Write nothing; only tell what would become of the files.")
@click.option("--test", "wants_test", is_flag=True, help="Write a test, too: DIR/test_NAME.py.")
@click.option(
    "--recording", type=click.Path(path_type=Path), metavar="FILE.npz",
    help="What Keras computed, for --test; its numbers are our own by default.",
)  # fmt: skip
@click.option("--report", "wants_report", is_flag=True, help="Write a page about it, too: DIR/NAME.html.")
@click.option(
    "--dump-graph",
    is_flag=True,
    help="For bug reports: print the graph, as lowered and after each pass that changes it; write nothing.",
)
def convert_command(
    run: Run,
    force: bool,
    dry_run: bool,
    dump_graph: bool,
    wants_report: bool,
    wants_test: bool,
    recording: Path | None,
) -> None:
    """Write MODEL as DIR/NAME.py and its weights as DIR/NAME.pt.

    Files that are as they should be are left alone. Those that were changed since they were converted, or
    that belong to another model, are not overwritten.
    """
    if not dump_graph:
        _refuse_doubles(run.jobs)
    if recording is not None and not wants_test:
        raise click.UsageError("--recording goes with --test")

    def one(job: Job, progress: Progress) -> Outcome:
        if dump_graph:
            dump(job.path, job.options, write=lambda text: print_lines(text.split("\n")))
            return Outcome("dumped")
        if job.output == "-":
            text = source_text(job.path, job.options)
            return Outcome("printed", {"text": text}, partial(click.echo, text, nl=False))
        result = convert(
            job.path, job.options, output=job.output or ".", force=force, dry_run=dry_run, progress=progress
        )
        page = _report(result, job, progress) if wants_report and not dry_run else None
        test = _test(result, job, recording, progress) if wants_test and not dry_run else None
        show = partial(_show, result, page, test, is_dry=dry_run, verbose=run.verbose)
        data = {
            **_data(result),
            "dry_run": dry_run,
            "page": page.as_posix() if page else None,
            "test": test.test_path.as_posix() if test else None,
        }
        return Outcome(result.status, data, show)

    run.each(one)


def _refuse_doubles(jobs: Sequence[Job]) -> None:
    """Refuse a command line, or settings, by which one model would overwrite another."""
    if len(jobs) > 1 and any(job.output == "-" for job in jobs):
        raise click.UsageError("--output - goes with one MODEL")
    taken: dict[Path, Job] = {}
    for job in jobs:
        with suppress(ConversionError):  # which is told when the job's turn comes
            source = target(job.path, job.options, job.output).source.resolve()
            if source in taken:
                both = f"{taken[source].path.as_posix()} and {job.path.as_posix()}"
                raise click.UsageError(f"{both} would both become {source.name}; give them names")
            taken[source] = job


def _report(result: Conversion, job: Job, progress: Progress) -> Path:
    """Write the page of what was written."""
    from codegen.pipeline import FALLBACK_NOTE

    page = result.source_path.with_suffix(".html")
    options = replace(job.options, name=result.source_path.stem)
    flat = options.flat or FALLBACK_NOTE in result.notes
    report(job.path, options, flat=flat, output=page, progress=progress)
    return page


def _test(result: Conversion, job: Job, recording: Path | None, progress: Progress) -> TestFiles:
    """Write the test of what was written."""
    if result.weights_path is None:
        raise ConversionError("--test needs weights, and --no-weights leaves them out")
    return write_test(
        job.path, job.options, output=result.source_path, recording=recording, progress=progress
    )


def _data(result: Conversion) -> dict[str, object]:
    return {
        "source": result.source_path.as_posix(),
        "weights": result.weights_path.as_posix() if result.weights_path else None,
        "parameter_count": result.parameter_count,
        "torch_names": {layer: list(names) for layer, names in result.torch_names.items()},
        "notes": list(result.notes),
    }


def _show(
    result: Conversion, page: Path | None, test: TestFiles | None, *, is_dry: bool, verbose: bool
) -> None:
    print_lines(_plan(result) if is_dry else _text(result))
    if page is not None:
        print_lines([f"{page.as_posix()}: the page for its review"])
    if test is not None:
        size = test.golden_path.stat().st_size / 1e3
        print_lines([f"{test.test_path.as_posix()}: its test, by {test.origin} ({size:,.0f} kB)"])
    if verbose:
        width = max(map(len, result.torch_names), default=0)
        names = (f"  {layer:<{width}}  {', '.join(names)}" for layer, names in result.torch_names.items())
        print_lines(["torch names:", *names])


def _plan(result: Conversion) -> list[str]:
    would_be = {"new": "would be written", "updated": "would be written again", "unchanged": "unchanged"}
    paths = [path.as_posix() for path in (result.source_path, result.weights_path) if path is not None]
    return [f"{', '.join(paths)}: {would_be[result.status]}"]


def _text(result: Conversion) -> list[str]:
    notes = [f"note: {note}" for note in result.notes]
    source = result.source_path.as_posix()
    if result.status == "unchanged":
        return [f"{source}: unchanged", *notes]
    weights = f"no weights: {result.parameter_count:,} parameters start as Keras initialises them"
    if result.weights_path is not None:
        size = result.weights_path.stat().st_size / 1e6
        weights = f"{result.weights_path.as_posix()}: {result.parameter_count:,} parameters, {size:,.1f} MB"
    return [
        f"{source}: {result.line_count} lines",
        weights,
        f"imported, {'strictly loaded and ' if result.weights_path else ''}run once",
        *notes,
    ]
