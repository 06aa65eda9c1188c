"""Turns what a damaged file makes the libraries raise into one error that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from codegen.errors import FILE_FAULTS, UnreadableFile, shorten


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Whatever goes wrong inside is an `UnreadableFile` whose message begins with `source`."""
    try:
        yield
    except UnreadableFile as error:
        raise UnreadableFile(f"{source}: {error}") from error
    except PermissionError as error:
        raise UnreadableFile(f"{source}: you may not read this file; change its permissions") from error
    except FILE_FAULTS as error:
        cause = shorten(str(error) or type(error).__name__, 200)
        raise UnreadableFile(
            f"{source}: the file is truncated or damaged ({cause}); copy it again or save the model again"
        ) from error
