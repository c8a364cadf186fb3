"""The chart of docs/autoscaling.md: it is that of the record beside it, as the page tells it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RECORD = DOCS / "autoscaling.jsonl"


@pytest.fixture
def chart(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("scaling_chart")


def test_the_chart_is_what_the_script_makes_of_the_record(
    chart: ModuleType, tmp_path: Path
) -> None:
    assert 0 == chart.main([str(RECORD), str(tmp_path / "chart.svg")])

    made = (tmp_path / "chart.svg").read_text()
    assert (DOCS / "autoscaling.svg").read_text() == made
    lines = ElementTree.fromstring(made).iter("{http://www.w3.org/2000/svg}path")
    assert 4 == sum(line.get("class") == "line" for line in lines)


def test_the_page_shows_the_changes_of_the_record(chart: ModuleType) -> None:
    looks = chart.read(RECORD)
    changes = [
        f"{it['service']} {it['replicas']} -> {it['to']}: {it['reason']}"
        for it in looks
        if it["decision"] in {"up", "down"}
    ]
    shown = re.findall(r"^api \d -> .*$", (DOCS / "autoscaling.md").read_text(), flags=re.M)

    assert changes == shown
    assert 330 - 2 < looks[-1]["at"] < 330


def test_a_count_holds_until_the_next_look_and_what_is_unknown_is_no_point(
    chart: ModuleType,
) -> None:
    figures = {"requests": 3.0, "p95": None}
    looks = [
        {"service": "api", "figure": "p95", "target": 0.2, "at": at, "replicas": count}
        | {"figures": figures}
        for at, count in ((0.0, 1), (2.0, 2))
    ]
    served, tasks, p95 = chart.panels(looks)

    assert [(0.0, 3.0), (2.0, 6.0)] == served.points
    assert (True, [(0.0, 1), (2.0, 2)]) == (tasks.steps, tasks.points)
    assert ([], 200.0) == (p95.points, p95.target)
    assert "H744.0V" in chart.drawn(looks)
