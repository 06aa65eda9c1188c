"""Some of the files that `python -m tests.support.mutate` tries: converted, or refused in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory of processes")
def test_mutants_are_converted_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.mutate", "--count", "400", "--jobs", "2", "--seed", "1"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [*command, "--save", str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "converted" in done.stdout and "refused" in done.stdout
