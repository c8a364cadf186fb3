"""The half of `migrate` that proves: what to mend beforehand, the checklist, a person's word."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import ENVIRONMENT

if TYPE_CHECKING:
    from .migration.analysis.fixes import Change
    from .settings import Settings


@task(
    help={
        "environment": ENVIRONMENT,
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
