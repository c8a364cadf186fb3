"""Watch the stack with a Prometheus beside it, and ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .selection import ENVIRONMENT

if TYPE_CHECKING:
    from .deployment.monitoring.commands import Shown
    from .settings import Settings


def _settings(environment: str) -> Settings:
    from . import settings as settings_module

    return settings_module.load().in_environment(environment)


def _show(shown: Shown) -> None:
    console.out(console.table(shown.rows, shown.headers) if shown.rows else shown.text)
    if shown.code:
        raise Exit(shown.reason, int(shown.code))


@task(
    help={
        "environment": ENVIRONMENT,
        "grafana": "Start Grafana too, with a dashboard of the stack.",
    }
)
def up(c: Context, grafana: bool = False, environment: str = "") -> None:
    """Start Prometheus beside the stack, and wait until it has read every service."""
    from .deployment.monitoring.server import monitoring_of

    monitoring = monitoring_of(_settings(environment))
    with console.step(f"Starting {monitoring.name}") as step:
        monitoring.tell = step.tell
        plan, targets = monitoring.up(grafana=grafana)
    read = sum(item.health == "up" for item in targets)
    console.out(f"{monitoring.url()} reads {read} of {len(targets)} targets.")
    if grafana:
        console.out(f"http://127.0.0.1:{plan.settings.grafana_port} is Grafana.")
    if read < len(targets):
        console.out("inv monitor.status says why.")


@task(
    help={
        "environment": ENVIRONMENT,
        "volumes": "Also remove what it has measured.",
    }
)
def down(c: Context, volumes: bool = False, environment: str = "") -> None:
    """Stop and remove Prometheus; the stack stays as it is."""
    from .deployment.monitoring.server import monitoring_of

    monitoring = monitoring_of(_settings(environment))
    with console.step(f"Stopping {monitoring.name}"):
        found = monitoring.down(volumes=volumes)
    console.out(f"{monitoring.name} is down." if found else f"{monitoring.name} was not up.")


@task(help={"environment": ENVIRONMENT})
def status(c: Context, environment: str = "") -> None:
    """Show what Prometheus reads, and when it last did; exit 4 when it cannot read one."""
    from .deployment.monitoring import commands

    _show(commands.status(_settings(environment)))


@task(
    positional=["expression"],
    help={
        "expression": "The query, in PromQL, quoted as one word.",
        "range": "Over this time until now, such as 10m. Default: now.",
        "step": "The time between two values of a range. Default: a sixtieth of it.",
        "format": "table or json.",
        "environment": ENVIRONMENT,
    },
)
def query(
    c: Context,
    expression: str,
    range: str = "",  # noqa: A002 - Prometheus' own word
    step: str = "",
    format: str = "table",  # noqa: A002 - the option's name everywhere
    environment: str = "",
) -> None:
    """Ask Prometheus: the value of a query now, or over a time."""
    from .deployment.monitoring import commands

    _show(commands.query(_settings(environment), expression, range, step, format))


@task(help={"format": "table or json.", "environment": ENVIRONMENT})
def alerts(c: Context, format: str = "table", environment: str = "") -> None:  # noqa: A002 - as above
    """List the alerts; exit 3 when one fires, 5 when nobody knows."""
    from .deployment.monitoring import commands

    _show(commands.alerts(_settings(environment), format))


def _collection() -> Collection:
    found = Collection("monitor")
    for item in (up, down, status, query, alerts):
        found.add_task(item)
    return found


ns = _collection()
