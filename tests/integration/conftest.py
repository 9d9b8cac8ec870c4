"""What tests across processes need: scripts in Python processes of their own, and data folders of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from memory_core.database.embedded.cluster import Cluster

STRICT = ["-X", "dev", "-W", "error"]
"""Python's development mode, every warning an error: what is not closed or not awaited shows."""


class Script:
    """A Python process that runs some lines of code and is talked to over its standard input and output."""

    def __init__(self, code: str, *arguments: str, strict: bool = False) -> None:
        command = [sys.executable, *(STRICT if strict else []), "-c", code, *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def says(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str = "go") -> None:
        """Sends it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self, timeout: float = 60) -> tuple[list[str], str]:
        """Its remaining lines and what it wrote to standard error, when it has exited with success."""
        code, lines, errors = self.outcome(timeout)
        assert code == 0, errors
        return lines, errors

    def outcome(self, timeout: float = 60) -> tuple[int, list[str], str]:
        """Its exit code, its remaining lines and what it wrote to standard error, when it has exited.

        Left out are asyncio's remarks, in development mode, on steps that were slow on this machine.
        """
        out, errors = self.process.communicate(timeout=timeout)
        said = [line for line in errors.splitlines(keepends=True) if not line.startswith("Executing <")]
        return self.process.returncode, out.splitlines(), "".join(said)


@pytest.fixture
def start_script() -> Iterator[Callable[..., Script]]:
    """Starts scripts; those still running at the end of the test are killed."""
    scripts: list[Script] = []

    def start(code: str, *arguments: str, strict: bool = False) -> Script:
        scripts.append(Script(code, *arguments, strict=strict))
        return scripts[-1]

    yield start
    for script in scripts:
        script.process.kill()
        script.process.communicate()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder of the test's own, whose server is stopped in the end, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="mc-", ignore_cleanup_errors=True) as parent:
        folder = Path(parent).resolve() / "data"
        yield folder
        cluster = Cluster(folder)
        if (folder / "pg" / "postmaster.pid").exists():
            for pid in psutil.pids():
                if cluster._is_postmaster(pid):
                    with suppress(psutil.NoSuchProcess):
                        psutil.Process(pid).terminate()
