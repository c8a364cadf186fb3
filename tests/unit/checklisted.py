"""A project whose checklist is looked at without an engine, and trials of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analyzedproject import SOUND, Analyzed
from tranship.migration.checklist.assessment import assess
from tranship.migration.checklist.items import item_of, items_of
from tranship.migration.checklist.model import Assessed
from tranship.trials import record
from tranship.trials.record import (
    EdgeLatency,
    HealthSamples,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)

LATER = "2096-05-01T10:00:00.000+00:00"
"""After every file that a test writes."""
WORDS = ("python", "-m", "pytest", "tests", "--verbosity=1")
TESTS = tuple(TestOutcome("tests.test_orders", f"test_{n}", "passed", 0.01) for n in range(3))


class Checklisted(Analyzed):
    """Write files and records, then ask."""

    def __init__(self, root: Path, added: str = "") -> None:
        super().__init__(root)
        linked = "\n    environment: {DB_URL: 'postgresql://app:geheim-1@db:5432/shop'}"
        build = "    build: .\n"
        self.write("compose.yaml", SOUND.replace(build, build.rstrip() + linked + "\n", 1))
        self.write("pyproject.toml", f"[tool.tranship]\n{added}")

    def of(self, name: str, *, costly: bool = False) -> Assessed:
        """Return how one item stands now."""
        found = assess(
            self.settings, [item_of(self.settings, name)], "inv test", _nobody, costly=costly
        )
        return found[0]

    def all(self) -> tuple[Assessed, ...]:
        return assess(self.settings, items_of(self.settings), "inv test", _nobody)

    def record(self, trial: Trial) -> Trial:
        record.write(trial, self.settings.trials)
        return trial


def _nobody(_detail: str) -> None:
    return


def figures(side: Side, factor: float = 1.0, passed: int = 50) -> ServiceFigures:
    return ServiceFigures(
        side=side,
        startup_seconds=factor,
        memory_bytes=int(1e7 * factor),
        memory_method="cgroup v2",
        cpu_seconds=factor,
        cpu_method="cgroup v2",
        health=HealthSamples(50, passed, 0.001, 0.004 * factor),
    )


def trial(
    mode: str = "docker",
    *,
    factor: float = 1.0,
    tests: Sequence[TestOutcome] = TESTS,
    command: Sequence[str] = WORDS,
    started: str = LATER,
    passed: int = 50,
    failed_edges: int = 0,
    p95: float = 0.003,
) -> Trial:
    side: Side = "docker" if mode == "docker" else "local"
    failing = any(test.outcome == "failed" for test in tests)
    edge = EdgeLatency("api", "db", "postgres", "direct", 100, failed_edges, 0.001, p95, 0.005)
    return Trial(
        id=f"{mode[:1]}{abs(hash(started)) % 9999}",
        mode=mode,
        placement=dict.fromkeys(("api", "db"), side),
        started=started,
        project="p",
        startup_seconds=factor,
        suite=SuiteRun(tuple(command), int(failing), 1.0, tuple(tests)),
        services={name: figures(side, factor, passed) for name in ("api", "db")},
        edges=(edge, replace(edge, via="published", p95_seconds=0.5)),
    )
