"""The stack on Docker Swarm: deployed from the same compose files and mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .scaling import NAME, TIMEOUT, autoscale, scale, show
from .selection import Seconds, names

if TYPE_CHECKING:
    from .deployment.swarm.model import Carried
    from .settings import Settings


@task(
    auto_shortflags=False,
    iterable=["profile"],
    help={
        "environment": "The layer and the overlay. Default: production, if there is such a layer.",
        "profile": "Also the services of this profile; may be repeated.",
        "name": NAME,
        "registry": "Where nodes pull the project's own images from, such as registry:5000/shop.",
        "tag": "The tag of the project's own images. Default: the compose file's, else latest.",
        "with_registry_auth": "Hand the registry's login to the nodes.",
        "push": "First bring the images to the nodes, as swarm.push does.",
        "dry_run": "Print the stack file, secrets hidden, and deploy nothing.",
        "strict": "Deploy nothing and exit 2 when something is not carried over.",
        "timeout": TIMEOUT,
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
    push: bool = False,
    dry_run: bool = False,
    strict: bool = False,
    timeout: Seconds = Seconds(0),  # noqa: B008 - Invoke makes a value of the default's type
) -> None:
    """Deploy the stack, or change it to what the files say now, and wait until all of it runs."""
    from .deployment.swarm import commands
    from .deployment.swarm.engine import manager

    settings = _settings()
    asked = commands.Asked(environment, names(profile), name, registry, tag, strict)
    prepared = commands.prepare(settings, asked)
    for line in prepared.stack.lines:
        console.note(line)
    if dry_run:
        console.out(prepared.shown)
        return
    if push:
        manager().require_ours(prepared.stack.name)
        _push(settings, prepared.stack.images, registry)
    with console.step(f"deploying {prepared.stack.name}") as step:
        found = commands.deploy(
            settings,
            prepared,
            timeout or settings.start_timeout,
            registry_auth=with_registry_auth,
            tell=step.tell,
        )
    show(found)


@task(
    name="push",
    auto_shortflags=False,
    iterable=["profile"],
    help={
        "environment": "The layer and the overlay. Default: production, if there is such a layer.",
        "profile": "Also the images of this profile's services; may be repeated.",
        "registry": "Where the project's images go. Default: the settings' own, else the nodes.",
        "tag": "The tag of the project's own images. Default: the compose file's, else latest.",
    },
)
def push_images(
    c: Context, profile: list[str], environment: str = "", registry: str = "", tag: str = ""
) -> None:
    """Push the project's images to the registry; without one, load all into the nodes."""
    from .deployment.swarm import commands

    settings = _settings()
    asked = commands.Asked(environment, names(profile), "", registry, tag)
    _push(settings, commands.images(settings, asked), registry)


@task(help={"name": NAME})
def status(c: Context, name: str = "") -> None:
    """List the services with their tasks, nodes and last errors."""
    from .deployment.swarm import commands

    found = commands.status(commands.name_of(_settings(), name))
    show(found)
    late = [item.name for item in found if not item.settled]
    if late:
        raise Exit(f"Not as declared: {', '.join(late)}.", int(ExitCode.ENVIRONMENT))


@task(
    auto_shortflags=False,
    help={
        "service": "The service.",
        "image": "Its new image.",
        "force": "New tasks, also where nothing changes.",
        "with_registry_auth": "Hand the registry's login to the nodes.",
        "name": NAME,
        "timeout": TIMEOUT,
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
    from .deployment.swarm import changing, commands, pushing

    settings = _settings()
    stack = commands.name_of(settings, name)
    with console.step(f"updating {service}") as step:
        found = changing.update(
            stack,
            service,
            image,
            timeout or settings.start_timeout,
            force=force,
            registry_auth=with_registry_auth,
            resolve=pushing.resolve_of(settings),
            tell=step.tell,
        )
    show(found)


@task(help={"service": "The service.", "name": NAME, "timeout": TIMEOUT})
def rollback(
    c: Context,
    service: str,
    name: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008
) -> None:
    """Bring a service back to what it was before its last change."""
    from .deployment.swarm import changing, commands

    settings = _settings()
    stack = commands.name_of(settings, name)
    with console.step(f"rolling back {service}") as step:
        found = changing.rollback(stack, service, timeout or settings.start_timeout, step.tell)
    show(found)


@task(help={"name": NAME, "timeout": TIMEOUT})
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


def _settings() -> Settings:
    from . import settings as settings_module

    return settings_module.load()


def _push(settings: Settings, images: tuple[Carried, ...], registry: str) -> None:
    from .deployment.swarm import pushing

    found = pushing.push(settings, images, registry, console.step)
    for line in found.notes:
        console.note(f"note: {line}")
    console.out(console.table(found.rows, found.headers))


def _collection() -> Collection:
    found = Collection("swarm")
    for item in (push_images, deploy, status, scale, autoscale, update, rollback, remove):
        found.add_task(item)
    return found


ns = _collection()
