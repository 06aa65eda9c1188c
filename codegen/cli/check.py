"""`k2t-gen check`: compares what is checked in with what the models yield."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import click

from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import DIFFERS, DONE, exit_codes, print_diff, print_lines
from codegen.commands.check import Drift, NotConverted, check
from codegen.commands.convert import convert
from codegen.options import FilePath, Progress
from codegen.project import Job

#: How many tensors that differ are printed.
_SHOWN = 20


@model_command(
    "check",
    epilog=exit_codes("nothing differs", "a model cannot be read or converted", "something differs"),
    output="Folder with the checked-in files; by default the model's own, or the current one.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="The version of k2t-gen, and the names and digests of the model's files, count too.",
)
@click.option("--update", is_flag=True, help="Write again what differs, unless it was edited.")
def check_command(run: Run, strict: bool, update: bool) -> None:
    """Regenerate each MODEL in memory and compare it with the files that are checked in.

    Give the options that it was converted with. The code is compared, and the tensors of DIR/NAME.pt where it
    is there; differences are printed.
    """

    def one(job: Job, progress: Progress) -> Outcome:
        try:
            drift = check(job.path, job.options, output=job.output, strict=strict, progress=progress)
        except NotConverted as error:
            if not update:
                return Outcome("missing", exit_code=DIFFERS, problems=(f"{job.path.name}: {error}",))
            return _updated(job, job.output, progress)
        if drift and update:
            return _updated(job, drift.source_path, progress)
        data = {
            "source": drift.source_path.as_posix(),
            "weights": drift.weights_path.as_posix(),
            "diff": drift.diff,
            "weights_differ": drift.weights_differ,
            "differences": [asdict(difference) for difference in drift.differences or ()],
        }
        status, code = ("differs", DIFFERS) if drift else ("same", DONE)
        return Outcome(status, data, partial(_show, drift, job), code)

    run.each(one)


def _updated(job: Job, output: FilePath | None, progress: Progress) -> Outcome:
    result = convert(job.path, job.options, output=output or ".", progress=progress)
    source = result.source_path.as_posix()
    data = {"source": source, "weights": result.weights_path.as_posix() if result.weights_path else None}
    return Outcome("updated", data, partial(print_lines, [f"{source}: updated"]))


def _show(drift: Drift, job: Job) -> None:
    print_diff(drift.diff)
    if not drift.differences:
        return
    print_lines([f"{drift.weights_path.as_posix()} holds other weights than {job.path.name}:"])
    print_lines(f"  {difference}" for difference in drift.differences[:_SHOWN])
    if (more := len(drift.differences) - _SHOWN) > 0:
        print_lines([f"  and {more:,} more; --json names all"])
