"""The migration: what to mend and prove before, the switch of the whole stack, the way back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import Seconds

if TYPE_CHECKING:
    from .migration.analysis.fixes import Change
    from .migration.switch.commands import Switching
    from .migration.switch.journal import Journal
    from .settings import Settings

_AS_SETTINGS_SAY = Seconds()
_REHEARSED = Seconds(5.0)
_ENVIRONMENT = "The layer: development, test, production. Default: [tool.tranship] environment."
_TO = "Where to: local, docker, or hybrid:SERVICE,... with the services of this host."


@task(
    help={
        "environment": _ENVIRONMENT,
        "format": "table, markdown or json.",
        "output": "Write the report to this file instead.",
        "build": "Build the images anew, without the cache, and time each step.",
        "fix": "Show the mend of each finding as a diff, and apply those that are confirmed.",
        "yes": "The rules whose mends --fix applies unasked: TM008,TM009; or all, but for TM012.",
        "strict": "Exit 1 when there is an error among the findings.",
    },
)
def analyze(
    c: Context,
    environment: str = "",
    format: str = "table",  # noqa: A002 - the word of the command line
    output: str = "",
    build: bool = False,
    fix: bool = False,
    yes: str = "",
    strict: bool = False,
) -> None:
    """Report what runs, on which ports, with which tools, and what to mend beforehand."""
    from . import settings as settings_module
    from .migration.analysis import report as report_module
    from .migration.analysis.analysis import analyze as analyzed
    from .migration.analysis.analysis import counting
    from .migration.analysis.fixes import write_report

    chosen = report_module.format_of(format)
    settings = settings_module.load().in_environment(environment)
    if fix or yes:
        _mend(settings, yes)
        return
    with console.step("Analysing") as step:
        found = analyzed(settings, step.tell, build=build)
    if output:
        written = write_report(output, report_module.render(found, chosen))
        console.out(f"{written}: {report_module.summary(found)}")
    else:
        console.out(report_module.render(found, chosen, width=console.width()))
    if strict and any(item.severity == "error" for item in counting(found)):
        raise Exit(code=int(ExitCode.TESTS_DIFFER))


def _mend(settings: Settings, yes: str) -> None:
    from .migration.analysis import fixes
    from .migration.analysis.analysis import fixable

    found = fixable(settings)
    rules = fixes.chosen(yes, found) if yes else frozenset()
    if not found:
        console.out("Nothing that can be mended here.")
        return
    asking = sys.stdin.isatty() and not yes

    def confirmed(change: Change) -> bool:
        item = change.finding
        if yes and item.rule not in rules:
            return False
        said = [f"{item.rule} {item.name}: {item.message}", fixes.shown(change, settings)]
        # What it does not do is more than a diff can show.
        said[1:1] = [item.mend] if item.rule in fixes.DELIBERATE else []
        console.out("\n".join(said))
        return console.confirmed("Apply it?") if asking else bool(yes)

    done = fixes.apply(settings, lambda: fixable(settings), confirmed)
    if done:
        console.out(f"{len(done)} applied: {', '.join(change.finding.rule for change in done)}.")
    elif asking or yes:
        console.out("Nothing was changed.")
    else:
        console.out("Nothing was changed. Apply with --yes TM008,... or --yes all.")
    left = sorted({item.rule for item in found} & fixes.DELIBERATE - rules) if yes else []
    if left:
        console.note(
            f"Left: {', '.join(left)}. The old data does not move along; name it to apply."
        )


@task(
    help={
        "section": "One section alone: environment, function, tests, ... Default: all.",
        "only": "One item alone, whatever it takes to prove it.",
        "probe": "Also do what takes long: start stacks, and run the project's own programs.",
        "format": "table, markdown or json.",
        "strict": "Exit 3 when an item failed, 5 when one is unknown.",
    },
)
def checklist(
    c: Context,
    section: str = "",
    only: str = "",
    probe: bool = False,
    format: str = "table",  # noqa: A002 - the word of the command line
    strict: bool = False,
) -> None:
    """Prove what a migration asks for, and show the evidence."""
    from . import settings as settings_module
    from .migration.checklist import items as items_module
    from .migration.checklist import report as report_module
    from .migration.checklist.assessment import assess

    chosen = report_module.format_of(format)
    settings = settings_module.load()
    items = items_module.items_of(settings)
    by = "inv migrate.checklist"
    if only:
        items = (items_module.item_of(settings, only),)
        by += f" --only {only}"
    elif section:
        items = items_module.of_section(items, section)
    if probe and not only:
        by += " --probe"
    with console.step("Looking") as step:
        found = assess(settings, items, by, step.tell, costly=probe or bool(only))
    console.out(report_module.render(found, chosen, width=console.width()))
    code = report_module.exit_code(found)
    if strict and code:
        raise Exit(code=int(code))


@task(
    positional=["item"],
    help={
        "item": "The item's id; one that no probe can see.",
        "by": "Who confirms it.",
        "note": "What was seen.",
    },
)
def confirm(c: Context, item: str, by: str = "", note: str = "") -> None:
    """Confirm an item that only a person can; kept with name and time."""
    from . import settings as settings_module
    from .migration.checklist.assessment import confirm as confirmed

    kept = confirmed(settings_module.load(), item, by, note)
    console.out(f"{item}: confirmed by {kept.by} at {kept.at}.")


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
    help={
        "to": _TO,
        "environment": _ENVIRONMENT,
        "watch": "Seconds to watch the target. Default: [tool.tranship.migrate] watch.",
        "interval": "Seconds between two checks. Default: [tool.tranship.migrate] interval.",
        "replace": "Replace what the target holds; it is kept in a snapshot before.",
        "resume": "Go on with the switch that was cut short.",
    }
)
def switch(
    c: Context,
    to: str = "",
    watch: float = _AS_SETTINGS_SAY,
    interval: float = _AS_SETTINGS_SAY,
    replace: bool = False,
    resume: bool = False,
    environment: str = "",
) -> None:
    """Move the stack with its data to another side, watch it, and go back if it must be."""
    settings = _settings(environment, interval)
    title = "Going on with the switch" if resume else f"Switching to {to}"
    with console.step(title) as step:
        switching = _switching(settings, step)
        found = switching.resume() if resume else switching.switch(to, replacing=replace)
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
        "environment": _ENVIRONMENT,
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
        "environment": _ENVIRONMENT,
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


@task(help={"environment": _ENVIRONMENT})
def status(c: Context, environment: str = "") -> None:
    """Show the last switch and what runs, which phase is proved, and what the next one misses."""
    from .migration.checklist import report as report_module
    from .migration.checklist.assessment import assess
    from .migration.checklist.items import items_of
    from .migration.switch.state import state_lines

    settings = _settings(environment)
    found, lines = state_lines(settings)
    if found is not None and (found.steps or found.back):
        _show(found)
    console.out("\n".join(lines))
    if found is not None and not found.over:
        raise Exit(code=int(ExitCode.ENVIRONMENT))
    with console.step("Looking") as step:
        items = assess(settings, items_of(settings), "inv migrate.status", step.tell)
    for line in ("", *report_module.status_lines(items, console.width())):
        console.out(line)


@task(help={"yes": "Do not ask.", "environment": _ENVIRONMENT})
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
