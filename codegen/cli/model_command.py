"""What every command on models takes: MODEL..., the options, where the files are, how to report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields, replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from codegen.cli.run import Run
from codegen.options import Options
from codegen.project import Job, Project, WrongSettings, find_project

F = TypeVar("F", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)


def model_command(
    name: str, *, epilog: str, output: str | None = None, of_model: bool = False
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a command on models: those given, or all that the project lists.

    The function is called with a `Run`, and with the options of its own that other decorators give it.

    Args:
        name: What the command is called.
        epilog: The end of its help, see `exit_codes`.
        output: Help of `--output`; without, the command has no such option.
        of_model: Whether it takes those options alone that say what the model is.
    """
    shared = [field for field in fields(Options) if field.metadata["of_model"] or not of_model]

    def decorate(function: Callable[..., None]) -> click.Command:
        @wraps(function)
        def command(
            models: tuple[Path, ...], as_json: bool, quiet: bool, verbose: bool, **values: Any
        ) -> None:
            settings = {option.name: values.pop(option.name) for option in shared}
            target = values.pop("output", None)
            jobs = _jobs(models, {key: settings[key] for key in settings if _is_given(key)}, target)
            function(Run(name, jobs, as_json, quiet, verbose), **values)

        parameters: list[Callable[[Any], Any]] = [
            click.argument("models", nargs=-1, type=_PATH, metavar="[MODEL]...")
        ]
        if output is not None:
            parameters.append(click.option("-o", "--output", metavar="PATH", help=output))
        own = [*parameters, *map(option_of, shared), *_reporting()]
        decorated: Any = command
        for parameter in reversed(own):
            decorated = parameter(decorated)
        return click.command(name, epilog=epilog)(decorated)

    return decorate


def _reporting() -> list[Callable[[Any], Any]]:
    return [
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object, see docs/commands.md."),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("-v", "--verbose", is_flag=True, help="Print more."),
    ]


def option_of(option: Field[Any]) -> Callable[[F], F]:
    """The command-line option for a field of `Options`."""
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


def _is_given(name: str) -> bool:
    """Whether an option stands on the command line, and so counts before the project's settings."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def _jobs(models: tuple[Path, ...], given: dict[str, Any], output: str | None) -> tuple[Job, ...]:
    try:
        project = find_project()
    except WrongSettings as error:
        raise click.UsageError(str(error)) from error
    jobs = _chosen(project, models)
    if len(jobs) > 1 and (single := {"name", "weights"} & given.keys()):
        raise click.UsageError(f"--{min(single)} goes with one MODEL")
    return tuple(
        replace(job, settings={**job.settings, **given}, output=output if output is not None else job.output)
        for job in jobs
    )


def _chosen(project: Project, models: tuple[Path, ...]) -> tuple[Job, ...]:
    if models:
        return tuple(project.job(path) for path in models)
    if not project.jobs:
        raise click.UsageError(
            "no MODEL is given, and no pyproject.toml lists some in [[tool.k2t-gen.models]]"
        )
    return project.jobs
