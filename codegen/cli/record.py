"""`k2t-gen record`: writes down what Keras computes, layer by layer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from codegen.cli.keras_options import keras_options
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import exit_codes, print_lines
from codegen.commands.record import record
from codegen.evidence.script import recorder_script
from codegen.options import Progress
from codegen.project import Job

_PATH = click.Path(path_type=Path)


@click.command(
    "record",
    epilog=exit_codes("done", "there is no Keras, or it cannot load or run a model; nothing was written"),
)
@click.argument("models", nargs=-1, type=_PATH, metavar="[MODEL]...")
@click.option(
    "-o",
    "--output",
    type=_PATH,
    metavar="FILE.npz",
    help="The file to write; MODEL.recording.npz by default.",
)
@click.option("--weights", type=_PATH, metavar="FILE", help="The weights of an architecture, for Keras.")
@click.option("--keras", metavar="NAME", help="keras, tf_keras or tensorflow.keras; by default what suits.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random inputs.")
@keras_options
@click.option("--print", "prints", is_flag=True, help="Print the recorder: one script to run where Keras is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, see docs/commands.md.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def record_command(
    models: tuple[Path, ...],
    output: Path | None,
    prints: bool,
    as_json: bool,
    quiet: bool,
    no_layers: bool,
    **options: Any,
) -> None:
    """Run each MODEL with Keras, in a process of its own, and write what every layer call computes.

    Models are loaded the safe way: one that holds Python code, a Lambda, is refused without --unsafe.
    """
    if prints:
        click.echo(recorder_script(), nl=False)
        return
    if not models:
        raise click.UsageError("give a MODEL, or --print")
    if output is not None and len(models) > 1:
        raise click.UsageError("--output goes with one MODEL")

    def one(job: Job, progress: Progress) -> Outcome:
        path = record(job.path, output=output, layers=not no_layers, progress=progress, **options)
        line = f"{path.as_posix()}: {path.stat().st_size / 1e3:,.0f} kB"
        return Outcome("recorded", {"recording": path.as_posix()}, partial(print_lines, [line]))

    Run("record", tuple(Job(path, {}) for path in models), as_json, quiet, verbose=False).each(one)
