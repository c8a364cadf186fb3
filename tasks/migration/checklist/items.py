"""The items of a project: Tranship's own, with the project's added, replaced and waived."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from ...errors import SettingsError, UsageError, near
from ...settings import ChecklistSettings, Settings
from .catalogue import PROBES
from .model import PHASES, SECTIONS, TARGETS, Item

_SECONDS = re.compile(r"\d+(?:\.\d+)?")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@cache
def defaults() -> tuple[Item, ...]:
    """Return the items that every project has."""
    text = (importlib.resources.files(__package__) / "items.toml").read_text("utf-8")
    entries = tomllib.loads(text)["item"]
    return tuple(Item(**{**entry, "needed": tuple(entry.get("needed", ()))}) for entry in entries)


def items_of(settings: Settings) -> tuple[Item, ...]:
    """Return the items of a project, by section, in the order in which they are written.

    Raises SettingsError, naming the entry, for one that cannot be proved.
    """
    found = {item.id: item for item in defaults()}
    given: set[str] = set()
    for number, entry in enumerate(settings.checklist, 1):
        file = settings.root / "pyproject.toml"
        where = f"{file}: [[tool.tranship.checklist]] number {number}: "
        if entry.id in given:
            raise SettingsError(f"{where}{entry.id!r} stands there twice.")
        given.add(entry.id)
        found[entry.id] = _item(entry, found.get(entry.id), where)
    own = dict.fromkeys(item.section for item in found.values() if item.section not in SECTIONS)
    order = (*SECTIONS, *own)
    return tuple(sorted(found.values(), key=lambda item: order.index(item.section)))


def item_of(settings: Settings, name: str) -> Item:
    """Return the item of this id; raises UsageError with the nearest for another."""
    known = {item.id: item for item in items_of(settings)}
    if name not in known:
        raise UsageError(
            f"No item {name!r} in the checklist{near(name, known)}. Items: {', '.join(known)}."
        )
    return known[name]


def of_section(items: Iterable[Item], section: str) -> tuple[Item, ...]:
    """Return the items of a section; raises UsageError where there is none."""
    known = tuple(dict.fromkeys(item.section for item in items))
    if section not in known:
        raise UsageError(
            f"No section {section!r} in the checklist{near(section, known)}. "
            f"Sections: {', '.join(known)}."
        )
    return tuple(item for item in items if item.section == section)


def _item(entry: ChecklistSettings, known: Item | None, where: str) -> Item:
    if not _ID.fullmatch(entry.id):
        raise SettingsError(f"{where}{entry.id!r}: write an id in small letters, as my-item.")
    ways = [bool(entry.probe), bool(entry.command), entry.manual]
    if known is not None and not any(ways):
        if not entry.waived.strip() and entry.needed is None:
            raise SettingsError(
                f"{where}{entry.id!r} is Tranship's own. Say how it is proved here, or waive it: "
                'waived = "the reason".'
            )
        asked = known.needed if entry.needed is None else _targets(entry, where)
        return replace(known, waived=entry.waived, needed=asked)
    if sum(ways) != 1:
        raise SettingsError(
            f"{where}{entry.id!r}: name exactly one of `probe`, `command`, `manual = true`."
        )
    if not entry.title.strip():
        raise SettingsError(f"{where}{entry.id!r}: give it a title.")
    if entry.phase not in PHASES:
        names = ", ".join(f"{number} {name}" for number, name in PHASES.items())
        raise SettingsError(f"{where}phase {entry.phase} is none. Phases: {names}.")
    if entry.parameters and not entry.probe:
        raise SettingsError(f"{where}{entry.id!r}: parameters are a probe's.")
    if entry.probe:
        _check_probe(entry, where)
    return Item(
        id=entry.id,
        section=entry.section,
        title=entry.title,
        phase=entry.phase,
        probe=entry.probe,
        parameters=entry.parameters,
        command=entry.command,
        manual=entry.manual,
        needed=_targets(entry, where),
        waived=entry.waived,
    )


def _targets(entry: ChecklistSettings, where: str) -> tuple[str, ...]:
    if entry.needed is None or isinstance(entry.needed, bool):
        return TARGETS if entry.needed else ()
    for word in entry.needed:
        if word not in TARGETS:
            raise SettingsError(
                f"{where}needed = {word!r}{near(word, TARGETS)}. Known: {', '.join(TARGETS)}."
            )
    return entry.needed


def _check_probe(entry: ChecklistSettings, where: str) -> None:
    probe = PROBES.get(entry.probe or "")
    if probe is None:
        raise SettingsError(
            f"{where}no probe {entry.probe!r}{near(entry.probe or '', PROBES)}. "
            f"Probes: {', '.join(PROBES)}."
        )
    known = {*probe.required, *probe.optional}
    for name in entry.parameters:
        if name not in known:
            raise SettingsError(
                f"{where}the probe {entry.probe!r} has no parameter {name!r}{near(name, known)}. "
                f"Parameters: {', '.join(sorted(known)) or 'none'}."
            )
    if "within" in entry.parameters and not _SECONDS.fullmatch(entry.parameters["within"]):
        raise SettingsError(
            f'{where}within = "{entry.parameters["within"]}": write seconds, "0.1".'
        )
    for name, words in probe.required.items():
        if name not in entry.parameters:
            raise SettingsError(f"{where}the probe {entry.probe!r} needs the parameter {name!r}.")
        value = entry.parameters[name]
        if words and value not in words:
            raise SettingsError(
                f"{where}{name} = {value!r}{near(value, words)}. Known: {', '.join(words)}."
            )
