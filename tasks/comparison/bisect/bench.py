"""One side at work: its stack runs, and a few tests at a time run in it, with a change or not."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import EnvironmentFailed
from ...modes import cgroups
from ...modes.docker import DockerMode
from ...modes.hybrid import HybridMode
from ...modes.local import LocalMode
from ...modes.runs import AnyMode
from ...settings import Settings
from ...stack.isolation import Run, write_compose_file, write_private
from ...stack.placement import Side
from ...trials import suite
from .change import Change, binds_over, changed_document, unescaped
from .items import Item, collected
from .onhost import ready
from .ordering import ORDERING, write_ordering
from .outcome import NOT_RUN, Outcome, outcome_of
from .packages import Packages
from .privileges import preload_text
from .services import served
from .view import View, view_of

_LEFT_OUT = (".git", ".nox", ".venv", ".tranship", "node_modules", "__pycache__")
_OVERLAY = "/opt/tranship-overlay"


@dataclass
class Bench:
    """A mode whose stack is up, and its suite's service, which probes change."""

    name: str
    mode: AnyMode
    run: Run
    timeout: float
    peer: Bench | None = None
    """The other side, whose network a process of this host may enter."""
    packages: Packages | None = None
    """What brings distributions here from the other side."""
    _view: View | None = None
    _overlays: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    _copies: dict[str, str] = field(default_factory=dict)
    _network: str | None = None
    _document_of_run: dict[str, Any] | None = None
    _served: Mapping[str, Mapping[str, Any]] | None = field(default_factory=dict)
    """What other services have now that the run did not begin with; None: nobody knows."""
    _touched: set[str] = field(default_factory=set)

    @property
    def side(self) -> Side:
        """Where the suite runs."""
        return "docker" if isinstance(self.mode, DockerMode) else "local"

    @property
    def part(self) -> DockerMode | LocalMode:
        """The mode that runs the suite."""
        return self.mode.local if isinstance(self.mode, HybridMode) else self.mode

    @property
    def settings(self) -> Settings:
        """The settings of this run."""
        return self.part.settings

    def start(self) -> None:
        """Start the stack; raises EnvironmentFailed as the mode does."""
        self.mode.prepare()
        self.mode.start()

    def see(self) -> View:
        """Return what the suite sees here; it is looked at once."""
        if self._view is None:
            self._view = view_of(self.mode)
        return self._view

    def items(self) -> tuple[Item, ...]:
        """Return the tests as pytest collects them here, in their order."""
        return collected(self.mode, self.settings.suite.paths)

    def probe(
        self, arguments: Sequence[str], wanted: Item, change: Change | None = None
    ) -> Outcome:
        """Run these tests in this order and return what became of one of them."""
        change = change or Change()
        overlay, plugin = self._overlay(tuple(change.packages), ordered=len(arguments) > 1)
        if overlay:
            change = change | Change(variables={"PYTHONPATH": self._path(overlay, change)})
        whole = (*arguments, *plugin, "-p", "no:cacheprovider", "--color=no", "--verbosity=1")
        began = time.monotonic()
        lines: list[str] = []
        try:
            changed = self._changed(change, overlay)
            done = suite.run(
                changed,
                changed.settings.suite,
                whole,
                lines.append,
                self.run.directory / "probe.txt",
            )
        except EnvironmentFailed as error:
            if change == Change():
                raise
            return Outcome(NOT_RUN, time.monotonic() - began, str(error))
        finally:
            cgroups.remove_limited(self._group)
        said = next((line for line in reversed(lines) if line.strip()), "")
        return outcome_of(done, wanted, time.monotonic() - began, said)

    def has_locale(self, name: str) -> bool:
        """Return whether a locale is installed here."""
        program = f"import locale\nlocale.setlocale(locale.LC_ALL, {name!r})\nprint('yes')"
        try:
            return self.mode.python(program).strip() == "yes"
        except EnvironmentFailed:
            return False

    @property
    def service_body(self) -> Mapping[str, Any]:
        """What the compose document says of the suite's service; nothing on this host."""
        return self._document()["services"][self._service] if self.side == "docker" else {}

    def _overlay(self, names: Sequence[str], *, ordered: bool) -> tuple[str, tuple[str, ...]]:
        """Return the folder for the suite's path, and what pytest is told of it."""
        key = ORDERING if ordered else "-".join(names)
        if not key or (not ordered and self.packages is None):
            return "", ()
        if key not in self._overlays:
            folder = self.run.directory / "overlays" / str(len(self._overlays))
            words = (
                write_ordering(folder)
                if ordered or self.packages is None
                else self.packages.overlay(names, folder)
            )
            self._overlays[key] = (str(folder), words)
        return self._overlays[key]

    def _path(self, overlay: str, change: Change) -> str:
        """Return PYTHONPATH with the overlay first, as the suite's process sees it."""
        first = _OVERLAY if self.side == "docker" else overlay
        known = self.see().variables.get("PYTHONPATH")
        rest = change.variables.get("PYTHONPATH", known)
        return f"{first}{os.pathsep}{rest}" if rest else first

    def _changed(self, change: Change, overlay: str = "") -> DockerMode | LocalMode:
        """Return the mode as it runs the suite with the change."""
        part = self.part
        launch = dict(change.launch)
        if isinstance(part, LocalMode):
            launch = ready(launch, self.run.directory, self._group, self.peer)
            if change.variables:
                launch |= {"unset": list(change.unset), "variables": change.given}
            return replace(part, settings=self._with_launch(launch))
        self._serve(part, change.services)
        if change.unset:
            launch["unset"] = list(change.unset)
        path = self.run.directory / "probe.json"
        document = changed_document(
            self._document(), self._service, change, self._copied(change.writable)
        )
        if overlay:
            mount = {"type": "bind", "source": overlay, "target": _OVERLAY, "read_only": True}
            body = document["services"][self._service]
            body["volumes"] = [*(body.get("volumes") or ()), mount]
        write_compose_file(document, path)
        project = replace(part.project, files=(path,))
        return replace(part, project=project, settings=self._with_launch(launch))

    def _with_launch(self, launch: Mapping[str, Any]) -> Settings:
        """Return the settings with a command that changes itself before it becomes the suite."""
        known = self.settings.suite
        command = known.command
        if launch:
            spec = json.dumps(launch)
            if self.side == "local":
                # Values in a file: every user of the machine can read an argument list.
                spec = str(self.run.directory / "probe.json")
                write_private(Path(spec), json.dumps(launch))
            interpreter = "python" if self.side == "local" else command[0]
            command = (interpreter, "-c", preload_text(), spec, *command)
        return replace(self.settings, suite=replace(known, command=command, timeout=self.timeout))

    def network_path(self) -> str:
        """Return the network of a container of the suite's service, which stays until the end."""
        part = self.part
        if self._network is None and isinstance(part, DockerMode):
            name = f"{part.project_name}-network"
            part.client.compose.run(
                self._service,
                [self.settings.suite.command[0], "-c", "import time; time.sleep(86400)"],
                detach=True,
                tty=False,
                dependencies=False,
                name=name,
            )
            pid = part.client.container.inspect(name).state.pid
            self._network = f"/proc/{pid}/ns/net"
        return self._network or "own"

    def _serve(self, mode: DockerMode, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        """Have other services run with these keys, and those of the last probe as they began."""
        if wanted == self._served:
            return
        self._touched |= wanted.keys()
        write_compose_file(served(self.document, wanted), self.run.directory / "compose.json")
        self._served = None
        usual = mode.services, mode.recreate
        mode.services = tuple(it for it in mode.services if it.name in self._touched)
        mode.recreate = True
        try:
            mode.start()
        finally:
            mode.services, mode.recreate = usual
        self._served = wanted
        self._touched = {*wanted}

    @property
    def document(self) -> Mapping[str, Any]:
        """The run's compose document as the run began with it."""
        if self._document_of_run is None:
            self._document_of_run = self._document()
        return self._document_of_run

    @property
    def _group(self) -> str:
        return f"{self.run.project}-probe"

    @property
    def _service(self) -> str:
        return self.settings.suite.service or ""

    def _document(self) -> dict[str, Any]:
        text = (self.run.directory / "compose.json").read_text("utf-8")
        document: dict[str, Any] = unescaped(json.loads(text))
        return document

    def _copied(self, folders: Sequence[str]) -> dict[str, str]:
        """Return source -> copy of the binds over these folders: the user's own stay as they are.

        Raises EnvironmentFailed when one cannot be copied.
        """
        found = {}
        body = self.service_body
        for source in {str(it["source"]) for name in folders for it in binds_over(body, name)}:
            if source not in self._copies:
                copy = self.run.directory / "copies" / str(len(self._copies))
                try:
                    shutil.copytree(
                        source, copy, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT)
                    )
                except (OSError, shutil.Error) as error:
                    raise EnvironmentFailed(f"{source} cannot be copied: {error}") from error
                self._copies[source] = str(copy)
            found[source] = self._copies[source]
        return found


def interpreter_folder(settings: Settings, executable: str) -> Path:
    """Return the folder of the Python that runs local services and the suite.

    That of the record, which has what they import; else the project's, else this one.
    """
    recorded = Path(executable)
    if executable and (recorded.parent / "python").exists():
        return recorded.parent
    own = settings.local.python
    return (settings.root / own if own else Path(sys.executable)).parent
