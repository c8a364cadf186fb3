"""Environment variables: what they are on each side, and where they come from."""

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
    from .envmap.project import Project

_SERVICE = "A service, or a comma list; may be repeated. Default: all."


def _project(environment: str = "") -> Project:
    from . import settings as settings_module
    from .envmap.project import open_project

    found = open_project(settings_module.load().in_environment(environment))
    if not found.stack.confirmed:
        console.note("No docker command: read from the files alone, not confirmed by Compose.")
    return found


def _modes(mode: str) -> tuple[str, ...]:
    from .envmap.show import MODES

    return (mode,) if mode else MODES


@task(
    name="map",
    iterable=["service"],
    help={
        "mode": "One mode alone: local, docker, hybrid:SERVICE,... Default: local and docker.",
        "environment": ENVIRONMENT,
        "service": _SERVICE,
        "changed": "Only the variables that differ between the modes.",
    },
)
def map_(
    c: Context, service: list[str], mode: str = "", environment: str = "", changed: bool = False
) -> None:
    """Show every variable on each side, and the rule that made it; secrets hidden."""
    from .envmap import show

    modes = _modes(mode)
    project = _project(environment)
    suite = project.settings.suite.service
    rows = show.rows(project.envmap, modes, names(service), suite=suite)
    shown = [show.shown(row) for row in rows if row.changed or not changed]
    console.out(console.table(shown, show.headers(modes)) if shown else "No variables.")


@task(
    positional=["variable"],
    help={
        "variable": "The variable's name.",
        "service": "One service alone. Default: every one that has the variable.",
        "mode": "One mode alone. Default: local and docker.",
        "environment": ENVIRONMENT,
    },
)
def explain(
    c: Context, variable: str, service: str = "", mode: str = "", environment: str = ""
) -> None:
    """Show where a variable's value comes from: what won, what lost, file and line."""
    from .envmap import explain as explain_module
    from .envmap.show import placement_of
    from .stack.placement import declared_ports
    from .stack.sources import declarations

    project = _project(environment)
    declared = declarations(project.compose, project.stack)
    chosen = [project.stack.service(service).name] if service else None
    modes = {
        name: placement_of(name, project.stack, project.settings.suite.service)
        for name in _modes(mode)
    }
    explained = [
        explain_module.explain(
            project.envmap, declared, name, variable, modes, declared_ports(project.stack)
        )
        for name in chosen or explain_module.services_with(project.envmap, variable, declared)
    ]
    console.out("\n".join(explain_module.lines(explained)))


@task(
    help={
        "environment": ENVIRONMENT,
        "mode": "One mode alone. Default: local and docker.",
        "output": "The folder to write to. Default: .tranship/env/ENVIRONMENT.",
        "check": "Write nothing; exit 1 when a file is missing or stale.",
    }
)
def generate(
    c: Context, environment: str = "", mode: str = "", output: str = "", check: bool = False
) -> None:
    """Write env files and the compose override that the mapping makes, mode 0600."""
    from .envmap import generate as generate_module

    project = _project(environment)
    root = project.settings.root
    folder = generate_module.directory(project.settings, output)
    files = generate_module.generated(project, folder, _modes(mode))
    if check:
        stale = [file.path for file in files if file.stale]
        for path in stale:
            console.out(f"stale: {path.relative_to(root) if path.is_relative_to(root) else path}")
        if stale:
            raise Exit("Make them again: inv env.generate", int(ExitCode.TESTS_DIFFER))
        console.out(f"{len(files)} files are up to date.")
        return
    written = generate_module.write(files)
    shown = folder.relative_to(root) if folder.is_relative_to(root) else folder
    console.out(f"{len(written)} of {len(files)} files written to {shown}.")


@task(
    help={
        "environment": ENVIRONMENT,
        "format": "table, json or sarif.",
        "explain": "Explain one rule, by id or name, and check nothing.",
        "strict": "Let warnings fail as well.",
    }
)
def check(
    c: Context,
    environment: str = "",
    format: str = "table",  # noqa: A002 - the word of the command line
    explain: str = "",
    strict: bool = False,
) -> None:
    """Look for values that break on one side; exit 1 when there is an error among them."""
    from .envmap import checks
    from .envmap.checks import report
    from .envmap.subject import subject_of

    if explain:
        console.out(checks.explain(explain))
        return
    project = _project(environment)
    found = checks.check(subject_of(project), project.settings.silence)
    shown = report.render(
        found, report.format_of(format), project.settings.root, width=console.width()
    )
    console.out(shown)
    code = checks.exit_code(found, strict=strict)
    if code:
        raise Exit(code=code)


@task(
    positional=["left", "right"],
    help={
        "left": "An environment (development) or a mode (local, docker, hybrid:SERVICE,...).",
        "right": "Another one, of the same kind.",
        "environment": f"Where modes are compared. {ENVIRONMENT}",
        "mode": "Where environments are compared: the mode. Default: docker.",
    },
)
def diff(c: Context, left: str, right: str, environment: str = "", mode: str = "docker") -> None:
    """Show what differs between two environments or two modes, secrets hidden."""
    from . import settings as settings_module
    from .envmap.difference import rows
    from .envmap.subject import compared

    found, root = compared(settings_module.load(), left, right, environment, mode)
    headers, shown = rows(found, (left, right), root)
    console.out(console.table(shown, headers) if shown else f"{left} and {right} are the same.")


@task()
def detect(c: Context) -> None:
    """Show where this is, which engine answers, and which modes can run here."""
    from . import settings as settings_module
    from .envmap.detect import detect as detected
    from .envmap.detect import rows
    from .envmap.project import open_project
    from .errors import TranshipError

    settings = settings_module.load()
    try:
        stack = open_project(settings).stack
    except TranshipError as error:
        console.note(f"No stack here: {error}")
        stack = None
    console.out(console.table(rows(detected(settings, stack)), ["what", "answer"]))


@task(
    iterable=["service"],
    help={
        "service": _SERVICE,
        "environment": ENVIRONMENT,
        "all": "Also show the variables that are as they should be.",
    },
)
def verify(
    c: Context,
    service: list[str],
    environment: str = "",
    all: bool = False,  # noqa: A002 - the word of the command line
) -> None:
    """Compare what runs with what the mapping says; exit 1 when a variable differs."""
    from . import settings as settings_module
    from .modes.verify import verify as verified

    found = verified(settings_module.load().in_environment(environment), names(service))
    rows = [item.cells() for item in (found.checked if all else found.wrong)]
    if rows:
        headers = ["service", "side", "variable", "mapping", "real", "verdict", "read from"]
        console.out(console.table(rows, headers))
    for name, reason in found.skipped.items():
        console.note(f"{name}: {reason}.")
    checked = len({item.service for item in found.checked})
    if found.wrong:
        raise Exit(
            f"{len(found.wrong)} of {len(found.checked)} variables of {checked} services are not "
            "as the mapping says. Recreate the services: inv docker.restart, local.restart",
            int(ExitCode.TESTS_DIFFER),
        )
    console.out(f"{len(found.checked)} variables of {checked} services are as the mapping says.")


def _collection() -> Collection:
    found = Collection("env")
    for item in (map_, explain, generate, check, diff, detect, verify):
        found.add_task(item)
    return found


ns = _collection()
