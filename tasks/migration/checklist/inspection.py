"""What the probes look at: the project, what runs of it, its records; each asked for once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...comparison.diff import Comparison
from ...comparison.records import comparison_of
from ...envmap.project import Project, open_project
from ...envmap.secrets import mask_text
from ...errors import RecordError, TranshipError
from ...modes.base import Address
from ...modes.owndocker import docker_mode
from ...modes.ownlocal import local_mode
from ...modes.runs import AnyMode, isolated
from ...settings import Settings
from ...stack.engine import answering_client
from ...stack.placement import Side
from ..analysis.gather import look_at
from ..analysis.look import Look
from .files import digests, newest, stack_files

if TYPE_CHECKING:
    from python_on_whales import DockerClient

    from ...trials.record import Trial


@dataclass
class Inspection:
    """One look at a project. What it starts ends with it, so it is a context manager."""

    settings: Settings
    costly: bool = False
    """Whether stacks may be started."""
    tell: Callable[[str], None] = lambda _detail: None
    _held: ExitStack = field(default_factory=ExitStack)
    _started: tuple[Side, AnyMode | TranshipError] | None = None

    def __enter__(self) -> Inspection:
        """Begin; nothing is looked at yet."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop what was started."""
        self._held.close()

    @cached_property
    def _opened(self) -> Project | TranshipError:
        try:
            return open_project(self.settings)
        except TranshipError as error:
            return error

    @property
    def project(self) -> Project:
        """The project; raises what opening it raised."""
        if isinstance(self._opened, TranshipError):
            raise self._opened
        return self._opened

    @cached_property
    def files(self) -> Mapping[str, str] | None:
        """The stack's files with their digests; None where the project cannot be opened."""
        if isinstance(self._opened, TranshipError):
            return None
        return digests(stack_files(self._opened), self.settings.root)

    @cached_property
    def client(self) -> DockerClient | None:
        """The engine; None where none answers."""
        return answering_client(self.settings)

    @cached_property
    def look(self) -> Look:
        """What the rules of the analysis look at."""
        return look_at(self.project, self.client)[0]

    def hide(self, text: str) -> str:
        """Return a text with the project's secrets hidden, and its files as seen from the root."""
        hidden = self._opened.hidden if isinstance(self._opened, Project) else frozenset()
        return mask_text(text, hidden).replace(f"{self.settings.root}{os.sep}", "")

    # --- what runs

    def own_addresses(self, side: Side) -> Mapping[str, Address]:
        """Return where what runs of the developer's own stack on a side is dialled."""
        if side == "local":
            mode = local_mode(self.settings)
            if not mode.supervisor.alive():
                return {}
            running = {name for name, status in mode.supervisor.status().items() if status.running}
            return {name: at for name, at in mode.addresses().items() if name in running}
        return docker_mode(self.settings).addresses() if self.client is not None else {}

    def started(self, side: Side) -> AnyMode:
        """Return a stack of its own on a side, started once for the probes of that side.

        It ends with this, or when the other side is asked for: two would share the machine.
        It has the developer's environment, since the suite's may keep its data in memory.
        Raises what starting it raises, each time that it is asked for.
        """
        if self._started is None or self._started[0] != side:
            self._held.close()
            self.tell(f"starting a stack of its own: {side}")
            try:
                self._started = side, self._start(side)
            except TranshipError as error:
                self._started = side, error
        found = self._started[1]
        if isinstance(found, TranshipError):
            raise found
        return found

    def _start(self, side: Side) -> AnyMode:
        settings = self.settings
        suite = replace(settings.suite, environment=settings.environment)
        python = settings.root / settings.local.python if settings.local.python else None
        mode, _ = self._held.enter_context(
            isolated(
                replace(settings, suite=suite),
                side,
                (python or Path(sys.executable)).parent,
                self.tell,
            )
        )
        mode.prepare()
        mode.start()
        return mode

    # --- records

    def trials(self, mode: str) -> tuple[Trial, ...]:
        """Return the newest batch of a mode; of `hybrid`, that of the newest mixed placement.

        Raises RecordError where there is none, or it is older than a file of the stack.
        """
        from ...trials import record

        name = self._newest_mixed() if mode == "hybrid" else mode
        found = record.newest_batch(self.settings.trials, name)
        if not found:
            raise RecordError(f"no record of mode {name}")
        self._require_new(found[0])
        return found

    def _newest_mixed(self) -> str:
        from ...trials import record

        paths = self.settings.trials.glob("hybrid_*.json")
        # NAME.HASH-STAMP-ID.json: the stamp sorts by time, the name by nothing.
        stamped = [(path.name.partition("-2")[2], path) for path in paths]
        if not stamped:
            raise RecordError("no record of a mixed placement")
        return record.read(max(stamped)[1]).mode

    @cached_property
    def _compared(self) -> Comparison | RecordError:
        try:
            local, docker = self.trials("local"), self.trials("docker")
            return comparison_of(self.settings, self._beside(docker) or local, docker)
        except RecordError as error:
            return error

    def _beside(self, docker: tuple[Trial, ...]) -> tuple[Trial, ...]:
        """Return the local runs that alternated with these; empty when they ran by themselves.

        A newer local run, such as that of a mixed comparison, met another load of the machine.
        """
        from ...trials import record

        name = docker[0].batch
        return record.batch(self.settings.trials, "local", name) if name else ()

    @property
    def comparison(self) -> Comparison:
        """Docker's newest records against those that ran beside them, or else the newest.

        Raises RecordError as `trials` does.
        """
        if isinstance(self._compared, RecordError):
            raise self._compared
        return self._compared

    def _require_new(self, trial: Trial) -> None:
        import datetime

        last = newest(stack_files(self.project))
        began = datetime.datetime.fromisoformat(trial.started).timestamp()
        if last is not None and began < last[1]:
            file = last[0].relative_to(self.settings.root) if self._inside(last[0]) else last[0]
            raise RecordError(f"the newest record of {trial.mode} is older than {file}")

    def _inside(self, path: Path) -> bool:
        return path.is_relative_to(self.settings.root)
