"""A key put into a mapping of a YAML file, as text: nothing else of the file changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...stack import textfile
from .model import Edit
from .written import Entry, Written

_MERGE = "<<"


def key_in_services(
    written: Written, services: Sequence[str], line: str
) -> tuple[Edit, ...] | None:
    """Return the edits that give each service `line`, such as `restart: unless-stopped`.

    A mapping that services share by `<<` gets it once, where all that share it are meant.
    None where one of them is written in a way that leaves no place for it.
    """
    edits: dict[tuple[Path, int], Edit] = {}
    for service in services:
        entry = next(iter(written.entries(service)), None)
        if entry is None:
            return None
        edit = key_in(entry.path, _shared(written, entry, services) or entry.node, line)
        if edit is None:
            return None
        edits[edit.path, edit.start] = edit
    return tuple(edits.values())


def _shared(written: Written, entry: Entry, services: Collection[str]) -> Any | None:
    """Return the mapping that this service merges, if only services that are meant do."""
    root = next(root for path, root in written.roots if path == entry.path)
    services_node = next(value for key, value in root.value if key.value == "services")
    for shared in _merged(entry.node):
        users = {
            key.value
            for key, node in services_node.value
            if node is shared or any(each is shared for each in _merged(node))
        }
        if users <= set(services) and len(users) > 1:
            return shared
    return None


def _merged(node: Any) -> Iterator[Any]:
    if node.id == "mapping":
        for key, value in node.value:
            if key.value == _MERGE:
                yield from value.value if value.id == "sequence" else [value]


def key_in(path: Path, node: Any, line: str) -> Edit | None:
    """Return the edit that puts `line` into a mapping node; None where it has no place."""
    if node.id != "mapping":
        return None
    text = textfile.read(path)
    if node.flow_style:
        inside = text[node.start_mark.index + 1 : node.end_mark.index - 1]
        if "\n" in inside and "#" in inside:  # a comment may be what ends there
            return None
        filled = inside.rstrip()
        comma = "" if not filled.strip() else " " if filled.endswith(",") else ", "
        at = node.start_mark.index + 1 + len(filled)
        return Edit(path, at, at, f"{comma}{line}")
    if not node.value:
        return None
    first = node.value[0][0]
    start = first.start_mark.index - first.start_mark.column
    indent = text[start : first.start_mark.index]
    if indent.strip():  # `- key: ...`
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    one_line = next((key for key, value in node.value if _on_one_line(key, value)), None)
    if one_line is None:
        return Edit(path, start, start, f"{indent}{line}{newline}")
    end = text.find("\n", one_line.start_mark.index)
    if end < 0:
        return Edit(path, len(text), len(text), f"{newline}{indent}{line}")
    return Edit(path, end + 1, end + 1, f"{indent}{line}{newline}")


def _on_one_line(key: Any, value: Any) -> bool:
    if value.start_mark.index < key.start_mark.index:  # an alias: its node stands elsewhere
        return True
    flow = value.id == "scalar" and value.style not in {"|", ">"}
    flow = flow or bool(getattr(value, "flow_style", False))
    ends: int = value.end_mark.line
    return flow and ends == key.start_mark.line
