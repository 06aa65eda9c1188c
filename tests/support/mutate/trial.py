"""One mutant is converted, and it is judged how that ended."""

from __future__ import annotations

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import black

from codegen import convert
from codegen.errors import Bug, ConversionError, NotComputed, Unsupported, summary
from tests.support.mutate import code, raw, tensorflow, tree_of_hdf5, tree_of_json, zip_archive
from tests.support.mutate.corpus import read
from tests.support.mutate.kinds import Files, mutated

#: The files whose import registers the mutations.
MUTATIONS = (code, raw, tensorflow, tree_of_hdf5, tree_of_json, zip_archive)
#: Where files take no time.
_IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
MAX_MESSAGE = 2000
MAX_MEMORY = 3 * 2**30
MAX_SECONDS = 20


@dataclass(frozen=True)
class Verdict:
    """How the conversion of a mutant ended.

    Attributes:
        kind: Of the mutation.
        outcome: "converted", "refused", "not computed" if only torch found the fault, or what is wrong.
        seconds: How long the processor took.
        memory: Its peak, in bytes.
    """

    kind: str
    outcome: str
    seconds: float
    memory: int

    @property
    def is_fault(self) -> bool:
        return self.outcome not in ("converted", "refused", "not computed")


def mutant(models: list[Path], seed: int, number: int) -> tuple[str, Files]:
    """The mutant of this number: its kind and its files."""
    rng = Random(f"{seed} {number}")
    return mutated(read(rng.choice(models)), rng)


def write(folder: Path, files: Files) -> None:
    """Put the files of a model into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def trial(models: list[Path], seed: int, number: int) -> Verdict:
    """Make a mutant, convert it and judge."""
    kind, files = mutant(models, seed, number)
    with tempfile.TemporaryDirectory(prefix="k2t-mutant-", dir=_IN_MEMORY) as folder:
        write(Path(folder), files)
        _forget_peak()
        start = time.process_time()  # others may use the machine
        outcome = judged(Path(folder), files)
        seconds, memory = time.process_time() - start, _peak()
    if memory > MAX_MEMORY:
        outcome = f"it took {memory >> 20} MB ({outcome})"
    elif seconds > MAX_SECONDS:
        outcome = f"it took {seconds:.0f} s ({outcome})"
    return Verdict(kind, outcome, seconds, memory)


def judged(folder: Path, files: Files) -> str:
    """Convert the model that lies in a folder: "converted", "refused", "not computed", or what is wrong."""
    model, *weights = (folder / name for name in dict.fromkeys(Path(name).parts[0] for name in files))
    output = folder / "converted"
    try:
        convert(model, output=output, name="converted", weights=weights[0] if weights else None)
    except Bug as error:
        return f"a bug: {error}"
    except ConversionError as error:
        return _judged_refusal(error, output)
    except Exception as error:
        return f"{type(error).__name__}: {error} ({_place(error)})"
    if {path.name for path in output.iterdir()} != {"converted.py", "converted.pt"}:
        return "it wrote other files"
    return "converted"


def _judged_refusal(error: ConversionError, output: Path) -> str:
    lines = summary(error.problems) if isinstance(error, Unsupported) else (str(error),)
    if any("\n" in line or not line for line in lines):
        return f"not one line: {error!r}"
    if any(len(line) > MAX_MESSAGE for line in lines):
        return f"a message of {max(map(len, lines))} characters: {error}"
    if output.exists() and any(output.iterdir()):
        return f"refused, but something was written: {error}"
    return "not computed" if isinstance(error, NotComputed) else "refused"


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


def without_layout() -> None:
    """Leave black out: it takes most of the time, and lays out what the self-check compiles anyway."""
    setattr(black, "format_str", lambda text, **_: text)  # noqa: B010 - mypy wants no assignment to it


# -------------------------------------------------------------------- memory


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
