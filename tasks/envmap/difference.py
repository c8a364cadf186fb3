"""What differs between two sets of variables, or of settings: environments, or modes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .infer import Variable
from .layers import Layers
from .origins import Origin
from .secrets import MASK, is_secret, mask_value
from .templates import as_text

State = Literal["changed", "only left", "only right"]

_SHOWN = 60
"""Characters of a value that a table shows."""


@dataclass(frozen=True)
class Cell:
    """One side's value, its secrets hidden, and where it was written."""

    text: str
    origin: Origin | None = None


@dataclass(frozen=True)
class Difference:
    """A variable of a service, or a setting by its dotted path, that is not the same."""

    service: str | None
    name: str
    left: Cell | None
    """None: only the right has it."""
    right: Cell | None

    @property
    def state(self) -> State:
        """How the two differ."""
        if self.left is None:
            return "only right"
        return "only left" if self.right is None else "changed"

    @property
    def hidden(self) -> bool:
        """Whether what differs is a secret, so that both look the same."""
        left, right = self.left, self.right
        return left is not None and right is not None and left.text == right.text


def difference(
    left: Mapping[str, Iterable[Variable]], right: Mapping[str, Iterable[Variable]]
) -> tuple[Difference, ...]:
    """Return the variables that differ, in the order of service and name; secrets hidden."""
    found = []
    for service in sorted(left.keys() | right.keys()):
        first = {item.name: item for item in left.get(service, ())}
        second = {item.name: item for item in right.get(service, ())}
        for name in sorted(first.keys() | second.keys()):
            before, after = first.get(name), second.get(name)
            if before is None or after is None or before.value != after.value:
                found.append(Difference(service, name, _variable(before), _variable(after)))
    return tuple(found)


def settings_difference(left: Layers, right: Layers) -> tuple[Difference, ...]:
    """Return the settings that differ between two environments or sides; secrets hidden.

    Values of different kinds differ: 1 is not true, and "1" is neither.
    """
    found = []
    for path in sorted(left.chains.keys() | right.chains.keys()):
        before, after = _setting(left, path), _setting(right, path)
        if before is None or after is None or not _same(left.value(path), right.value(path)):
            found.append(Difference(None, path, before, after))
    return tuple(found)


def rows(
    differences: Iterable[Difference], labels: tuple[str, str], root: Path
) -> tuple[list[str], list[list[str]]]:
    """Return the headers and the rows of a table; `labels` name left and right.

    The service's column is there for variables, the places of the values for settings.
    """
    items = tuple(differences)
    services = any(item.service is not None for item in items)
    places = any(cell and cell.origin for item in items for cell in (item.left, item.right))
    headers = [
        *(["service"] if services else []),
        "variable" if services else "setting",
        *labels,
        "",
        *(["where"] if places else []),
    ]
    return headers, [
        [
            *([item.service or ""] if services else []),
            item.name,
            _shown(item.left),
            _shown(item.right),
            _remark(item, labels),
            *([_where(item, root)] if places else []),
        ]
        for item in items
    ]


def _variable(item: Variable | None) -> Cell | None:
    return None if item is None else Cell(mask_value(item.name, item.value), item.origin)


def _setting(layers: Layers, path: str) -> Cell | None:
    if path not in layers:
        return None
    value = layers.value(path)
    # A word of the path tells a secret, wherever it stands: `passwords.admin`.
    secret = value not in (None, "") and any(is_secret(word) for word in _words(path))
    # A string is shown as JSON writes it, or "1" and 1 would look the same.
    text = MASK if secret else mask_value("", as_text(value, "json"))
    return Cell(text, layers.chains[path][-1].origin)


def _words(path: str) -> tuple[str, ...]:
    *above, last = path.split(".")
    return (last, *(word.removesuffix("s") for word in above))


def _same(left: Any, right: Any) -> bool:
    return as_text(left, "json") == as_text(right, "json")


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    # A line end would break the table.
    text = (cell.text if cell.text.isprintable() else repr(cell.text)[1:-1]) or '""'
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _remark(item: Difference, labels: tuple[str, str]) -> str:
    if item.hidden:
        return "differs in what is hidden"
    if item.state == "changed":
        return "differs further on" if _shown(item.left) == _shown(item.right) else ""
    return f"only {labels[0] if item.state == 'only left' else labels[1]}"


def _where(item: Difference, root: Path) -> str:
    places = dict.fromkeys(
        cell.origin.shown(root) for cell in (item.left, item.right) if cell and cell.origin
    )
    return ", ".join(places)
