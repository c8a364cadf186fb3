"""Nox sessions: the suite in each mode, and the comparison. Registers nothing at import."""

from __future__ import annotations

import argparse
import datetime
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox.command

from . import console
from . import settings as settings_module
from .errors import EnvironmentFailed, ExitCode, SettingsError, TranshipError
from .interrupts import terminated_as_interrupt
from .settings import Settings

if TYPE_CHECKING:
    from .stack.isolation import Run
    from .trials.record import Trial

_OPTIONS = """\
--from-records  print the newest records again; run nothing
--enforce       exit 3 when a performance target is missed
--strict        exit 5 when a target could not be judged
Everything else reaches pytest."""


def register() -> None:
    """Register the sessions local, docker and compare."""
    for name, body in (("local", _local), ("docker", _docker), ("compare", _compare)):
        body.__name__ = name
        nox.session(name=name, venv_backend="uv|virtualenv", reuse_venv=True)(body)


def _local(session: nox.Session) -> None:
    """Run the suite against local processes; arguments after -- reach pytest."""
    with _exit_codes(session):
        settings = settings_module.load()
        _recover(settings)
        _finish(session, _alone(_local_trial(session, settings, session.posargs)))


def _docker(session: nox.Session) -> None:
    """Run the suite inside the compose network; arguments after -- reach pytest."""
    with _exit_codes(session):
        settings = settings_module.load()
        _recover(settings)
        _finish(session, _alone(_docker_trial(settings, session.posargs)))


def _compare(session: nox.Session) -> None:
    """Run the suite in both modes and show what differs; -- --help lists the options."""
    with _exit_codes(session):
        options, rest = _parsed(session.posargs)
        settings = settings_module.load()
        if not options.from_records:
            _recover(settings)
            _local_trial(session, settings, rest)
            _docker_trial(settings, rest)
        _finish(session, _shown(settings, options))


def _parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="nox -s compare --",
        description=_OPTIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in ("--from-records", "--enforce", "--strict"):
        parser.add_argument(option, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_known_args(list(arguments))


def _shown(settings: Settings, options: argparse.Namespace) -> ExitCode:
    from .comparison.records import compared_records

    text, code = compared_records(
        settings,
        "local",
        "docker",
        enforce=options.enforce,
        strict=options.strict,
        width=console.width(),
        unicode=console.unicode_out(),
        mask=_mask(settings),
    )
    console.out(f"\n{text}")
    return code


def _mask(settings: Settings) -> Callable[[str], str]:
    """Return what hides the stack's secrets in the messages of failed tests."""
    from .envmap.secrets import mask_text, secrets_in
    from .stack import engine

    services = engine.load(settings).services.values()
    hidden = secrets_in(service.environment for service in services)
    return lambda text: mask_text(text, hidden)


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


def _local_trial(session: nox.Session, settings: Settings, arguments: Sequence[str]) -> Trial:
    from .modes import runs

    def opened(tell: Callable[[str], None]) -> AbstractContextManager[tuple[Any, Run]]:
        _install(session, settings)
        return runs.isolated_local(settings, Path(session.bin), tell)

    return _trial("local", settings, arguments, opened)


def _docker_trial(settings: Settings, arguments: Sequence[str]) -> Trial:
    from .modes import runs

    def opened(tell: Callable[[str], None]) -> AbstractContextManager[tuple[Any, Run]]:
        return runs.isolated_docker(settings, tell)

    return _trial("docker", settings, arguments, opened)


def _trial(
    name: str,
    settings: Settings,
    arguments: Sequence[str],
    opened: Callable[[Callable[[str], None]], AbstractContextManager[tuple[Any, Run]]],
) -> Trial:
    """Run one trial and write its record, also when the mode cannot even be opened."""
    from .trials import record
    from .trials.run import run_trial

    def tell(line: str) -> None:
        console.note(f"{name}: {line}")

    try:
        with opened(tell) as (mode, run):
            trial = run_trial(
                mode, run, mode.services, settings, arguments, show=console.out, tell=tell
            )
            tell("stopping")
    except EnvironmentFailed as error:
        trial = record.Trial(
            id=secrets.token_hex(3),
            mode=name,
            placement={},
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            project="",
            failure=record.Failure("start", str(error)),
        )
    path = record.write(trial, settings.trials)
    tell(f"record {path.relative_to(settings.root)}")
    return trial


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
