"""Planted causes are engine tests; their own suites are run by Tranship, not by this run."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine.conftest import engine as engine
from engine.conftest import suite_packages as suite_packages

collect_ignore_glob = ["*/checks"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)
