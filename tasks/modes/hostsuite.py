"""The suite as a process of this host."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import EnvironmentFailed

_PYTHON_SECONDS = 60.0


class HostSuite:
    """pytest in a process group of its own, so that ending it ends what it started."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        report: Path,
    ) -> None:
        self._report = report
        self._killed = False
        try:
            self._process = subprocess.Popen(
                # Relative: pytest would expand a `$` in the names of the folders above.
                [*command, f"--junitxml={os.path.relpath(report, directory)}"],
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise EnvironmentFailed(f"The suite cannot be started: {error}.") from error

    def lines(self) -> Iterator[str]:
        """Yield its output line by line until it ends."""
        if self._process.stdout is not None:
            yield from self._process.stdout

    def interrupt(self) -> None:
        """Send SIGINT to pytest alone: its children end with it."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the whole process group."""
        self._killed = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int | None:
        """Return pytest's exit code; None when it was killed."""
        code = self._process.wait()
        return None if self._killed or code < 0 else code

    def fetch_report(self, destination: Path) -> bool:
        """Move the JUnit report to `destination`."""
        if not self._report.is_file() or not self._report.stat().st_size:
            return False
        destination.write_bytes(self._report.read_bytes())
        return True

    def close(self) -> None:
        """End what still runs and remove the report."""
        if self._process.poll() is None:
            self.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._report.unlink(missing_ok=True)


def run_python(source: str, environment: Mapping[str, str], directory: Path) -> str:
    """Run a Python program with the `python` that `environment` finds; return its output.

    Raises EnvironmentFailed when it fails.
    """
    try:
        done = subprocess.run(
            ["python", "-c", source],
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PYTHON_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailed(f"python took more than {_PYTHON_SECONDS:g} s.") from error
    if done.returncode != 0:
        raise EnvironmentFailed(f"python failed: {done.stderr.strip()}")
    return done.stdout
