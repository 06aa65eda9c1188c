"""Which Python compiled a function, and what the function does."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.bytecode.normalize import normalize
from codegen.bytecode.opcodes import VERSIONS, Version
from codegen.bytecode.routine import Routine
from codegen.bytecode.unmarshal import BadCode, Layout, unmarshal

_VERSIONS: dict[Layout, tuple[Version, ...]] = {
    layout: tuple(version for version in VERSIONS if layout.value <= version < end)
    for layout, end in zip(Layout, ((3, 0), (3, 8), (3, 11), (4, 0)), strict=True)
}


def read_function(data: bytes) -> Routine:
    """The function whose marshalled code object this is.

    A file does not say which Python wrote it. The bytes fit one layout, and in this those versions that have
    all its instructions; where several have, they have to mean the same by them.

    Raises:
        BadCode: No version that is known writes such bytes, or two would mean different functions by them.
    """
    routines = list(_routines(data))
    if not routines:
        raise BadCode("no Python from 2.7 to 3.14 compiles such code")
    if len({repr(routine) for routine in routines}) > 1:  # 1 and True are equal, but not the same
        raise BadCode("versions of Python would read it differently")
    return routines[0]


def _routines(data: bytes) -> Iterator[Routine]:
    for layout, versions in _VERSIONS.items():
        try:
            code = unmarshal(data, layout)
        except BadCode:
            continue
        for version in versions:
            try:
                yield normalize(code, version)
            except BadCode:
                continue
