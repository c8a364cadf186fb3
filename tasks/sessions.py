"""Nox sessions: the suite in each mode, and the comparison. Registers nothing at import."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox.command

from . import batches, console
from . import settings as settings_module
from .comparison.options import modes_of as modes_of
from .comparison.options import parsed as _parsed
from .errors import EnvironmentFailed, ExitCode, SettingsError, TranshipError
from .interrupts import terminated_as_interrupt
from .settings import Settings
from .stack.engine import asked_once

if TYPE_CHECKING:
    from .trials.record import Trial


def register() -> None:
    """Register the sessions local, docker and compare."""
    for name, body in (("local", _local), ("docker", _docker), ("compare", _compare)):
        body.__name__ = name
        nox.session(name=name, venv_backend="uv|virtualenv", reuse_venv=True)(body)


def _local(session: nox.Session) -> None:
    """Run the suite against local processes; arguments after -- reach pytest."""
    _one(session, "local")


def _docker(session: nox.Session) -> None:
    """Run the suite inside the compose network; arguments after -- reach pytest."""
    _one(session, "docker")


def _one(session: nox.Session, mode: str) -> None:
    with _exit_codes(session):
        settings = settings_module.load()
        _recover(settings)
        batch = _batch(settings, session.posargs, session)
        _finish(session, _alone(batches.trial(batch, mode)))


def _compare(session: nox.Session) -> None:
    """Run the suite in both modes and show what differs; -- --help lists the options."""
    with _exit_codes(session), asked_once():
        from .comparison.query_gates import source_of
        from .comparison.records import earlier_batch
        from .deployment.monitoring.watching import watcher_of
        from .trials.names import mode_of

        options, rest = _parsed(session.posargs)
        settings = settings_module.load()
        # Read before anything runs: a new record can push the oldest out.
        earlier = earlier_batch(options.baseline) if options.baseline else ()
        modes = [mode_of(earlier[0].mode)] if earlier else options.modes
        source_of(settings, options.prometheus)  # raises for a URL that is none
        if not options.from_records:
            _require(settings, modes, options.repeat)
            _recover(settings)
            batch = replace(
                _batch(settings, rest, session),
                seen=watcher_of(settings, console.note, options.prometheus),
            )
            batches.by_turns(batch, modes, options.repeat, warm=options.warm)
        if options.prometheus or not options.from_records:
            _ask_for_gates(settings, modes, options)
        first = earlier or modes[0]
        _finish(session, _shown(settings, options, first, modes if earlier else modes[1:]))


def _ask_for_gates(settings: Settings, modes: Sequence[str], options: argparse.Namespace) -> None:
    from .deployment.monitoring.asking import ask_for_gates

    ask_for_gates(
        settings,
        modes,
        console.note,
        prometheus=options.prometheus,
        again=options.from_records,
    )


def _require(settings: Settings, modes: Sequence[str], repeat: int) -> None:
    """Raise for what would stop the comparison, before any run has cost its time.

    UsageError; EnvironmentFailed where a Swarm is asked for and this engine manages none.
    """
    from .comparison import gates
    from .comparison.statistics import ENOUGH_RUNS, require_scipy
    from .deployment.swarm.engine import manager
    from .envmap.project import open_project
    from .envmap.show import SWARM, placement_of
    from .modes.production import placed, require_environment
    from .trials.names import mode_of

    stack = open_project(settings.in_environment(settings.suite.environment)).stack
    for mode in map(mode_of, modes):
        require_environment(settings, mode)
        placement_of(placed(mode), stack, settings.suite.service)
    if SWARM in map(mode_of, modes):
        manager()
    gates.require_services(gates.project_gates(settings), stack.services, settings.root)
    if repeat >= ENOUGH_RUNS:
        require_scipy()


def _batch(settings: Settings, arguments: Sequence[str], session: nox.Session) -> batches.Batch:
    return batches.Batch(
        settings, tuple(arguments), Path(session.bin), lambda: _install(session, settings)
    )


def _shown(
    settings: Settings,
    options: argparse.Namespace,
    baseline: str | tuple[Trial, ...],
    candidates: Sequence[str],
) -> ExitCode:
    """Print the baseline beside each candidate; return the code that matters most."""
    from .comparison.report.records import reported_records
    from .comparison.verdict import worst
    from .envmap.project import masker

    codes = []
    for candidate in candidates:
        text, code = reported_records(
            settings,
            baseline,
            candidate,
            enforce=options.enforce,
            strict=options.strict,
            width=console.width(),
            unicode=console.unicode_out(),
            mask=masker(settings),
            more=candidate != candidates[0],
        )
        console.out(f"\n{text}")
        codes.append(code)
    return worst(codes)


def _install(session: nox.Session, settings: Settings) -> None:
    """Install what the services and the suite need into the session's environment.

    Raises SettingsError for a file that does not exist, EnvironmentFailed when pip or uv fails.
    """
    files = [str(settings.root / name) for name in settings.local.requirements]
    for name in files:
        if not Path(name).is_file():
            raise SettingsError(
                f"{name}: there is no such file, and [tool.tranship.local] requirements names it."
            )
    # uv does not compile by itself, and the first import would: 1.8x on local start-up.
    extra = ["--compile-bytecode"] if session.venv_backend == "uv" else []
    try:
        if files:
            session.install(*extra, *(word for name in files for word in ("-r", name)))
    except nox.command.CommandFailed as error:
        raise EnvironmentFailed(
            f"Installing {', '.join(settings.local.requirements)} failed; see above."
        ) from error


def _alone(trial: Trial) -> ExitCode:
    """Return the exit code of one trial by itself, and say what decided it."""
    from .comparison.alone import verdict

    sentence, code = verdict(trial)
    console.out(sentence)
    return code


def _recover(settings: Settings) -> None:
    from .modes.runs import recover

    recovered = recover(settings)
    if recovered:
        console.note(str(recovered))


def _finish(session: nox.Session, code: ExitCode) -> None:
    """End the session as failed or not.

    nox itself ends with 1 for every failed session; the other codes need SystemExit, which
    ends nox at once.
    """
    if code == ExitCode.TESTS_DIFFER:
        session.error("tests differ or fail")
    if code != ExitCode.SAME:
        raise SystemExit(int(code))


class _exit_codes:  # noqa: N801 - read as a `with` clause
    """Turns our errors into a message and an exit code; SIGTERM cleans up like Ctrl-C."""

    def __init__(self, session: nox.Session) -> None:
        self._session = session
        self._signals = terminated_as_interrupt()

    def __enter__(self) -> None:
        self._signals.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._signals.__exit__(None, None, None)
        if isinstance(error, TranshipError):
            console.note(f"error: {error}")
            raise SystemExit(int(error.exit_code)) from error
