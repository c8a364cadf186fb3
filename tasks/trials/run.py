"""One trial: a mode started, measured, asked to run the suite, and stopped."""

from __future__ import annotations

import datetime
import importlib.resources
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..errors import EnvironmentFailed
from ..modes.base import Mode, ServiceProcess, Startup
from ..modes.runs import run_logs
from ..settings import Settings
from ..stack.isolation import Run
from ..stack.model import Service
from . import probes, suite
from .record import (
    KEPT_PER_MODE,
    Failure,
    HealthSamples,
    RuntimeShare,
    ServiceFigures,
    SuiteRun,
    Trial,
)

Show = Callable[[str], None]


@dataclass
class _Findings:
    """What a trial has found up to now; a failure leaves the later ones empty."""

    startup: Startup | None = None
    fingerprint: dict[str, str] = field(default_factory=dict)
    health: dict[str, HealthSamples] = field(default_factory=dict)
    figures: dict[str, probes.Usage] = field(default_factory=dict)
    runtime: RuntimeShare | None = None
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
    tell("reading the fingerprint")
    found.fingerprint = fingerprint(mode)
    tell("probing health")
    found.health = probes.health_samples(services, mode.addresses())
    processes = mode.processes()
    groups = {item.service: item.cgroup for item in processes if item.cgroup is not None}
    log = run_logs(settings, mode.name, run) / "pytest.txt"
    tell("running the suite")
    arguments = suite.arguments(settings.suite, pytest_arguments, settings.root)
    with probes.CpuMeter(groups) as meter:
        found.suite = suite.run(mode, settings.suite, arguments, show, log)
    tell("measuring")
    found.figures = {
        item.service: _with_restarts(item, probes.usage(item), meter) for item in mode.processes()
    }
    found.runtime = probes.runtime_share(mode.runtime_pids())


def _prune_logs(settings: Settings) -> None:
    """Keep the logs of as many runs as there are records of two modes; the newest."""
    folders = sorted(
        (path for path in (settings.state_directory / "logs").iterdir() if path.is_dir()),
        key=lambda path: path.stat().st_mtime,
    )
    for folder in folders[: -2 * KEPT_PER_MODE]:
        shutil.rmtree(folder, ignore_errors=True)


def _with_restarts(
    process: ServiceProcess, used: probes.Usage, meter: probes.CpuMeter
) -> probes.Usage:
    total = meter.seconds(process.service)
    return used if total is None else probes.Usage(used.memory_bytes, total, used.method)


def fingerprint(mode: Mode) -> dict[str, str]:
    """Return what the suite's interpreter sees in this mode."""
    source = (importlib.resources.files(__package__) / "fingerprint.py").read_text("utf-8")
    lines = mode.python(source).strip().splitlines()
    try:
        values = json.loads(lines[-1]) if lines else {}
    except ValueError as error:
        raise EnvironmentFailed(f"The fingerprint is not JSON: {lines[-1][:200]}") from error
    return {str(name): str(value) for name, value in values.items()}


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
            cpu_seconds=used.cpu_seconds,
            cpu_method=used.method,
            health=found.health.get(service.name),
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
    )
