"""The `k2t-gen` commands: one file a command, and what all of them share."""

from codegen.cli.group import main

__all__ = ["main"]
