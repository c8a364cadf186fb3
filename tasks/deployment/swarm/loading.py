"""Images on their way into the nodes' own engines, where no registry is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import EnvironmentFailed, StackFailed
from .images import full, id_of, pin
from .model import Carried, Pushed, Step
from .nodes import Engine

HEADERS = ("node", "loaded", "there already")
_TABLE = "[tool.tranship.swarm.nodes]"


def to_nodes(
    engine: Engine,
    images: Iterable[Carried],
    ids: Mapping[str, str],
    nodes: Mapping[str, str],
    step: Step,
) -> Pushed:
    """Load what each node lacks; raises StackFailed with a line for each that was not loaded."""
    wanted = []
    notes = []
    for image in images:
        found = id_of(image, ids)
        if image.own:
            # The plain name too: by it a manager finds what it stands for.
            names = (pin(image.name, found), full(image.name))
            for name in names:
                engine.tag(found, name, ids)
            wanted.append(_Wanted(found, names))
        elif found:
            wanted.append(_Wanted(found, (full(image.name),), own=False))
        else:
            notes.append(f"{image.name}: not on this engine; nodes that lack it pull it")
    rows, failed = [], []
    known: dict[str, dict[str, Any]] = {}
    for name, address in nodes.items():
        node = Engine(name, address)
        with step(f"loading {name}") as doing:
            try:
                known[name] = node.information()
                loaded = _load(engine, node, wanted, doing.tell)
            except EnvironmentFailed as error:
                failed.append(f"{name} ({address}): {error}.{_unwell(str(error), address)}")
                continue
        rows.append((name, "\n".join(loaded) or "nothing", str(len(wanted) - len(loaded))))
    notes += _strangers(engine, nodes, known)
    if failed:
        raise StackFailed("\n".join(failed))
    return Pushed(HEADERS, tuple(rows), tuple(notes))


@dataclass(frozen=True)
class _Wanted:
    """An image that every node is to have, and all its names there."""

    id: str
    names: tuple[str, ...]
    own: bool = True


def _load(
    engine: Engine, node: Engine, wanted: Iterable[_Wanted], tell: Callable[[str], None]
) -> list[str]:
    """Load what the node lacks, and return the first names of that."""
    have = node.images()
    lacking = []
    for image in wanted:
        # An engine with another store has other ids: the beginning of ours stands in the name.
        there = have.get(image.names[0], image.id) if image.own else image.id
        if there not in have.values():
            lacking.append(image)
            continue
        for name in image.names:
            if have.get(name) != there:
                node.ask("tag", there, name)
    if lacking:
        names = [name for image in lacking for name in image.names]
        node.receive(engine, names, lambda sent: tell(f"{sent / 1e6:.0f} MB"))
    return [image.names[0] for image in lacking]


def _strangers(
    engine: Engine, nodes: Mapping[str, str], known: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return a line for each node of the Swarm that settings do not name, and the reverse."""
    try:
        parts = {name: found.get("Swarm") or {} for name, found in known.items()}
        own = engine.information().get("Swarm") or {}
        managers = [engine] if own.get("ControlAvailable") else []
        managers += [
            Engine(name, nodes[name]) for name, it in parts.items() if it.get("ControlAvailable")
        ]
        if not managers:
            return []
        members = managers[0].members()
    except EnvironmentFailed:  # who is in the Swarm is not what was asked for
        return []
    asked = {it.get("NodeID") for it in (*parts.values(), own)}
    lines = [
        f"{host}: is in the Swarm and not in {_TABLE}: no image was loaded there"
        for node, host in members.items()
        if node not in asked and host not in nodes
    ]
    return lines + [
        f"{name}: its engine is not in the Swarm"
        for name, it in parts.items()
        if it.get("NodeID") not in members
    ]


def _unwell(said: str, address: str) -> str:
    if "no space left" in said.lower():
        return f" Free some there: docker --host {address} image prune"
    if "transfer stalled" in said:
        return " Look at the network to it, then push again."
    return f" Start its engine, or mend its address in {_TABLE}."
