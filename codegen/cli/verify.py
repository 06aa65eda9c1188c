"""`k2t-gen verify`: compares what is checked in with what Keras computes, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

from codegen.cli.keras_options import keras_options
from codegen.cli.model_command import model_command
from codegen.cli.run import Outcome, Run
from codegen.cli.terminal import DONE, REFUSED, exit_codes, print_lines
from codegen.commands.verify import TOLERANCE, verify
from codegen.evidence.facts import Difference, Result, Verification
from codegen.options import Progress
from codegen.project import Job

_PATH = click.Path(path_type=Path)
_HEAD = ("layer", "class", "shape", "absolute", "relative", "ulps", "lines", "")


@model_command(
    "verify",
    epilog=exit_codes(
        "the numbers agree",
        "a model cannot be read, converted or run, or numbers are further apart than allowed",
    ),
    output="Where the checked-in files are; by default the model's folder, or the current one.",
)
@click.option("--against", type=_PATH, metavar="FILE.npz", help="What `k2t-gen record` wrote.")
@click.option("--with-keras", is_flag=True, help="Run the Keras of this environment.")
@keras_options
@click.option(
    "--tolerance", type=float, default=TOLERANCE, show_default=True,
    help="Largest difference that is rounding, relative to the largest number of its tensor.",
)  # fmt: skip
def verify_command(run: Run, against: Path | None, no_layers: bool, **options: Any) -> None:
    """Compare each checked-in module and its weights with what Keras computes for MODEL, layer by layer.

    Without --against, --with-keras or --python, the module is compared with what MODEL converts to today,
    computed in float64: that finds what was changed by hand, and needs no Keras. Give the options that the
    model was converted with.
    """
    if sum((against is not None, options["with_keras"], options["python"] is not None)) > 1:
        raise click.UsageError("--against, --with-keras and --python exclude each other")
    if against is not None and len(run.jobs) > 1:
        raise click.UsageError("--against goes with one MODEL")

    def one(job: Job, progress: Progress) -> Outcome:
        options.update(output=job.output, against=against, layers=not no_layers)
        found = verify(job.path, job.options, progress=progress, **options)
        status, code = ("equal", DONE) if found.is_equal else ("differs", REFUSED)
        return Outcome(status, found.as_dict(), partial(print_lines, report(found)), code)

    run.each(one)


def report(found: Verification) -> list[str]:
    """The lines that a person reads: a table with a row for each layer call, and the verdict."""
    rows = [*found.layers, *found.outputs]
    return [
        f"{found.source} against {found.origin}",
        *_table([_HEAD, *map(_row, rows)]),
        *(f"note: {note}" for note in found.notes),
        *_verdict(found),
    ]


def _table(rows: list[tuple[str, ...]]) -> Iterable[str]:
    widths = [min(44, max(len(row[column]) for row in rows)) for column in range(len(_HEAD) - 1)]
    for row in rows:
        left = (f"{cell:<{width}}" for cell, width in zip(row[:3], widths[:3], strict=True))
        right = (f"{cell:>{width}}" for cell, width in zip(row[3:-1], widths[3:], strict=True))
        yield "  ".join([*left, *right, row[-1]]).rstrip()


def _row(result: Result) -> tuple[str, ...]:
    lines = ",".join(map(str, result.place.lines))
    shape = "x".join(map(str, result.shape))
    return (result.name, result.class_name, shape, *_numbers(result.float32), lines, _remark(result))


def _numbers(found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "-", "-"
    ulps = f"{found.ulps:,.1f}" if found.ulps < 1e6 else f"{found.ulps:.0e}"
    return f"{found.absolute:.1e}", f"{found.relative:.1e}", ulps


def _remark(result: Result) -> str:
    if result.parts:
        return "PARTS" + (f": {result.note}" if result.note else "")
    if result.note:
        return result.note
    return "folded into another step" if result.seen == "graph" else ""


def _verdict(found: Verification) -> Iterable[str]:
    first = found.first
    compared = [result for result in (*found.layers, *found.outputs) if result.float32 is not None]
    largest = max((r.float32.relative for r in compared if r.float32), default=0.0)
    what = f"{len(found.layers)} layer calls and {len(found.outputs)} outputs"
    if first is None:
        yield f"all of {what} agree: at most {largest:.1e} apart, relatively; allowed {found.tolerance:.0e}"
        return
    lines = "".join(f", line {line}" for line in first.place.lines)
    kind = f" ({first.class_name})" if first.class_name else ""
    yield f"they part first at {first.name!r}{kind}: {Path(found.source).name}{lines}"
    yield _why(first, found)


def _why(first: Result, found: Verification) -> str:
    change, exact = first.change, first.float64
    if change is not None and not change.relative <= 1e-9:
        return (
            f"that is no rounding: in float64 the source is {change.relative:.1e} from what the model "
            "converts to; it or its weights were changed"
        )
    if exact is not None and exact.relative > found.tolerance:
        return (
            f"that is no rounding: in float64 it is {exact.relative:.1e} from Keras; "
            "another file or version was recorded, or this is a fault of the conversion: please report it"
        )
    return "that is rounding: in float64 the source agrees with Keras"
