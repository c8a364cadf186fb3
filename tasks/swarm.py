"""The stack on Docker Swarm: deployed from the same compose files and mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import Seconds, names

if TYPE_CHECKING:
    from .deployment.swarm.state import ServiceState
    from .settings import Settings

_NAME = "The stack's name. Default: [tool.tranship.swarm] name, else the project's."
_TIMEOUT = "Seconds until everything must run. Default: [tool.tranship] start-timeout."


@task(
    auto_shortflags=False,
    iterable=["profile"],
    help={
        "environment": "The layer and the overlay. Default: production, if there is such a layer.",
        "profile": "Also the services of this profile; may be repeated.",
        "name": _NAME,
        "registry": "Where nodes pull the project's own images from, such as registry:5000/shop.",
        "tag": "The tag of the project's own images. Default: the compose file's, else latest.",
        "with_registry_auth": "Hand the registry's login to the nodes.",
        "dry_run": "Print the stack file, secrets hidden, and deploy nothing.",
        "strict": "Deploy nothing and exit 2 when something is not carried over.",
        "timeout": _TIMEOUT,
    },
)
def deploy(
    c: Context,
    profile: list[str],
    environment: str = "",
    name: str = "",
    registry: str = "",
    tag: str = "",
    with_registry_auth: bool = False,
    dry_run: bool = False,
    strict: bool = False,
    timeout: Seconds = Seconds(0),  # noqa: B008 - Invoke makes a value of the default's type
) -> None:
    """Deploy the stack, or change it to what the files say now, and wait until all of it runs."""
    from .deployment.swarm import commands

    settings = _settings()
    asked = commands.Asked(environment, names(profile), name, registry, tag, strict)
    prepared = commands.prepare(settings, asked)
    for line in prepared.stack.lines:
        console.note(line)
    if dry_run:
        console.out(prepared.shown)
        return
    with console.step(f"deploying {prepared.stack.name}") as step:
        found = commands.deploy(
            settings,
            prepared,
            timeout or settings.start_timeout,
            registry_auth=with_registry_auth,
            tell=step.tell,
        )
    _show(found)


@task(help={"name": _NAME})
def status(c: Context, name: str = "") -> None:
    """List the services with their tasks, nodes and last errors."""
    from .deployment.swarm import commands

    found = commands.status(commands.name_of(_settings(), name))
    _show(found)
    late = [item.name for item in found if not item.settled]
    if late:
        raise Exit(f"Not as declared: {', '.join(late)}.", int(ExitCode.ENVIRONMENT))


@task(
    iterable=["service"],
    help={
        "service": "SERVICE=REPLICAS; repeated, or a comma list.",
        "name": _NAME,
        "timeout": _TIMEOUT,
    },
)
def scale(
    c: Context,
    service: list[str],
    name: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008
) -> None:
    """Change how many tasks services have, and wait until they run."""
    from .deployment.swarm import commands

    settings = _settings()
    wanted = commands.scales_of(names(service))
    stack = commands.name_of(settings, name)
    with console.step(f"scaling {', '.join(wanted)}") as step:
        found = commands.scale(stack, wanted, timeout or settings.start_timeout, step.tell)
    _show(found)


@task(
    auto_shortflags=False,
    help={
        "service": "The service.",
        "image": "Its new image.",
        "force": "New tasks, also where nothing changes.",
        "with_registry_auth": "Hand the registry's login to the nodes.",
        "name": _NAME,
        "timeout": _TIMEOUT,
    },
)
def update(
    c: Context,
    service: str,
    image: str = "",
    force: bool = False,
    with_registry_auth: bool = False,
    name: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008
) -> None:
    """Give a service another image, task by task; Swarm goes back when the new one fails."""
    from .deployment.swarm import commands

    settings = _settings()
    stack = commands.name_of(settings, name)
    with console.step(f"updating {service}") as step:
        found = commands.update(
            stack,
            service,
            image,
            timeout or settings.start_timeout,
            force=force,
            registry_auth=with_registry_auth,
            resolve=settings.swarm.resolve,
            tell=step.tell,
        )
    _show(found)


@task(help={"service": "The service.", "name": _NAME, "timeout": _TIMEOUT})
def rollback(
    c: Context,
    service: str,
    name: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008
) -> None:
    """Bring a service back to what it was before its last change."""
    from .deployment.swarm import commands

    settings = _settings()
    stack = commands.name_of(settings, name)
    with console.step(f"rolling back {service}") as step:
        found = commands.rollback(stack, service, timeout or settings.start_timeout, step.tell)
    _show(found)


@task(help={"name": _NAME, "timeout": _TIMEOUT})
def remove(
    c: Context,
    name: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008
) -> None:
    """Remove the stack with its networks, configs and secrets; its volumes stay on their node."""
    from .deployment.swarm import commands

    settings = _settings()
    stack = commands.name_of(settings, name)
    with console.step(f"removing {stack}") as step:
        gone = commands.remove(stack, timeout or settings.start_timeout, step.tell)
    console.out(f"{len(gone)} services of {stack} are removed; named volumes are left.")


@task(
    auto_shortflags=False,
    iterable=["service"],
    help={
        "service": "Only these; repeated, or a comma list. Default: all with a policy.",
        "prometheus": "The URL of Prometheus. Default: that of inv monitor.up.",
        "interval": "Seconds between two looks.",
        "for": "End after so many seconds. Default: at Ctrl-C.",
        "once": "Look once; exit 5 when a figure is missing.",
        "dry_run": "Say what would be done, and change nothing.",
        "record": "Add each look to this file, as JSON lines.",
        "name": _NAME,
    },
)
def autoscale(
    c: Context,
    service: list[str],
    prometheus: str = "",
    interval: Seconds = Seconds(15),  # noqa: B008
    for_: Seconds = Seconds(0),  # noqa: B008
    once: bool = False,
    dry_run: bool = False,
    record: str = "",
    name: str = "",
) -> None:
    """Have services as many tasks as their policies say, by figures of Prometheus."""
    from .deployment.autoscaling import commands

    asked = commands.Asked(names(service), name, prometheus, interval, for_, once, dry_run, record)
    code = commands.autoscale(_settings(), asked, console.out)
    if code:
        raise Exit("", int(code))


def _settings() -> Settings:
    from . import settings as settings_module

    return settings_module.load()


def _show(found: tuple[ServiceState, ...]) -> None:
    from .deployment.swarm import commands

    console.out(console.table(commands.rows(found), commands.HEADERS))


def _collection() -> Collection:
    found = Collection("swarm")
    for item in (deploy, status, scale, autoscale, update, rollback, remove):
        found.add_task(item)
    return found


ns = _collection()
