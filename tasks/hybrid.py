"""Run some services as processes of this host, and the rest in containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import ENVIRONMENT, Seconds, names

if TYPE_CHECKING:
    from .modes.hybrid import HybridMode
    from .settings import Settings

_AS_SETTINGS_SAY = Seconds()


def _settings(environment: str = "") -> Settings:
    from . import settings as settings_module

    return settings_module.load().in_environment(environment)


def _running(environment: str) -> HybridMode:
    """Return the stack that is up, or one with nothing on this host."""
    from .modes.ownhybrid import hybrid_mode, recorded

    settings = _settings(environment)
    return hybrid_mode(settings, recorded(settings) or ())


@task(
    iterable=["local"],
    help={
        "local": "A service that runs as a process, or a comma list; may be repeated.",
        "environment": ENVIRONMENT,
        "timeout": "Seconds until everything must be healthy. Default: start-timeout.",
    },
)
def up(
    c: Context, local: list[str], environment: str = "", timeout: float = _AS_SETTINGS_SAY
) -> None:
    """Start the stack with some services as processes, and wait until all are healthy."""
    from dataclasses import replace

    from .modes import ownhybrid
    from .modes.status import hybrid_rows

    settings = _settings(environment)
    if timeout > 0:
        settings = replace(settings, start_timeout=timeout)
    with console.step("Starting") as step:
        mode = ownhybrid.hybrid_mode(settings, names(local), step.tell)
        startup = ownhybrid.up(mode)
    console.out(console.table(hybrid_rows(mode, startup), _HEADERS))


_HEADERS = ["service", "side", "state", "address", "start-up"]


@task(
    help={
        "volumes": "Also remove the data, on both sides.",
        "environment": ENVIRONMENT,
    }
)
def down(c: Context, volumes: bool = False, environment: str = "") -> None:
    """Stop both sides, and what runs that died left behind."""
    from .modes import ownhybrid
    from .modes.runs import recover

    mode = _running(environment)
    with console.step("Stopping"):
        ownhybrid.down(mode, volumes=volumes)
        recovered = recover(mode.local.settings)
    if recovered:
        console.out(str(recovered))
    console.out(f"{mode.stack.name} is down.")


@task(help={"environment": ENVIRONMENT})
def status(c: Context, environment: str = "") -> None:
    """List the services with their sides; exit 4 when one of them is not running."""
    from .modes.status import hybrid_rows

    rows = hybrid_rows(_running(environment))
    headers = [*_HEADERS[:-1], "up for"]
    console.out(
        console.table(rows, headers)
        if rows
        else "Nothing is up. Start it: inv hybrid.up --local SERVICE,..."
    )
    if not rows or any(row[2] != "running" for row in rows):
        raise Exit(code=int(ExitCode.ENVIRONMENT))


@task(
    positional=["service"],
    help={
        "service": "The service that moves.",
        "to": "local or docker.",
        "environment": ENVIRONMENT,
        "dry-run": "Only say what would happen.",
    },
)
def switch(c: Context, service: str, to: str, environment: str = "", dry_run: bool = False) -> None:
    """Move one running service to the other side; restart only those that dial it."""
    from .modes import ownhybrid
    from .modes.status import hybrid_rows

    plan = ownhybrid.move(_settings(environment), service, to)
    console.out("\n".join(plan.lines))
    if dry_run:
        return
    with console.step("Moving") as step:
        plan.after.local.tell = plan.after.docker.tell = step.tell
        startup = ownhybrid.switch(plan)
    console.out(console.table(hybrid_rows(plan.after, startup), _HEADERS))


def _collection() -> Collection:
    found = Collection("hybrid")
    for item in (up, down, status, switch):
        found.add_task(item)
    return found


ns = _collection()
