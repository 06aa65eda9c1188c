"""SHA-256 of the files that a model is read from, computed beside everything else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

from codegen.model.saved_model import Source
from codegen.read.parts.damage import reading

_PIECE = 2**20


class Digests:
    """The digests of some sources, each a file or several; a thread computes them as soon as one asks.

    Args:
        sources: What a model is read from: a name, and its files.
    """

    def __init__(self, sources: Sequence[tuple[str, Sequence[Path]]]) -> None:
        self._sources = sources
        self._stopped = Event()
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._result: Future[tuple[Source, ...]] | None = None

    def start(self) -> Future[tuple[Source, ...]]:
        """Begin, unless it was begun."""
        with self._lock:
            if self._result is None:
                self._pool = ThreadPoolExecutor(1)
                self._result = self._pool.submit(self._all)
            return self._result

    def result(self) -> tuple[Source, ...]:
        """The digests, when all are there.

        Raises:
            UnreadableFile: A file cannot be read.
        """
        result = self.start()
        try:
            return result.result()
        except CancelledError:  # it was stopped before anybody asked
            return self._all()

    def stop(self) -> None:
        """Nobody is likely to need them any more: stop computing them."""
        if self._pool is not None:
            self._stopped.set()
            self._pool.shutdown()
            self._stopped.clear()

    def _all(self) -> tuple[Source, ...]:
        return tuple(Source(name, self._of(files)) for name, files in self._sources)

    def _of(self, files: Sequence[Path]) -> str:
        """Of one file, its own; of several, that of their list, as `sha256sum FILES | sha256sum` has it."""
        if len(files) == 1:
            return self._of_file(files[0])
        lines = (f"{self._of_file(file)}  {file.name}\n" for file in files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _of_file(self, path: Path) -> str:
        digest = hashlib.sha256()
        buffer = bytearray(_PIECE)
        with reading(path.name), path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                if self._stopped.is_set():
                    raise CancelledError
                digest.update(memoryview(buffer)[:count])
        return digest.hexdigest()
