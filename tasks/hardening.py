"""The half of `docker` that hardens production."""

from __future__ import annotations

from invoke.context import Context

from . import console
from .boundary import task
from .selection import names


@task(
    iterable=["service"],
    help={
        "service": "A service, or a comma list; may be repeated. Default: all of production.",
        "output": "The file to write. Default: beside the overlay of production, and read with it.",
        "diff": "Show what would be added, service by service, and write nothing.",
        "force": "Write over a file that was changed by hand.",
        "prove": "Try each step in an isolated run, and take back what a service needs.",
    },
)
def harden(
    c: Context,
    service: list[str],
    output: str = "",
    diff: bool = False,
    force: bool = False,
    prove: bool = False,
) -> None:
    """Write a compose file that hardens production, each line with its reason."""
    from . import settings as settings_module
    from .deployment.hardening import plan, proving
    from .deployment.hardening.overlay import require_generated

    settings = settings_module.load()
    target = plan.target_of(settings, output)
    if not (diff or force):
        require_generated(target)
    if prove:
        with console.step("Proving what each service needs") as step:
            found = proving.proved(settings, names(service), step.tell)
    else:
        found = plan.planned(settings, names(service))
    rows = [[line.service or "(file)", line.shown, line.reason] for line in found.lines]
    headers = ["service", "added", "reason"]
    console.out(console.table(rows, headers) if rows else "Nothing to add.")
    for note in found.notes:
        console.note(note)
    if not diff:
        path = plan.write(settings, found, output, force=force)
        used = path == plan.target_of(settings, "")
        console.out(f"Written: {path}" + ("" if used else ". Name it in compose-files."))
