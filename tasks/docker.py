"""Run the stack as Docker Compose containers."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .hardening import harden
from .images import build, size
from .selection import ENVIRONMENT, Lines, Seconds, names

if TYPE_CHECKING:
    from .modes.docker import DockerMode

_AS_SETTINGS_SAY = Seconds()
_TAIL = Lines(100)
_SERVICE = "A service, or a comma list; may be repeated. Default: all without a profile."
_PROFILE = "A compose profile to activate; may be repeated."


def _mode(
    environment: str, service: list[str] | None = None, profile: list[str] | None = None
) -> DockerMode:
    """Return the developer's own stack; imports stand here to keep `inv --list` fast."""
    from . import settings as settings_module
    from .modes.owndocker import docker_mode

    return docker_mode(
        settings_module.load().in_environment(environment),
        names(service or ()),
        names(profile or ()),
    )


@task(
    iterable=["service", "profile"],
    help={
        "environment": ENVIRONMENT,
        "service": _SERVICE,
        "profile": _PROFILE,
        "timeout": "Seconds until everything must be healthy. Default: start-timeout.",
    },
)
def up(
    c: Context,
    service: list[str],
    profile: list[str],
    timeout: float = _AS_SETTINGS_SAY,
    environment: str = "",
) -> None:
    """Start the stack and wait until every service is healthy."""
    from .modes.base import with_timeout
    from .modes.status import docker_rows

    mode = with_timeout(_mode(environment, service, profile), timeout)
    with console.step(f"Preparing {mode.project_name}") as step:
        mode.tell = step.tell
        mode.prepare()
    with console.step(f"Starting {mode.project_name}") as step:
        mode.tell = step.tell
        startup = mode.start()
    rows = docker_rows(mode, startup)
    console.out(console.table(rows, ["service", "state", "health", "address", "start-up"]))


@task(
    help={
        "environment": ENVIRONMENT,
        "volumes": "Also remove the stack's named volumes, with all data in them.",
    }
)
def down(c: Context, volumes: bool = False, environment: str = "") -> None:
    """Stop and remove the stack, and what runs that died left behind."""
    from .modes.owndocker import docker_down
    from .modes.runs import recover

    mode = _mode(environment)
    with console.step(f"Stopping {mode.project_name}"):
        docker_down(mode, volumes=volumes)
        recovered = recover(mode.settings)
    if recovered:
        console.out(str(recovered))
    console.out(f"{mode.project_name} is down.")


@task(help={"environment": ENVIRONMENT, "all": "Also list containers that have ended."})
def ps(c: Context, all: bool = False, environment: str = "") -> None:  # noqa: A002 - docker's own option
    """List the stack's containers."""
    from .modes.status import docker_rows

    rows = [row for row in docker_rows(_mode(environment)) if all or row[1] == "running"]
    headers = ["service", "state", "health", "address", "up for"]
    console.out(console.table(rows, headers) if rows else "No container is running.")


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
    """Show the services' logs, secrets hidden."""
    from .modes.owndocker import docker_logs

    mode = _mode(environment)
    for name in names(service):
        mode.stack.service(name)
    try:
        for line in docker_logs(mode, names(service), follow=follow, tail=tail):
            console.out(line)
    except KeyboardInterrupt:
        if not follow:
            raise


@task(iterable=["service"], help={"environment": ENVIRONMENT, "service": _SERVICE})
def health(c: Context, service: list[str], environment: str = "") -> None:
    """Ask every service whether it is well; exit 4 when one is not."""
    from .modes.status import docker_health

    rows, healthy = docker_health(_mode(environment, service))
    console.out(console.table(rows, ["service", "healthy", "answer", "took"]))
    if not healthy:
        raise Exit("Not every service is healthy.", int(ExitCode.ENVIRONMENT))


@task(help={"environment": ENVIRONMENT})
def stats(c: Context, environment: str = "") -> None:
    """Show what each container uses: memory, CPU seconds, processes."""
    from .modes.status import docker_stats

    rows = docker_stats(_mode(environment))
    headers = ["service", "memory", "cpu seconds", "processes", "measured by"]
    console.out(console.table(rows, headers) if rows else "No container is running.")


@task(
    iterable=["service"],
    help={
        "environment": ENVIRONMENT,
        "service": _SERVICE,
        "timeout": "Seconds until everything must be healthy.",
    },
)
def restart(
    c: Context, service: list[str], timeout: float = _AS_SETTINGS_SAY, environment: str = ""
) -> None:
    """Recreate services, so that changed variables reach them, and wait for them."""
    from .modes.base import with_timeout
    from .modes.owndocker import docker_restarting
    from .modes.status import docker_rows

    mode = docker_restarting(with_timeout(_mode(environment), timeout), names(service))
    with console.step("Restarting") as step:
        mode.tell = step.tell
        startup = mode.start()
    rows = [row for row in docker_rows(mode, startup) if row[0] in mode.sides]
    console.out(console.table(rows, ["service", "state", "health", "address", "start-up"]))


@task(
    name="exec",
    positional=["service", "command"],
    help={
        "environment": ENVIRONMENT,
        "service": "The service whose container runs the command.",
        "command": "The command, quoted as one word: 'python -V'.",
        "user": "The user to run it as.",
    },
)
def execute(c: Context, service: str, command: str, user: str = "", environment: str = "") -> None:
    """Run a command in a service's running container; exit as it exits."""
    from .modes.owndocker import docker_exec

    mode = _mode(environment)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    code = docker_exec(
        mode, service, shlex.split(command), console.out, terminal=terminal, user=user or None
    )
    if code:
        raise Exit(code=code)


@task(help={"environment": ENVIRONMENT, "format": "yaml or json."})
def config(c: Context, format: str = "yaml", environment: str = "") -> None:  # noqa: A002 - docker's own option
    """Print the compose document as Compose resolves it, secrets hidden."""
    from .modes.owndocker import resolved

    console.out(resolved(_mode(environment), format))


def _collection() -> Collection:
    found = Collection("docker")
    for item in (build, size, up, down, ps, logs, health, stats, restart, execute, config, harden):
        found.add_task(item)
    return found


ns = _collection()
