"""The plugin of order probes, in a pytest of its own whose conftest turns every order around."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tranship.comparison.bisect.ordering import write_ordering

TESTS = "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n\n\ndef test_c():\n    pass\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    checks = tmp_path / "checks"
    checks.mkdir()
    (checks / "test_x.py").write_text(TESTS)
    (checks / "test_y.py").write_text(TESTS)
    (checks / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items):\n    items.sort(key=lambda it: it.nodeid)\n"
    )
    return tmp_path


def order(project: Path, *arguments: str) -> list[str]:
    words = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *arguments]
    path = str(project / "overlay")
    done = subprocess.run(
        words, cwd=project, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    return re.findall(r"^(\S+::\S+) PASSED", done.stdout, re.MULTILINE)


def test_the_order_asked_for_wins_over_a_conftest(project: Path) -> None:
    asked = ["checks/test_y.py::test_c", "checks/test_x.py::test_b", "checks/test_y.py::test_a"]
    plugin = write_ordering(project / "overlay")

    assert sorted(asked) == order(project, *asked)
    assert asked == order(project, *asked, *plugin)


def test_a_whole_file_keeps_its_place(project: Path) -> None:
    asked = ["checks/test_y.py", "checks/test_x.py::test_c"]
    plugin = write_ordering(project / "overlay")

    found = order(project, *asked, *plugin)

    assert "checks/test_x.py::test_c" == found[-1]
    assert ["checks/test_y.py"] * 3 == [name.split("::")[0] for name in found[:-1]]
