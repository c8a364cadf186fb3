"""One trial: a mode started, measured, asked to run the suite, and stopped."""

from __future__ import annotations

import datetime
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

from ..errors import EnvironmentFailed
from ..modes.base import Mode, Startup
from ..modes.runs import run_logs
from ..settings import Settings
from ..stack.isolation import Run
from ..stack.model import Service
from . import probes, seeing, since, suite, watching
from .pulse import Pulse
from .record import (
    KEPT_PER_MODE,
    EdgeLatency,
    Failure,
    HealthSamples,
    RuntimeShare,
    ServiceFigures,
    ServiceLevel,
    SuiteRun,
    Trial,
)
from .sampling import Sampler
from .scrapefile import scrape_file

Show = Callable[[str], None]


@dataclass
class _Findings:
    """What a trial has found up to now; a failure leaves the later ones empty."""

    startup: Startup | None = None
    fingerprint: dict[str, str] = field(default_factory=dict)
    health: dict[str, HealthSamples] = field(default_factory=dict)
    figures: dict[str, probes.Usage] = field(default_factory=dict)
    runtime: RuntimeShare | None = None
    sampler: Sampler = field(default_factory=lambda: Sampler(()))
    edges: tuple[EdgeLatency, ...] = ()
    levels: tuple[ServiceLevel, ...] = ()
    replaced: frozenset[str] = frozenset()
    """Services whose container is another one now, or gone: what is known is not the whole."""
    oom_kills: dict[str, int] = field(default_factory=dict)
    suite: SuiteRun | None = None
    failure: Failure | None = None


def run_trial(
    mode: Mode,
    run: Run,
    services: Sequence[Service],
    settings: Settings,
    pytest_arguments: Sequence[str],
    *,
    show: Show,
    tell: Show,
    seen: Show | None = None,
) -> Trial:
    """Run the suite in `mode` and return the trial, also when the mode itself fails.

    `show` gets the suite's output line by line, `tell` what is being done, and `seen` the run's
    project before the suite: it may wait until that is watched. The caller stops the mode.
    KeyboardInterrupt passes through: an interrupted run is no trial.
    """
    measured = MeasuredMode(mode, run, services, settings, show, tell, seen=seen)
    try:
        measured.start()
        return measured.trial(pytest_arguments)
    finally:
        measured.close()


