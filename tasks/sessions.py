"""Nox sessions: the suite in each mode, and the comparison. Registers nothing at import."""

from __future__ import annotations

import argparse
import datetime
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox.command

from . import console
from . import settings as settings_module
from .errors import EnvironmentFailed, ExitCode, SettingsError, TranshipError, UsageError
from .interrupts import terminated_as_interrupt
from .settings import Settings

if TYPE_CHECKING:
    from .trials.record import Trial

_OPTIONS = """\
--from-records  print the newest records again; run nothing
--enforce       exit 3 when a performance target is missed
--strict        exit 5 when a target could not be judged
--modes A,B     what to compare, the first with each other one: local, docker,
                hybrid:SERVICE,... (those services as processes, the rest in
                containers); default local,docker
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
        _finish(session, _alone(_trial("local", settings, session.posargs, session)))


def _docker(session: nox.Session) -> None:
    """Run the suite inside the compose network; arguments after -- reach pytest."""
    with _exit_codes(session):
        settings = settings_module.load()
        _recover(settings)
        _finish(session, _alone(_trial("docker", settings, session.posargs, session)))


def _compare(session: nox.Session) -> None:
    """Run the suite in both modes and show what differs; -- --help lists the options."""
    with _exit_codes(session):
        options, rest = _parsed(session.posargs)
        settings = settings_module.load()
        if not options.from_records:
            _require_modes(settings, options.modes)
            _recover(settings)
            for mode in options.modes:
                _trial(mode, settings, rest, session)
        _finish(session, _shown(settings, options))


def _require_modes(settings: Settings, modes: Sequence[str]) -> None:
    """Raise UsageError for a mode that is none, before any of them has cost its time."""
    from .envmap.project import open_project
    from .envmap.show import placement_of

    stack = open_project(settings.in_environment(settings.suite.environment)).stack
    for mode in modes:
        placement_of(mode, stack, settings.suite.service)


def _parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="nox -s compare --",
        description=_OPTIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in ("--from-records", "--enforce", "--strict"):
        parser.add_argument(option, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--modes", default="local,docker", type=modes_of, help=argparse.SUPPRESS)
    return parser.parse_known_args(list(arguments))


def modes_of(text: str) -> list[str]:
    """Return the modes of a comma list: `local,hybrid:a,b` is `local` and `hybrid:a,b`.

    Raises UsageError for fewer than two modes, or one that stands there twice.
    """
    modes: list[str] = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        known = part in ("local", "docker") or part.startswith("hybrid:")
        if known or not modes or not modes[-1].startswith("hybrid:"):
            modes.append(part)
        else:
            modes[-1] += f",{part}"
    if len(modes) < 2 or len(set(modes)) < len(modes):
        raise UsageError(
            f"--modes {text}: name two different modes or more, for example "
            "`--modes local,hybrid:strategy-service`."
        )
    return modes


def _shown(settings: Settings, options: argparse.Namespace) -> ExitCode:
    """Print the first mode beside each other one; return the code that matters most."""
    from .comparison.records import compared_records
    from .comparison.verdict import worst

    baseline, *candidates = options.modes
    codes = []
    for candidate in candidates:
        text, code = compared_records(
            settings,
            baseline,
            candidate,
            enforce=options.enforce,
            strict=options.strict,
            width=console.width(),
            unicode=console.unicode_out(),
            mask=_mask(settings),
        )
        console.out(f"\n{text}")
        codes.append(code)
    return worst(codes)


def _mask(settings: Settings) -> Callable[[str], str]:
    """Return what hides the stack's secrets in the messages of failed tests."""
    from .envmap.project import open_project
    from .envmap.secrets import mask_text

    hidden = open_project(settings.in_environment(settings.suite.environment)).hidden
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


def _trial(name: str, settings: Settings, arguments: Sequence[str], session: nox.Session) -> Trial:
    """Run one trial and write its record, also when the mode cannot even be opened."""
    from .modes import runs
    from .trials import record
    from .trials.run import run_trial

    def tell(line: str) -> None:
        console.note(f"{name}: {line}")

    try:
        if name != "docker":
            _install(session, settings)
        with runs.isolated(settings, name, Path(session.bin), tell) as (mode, run):
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
