"""`k2t-gen check`: compares what is checked in with what the models yield."""

from __future__ import annotations

from functools import partial

import click

from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import DIFFERS, DONE, exit_codes, print_diff
from codegen.commands.check import Drift, check
from codegen.options import Progress
from codegen.project import Job


@model_command(
    "check",
    epilog=exit_codes("nothing differs", "a model cannot be read or converted", "something differs"),
    output="Folder with the checked-in files; by default the model's own, or the current one.",
)
def check_command(run: Run) -> None:
    """Regenerate each MODEL in memory and compare it with the files that are checked in.

    Give the options that it was converted with. Differences are printed as a unified diff.
    """

    def one(job: Job, progress: Progress) -> Outcome:
        drift = check(job.path, job.options, output=job.output, progress=progress)
        data = {
            "source": drift.source_path.as_posix(),
            "weights": drift.weights_path.as_posix(),
            "diff": drift.diff,
            "weights_differ": drift.weights_differ,
        }
        status, code = ("differs", DIFFERS) if drift else ("same", DONE)
        return Outcome(status, data, partial(_show, drift, job), code)

    run.each(one)


def _show(drift: Drift, job: Job) -> None:
    print_diff(drift.diff)
    if drift.weights_differ:
        click.echo(f"{drift.weights_path.as_posix()} holds other weights than {job.path.name}")