@dataclass
class MeasuredMode:
    """A mode under measurement: started once, and the suite run in it once or several times."""

    mode: Mode
    run: Run
    services: Sequence[Service]
    settings: Settings
    show: Show
    tell: Show
    warm: bool = False
    """Whether the suite runs several times: then CPU is that of each run."""
    seen: Show | None = None
    """What waits until the run, whose project it gets, is watched; None where nobody watches."""
    failure: Failure | None = None
    """Why the mode cannot run the suite, or cannot again."""
    _startup: Startup | None = None
    _began: str = ""
    _runs: int = 0
    _held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Take back what says where the services are; the mode is about to be stopped."""
        self._held.close()

    def start(self) -> None:
        """Prepare and start the mode; a failure is kept for the trial."""
        self._began = _now()
        stage: str = "build"
        try:
            self.tell("preparing")
            self.mode.prepare()
            stage = "start"
            self.tell("starting")
            self._startup = self.mode.start()
            self._held.enter_context(scrape_file(self.settings, self.mode, self.run, self.services))
        except EnvironmentFailed as error:
            self.failure = Failure(stage, str(error))  # type: ignore[arg-type]
        except BaseException:
            self._save_logs()
            raise

    def trial(self, pytest_arguments: Sequence[str]) -> Trial:
        """Run the suite and return the trial: the first one has the start-up."""
        self._runs += 1
        first = self._runs == 1
        found = _Findings(startup=self._startup if first else None, failure=self.failure)
        began = self._began if first else _now()
        before: since.Counted | None = None
        try:
            if found.failure is None:
                before = since.counted(self.mode) if self.warm else None
                self._measured_suite(pytest_arguments, found)
        except EnvironmentFailed as error:
            self.failure = found.failure = Failure("suite", str(error))
        finally:
            self._save_logs()
        trial = _trial(self.mode, self.run, self.services, began, found)
        return since.of_the_run(trial, before) if before is not None else trial

    def _save_logs(self) -> None:
        with suppress(EnvironmentFailed, OSError):
            self.mode.save_logs(run_logs(self.settings, self.mode.name, self.run))
            _prune_logs(self.settings)

    def _measured_suite(self, pytest_arguments: Sequence[str], found: _Findings) -> None:
        mode, settings = self.mode, self.settings
        self.tell("probing health")
        addresses = mode.addresses()
        found.health = probes.health_samples(self.services, addresses)
        name = "pytest.txt" if self._runs == 1 else f"pytest-{self._runs}.txt"
        log = run_logs(settings, mode.name, self.run) / name
        if self.seen is not None:
            self.seen(self.run.project)
        self.tell("running the suite")
        arguments = suite.arguments(settings.suite, pytest_arguments, settings.root)
        began = time.time()
        try:
            pulse = Pulse(self.services, addresses)
            watched = mode.processes()
            with (
                watching.watching(mode) as level,
                Sampler(watched, mode.runtime_pids(), pulse) as found.sampler,
            ):
                ran = suite.run(mode, settings.suite, arguments, self.show, log)
            found.suite = seeing.without_secrets(ran, mode.hidden)
        except EnvironmentFailed:
            # What the suite would have seen may tell why it cannot be run.
            with suppress(EnvironmentFailed):
                found.fingerprint = seeing.fingerprint(mode)
            raise
        found.oom_kills = dict(mode.oom_kills(began))
        self.tell(f"measuring (sampling took {found.sampler.share:.1%} of a core)")
        found.levels = level()
        now = mode.processes()
        found.figures = {item.service: probes.usage(item) for item in now}
        found.replaced = watching.replaced(mode, watched, now)
        if found.replaced:
            names = ", ".join(sorted(found.replaced))
            self.tell(f"{names}: replaced while the suite ran; memory and CPU are not the whole")
        found.runtime = replace(
            probes.runtime_share(mode.runtime_pids()), series=found.sampler.runtime_series()
        )
        found.fingerprint, found.edges = seeing.seen_and_dialled(mode, self.services, addresses)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _prune_logs(settings: Settings) -> None:
    """Keep the logs of as many runs as there are records of two modes; the newest."""
    folders = sorted(
        (path for path in (settings.state_directory / "logs").iterdir() if path.is_dir()),
        key=lambda path: path.stat().st_mtime,
    )
    for folder in folders[: -2 * KEPT_PER_MODE]:
        shutil.rmtree(folder, ignore_errors=True)


def _trial(
    mode: Mode, run: Run, services: Sequence[Service], started: str, found: _Findings
) -> Trial:
    figures = {}
    for service in services:
        whole = service.name not in found.replaced
        sampler = found.sampler if whole else Sampler(())
        used = found.figures.get(service.name) if whole else None
        used = used or probes.Usage(None, None, None)
        startup = found.startup
        figures[service.name] = ServiceFigures(
            side=mode.sides[service.name],
            startup_seconds=startup.ready_seconds.get(service.name) if startup else None,
            own_startup_seconds=startup.own_seconds.get(service.name) if startup else None,
            memory_bytes=used.memory_bytes,
            memory_method=used.method,
            cpu_seconds=_either(sampler.cpu_seconds(service.name), used.cpu_seconds),
            cpu_method=used.method,
            health=found.health.get(service.name),
            offset_seconds=_offset(startup, service.name),
            waited_for=tuple(
                dependency.service
                for dependency in service.depends_on
                if dependency.service in mode.sides
            ),
            series=sampler.series(service.name),
            throttled_seconds=sampler.throttled_seconds(service.name),
            oom_kills=_kills(found, service.name) if whole else None,
        )
    return Trial(
        id=run.id,
        mode=mode.name,
        placement=dict(mode.sides),
        started=started,
        project=run.project,
        startup_seconds=found.startup.total_seconds if found.startup else None,
        suite=found.suite,
        services=figures,
        runtime=found.runtime,
        fingerprint=found.fingerprint,
        failure=found.failure,
        edges=found.edges,
        levels=found.levels,
    )


def _kills(found: _Findings, service: str) -> int | None:
    """Return the kills for memory: its group counts those inside, the engine what ended it."""
    counted, seen = found.sampler.oom_kills(service), found.oom_kills.get(service)
    return max(counted or 0, seen) if seen is not None else counted


def _either(first: float | None, second: float | None) -> float | None:
    return second if first is None else first


def _offset(startup: Startup | None, service: str) -> float | None:
    """Return when the process of a service began, from the request to start."""
    if startup is None or service not in startup.ready_seconds:
        return None
    own = startup.own_seconds.get(service)
    # One that was there before the request has no offset.
    return max(0.0, startup.ready_seconds[service] - own) if own is not None else None
