"""The trial: one run of the suite in one mode, as a JSON record on disk.

Times are seconds, memory is bytes. A figure that could not be measured is None, never 0.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import EnvironmentFailed, RecordError
from ..modes.levels import ServiceLevel as ServiceLevel
from .figures import EdgeLatency as EdgeLatency
from .figures import HealthSamples as HealthSamples
from .figures import Queried as Queried
from .figures import RuntimeShare as RuntimeShare
from .figures import Series as Series
from .figures import ServiceFigures as ServiceFigures
from .figures import Side as Side

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "tranship-trial"
VERSION = 2
KEPT_PER_MODE = 20
STALE_SECONDS = 3600.0

Outcome = Literal["passed", "failed", "skipped", "error"]


@dataclass(frozen=True)
class TestOutcome:
    """One test as JUnit XML reports it."""

    __test__ = False  # not a test class, whatever its name says to pytest

    classname: str
    name: str
    outcome: Outcome
    seconds: float
    message: str = ""
    """First line of the failure, error or skip reason."""
    details: str = ""
    """The end of the failure's traceback; empty where it says no more than the message."""


@dataclass(frozen=True)
class SuiteRun:
    """What pytest did."""

    command: tuple[str, ...]
    exit_code: int | None
    """pytest's own exit code; None when it had to be killed."""
    seconds: float
    tests: tuple[TestOutcome, ...] = ()
    hung_in: str | None = None
    """Node id of the test that was running when the time limit ended the suite."""
    limit_seconds: float | None = None
    started: str = ""
    """UTC, ISO 8601; empty in a record of before this was kept."""

    def count(self, outcome: Outcome) -> int:
        """Return how many tests had this outcome."""
        return [test.outcome for test in self.tests].count(outcome)


@dataclass(frozen=True)
class Failure:
    """Why the mode itself failed, when it did."""

    stage: Literal["build", "start", "suite", "stop", "interrupted"]
    message: str


@dataclass(frozen=True)
class Trial:
    """One run of the test suite in one mode, with its measurements."""

    id: str
    mode: str
    placement: dict[str, Side]
    started: str
    """UTC, ISO 8601."""
    project: str
    startup_seconds: float | None = None
    """From the request to start until every service answered its health probe."""
    suite: SuiteRun | None = None
    services: dict[str, ServiceFigures] = field(default_factory=dict)
    runtime: RuntimeShare | None = None
    fingerprint: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    batch: str = ""
    """The runs of one `compare --repeat N` share it; empty for a run by itself."""
    repeat: int = 1
    """Which run of its mode within the batch, from 1."""
    edges: tuple[EdgeLatency, ...] = ()
    levels: tuple[ServiceLevel, ...] = ()
    """Where requests were counted while the suite ran: how many were lost."""
    warm: bool = False
    """Whether its stack stayed up for several runs: CPU is this run's, start-up the first's."""
    queried: tuple[Queried, ...] = ()
    """What the queries of the gates came to."""
    format: str = FORMAT
    version: int = VERSION


def write(trial: Trial, directory: Path) -> Path:
    """Write the record atomically into `directory` and return its path.

    Older records of the same mode beyond KEPT_PER_MODE are removed, none of its own batch.

    Raises EnvironmentFailed when the directory cannot be written.
    """
    # A log line or a variable may hold bytes that are no UTF-8: better a `?` than no record.
    payload = json.dumps(asdict(trial), indent=1, ensure_ascii=False).encode("utf-8", "replace")
    ending = _ending(trial.batch)
    path = directory / f"{_stamp(trial)}-{trial.id}{ending}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(path, payload + b"\n")
    except OSError as error:
        raise EnvironmentFailed(
            f"{path}: the trial record cannot be written ({error.strerror})."
        ) from error
    for old in _paths(directory, trial.mode)[:-KEPT_PER_MODE]:
        # A clock that was set back must not make the record just written the oldest.
        if old != path and not (trial.batch and old.name.endswith(ending)):
            old.unlink(missing_ok=True)
    _remove_stale(directory)
    return path


