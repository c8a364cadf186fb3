"""What is the case: the journal's word, and beside it what really runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ... import console
from ...envmap.project import Project, open_project
from ...errors import TranshipError
from ...settings import Settings
from ..data import freezing
from . import journal as journals
from .arrangement import DockerArrangement, LocalArrangement
from .asked import unproved
from .journal import Journal, JournalUnreadable

Rows = list[list[str]]
HEADERS = ["step", "began", "took", "state", "note"]


def journal_rows(found: Journal) -> Rows:
    """Return the steps of a switch and of its way back."""
    rows = []
    for prefix, entries in (("", found.steps), ("back: ", found.back)):
        for entry in entries:
            took = f"{entry.seconds:.1f} s" if entry.seconds is not None else "-"
            note = (entry.failure or entry.note).split("\n")[0]
            rows.append([f"{prefix}{entry.name}", entry.began.shown, took, entry.state, note])
    return rows


@dataclass(frozen=True)
class State:
    """What is the case."""

    journal: Journal | None
    """None where there is none, or none that can be read."""
    lines: tuple[str, ...]
    """What to say of it all."""
    settled: bool
    """Whether nothing is left to be gone on with, and that is known."""


def state(settings: Settings) -> State:
    """Read the journal, and look at what runs."""
    lines: list[str] = []
    lost = False
    found: Journal | None = None
    try:
        found = journals.read(settings)
    except JournalUnreadable as error:
        lines.append(str(error))
        if error.earlier is None:
            lost = True
            lines += [
                "What it was before cannot be read either. Nothing is done on a guess: see below "
                "what runs, compare the sides (inv data.verify --from local --to docker), stop "
                f"the one that is not to stay, then remove {error.path}."
            ]
        else:
            found = error.earlier
            lines.append("Below is what it was before its last change.")
    if found is None and not lines:
        lines.append("No switch was begun here. Begin one: inv migrate.switch --to docker")
    if found is not None:
        lines += _words(found)
    lines += running_lines(settings)
    frozen = freezing.left_frozen(settings)
    if frozen:
        lines.append(f"Left refusing writes: {', '.join(frozen)}. Undo it: inv data.thaw")
    return State(found, tuple(lines), not lost and (found is None or found.over))


def _words(found: Journal) -> Iterator[str]:
    entry = found.at
    step = f"{entry.name} ({entry.state})" if entry is not None else "nothing yet"
    route = f"from {found.source} to {found.target}"
    if found.state == "switching":
        at = "traffic has moved or was about to" if found.exposed else "traffic has not moved"
        yield f"A switch {route} is under way: last step {step}; {at}."
        yield "Go on: inv migrate.switch --resume. Back: inv migrate.rollback"
    elif found.state == "going back":
        yield f"A switch {route} is on its way back: last step {step}."
        yield f"Why: {found.fired.get('why', 'not recorded')}"
        yield "Finish it: inv migrate.rollback"
    elif found.state == "moved":
        yield f"The switch {route} is done. {found.source} is kept for the way back."
        yield (
            "Back, with all data: inv migrate.rollback. Remove the old side's data: "
            "inv migrate.finish"
        )
    elif found.state == "back":
        yield f"The switch {route} went back to {found.source}: {found.fired.get('why', '')}"
        yield (
            f"Report: {console.path(found.report)}. "
            f"Remove what it left on {found.target}: inv migrate.finish"
        )
    else:
        yield f"The switch {route} is finished."
    missing = unproved(found.options)
    if missing:
        yield f"Begun without proof of: {'; '.join(f'{k} ({how})' for k, how in missing.items())}."
    if found.pauses:
        still = found.pauses[-1].ended is None
        yield (
            f"Writes {'have been' if still else 'were'} refused for "
            f"{found.refused_seconds:.1f} s{' until now' if still else ' in all'}."
        )
    if found.frozen:
        yield f"Set to refuse writes: {', '.join(sorted(found.frozen))}."


def running_lines(settings: Settings) -> list[str]:
    """Return what runs on either side, as it is and not as a journal has it."""
    try:
        project = open_project(settings)
    except TranshipError as error:
        return [f"What runs cannot be told: {error}"]
    return [
        f"On this host: {_listed(project, 'local')}.",
        f"In containers: {_listed(project, 'docker')}.",
    ]


def _listed(project: Project, side: str) -> str:
    made = LocalArrangement if side == "local" else DockerArrangement
    try:
        found = made(project)
        names = sorted(found.running())
        addresses = found.mode.addresses() if side == "docker" and names else {}
    except TranshipError as error:
        return f"not known ({str(error).splitlines()[0].rstrip('.')})"
    shown = [f"{name} on {addresses[name].port}" if name in addresses else name for name in names]
    return ", ".join(shown) or "nothing"
