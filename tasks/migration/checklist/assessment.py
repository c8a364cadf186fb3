"""How each item stands: a look where one is cheap or asked for, else the evidence that is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ...envmap.secrets import mask_value
from ...errors import EnvironmentFailed, RecordError, StackFailed, TranshipError, UsageError
from ...settings import Settings
from . import evidence
from .catalogue import PROBES
from .files import changed
from .inspection import Inspection
from .items import item_of, items_of
from .measured import command_for
from .model import PHASES, Assessed, Evidence, Item, Outcome, failed, not_seen, proved, unknown
from .written import reason_of, some

_SHOWN = 200
COMMAND_SECONDS = 600.0
"""How long a program of the project's own may take."""


def assess(
    settings: Settings,
    items: Iterable[Item],
    by: str,
    tell: Callable[[str], None],
    *,
    costly: bool = False,
) -> tuple[Assessed, ...]:
    """Look at these items and return how each stands; what was seen is kept as evidence.

    `by` is the command that looks. With `costly`, stacks are started and the project's own
    programs run. Raises RecordError for evidence that cannot be read.
    """
    chosen = tuple(items)
    known = evidence.read(settings)
    found: dict[str, Assessed] = {}
    with Inspection(settings, costly, tell) as inspection:
        # Side by side with none other: one stack for all the probes of a side.
        for item in sorted(chosen, key=lambda it: it.parameters.get("side") == "docker"):
            tell(item.title)
            outcome = _look(item, inspection)
            outcome = replace(outcome, seen=inspection.hide(outcome.seen))
            files = inspection.files
            if not outcome.blind and files is not None:
                at, who = outcome.at or evidence.now(), outcome.by or by
                entry = Evidence(outcome.status, outcome.seen, at, who, files)
                # At once: who ends a long look keeps what it has found.
                evidence.update(settings, {item.id: entry})
            found[item.id] = _standing(item, outcome, known.get(item.id), files, by)
    return tuple(found[item.id] for item in chosen)


def confirm(settings: Settings, name: str, person: str, text: str) -> Evidence:
    """Keep that a person confirmed a manual item; return the evidence.

    Raises UsageError for an item that a probe proves, or where nobody is named.
    """
    item = item_of(settings, name)
    if not item.manual:
        raise UsageError(f"{name} is not confirmed by hand. It is proved by: {proof_of(item)}")
    if not person.strip():
        raise UsageError("Say who confirms it: --by NAME.")
    seen = text.strip() or "no note"
    entry = Evidence("proved", seen, evidence.now(), person.strip(), manual=True)
    evidence.update(settings, {item.id: entry})
    return entry


def needed(
    settings: Settings, target: str, by: str, tell: Callable[[str], None]
) -> tuple[Assessed, ...]:
    """Return the items that a switch to a target asks for and that are not proved.

    What is written, and the records, are looked at now; nothing is started.
    """
    items = tuple(item for item in items_of(settings) if target in item.needed)
    return tuple(entry for entry in assess(settings, items, by, tell) if not entry.proved)


def phase_of(found: Iterable[Assessed]) -> int:
    """Return the last phase that is proved, 0 for none.

    A phase is proved when all its items are, and every earlier phase is.
    """
    entries = tuple(found)
    last = 0
    for phase in PHASES:
        if not all(entry.proved for entry in entries if entry.item.phase == phase):
            break
        last = phase
    return last


def proof_of(item: Item) -> str:
    """Return the command that would prove an item."""
    if item.manual:
        return f"inv migrate.confirm {item.id} --by NAME"
    if item.recorded:
        return item.recorded
    if item.probe is None:
        return f"inv migrate.checklist --only {item.id}"
    made = command_for(item.parameters.get("mode", "docker"))
    environment = item.parameters.get("environment")
    more = f" --environment {environment}" if environment else ""
    return PROBES[item.probe].proof.format(id=item.id, command=made) + more


def _look(item: Item, inspection: Inspection) -> Outcome:
    if item.waived:
        return Outcome("not needed", f"waived: {item.waived}")
    if item.manual:
        return not_seen("nobody has confirmed it")
    if item.recorded:
        return not_seen(f"not recorded by {item.recorded}")
    try:
        if item.command:
            return _run(item, inspection)
        return PROBES[item.probe or ""].run(inspection, item.parameters)
    except StackFailed as error:
        return failed(reason_of(error))
    except (RecordError, EnvironmentFailed) as error:
        return not_seen(reason_of(error))
    except TranshipError as error:
        return unknown(reason_of(error))


def _run(item: Item, inspection: Inspection) -> Outcome:
    if not inspection.costly:
        return not_seen("not run")
    # The interpreter's own tools come first, as `inv` was found.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            item.command,
            cwd=inspection.settings.root,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except OSError as error:
        return unknown(f"{item.command[0]} cannot be run: {error.strerror}")
    except subprocess.TimeoutExpired:
        return failed(f"{item.command[0]} still ran after {COMMAND_SECONDS:g} s")
    said, wrong = _last_line(done.stdout), _last_line(done.stderr)
    if done.returncode == 0:
        return proved(said or wrong or "exit code 0")
    return failed(f"exit code {done.returncode}: {wrong or said or 'no output'}")


def _last_line(text: str) -> str:
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    # What another program prints may hold a secret that the stack does not know.
    return mask_value("", last)[:_SHOWN]


def _standing(
    item: Item,
    outcome: Outcome,
    kept: Evidence | None,
    files: Mapping[str, str] | None,
    by: str,
) -> Assessed:
    """Return how an item stands: as was seen, or where nothing could be, as was seen before."""
    proof = proof_of(item)
    if not outcome.blind:
        at, who = outcome.at or evidence.now(), outcome.by or by
        return Assessed(item, outcome.status, outcome.seen, proof, at, who)
    # Evidence of another kind than the item now asks for says nothing of it.
    if kept is None or kept.manual != item.manual:
        return Assessed(item, "unknown", outcome.seen, proof)
    if kept.manual:
        return Assessed(item, kept.status, kept.seen, proof, kept.at, kept.by)
    if files is None:
        return Assessed(item, "unknown", outcome.seen, proof)
    other = changed(kept.files, files)
    if other:
        said = f"{kept.status} before {some(list(other))} changed"
        return Assessed(item, "unknown", said, proof, kept.at, kept.by)
    return Assessed(item, kept.status, kept.seen, proof, kept.at, kept.by)
