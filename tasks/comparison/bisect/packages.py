"""One distribution's version at a time: taken from the passing side, or hidden on the failing one.

Its own files, as its RECORD lists them, go into a folder that stands first on the failing side's
path. Nothing that is installed is touched.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EnvironmentFailed
from .change import Change
from .reasons import NotApplicable

if TYPE_CHECKING:
    from .bench import Bench

HIDING = "tranship_hidden"
"""The pytest plugin that hides distributions: loaded before those that are installed."""

_INSTALLED = """
import importlib.metadata, json, platform, re, sys

def known():
    found = {}
    for it in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", str(it.metadata["Name"])).lower()
        files = [str(path) for path in it.files or ()]
        # The first on the path is the one that is imported.
        found.setdefault(name, {
            "version": it.version,
            "files": bool(files),
            "compiled": any(path.endswith((".so", ".pyd")) for path in files),
            "modules": sorted({path.split("/")[0].partition(".py")[0] for path in files
                               if not path.startswith("..") and "-info" not in path.split("/")[0]}),
        })
    return found

kind = [sys.implementation.name, list(sys.version_info[:2]), platform.machine(),
        platform.libc_ver()[0]]
print()
print(json.dumps({"kind": kind, "known": known()}))
"""

_PACK = """
import base64, importlib.metadata, io, os, sys, tarfile
stream = io.BytesIO()
with tarfile.open(fileobj=stream, mode="w:gz") as archive:
    for it in importlib.metadata.distribution(NAME).files or ():
        path = str(it.locate())
        if not str(it).startswith("..") and "__pycache__" not in str(it) and os.path.isfile(path):
            archive.add(path, arcname=str(it), recursive=False)
print()
print(base64.b64encode(stream.getvalue()).decode())
"""

_HIDDEN = '''"""Hides distributions from a run of pytest."""
import importlib.metadata
import re
import sys

DISTRIBUTIONS = {distributions!r}
MODULES = {modules!r}


class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in MODULES:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
        return None


sys.meta_path.insert(0, Hidden)
finder = importlib.metadata.MetadataPathFinder
find = finder.find_distributions


def visible(*arguments, **options):
    for it in find(*arguments, **options):
        if re.sub(r"[-_.]+", "-", str(it.metadata["Name"])).lower() not in DISTRIBUTIONS:
            yield it


finder.find_distributions = staticmethod(visible)
'''


@dataclass
class Packages:
    """What brings distributions from the passing side to the failing one."""

    failing: Bench
    passing: Bench
    _installed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _packed: dict[str, bytes] = field(default_factory=dict)

    def change(self, name: str) -> Change:
        """Return the change that gives the failing side this distribution as the other has it.

        Raises NotApplicable where it cannot be moved.
        """
        mine, theirs = self._side(self.failing), self._side(self.passing)
        there = theirs["known"].get(name)
        if there is None:
            if name not in mine["known"]:
                raise NotApplicable("its files are not those of an installed distribution")
            return Change(packages={name: None})
        if not there["files"]:
            raise NotApplicable("it has no RECORD of its files")
        if there["compiled"] and mine["kind"] != theirs["kind"]:
            raise NotApplicable("it is compiled for another Python or system")
        return Change(packages={name: there["version"]})

    def overlay(self, names: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Fill a new folder for the failing side's path; return what pytest is told of it."""
        folder.mkdir(parents=True)
        known, hidden = self._side(self.passing)["known"], []
        for name in names:
            if name not in known:
                hidden.append(name)
                continue
            if name not in self._packed:
                text = self.passing.mode.python(f"NAME = {name!r}\n{_PACK}")
                self._packed[name] = base64.b64decode(text.strip().splitlines()[-1])
            with tarfile.open(fileobj=io.BytesIO(self._packed[name])) as archive:
                archive.extractall(folder, filter="data")
        if not hidden:
            return ()
        mine = self._side(self.failing)["known"]
        modules = sorted({module for name in hidden for module in mine[name]["modules"]})
        text = _HIDDEN.format(distributions=hidden, modules=modules)
        (folder / f"{HIDING}.py").write_text(text, encoding="utf-8")
        return ("-p", HIDING)

    def _side(self, bench: Bench) -> Mapping[str, Any]:
        if bench.name not in self._installed:
            try:
                lines = bench.mode.python(_INSTALLED).strip().splitlines()
                self._installed[bench.name] = json.loads(lines[-1])
            except (EnvironmentFailed, ValueError, IndexError) as error:
                raise NotApplicable("its Python cannot say what is installed") from error
        return self._installed[bench.name]
