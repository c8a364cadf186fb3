"""Move the data of a stack from one side to the other, keep it, and prove that it is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import ENVIRONMENT, names

if TYPE_CHECKING:
    from .migration.data.commands import Moving

_SERVICE = "A service, or a comma list; may be repeated. Default: all that keep data."
_WHICH = {"environment": ENVIRONMENT, "service": _SERVICE}
_REPLACE = "Replace what the target holds; it is kept in a snapshot before."


def _moving(environment: str, service: list[str]) -> Moving:
    from . import settings as settings_module
    from .migration.data.commands import Moving

    settings = settings_module.load().in_environment(environment)
    return Moving(settings, names(service))


@task(
    iterable=["service"],
    help={
        "from": "The side to read: local or docker.",
        "to": "The side to fill.",
        **_WHICH,
        "replace": _REPLACE,
        "resume": "Go on with the copy that was cut short: what it did and still holds stays.",
    },
)
def copy(
    c: Context,
    service: list[str],
    from_: str = "",
    to: str = "",
    replace: bool = False,
    resume: bool = False,
    environment: str = "",
) -> None:
    """Copy databases, keys and files to the other side, compared before and after."""
    from .migration.data.tables import copied_rows, copy_lines

    moving = _moving(environment, service)
    with console.step(f"Copying from {from_} to {to}") as step:
        report = moving.copy(from_, to, replace=replace, resume=resume, tell=step.tell)
    console.out(console.table(*copied_rows(report)))
    console.out("\n".join(copy_lines(report, moving.homeless())))


@task(
    iterable=["service"],
    help={
        "from": "One side: local or docker.",
        "to": "The other side.",
        **_WHICH,
    },
)
def verify(
    c: Context, service: list[str], from_: str = "", to: str = "", environment: str = ""
) -> None:
    """Compare what both sides hold; exit 1 when it differs."""
    from .migration.data.tables import verified_rows

    moving = _moving(environment, service)
    with console.step(f"Comparing {from_} with {to}") as step:
        found = moving.verify(from_, to, tell=step.tell)
    console.out(console.table(*verified_rows(found, from_, to)))
    different = [line for item in found for line in item.differences]
    if different:
        console.out("\n".join(different))
        raise Exit("The two sides differ.", int(ExitCode.TESTS_DIFFER))


@task(
    iterable=["service"],
    help={
        "side": "The side to keep: local or docker.",
        "name": "The snapshot's name. Default: the side and the time.",
        **_WHICH,
    },
)
def snapshot(
    c: Context, service: list[str], side: str = "", name: str = "", environment: str = ""
) -> None:
    """Keep what a side's stores hold."""
    from .migration.data.tables import snapshot_line

    moving = _moving(environment, service)
    with console.step(f"Keeping {side}") as step:
        found = moving.snapshot(side, name, tell=step.tell)
    console.out(snapshot_line(found))


@task(name="list")
def list_(c: Context) -> None:
    """List the snapshots, what a killed command left frozen, and copies cut short."""
    from .migration.data.tables import left_lines, snapshot_rows

    moving = _moving("", [])
    rows, headers = snapshot_rows(moving.snapshots())
    console.out(
        console.table(rows, headers) if rows else "No snapshot. Take one: inv data.snapshot"
    )
    for line in left_lines(moving.left_frozen(), moving.unfinished()):
        console.out(line)


@task(
    help={
        "name": "The snapshot's name; `inv data.list` has them.",
        "to": "The side to fill: local or docker.",
        "replace": _REPLACE,
        "environment": ENVIRONMENT,
    },
)
def restore(
    c: Context, name: str, to: str = "", replace: bool = False, environment: str = ""
) -> None:
    """Put a snapshot in the place of what a side holds, and compare."""
    moving = _moving(environment, [])
    with console.step(f"Restoring {name} to {to}") as step:
        before = moving.restore(name, to, replace=replace, tell=step.tell)
    console.out(f"{to} holds what {name} held.")
    if before is not None:
        console.out(f"What it held before is kept in the snapshot {before.name}.")


@task(help={"environment": ENVIRONMENT})
def thaw(c: Context, environment: str = "") -> None:
    """Have stores take writes again that a killed command left refusing them."""
    moving = _moving(environment, [])
    with console.step("Thawing") as step:
        done = moving.thaw(tell=step.tell)
    console.out("\n".join(f"{name} takes writes again." for name in done) or "Nothing is frozen.")


def _collection() -> Collection:
    found = Collection("data")
    for item in (copy, verify, snapshot, list_, restore, thaw):
        found.add_task(item)
    return found


ns = _collection()
