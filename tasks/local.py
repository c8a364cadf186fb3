"""Run the stack as supervised processes of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import ENVIRONMENT, Lines, Seconds, names

if TYPE_CHECKING:
    from .modes.local import LocalMode

_AS_SETTINGS_SAY = Seconds()
_TAIL = Lines(100)
_SERVICE = "A service, or a comma list; may be repeated. Default: all without a profile."


def _mode(
    environment: str, service: list[str] | None = None, *, remembered: bool = True
) -> LocalMode:
    from . import settings as settings_module
    from .modes.ownlocal import local_mode

    settings = settings_module.load().in_environment(environment)
    return local_mode(settings, names(service or ()), remembered=remembered)


@task(
    iterable=["service"],
    help={
        "environment": ENVIRONMENT,
        "service": f"{_SERVICE} Those it depends on come along.",
        "timeout": "Seconds until everything must be healthy. Default: start-timeout.",
    },
)
def up(
    c: Context, service: list[str], timeout: float = _AS_SETTINGS_SAY, environment: str = ""
) -> None:
    """Start the services in the background, in dependency order as each becomes healthy."""
    from .modes.base import with_timeout
    from .modes.ownlocal import local_up
    from .modes.status import local_rows

    mode = with_timeout(_mode(environment, service, remembered=False), timeout)
    with console.step(f"Starting {mode.stack.name} locally") as step:
        mode.tell = step.tell
        startup = local_up(mode)
    rows = local_rows(mode, startup)
    console.out(console.table(rows, ["service", "state", "pid", "address", "start-up"]))


@task(help={"environment": ENVIRONMENT, "volumes": "Also remove the servers' data."})
def down(c: Context, volumes: bool = False, environment: str = "") -> None:
    """Stop the local processes, and what runs that died left behind."""
    from .modes.ownlocal import local_down
    from .modes.runs import recover

    mode = _mode(environment)
    with console.step(f"Stopping {mode.stack.name} locally"):
        local_down(mode, volumes=volumes)
        recovered = recover(mode.settings)
    if recovered:
        console.out(str(recovered))
    console.out(f"{mode.stack.name} is down.")


@task(help={"environment": ENVIRONMENT})
def status(c: Context, environment: str = "") -> None:
    """List the local processes; exit 4 when one of them is not running."""
    from .modes.status import local_rows

    rows = local_rows(_mode(environment))
    console.out(
        console.table(rows, ["service", "state", "pid", "address", "up for"])
        if rows
        else "No local stack is up. Start it: inv local.up"
    )
    if not rows or any(row[1] != "running" for row in rows):
        raise Exit(code=int(ExitCode.ENVIRONMENT))


@task(
    iterable=["service"],
    help={
        "environment": ENVIRONMENT,
        "service": _SERVICE,
        "follow": "Go on as new lines come, until Ctrl-C.",
        "tail": "Lines to show of each service at first.",
    },
)
def logs(
    c: Context, service: list[str], follow: bool = False, tail: int = _TAIL, environment: str = ""
) -> None:
    """Show the services' log files, secrets hidden."""
    from .modes.ownlocal import local_logs

    try:
        for line in local_logs(_mode(environment), names(service), follow=follow, tail=tail):
            console.out(line)
    except KeyboardInterrupt:
        if not follow:
            raise


@task(iterable=["service"], help={"environment": ENVIRONMENT, "service": _SERVICE})
def health(c: Context, service: list[str], environment: str = "") -> None:
    """Ask every service whether it is well; exit 4 when one is not."""
    from .modes.status import local_health

    rows, healthy = local_health(_mode(environment, service))
    console.out(console.table(rows, ["service", "healthy", "answer", "took"]))
    if not healthy:
        raise Exit("Not every service is healthy.", int(ExitCode.ENVIRONMENT))


@task(iterable=["service"], help={"environment": ENVIRONMENT, "service": _SERVICE})
def restart(c: Context, service: list[str], environment: str = "") -> None:
    """Stop and start services with the settings as they are now, and wait for them."""
    from .modes.ownlocal import local_restart
    from .modes.status import local_rows

    mode = _mode(environment)
    with console.step("Restarting") as step:
        mode.tell = step.tell
        startup = local_restart(mode, names(service))
    rows = local_rows(mode, startup)
    console.out(console.table(rows, ["service", "state", "pid", "address", "start-up"]))


def _collection() -> Collection:
    found = Collection("local")
    for item in (up, down, status, logs, health, restart):
        found.add_task(item)
    return found


ns = _collection()
