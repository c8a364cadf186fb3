"""The migration: what to mend and prove before, the switch of the whole stack, the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode, UsageError
from .proving import analyze, checklist, confirm
from .selection import ENVIRONMENT, Seconds, names

if TYPE_CHECKING:
    from .migration.switch.commands import Switching
    from .migration.switch.journal import Journal
    from .settings import Settings

_AS_SETTINGS_SAY = Seconds()
_REHEARSED = Seconds(5.0)
_TO = "Where to: local, docker, or hybrid:SERVICE,... with the services of this host."


def _settings(environment: str = "", interval: float = 0.0) -> Settings:
    from . import settings as settings_module
    from .migration.switch.commands import with_interval

    return with_interval(settings_module.load().in_environment(environment), interval)


def _switching(settings: Settings, step: console.Step | None = None) -> Switching:
    from .migration.switch.commands import Switching

    found = Switching(settings, note=console.note)
    if step is not None:
        found.tell = step.tell
    return found


def _show(found: Journal) -> None:
    from .migration.switch.state import HEADERS, journal_rows

    console.out(console.table(journal_rows(found), HEADERS))


@task(
    iterable=["without"],
    help={
        "to": _TO,
        "environment": ENVIRONMENT,
        "without": "Items of the checklist to do without: ITEM,...; kept in journal and report.",
        "watch": "Seconds to watch the target. Default: [tool.tranship.migrate] watch.",
        "interval": "Seconds between two checks. Default: [tool.tranship.migrate] interval.",
        "replace": "Replace what the target holds; it is kept in a snapshot before.",
        "resume": "Go on with the switch that was cut short.",
    },
)
def switch(
    c: Context,
    without: list[str],
    to: str = "",
    watch: float = _AS_SETTINGS_SAY,
    interval: float = _AS_SETTINGS_SAY,
    replace: bool = False,
    resume: bool = False,
    environment: str = "",
) -> None:
    """Move the stack with its data to another side, watch it, and go back if it must be."""
    settings = _settings(environment, interval)
    left_out = names(without)
    if resume and left_out:
        raise UsageError("--without is for the begin of a switch: what is resumed asks no more.")
    title = "Going on with the switch" if resume else f"Switching to {to}"
    with console.step(title) as step:
        switching = _switching(settings, step)
        found = (
            switching.resume()
            if resume
            else switching.switch(to, replacing=replace, without=left_out)
        )
    _show(found)
    console.out(f"Writes were refused for {found.refused_seconds:.1f} s.")
    with console.step(f"Watching {found.target}") as step:
        switching.tell = step.tell
        switching.watch(found, watch if watch > 0 else settings.migrate.watch)
    console.out(
        f"{found.target} is in use. {found.source} is stopped and its data is kept. Back, with "
        "all data: inv migrate.rollback. To remove it: inv migrate.finish"
    )


@task(
    help={
        "reason": "Why, for the incident report.",
        "leave-writes": "Leave where it is what was written since the switch.",
        "environment": ENVIRONMENT,
    }
)
def rollback(
    c: Context, reason: str = "", leave_writes: bool = False, environment: str = ""
) -> None:
    """Go back to where the last switch came from, with what was written since."""
    settings = _settings(environment)
    with console.step("Going back") as step:
        found = _switching(settings, step).rollback(reason, bring=not leave_writes)
    _show(found)
    console.out(
        f"Everything is on {found.source} again. Writes were refused for "
        f"{found.refused_seconds:.1f} s in all. Report: {console.path(found.report)}"
    )


@task(
    help={
        "to": f"{_TO} Default: docker.",
        "from": "The side to begin on: local or docker. Default: local.",
        "snapshot": "The snapshot to begin with. Default: one that is taken of that side now.",
        "watch": "Seconds to watch the target. Default: 5.",
        "environment": ENVIRONMENT,
    }
)
def rehearse(
    c: Context,
    to: str = "docker",
    from_: str = "local",
    snapshot: str = "",
    watch: float = _REHEARSED,
    environment: str = "",
) -> None:
    """Switch a copy of the stack and go back: how long each step takes, and what is refused."""
    from .migration.checklist.evidence import note
    from .migration.switch.rehearsal import rehearse as rehearsed

    settings = _settings(environment)
    with console.step(f"Rehearsing from {from_} to {to}") as step:
        found = rehearsed(settings, to, source=from_, name=snapshot, watch=watch, tell=step.tell)
    note(
        settings,
        "data-loss",
        "proved",
        f"a copy went from {from_} to {to} and back; both times its data was the same",
        "inv migrate.rehearse",
    )
    _show(found.journal)
    console.out(
        f"Writes would be refused for {found.forward:.1f} s by the switch and for "
        f"{found.back:.1f} s by the way back. Data: snapshot {found.snapshot}. The copy is removed."
        f"\nReport: {console.path(found.report)}"
    )


@task(help={"environment": ENVIRONMENT})
def status(c: Context, environment: str = "") -> None:
    """Show the last switch and what runs, which phase is proved, and what the next one misses."""
    from .migration.checklist import report as report_module
    from .migration.checklist.assessment import assess
    from .migration.checklist.items import items_of
    from .migration.switch.state import state

    settings = _settings(environment)
    found = state(settings)
    if found.journal is not None and (found.journal.steps or found.journal.back):
        _show(found.journal)
    console.out("\n".join(found.lines))
    if not found.settled:
        raise Exit(code=int(ExitCode.ENVIRONMENT))
    with console.step("Looking") as step:
        items = assess(settings, items_of(settings), "inv migrate.status", step.tell)
    for line in ("", *report_module.status_lines(items, console.width())):
        console.out(line)


@task(help={"yes": "Do not ask.", "environment": ENVIRONMENT})
def finish(c: Context, yes: bool = False, environment: str = "") -> None:
    """Remove the data of the side that is no longer in use. There is no way back then."""
    switching = _switching(_settings(environment))
    found = switching.finishable()
    old = found.source if found.state == "moved" else found.target
    if not yes and not console.confirmed(f"Remove the data of {old}? There is no way back."):
        raise Exit("Nothing was removed.", int(ExitCode.USAGE))
    _, note = switching.finish()
    console.out(note)


def _collection() -> Collection:
    found = Collection("migrate")
    for item in (analyze, checklist, confirm, finish, rehearse, rollback, status, switch):
        found.add_task(item)
    return found


ns = _collection()
