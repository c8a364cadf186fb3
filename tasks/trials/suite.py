"""Running the suite in a mode, with a limit, and reading what came of it."""

from __future__ import annotations

import datetime
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..modes.base import RunsSuite, SuiteProcess
from ..settings import SuiteSettings
from .junit import read_report
from .record import SuiteRun, TestOutcome

GRACE_SECONDS = 15.0
"""From the interrupt at the limit, by which pytest writes its report, to the kill."""

_TAKES_VALUE = {
    "-k",
    "-m",
    "-p",
    "-o",
    "-c",
    "-W",
    "-n",
    "-r",
    "--deselect",
    "--ignore",
    "--rootdir",
}
_NODE = re.compile(
    r"^(?P<node>\S+\.py::.*?)"
    r"(?:\s+(?P<outcome>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN)\b.*)?\s*$"
)


def arguments(settings: SuiteSettings, extra: Sequence[str], root: Path) -> tuple[str, ...]:
    """Return pytest's arguments: the user's, and the suite's paths unless they name some.

    `--verbosity=1` comes last: its lines tell which test hangs.
    """
    paths = () if _names_path(extra, root) else settings.paths
    return (*extra, *paths, "-p", "no:cacheprovider", "--color=no", "--verbosity=1")


def _names_path(extra: Sequence[str], root: Path) -> bool:
    before = ""
    for word in extra:
        is_value = before in _TAKES_VALUE
        if not word.startswith("-") and not is_value and (root / word.split("::")[0]).exists():
            return True
        before = word
    return False


def run(
    mode: RunsSuite,
    settings: SuiteSettings,
    pytest_arguments: tuple[str, ...],
    show: Callable[[str], None],
    log: Path,
) -> SuiteRun:
    """Run the suite in `mode` and return its outcome, also when it had to be ended.

    Every output line goes to `show` and into `log`.
    """
    command = (*settings.command, *pytest_arguments)
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    began = time.monotonic()
    process = mode.suite(pytest_arguments)
    limit = _Limit(process, settings.timeout)
    lines: list[str] = []
    try:
        limit.start()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as stream:
            for line in process.lines():
                lines.append(line.rstrip("\n"))
                stream.write(line)
                show(lines[-1])
        code = process.wait()
        seconds = time.monotonic() - began
        limit.stop()
        tests = _report(process)
    finally:
        limit.stop()
        process.close()
    return SuiteRun(
        command=command,
        exit_code=code,
        seconds=seconds,
        tests=tests,
        hung_in=hung_test(lines) if limit.reached else None,
        limit_seconds=settings.timeout,
        started=started,
    )


def _report(process: SuiteProcess) -> tuple[TestOutcome, ...]:
    with tempfile.TemporaryDirectory(prefix="tranship-") as folder:
        path = Path(folder) / "report.xml"
        return read_report(path) if process.fetch_report(path) else ()


def hung_test(lines: Iterable[str]) -> str:
    """Return the node id of the test that was running when the suite was ended.

    pytest writes a test's id when it begins and its outcome when it ends; the last id with
    no outcome is the one. With none, the suite hung outside a test.
    """
    begun = ""
    for line in lines:
        match = _NODE.match(line)
        if match:
            begun = "" if match["outcome"] else match["node"].strip()
    return begun or "no test: in collection, or between two tests"


class _Limit:
    """Ends a suite that runs too long: an interrupt, then a kill."""

    def __init__(self, process: SuiteProcess, seconds: float) -> None:
        self._process = process
        self._timers = (
            threading.Timer(seconds, self._interrupt),
            threading.Timer(seconds + GRACE_SECONDS, process.kill),
        )
        self.reached = False
        for timer in self._timers:
            timer.daemon = True

    def start(self) -> None:
        for timer in self._timers:
            timer.start()

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _interrupt(self) -> None:
        self.reached = True
        self._process.interrupt()