def _replace(path: Path, payload: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _remove_stale(directory: Path) -> None:
    """Remove what writers that were killed left; another run's may be under way now."""
    for left in directory.glob(".writing-*"):
        try:
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
        except FileNotFoundError:
            continue


def read(path: Path) -> Trial:
    """Return the trial in `path`.

    Raises RecordError when the file is missing, is no trial record, or was written by a
    newer version.
    """
    from pydantic import ValidationError
    from pydantic_core import from_json

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        # Parsed once, and by this: json.loads takes twice as long over 50,000 tests.
        head = from_json(raw)
    except ValueError as error:
        raise RecordError(
            f"{path}: not JSON ({error}). Delete it and run the mode again."
        ) from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise RecordError(f'{path}: not a trial record ("format" is not {FORMAT!r}).')
    version = head.get("version")
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise RecordError(
            f'{path}: "version" is {version!r}, this Tranship reads up to {VERSION}. '
            "Upgrade Tranship, or run the mode again."
        )
    try:
        return _adapter().validate_python(head)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f'{path}: "{where}": {first["msg"]}. Delete it and run the mode again.'
        ) from error


@functools.cache
def _adapter() -> TypeAdapter[Trial]:
    from pydantic import TypeAdapter

    return TypeAdapter(Trial)


def newest(directory: Path, mode: str) -> Trial:
    """Return the newest record of `mode`.

    Raises RecordError when there is none.
    """
    paths = _paths(directory, mode)
    if not paths:
        alone = f"`nox -s {mode}` or " if mode in ("local", "docker") else ""
        raise RecordError(
            f"No record of mode {mode!r} in {directory}. Run {alone}`nox -s compare`."
        )
    return read(paths[-1])


def newest_batch(directory: Path, mode: str) -> tuple[Trial, ...]:
    """Return all runs of the newest batch of `mode` in order; a run by itself is one.

    Empty when there is none. Raises RecordError when one cannot be read.
    """
    paths = _paths(directory, mode)
    if not paths:
        return ()
    last = read(paths[-1])
    return _ordered(last, *_of_batch(paths[:-1], last.batch)) if last.batch else (last,)


def batch(directory: Path, mode: str, name: str) -> tuple[Trial, ...]:
    """Return the runs of `mode` in the batch of this name, in order; empty when it has none.

    Raises RecordError when one cannot be read.
    """
    return _ordered(*_of_batch(_paths(directory, mode), name))


def _of_batch(paths: Iterable[Path], name: str) -> Iterator[Trial]:
    # By their names: to open every record on file costs a second where suites are large.
    ending = _ending(name)
    found = (read(path) for path in paths if path.name.endswith(ending))
    return (trial for trial in found if trial.batch == name)


def _ordered(*runs: Trial) -> tuple[Trial, ...]:
    return tuple(sorted(runs, key=lambda trial: trial.repeat))


def _ending(batch: str) -> str:
    return f"-{_slug(batch)}.json" if batch else ".json"


def _stamp(trial: Trial) -> str:
    compact = trial.started.replace("-", "").replace(":", "").split("+")[0]
    return f"{_slug(trial.mode)}-{compact}"


def _paths(directory: Path, mode: str) -> list[Path]:
    # The stamp sorts by time; a mode's name never ends in a digit block like the stamp's.
    prefix = _slug(mode)
    return sorted(
        path
        for path in directory.glob(f"{prefix}-2*.json")
        if path.name[len(prefix) + 1 :][:8].isdigit()
    )


def _slug(mode: str) -> str:
    safe = "".join(char if char.isalnum() or char in "._" else "_" for char in mode)[:60]
    if safe == mode:
        return safe
    # Two modes must not share records: `hybrid:a` and `hybrid_a` read the same by now.
    return f"{safe}.{hashlib.sha256(mode.encode()).hexdigest()[:8]}"
