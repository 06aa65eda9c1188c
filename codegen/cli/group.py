"""`k2t-gen` itself: the group of all commands."""

from __future__ import annotations

import click

from codegen.cli.check import check_command
from codegen.cli.convert import convert_command
from codegen.cli.diff import diff_command
from codegen.cli.inspect import inspect_command
from codegen.cli.record import record_command
from codegen.cli.report import report_command
from codegen.cli.terminal import exit_codes
from codegen.cli.verify import verify_command
from codegen.version import VERSION


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=exit_codes("done", "a model cannot be read or converted", "something differs"),
)
@click.version_option(VERSION, prog_name="k2t-gen")
def main() -> None:
    """Turn saved Keras models into PyTorch source code worth checking in."""


COMMANDS = (
    convert_command,
    inspect_command,
    check_command,
    record_command,
    verify_command,
    report_command,
    diff_command,
)

for command in COMMANDS:
    main.add_command(command)
