"""Two sides that keep what is written to them in one file, so that a killed process loses nothing.

A side that is up takes writes, unless it is frozen; what it took is there whatever happens.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tranship.errors import ItemUnknown, StackFailed, UsageError
from tranship.migration.switch.operations import Remember, Which
from tranship.migration.switch.triggers import Baseline, Reading


class FakeOperations:
    """The operations on those two sides."""

    def __init__(self, path: Path, *, in_place: bool = False) -> None:
        self.path = path
        self.in_place = in_place
        self.fails: dict[str, Exception] = {}
        """Operation -> what it raises."""
        self.done: list[str] = []
        self.unproved: dict[str, str] = {}
        """Item of the checklist -> how it stands."""
        self.readings: list[Reading | None] = []
        if not path.exists():
            self._write(
                {
                    "source": {"data": ["a", "b"], "up": True, "frozen": False, "apps": True},
                    "target": {"data": [], "up": False, "frozen": False, "apps": False},
                    "beside": False,
                }
            )

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def _write(self, state: dict[str, Any]) -> None:
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        temporary.replace(self.path)

    def _set(self, which: Which, **values: Any) -> None:
        state = self.state()
        state[_side(which)].update(values)
        self._write(state)

    def _called(self, name: str) -> None:
        self.done.append(name)
        if name in self.fails:
            raise self.fails[name]

    def put(self, item: str) -> bool:
        """Write as a client does, to whichever side answers; return whether it was taken."""
        state = self.state()
        for side in ("source", "target"):
            found = state[side]
            if found["up"] and found["apps"] and not found["frozen"]:
                found["data"].append(item)
                self._write(state)
                return True
        return False

    def preflight(self) -> Baseline:
        self._called("preflight")
        return Baseline({"web": 0.001}, {"web": 1000})

    def ask(self, without: Collection[str]) -> dict[str, str]:
        self._called("ask")
        missing = [name for name in self.unproved if name not in without]
        if missing:
            raise ItemUnknown(", ".join(missing))
        return dict(self.unproved)

    def snapshot(self, name: str) -> str:
        self._called("snapshot")
        return f"{name}."

    def prepare(self) -> None:
        self._called("prepare")

    def choose_ports(self) -> dict[str, int]:
        return {"web:8000": 20000}

    def open_beside(self, *, replace: bool, ours: Collection[str]) -> str:
        self._called("open_beside")
        if self.state()["target"]["data"] and not replace and not ours:
            raise UsageError("The target is not empty.")
        self._write({**self.state(), "beside": not self.in_place})
        return ""

    def close_beside(self) -> None:
        self._called("close_beside")
        self._write({**self.state(), "beside": False})

    def halt(self, which: Which) -> None:
        self._called(f"halt {which}")
        self._set(which, apps=False)

    def freeze(self, which: Which, remember: Remember) -> str:
        self._called(f"freeze {which}")
        remember({f"db on {which}": {"before": "off"}})
        self._set(which, frozen=True)
        return ""

    def thaw(self, which: Which, records: Any) -> tuple[str, ...]:
        self._called(f"thaw {which}")
        key = f"db on {_side(which)}"
        if key not in records:
            return ()
        self._set(which, frozen=False)
        return (key,)

    def carry(self, source: Which, target: Which, *, compare: bool) -> str:
        self._called(f"carry {source} {target}")
        # In two parts: what is killed between them must not count as done.
        state = self.state()
        state[_side(target)]["data"] = []
        self._write(state)
        state[_side(target)]["data"] = list(state[_side(source)]["data"])
        self._write(state)
        return f"{len(state[_side(source)]['data'])} rows."

    @contextlib.contextmanager
    def opened(self, which: Which) -> Iterator[None]:
        self._called(f"opened {which}")
        yield

    def up(self, which: Which) -> None:
        self._called(f"up {which}")
        if which == "beside":
            return
        other: Which = "target" if which == "source" else "source"
        assert not self.state()[other]["up"] or self.state()[other]["frozen"], "both take writes"
        self._set(which, up=True, apps=True)

    def down(self, which: Which) -> None:
        self._called(f"down {which}")
        self._set(which, up=False, apps=False)

    def ill(self, which: Which) -> tuple[str, ...]:
        self._called(f"ill {which}")
        return ()

    def smoke(self, which: Which) -> str:
        self._called(f"smoke {which}")
        return "1 passed."

    def move_traffic(self, which: Which) -> str:
        self._called(f"move_traffic {which}")
        return ""

    def reading(self) -> Reading | None:
        return self.readings.pop(0) if self.readings else Reading({"web": True})

    def evidence(self, folder: Path) -> None:
        self._called("evidence")
        raise StackFailed("nothing to keep")

    def remove_data(self, which: Which) -> str:
        self._called(f"remove {which}")
        return ""


def _side(which: Which) -> str:
    return "target" if which == "beside" else which
