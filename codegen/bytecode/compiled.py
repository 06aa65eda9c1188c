"""Which Python compiled a function, and what the function does."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.bytecode.decode import decode
from codegen.bytecode.depth import check_depth
from codegen.bytecode.normalize import normalize
from codegen.bytecode.opcodes import VERSIONS, Version
from codegen.bytecode.routine import Routine
from codegen.bytecode.unmarshal import BadCode, Code, Layout, unmarshal

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
                if _is_of(code, version):
                    routine = normalize(code, version)
                    _check(routine)
                    yield routine
            except BadCode:
                continue


def _check(routine: Routine) -> None:
    check_depth(routine)
    for instruction in routine.instructions:
        if isinstance(instruction.arg, Routine):
            _check(instruction.arg)


def _is_of(code: Code, version: Version) -> bool:
    """Whether what instructions alone do not tell speaks for a version."""
    words = [word.name for word in decode(code, version)]
    # A list was extended by the number that 3.8 has for the way into a `finally`, whose end must follow.
    if "CALL_FINALLY" in words and "END_FINALLY" not in words:
        return False
    inner = all(_is_of(const, version) for const in code.consts if isinstance(const, Code))
    return inner and (code.layout is not Layout.PYTHON_3_8 or _spans_all(code) == (version == (3, 10)))


def _spans_all(code: Code) -> bool:
    """Whether the table of lines is one of 3.10: its steps through the code add up to all of it."""
    return len(code.lines) % 2 == 0 and sum(code.lines[::2]) == len(code.code)
