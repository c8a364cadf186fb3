"""What a switch asks of the checklist before anything is touched, and what it is begun without."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...errors import ItemFailed, ItemUnknown, UsageError, near
from ...settings import Settings
from ..checklist.assessment import needed
from ..checklist.items import items_of
from ..data.site import Tell


def kind_of(target: str) -> str:
    """Return the kind of target that items know: local, docker or hybrid."""
    return target.partition(":")[0]


def require_known(settings: Settings, target: str, without: Collection[str]) -> None:
    """Raise UsageError for an item to do without that is none."""
    items = items_of(settings)
    known = [item.id for item in items]
    for name in without:
        if name not in known:
            asked = ", ".join(item.id for item in items if kind_of(target) in item.needed)
            raise UsageError(
                f"--without {name}: no such item in the checklist{near(name, known)}. A switch to "
                f"{target} asks for: {asked or 'none'}."
            )


def ask(settings: Settings, target: str, without: Collection[str], tell: Tell) -> dict[str, str]:
    """Return the items that the switch is begun without, and how each of them stands.

    Raises ItemFailed or ItemUnknown for those that are not proved and not in `without`.
    """
    tell("looking at the checklist")
    missing = needed(settings, kind_of(target), "inv migrate.switch", tell)
    against = [entry for entry in missing if entry.item.id not in without]
    if against:
        lines = [
            f"  {entry.item.id} ({entry.status}): {_line(entry.seen)}. Prove it: {entry.proof}"
            for entry in against
        ]
        names = ",".join(dict.fromkeys([*without, *(entry.item.id for entry in against)]))
        kind = ItemFailed if any(it.status == "failed" for it in against) else ItemUnknown
        raise kind(
            f"A switch to {target} asks for what is not proved:\n"
            + "\n".join(lines)
            + "\nNothing was touched. All the same, which the journal and the report keep: "
            f"inv migrate.switch --to {target} --without {names}"
        )
    return {entry.item.id: f"{entry.status}: {_line(entry.seen)}" for entry in missing}


def unproved(options: Mapping[str, object]) -> dict[str, str]:
    """Return what a switch was begun without, by the options of its journal."""
    found = options.get("unproved")
    return dict(found) if isinstance(found, dict) else {}


def _line(text: str) -> str:
    return " ".join(text.split()).removesuffix(".")
