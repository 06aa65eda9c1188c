"""`k2t-gen convert`: writes the source and the weights."""

from __future__ import annotations

from functools import partial

import click

from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import exit_codes, print_lines
from codegen.commands.convert import Conversion, convert
from codegen.commands.dump_graph import dump_graph as dump
from codegen.options import Progress
from codegen.project import Job


@model_command(
    "convert",
    epilog=exit_codes("done", "a model cannot be read or converted; nothing was written for it"),
    output="Folder to write to.",
)
@click.option(
    "--dump-graph",
    is_flag=True,
    help="For bug reports: print the graph, as lowered and after each pass that changes it; write nothing.",
)
def convert_command(run: Run, dump_graph: bool) -> None:
    """Write MODEL as DIR/NAME.py and its weights as DIR/NAME.pt."""

    def one(job: Job, progress: Progress) -> Outcome:
        if dump_graph:
            dump(job.path, job.options, write=lambda text: print_lines(text.split("\n")))
            return Outcome("dumped")
        result = convert(job.path, job.options, output=job.output or ".", progress=progress)
        return Outcome("written", _data(result), partial(_show, result, run.verbose))

    run.each(one)


def _data(result: Conversion) -> dict[str, object]:
    return {
        "source": result.source_path.as_posix(),
        "weights": result.weights_path.as_posix() if result.weights_path else None,
        "parameter_count": result.parameter_count,
        "torch_names": {layer: list(names) for layer, names in result.torch_names.items()},
        "notes": list(result.notes),
    }


def _show(result: Conversion, verbose: bool) -> None:
    print_lines(_text(result))
    if verbose:
        width = max(map(len, result.torch_names), default=0)
        names = (f"  {layer:<{width}}  {', '.join(names)}" for layer, names in result.torch_names.items())
        print_lines(["torch names:", *names])


def _text(result: Conversion) -> list[str]:
    lines = result.source_path.read_text(encoding="utf-8").count("\n")
    weights = f"no weights: {result.parameter_count:,} parameters start as Keras initialises them"
    if result.weights_path is not None:
        size = result.weights_path.stat().st_size / 1e6
        weights = f"{result.weights_path.as_posix()}: {result.parameter_count:,} parameters, {size:,.1f} MB"
    return [
        f"{result.source_path.as_posix()}: {lines} lines",
        weights,
        f"imported, {'strictly loaded and ' if result.weights_path else ''}run once",
        *(f"note: {note}" for note in result.notes),
    ]
