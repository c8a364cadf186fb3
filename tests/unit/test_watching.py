"""Waiting until a Prometheus reads a run: no longer than needed, and once in vain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from prometheusserver import Answer, answering, refused, success
from tranship.deployment.monitoring import watching
from tranship.deployment.monitoring.watching import Watcher, watcher_of
from tranship.settings import QueryGateSettings, Settings


def target(health: str, project: str = "shop") -> dict[str, Any]:
    return {
        "labels": {"job": "runs", "project": project},
        "scrapeUrl": "http://127.0.0.1:1/metrics",
        "health": health,
        "lastScrape": "2026-05-01T10:00:00Z",
    }


def targets(*found: dict[str, Any]) -> Answer:
    return success({"activeTargets": list(found)})


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SECONDS", 1.0)
    monkeypatch.setattr(watching, "_PROBE_SECONDS", 0.01)


def test_it_waits_until_every_target_of_the_run_was_read() -> None:
    said: list[str] = []
    course = [
        targets(),
        targets(target("up", "other")),
        targets(target("up"), target("unknown")),
        targets(target("up"), target("up"), target("down", "other")),
    ]

    def next_one(_: dict[str, str]) -> Answer:
        return course[min(len(served.asked), len(course)) - 1]

    with answering({"/api/v1/targets": next_one}) as served:
        Watcher(served.url, said.append)("shop")
        assert 4 == len(served.asked)

    assert [] == said


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (targets(), "it has no target labelled project=shop that is up"),
        (targets(target("down")), "it has no target labelled project=shop that is up"),
        (refused(503, "starting"), "it does not answer"),
        ((200, "<html>"), "it does not answer"),
    ],
)
def test_it_waits_in_vain_once_and_says_so(answer: Answer, reason: str) -> None:
    said: list[str] = []
    with answering({"/api/v1/targets": answer}) as served:
        wait = Watcher(served.url.replace("://", "://reader:hunter2@"), said.append)
        wait("shop")
        count, began = len(served.asked), time.monotonic()
        wait("shop")
        assert time.monotonic() - began < 0.5
        assert count == len(served.asked)

    assert [f"not waiting for {served.url} any more: {reason}"] == said


@pytest.mark.parametrize(
    ("query", "option", "waits"),
    [
        ('sum(up{project="{project}"})', "http://there:9090", True),
        ('sum(up{run="{ run }"})', "http://there:9090", True),
        ('sum(up{project="{project}"})', "", False),  # nobody is asked
        ('rate(errors_total{job="shop"}[{range}])', "http://there:9090", False),
    ],
)
def test_it_waits_where_a_query_asks_for_one_run(query: str, option: str, waits: bool) -> None:
    gates = {"errors": QueryGateSettings(query, "< 1")}
    found = watcher_of(Settings(root=Path("here"), gates={**gates}), print, option)

    assert waits == (found is not None)
