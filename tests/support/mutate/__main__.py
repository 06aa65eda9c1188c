"""`python -m tests.support.mutate --count 100000 --jobs 2 --seed 1`: convert mutants in limited processes.

It is a fault if a conversion ends otherwise than well or with a ConversionError of one short line, writes
more than its two files, takes more than 3 GB or 20 seconds, or takes the process down. Faults are saved.
Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from tests.support.mutate.corpus import corpus
from tests.support.mutate.tensorflow import without_checksums
from tests.support.mutate.trial import MAX_MEMORY, MAX_SECONDS, Verdict, mutant, trial, without_layout, write

_FORK = get_context("fork")  # what is imported need not be imported again
_AT_ONCE = 1000  # trials of one process, so that what they leave behind does not add up


def main() -> None:
    """Run, report, and exit with 1 if there are faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutants to try")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=Path, help="folder of models; tests/fixtures and examples by default")
    parser.add_argument("--save", type=Path, default=Path("mutants"), help="folder for what is at fault")
    options = parser.parse_args()
    models = corpus(options.cases)
    numbers = range(options.first, options.first + options.count)
    _load()
    start = time.perf_counter()
    outcomes, reasons = Counter[tuple[str, str]](), Counter[str]()
    slowest, largest = 0.0, 0
    for number, verdict in _verdicts(models, options.seed, numbers, options.jobs):
        outcomes[verdict.kind, "fault" if verdict.is_fault else verdict.outcome] += 1
        slowest, largest = max(slowest, verdict.seconds), max(largest, verdict.memory)
        if verdict.is_fault:
            reason = _general(verdict.outcome)
            reasons[reason] += 1
            if reasons[reason] == 1:
                print(f"{number} ({verdict.kind}): {verdict.outcome[:600]}", flush=True)
            if reasons[reason] <= 3:
                _save(options.save / f"{options.seed}_{number}", models, options.seed, number)
        if (number + 1) % 5000 == 0:
            print(f"... {number + 1}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    speed = options.count / seconds
    print(f"{options.count} mutants of {len(models)} models in {seconds:.0f} s, {speed:.0f} a second")
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{count:8} {kind} {outcome}")
    print(f"at most {slowest:.1f} s, {largest >> 20} MB; {reasons.total()} faults of {len(reasons)} kinds")
    for reason, count in reasons.most_common():
        print(f"{count:8} {reason[:300]}")
    sys.exit(1 if reasons else 0)


def _load() -> None:
    """Import what the processes need, once."""
    import torch._dynamo  # noqa: F401 - some function of torch imports it when it is called

    import codegen.pipeline  # noqa: F401 - what the processes need


def _verdicts(models: list[Path], seed: int, numbers: range, jobs: int) -> Iterator[tuple[int, Verdict]]:
    """The verdict on every mutant; process `i` of n tries each n-th of them."""
    waiting = [numbers[job::jobs] for job in range(jobs)]
    working = {_Worker(models, seed, part) for part in waiting if part}
    while working:
        ready = wait([worker.pipe for worker in working], timeout=1)
        for worker in list(working):
            if worker.pipe in ready:
                verdict = worker.verdict()
            elif worker.is_late:
                verdict = worker.stopped(f"it took more than {MAX_SECONDS} s")
            else:
                continue
            yield worker.numbers[0], verdict
            worker.numbers = worker.numbers[1:]
            if not worker.numbers or not worker.goes_on:
                working.remove(worker)
                worker.end()
                if worker.numbers:
                    working.add(_Worker(models, seed, worker.numbers))


class _Worker:
    """A process that tries mutants, one after the other."""

    def __init__(self, models: list[Path], seed: int, numbers: range) -> None:
        self.numbers, self._left = numbers, min(len(numbers), _AT_ONCE)
        self.pipe, end = _FORK.Pipe(duplex=False)
        self._process: ForkProcess = _FORK.Process(
            target=_work, args=(models, seed, numbers[: self._left], end), daemon=True
        )
        self._process.start()
        self._since = self._now()
        end.close()

    def _now(self) -> tuple[float, float]:
        """What the process has had of the processor, and the time; in seconds."""
        clock = time.monotonic()
        try:
            fields = (
                Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            )
        except OSError:
            return 0.0, clock
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), clock

    @property
    def is_late(self) -> bool:
        used, clock = (now - then for now, then in zip(self._now(), self._since, strict=True))
        return used > MAX_SECONDS + 5 or clock > 30 * MAX_SECONDS

    @property
    def goes_on(self) -> bool:
        return self._left > 0

    def verdict(self) -> Verdict:
        """What it has found of its first number."""
        try:
            verdict = self.pipe.recv()
        except EOFError:
            self._process.join()
            return self.stopped(f"the process died ({self._process.exitcode})")
        self._left -= 1
        self._since = self._now()
        assert isinstance(verdict, Verdict)
        return verdict

    def stopped(self, reason: str) -> Verdict:
        self._left = 0
        return Verdict("?", reason, self._now()[0] - self._since[0], 0)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _work(models: list[Path], seed: int, numbers: range, pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    without_layout()
    without_checksums()
    for number in numbers:
        pipe.send(trial(models, seed, number))


def _general(outcome: str) -> str:
    """An outcome without what differs between mutants of a kind: names and numbers."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "_", outcome)
    return re.sub(r"-?\d[\d.e+]*", "0", text)[:200]


def _save(folder: Path, models: list[Path], seed: int, number: int) -> None:
    write(folder, mutant(models, seed, number)[1])


if __name__ == "__main__":
    main()
