"""Tests as pytest is asked for them, and as its JUnit report names them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import EnvironmentFailed
from ...modes.base import Mode
from ...trials.record import TestOutcome

_COLLECT = """
import contextlib, io, json, os, sys
import pytest

class Collected:
    def __init__(self):
        self.found = []

    def pytest_collection_finish(self, session):
        for item in session.items:
            path = os.path.relpath(str(getattr(item, "path", item.fspath)))
            self.found.append([path, *item.nodeid.partition("::")[::2]])

collected = Collected()
with contextlib.redirect_stdout(io.StringIO()):
    # Every order is the collection's own: a plugin that shuffles would shuffle here too.
    pytest.main(
        [*PATHS, "--collect-only", "-p", "no:cacheprovider", "-p", "no:randomly"],
        plugins=[collected],
    )
print()
print(json.dumps(collected.found))
sys.stdout.flush()
os._exit(0)
"""


@dataclass(frozen=True)
class Item:
    """One test, or a whole file where that cannot be imported."""

    argument: str
    """What names it to pytest, from the suite's working folder."""
    classname: str
    name: str
    whole_file: bool = False

    def is_of(self, test: TestOutcome) -> bool:
        """Whether an entry of the report is of this test."""
        return (test.classname, test.name) == (self.classname, self.name)

    @property
    def shown(self) -> str:
        """The test's name as the tables show it."""
        return f"{self.classname}::{self.name}" if self.classname else self.name

    @property
    def file(self) -> str:
        """The file that it is in, as pytest is asked for it."""
        return self.argument.partition("::")[0]


def item_of(path: str, file: str, rest: str) -> Item:
    """Return a test by its file from the working folder, and the two parts of its node id.

    Source of the names: pytest's junitxml.py, mangle_test_address.
    """
    address, bracket, parameters = rest.partition("[")
    names = [re.sub(r"\.py$", "", file.replace("/", ".")), *address.split("::")]
    names[-1] += bracket + parameters
    return Item(f"{path}::{rest}", ".".join(names[:-1]), names[-1])


def collected(mode: Mode, paths: Sequence[str]) -> tuple[Item, ...]:
    """Return the tests of a mode, in the order in which its pytest runs them.

    Raises EnvironmentFailed when pytest cannot collect at all.
    """
    lines = mode.python(f"PATHS = {list(paths)!r}\n{_COLLECT}").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else []
    except ValueError as error:
        raise EnvironmentFailed(f"pytest cannot collect: {lines[-1][:200]}") from error
    return tuple(item_of(*entry) for entry in found)


def found_in(items: Iterable[Item], test: TestOutcome) -> Item | None:
    """Return the item that the report's entry is of; None where there is none.

    A file that cannot be imported is one entry, by the file's name: then it is the whole file.
    """
    known = list(items)
    exact = next((item for item in known if item.is_of(test)), None)
    if exact is not None:
        return exact
    for item in known:
        module = re.sub(r"\.py$", "", item.file.replace("/", "."))
        if not test.classname and (module == test.name or module.endswith(f".{test.name}")):
            return Item(item.file, "", test.name, whole_file=True)
    return None


def normalised(name: str) -> str:
    """Return what a person types for a test as the tables show it: a node id too."""
    file, separator, rest = name.partition(".py::")
    if not separator:
        return name
    address, bracket, parameters = rest.partition("[")
    parts = [*file.split("/"), *address.split("::")]
    return ".".join(parts[:-1]) + "::" + parts[-1] + bracket + parameters
