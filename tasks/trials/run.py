"""One trial: a mode started, measured, asked to run the suite, and stopped."""

from __future__ import annotations

import datetime
import importlib.resources
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..errors import EnvironmentFailed
from ..modes.base import Address, Mode, Startup
from ..modes.runs import run_logs
from ..settings import Settings
from ..stack.isolation import Run
from ..stack.model import Service
from . import edges, probes, suite
from .record import (
    KEPT_PER_MODE,
    EdgeLatency,
    Failure,
    HealthSamples,
    RuntimeShare,
    ServiceFigures,
    SuiteRun,
    Trial,
)
from .sampling import Sampler

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
) -> Trial:
    """Run the suite in `mode` and return the trial, also when the mode itself fails.

    `show` gets the suite's output line by line, `tell` what is being done. The caller
    stops the mode. KeyboardInterrupt passes through: an interrupted run is no trial.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    found = _Findings()
    stage: str = "build"
    try:
        tell("preparing")
        mode.prepare()
        stage = "start"
        tell("starting")
        found.startup = mode.start()
        stage = "suite"
        _measured_suite(mode, run, services, settings, pytest_arguments, found, show, tell)
    except EnvironmentFailed as error:
        found.failure = Failure(stage, str(error))  # type: ignore[arg-type]
    finally:
        with suppress(EnvironmentFailed, OSError):
            mode.save_logs(run_logs(settings, mode.name, run))
            _prune_logs(settings)
    return _trial(mode, run, services, started, found)


def _measured_suite(
    mode: Mode,
    run: Run,
    services: Sequence[Service],
    settings: Settings,
    pytest_arguments: Sequence[str],
    found: _Findings,
    show: Show,
    tell: Show,
) -> None:
    tell("probing health")
    addresses = mode.addresses()
    found.health = probes.health_samples(services, addresses)
    log = run_logs(settings, mode.name, run) / "pytest.txt"
    tell("running the suite")
    arguments = suite.arguments(settings.suite, pytest_arguments, settings.root)
    began = time.time()
    try:
        with Sampler(mode.processes(), mode.runtime_pids()) as found.sampler:
            found.suite = suite.run(mode, settings.suite, arguments, show, log)
    except EnvironmentFailed:
        # What the suite would have seen may tell why it cannot be run.
        with suppress(EnvironmentFailed):
            found.fingerprint = fingerprint(mode)
        raise
    found.oom_kills = dict(mode.oom_kills(began))
    tell(f"measuring (sampling took {found.sampler.share:.1%} of a core)")
    found.figures = {item.service: probes.usage(item) for item in mode.processes()}
    found.runtime = replace(
        probes.runtime_share(mode.runtime_pids()), series=found.sampler.runtime_series()
    )
    _see_and_dial(mode, services, addresses, found)


def _see_and_dial(
    mode: Mode, services: Sequence[Service], addresses: Mapping[str, Address], found: _Findings
) -> None:
    """Read the fingerprint and dial the edges: after the figures, which dialling would move.

    Both in one run of the suite's interpreter, which in a container takes half a second.
    """
    side = next(iter(mode.pythons))
    known = edges.routes(services, mode.sides, mode.references, addresses)
    here = [route for route in known if (route.via, route.side) == ("direct", side)]
    found.fingerprint, rest = seen(mode, edges.program(here))
    found.edges = (
        *edges.latencies(here, edges.read(rest)),
        *edges.measured(mode, [route for route in known if route not in here]),
    )


def _prune_logs(settings: Settings) -> None:
    """Keep the logs of as many runs as there are records of two modes; the newest."""
    folders = sorted(
        (path for path in (settings.state_directory / "logs").iterdir() if path.is_dir()),
        key=lambda path: path.stat().st_mtime,
    )
    for folder in folders[: -2 * KEPT_PER_MODE]:
        shutil.rmtree(folder, ignore_errors=True)


def fingerprint(mode: Mode) -> dict[str, str]:
    """Return what the suite's interpreter sees in this mode."""
    return seen(mode)[0]


def seen(mode: Mode, more: str = "") -> tuple[dict[str, str], str]:
    """Return the fingerprint, and what the program `more` printed in the same interpreter."""
    source = (importlib.resources.files(__package__) / "fingerprint.py").read_text("utf-8")
    program = f"STACK_NAMES = {sorted(mode.sides)!r}\n{source}\n{more}"
    lines = mode.python(program).strip().splitlines()
    last = lines.pop() if more and len(lines) > 1 else ""
    try:
        values = json.loads(lines[-1]) if lines else {}
    except ValueError as error:
        raise EnvironmentFailed(f"The fingerprint is not JSON: {lines[-1][:200]}") from error
    return {str(name): str(value) for name, value in values.items()}, last


def _trial(
    mode: Mode, run: Run, services: Sequence[Service], started: str, found: _Findings
) -> Trial:
    figures = {}
    for service in services:
        used = found.figures.get(service.name, probes.Usage(None, None, None))
        startup = found.startup
        figures[service.name] = ServiceFigures(
            side=mode.sides[service.name],
            startup_seconds=startup.ready_seconds.get(service.name) if startup else None,
            own_startup_seconds=startup.own_seconds.get(service.name) if startup else None,
            memory_bytes=used.memory_bytes,
            memory_method=used.method,
            cpu_seconds=_either(found.sampler.cpu_seconds(service.name), used.cpu_seconds),
            cpu_method=used.method,
            health=found.health.get(service.name),
            offset_seconds=_offset(startup, service.name),
            waited_for=tuple(
                dependency.service
                for dependency in service.depends_on
                if dependency.service in mode.sides
            ),
            series=found.sampler.series(service.name),
            throttled_seconds=found.sampler.throttled_seconds(service.name),
            oom_kills=_kills(found, service.name),
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
