"""How a command goes through its models and reports what became of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import click

from codegen.cli.terminal import (
    BUG,
    DIFFERS,
    DONE,
    REFUSED,
    failure,
    print_errors,
    print_lines,
    shown_progress,
    traceback_lines,
    worst,
)
from codegen.options import Progress
from codegen.project import Job
from codegen.version import VERSION

#: Version of what `--json` prints; it grows when a key is renamed, removed or means something else.
SCHEMA = 1

_STATUS = {REFUSED: "failed", BUG: "bug", DIFFERS: "refused"}


@dataclass(frozen=True)
class Outcome:
    """What became of one model.

    Attributes:
        status: One word, for JSON.
        data: What JSON says beside `model`, `status`, `exit_code` and `problems`.
        show: Prints it for people.
        exit_code: As in `terminal`.
        problems: One line for each reason why it is not as it should be.
    """

    status: str
    data: Mapping[str, Any] = field(default_factory=dict)
    show: Callable[[], None] = lambda: None
    exit_code: int = DONE
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        command: Its name.
        jobs: The models, with their options.
        as_json: Whether one JSON object is printed instead of text.
        quiet: Whether errors alone are printed.
        verbose: Whether more is printed.
    """

    command: str
    jobs: tuple[Job, ...]
    as_json: bool
    quiet: bool
    verbose: bool

    def each(self, work: Callable[[Job, Progress], Outcome]) -> NoReturn:
        """Do the work for each model, report, go on after those that fail, and exit with the worst code."""
        outcomes = []
        for job in self.jobs:
            outcome = self._outcome(job, work)
            outcomes.append(outcome)
            if not self.as_json and not self.quiet:
                outcome.show()
            print_errors(outcome.problems)
        code = worst(outcome.exit_code for outcome in outcomes)
        if self.as_json:
            models = [
                {
                    "model": job.path.as_posix(),
                    "status": outcome.status,
                    "exit_code": outcome.exit_code,
                    "problems": list(outcome.problems),
                    **outcome.data,
                }
                for job, outcome in zip(self.jobs, outcomes, strict=True)
            ]
            print_json(self.command, code, models=models)
        sys.exit(code)

    def _outcome(self, job: Job, work: Callable[[Job, Progress], Outcome]) -> Outcome:
        try:
            with shown_progress(job.path) as progress:
                return work(job, progress)
        except Exception as error:
            code, lines = failure(error, job.path)
            if self.verbose:
                print_lines(traceback_lines(error), err=True)
            return Outcome(_STATUS[code], exit_code=code, problems=lines)


def print_json(command: str, exit_code: int, **content: Any) -> None:
    """Print what a command has to say as one JSON object."""
    head = {"schema": SCHEMA, "command": command, "version": VERSION, "exit_code": exit_code}
    click.echo(json.dumps({**head, **content}, indent=2))
