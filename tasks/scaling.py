"""The half of `swarm` that changes how many tasks services have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .selection import Seconds, names

if TYPE_CHECKING:
    from .deployment.swarm.state import ServiceState

NAME = "The stack's name. Default: [tool.tranship.swarm] name, else the project's."
TIMEOUT = "Seconds until everything must run. Default: [tool.tranship] start-timeout."


@task(
    iterable=["service"],
    help={
        "service": "SERVICE=REPLICAS; repeated, or a comma list.",
        "name": NAME,
        "timeout": TIMEOUT,
    },
)
def scale(
    c: Context,
    service: list[str],
    name: str = "",
    timeout: Seconds = Seconds(0),  # noqa: B008
) -> None:
    """Change how many tasks services have, and wait until they run."""
    from . import settings as settings_module
    from .deployment.swarm import changing, commands

    settings = settings_module.load()
    wanted = changing.scales_of(names(service))
    stack = commands.name_of(settings, name)
    with console.step(f"scaling {', '.join(wanted)}") as step:
        found = changing.scale(stack, wanted, timeout or settings.start_timeout, step.tell)
    show(found)


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
        "name": NAME,
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
    from . import settings as settings_module
    from .deployment.autoscaling import commands

    asked = commands.Asked(names(service), name, prometheus, interval, for_, once, dry_run, record)
    code = commands.autoscale(settings_module.load(), asked, console.out)
    if code:
        raise Exit("", int(code))


def show(found: tuple[ServiceState, ...]) -> None:
    """Print the services as a table."""
    from .deployment.swarm import commands

    console.out(console.table(commands.rows(found), commands.HEADERS))
