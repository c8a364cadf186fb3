"""Two trials with everything that a report can show, and text that must not run."""

from __future__ import annotations

import math
from dataclasses import replace

from tranship.comparison.diff import Comparison, compare
from tranship.trials.record import (
    EdgeLatency,
    HealthSamples,
    RuntimeShare,
    Series,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)

MODULE = "tests.stack.test_orders"
SCRIPT = "<script>document.title='owned'</script>"
IMAGE = '"><img src=x onerror="document.title=\'owned\'">'
SECRET = "swordfish-of-the-test"
NAMES = ("postgres", "redis", "market-data", "data-service", "executor-service", "frontend")


def mask(text: str) -> str:
    return text.replace(SECRET, "******")


def series(scale: float, shift: float, samples: int = 90) -> Series:
    at = tuple(index * 0.5 for index in range(samples))
    memory = [int((40 + 12 * scale * (1 - math.exp(-t / 12)) + shift) * 2**20) for t in at]
    work = [scale * (0.12 * t + 0.5 * math.sin(t / 5 + shift) ** 2) for t in at]
    peaks = [max(work[: index + 1]) for index in range(samples)]
    return Series(
        at_seconds=at,
        memory_bytes=(*memory[:40], None, *memory[41:]),
        cpu_seconds=tuple(peaks),
        latency_seconds=tuple(
            scale * (0.002 + 0.001 * math.sin(t + shift)) if index % 2 else None
            for index, t in enumerate(at)
        ),
    )


def service(index: int, side: Side, factor: float, *, sampled: bool) -> ServiceFigures:
    began = (0.05 + 0.55 * index) * factor
    return ServiceFigures(
        side=side,
        startup_seconds=began + 0.3 + 0.25 * (index % 3),
        own_startup_seconds=0.3 + 0.25 * (index % 3),
        memory_bytes=int((40 + 9 * index) * factor**0.2 * 2**20),
        memory_method="cgroup v1",
        cpu_seconds=(1 + index / 3) * factor**0.4,
        cpu_method="cgroup v1" if index else f"by {side}",
        health=HealthSamples(50, 50, 0.0011 * factor * (1 + index / 4), 0.0041 * factor),
        offset_seconds=began if sampled else None,
        waited_for=(NAMES[0], NAMES[2])[: index - 1] if index > 1 else (),
        series=series(factor, index) if sampled else None,
    )


def side(mode: Side, tests: tuple[TestOutcome, ...], factor: float, *, sampled: bool) -> Trial:
    services = {
        name: service(index, mode, factor, sampled=sampled) for index, name in enumerate(NAMES)
    }
    edges = tuple(
        EdgeLatency(consumer, target, kind, via, 200, 0, *(base * factor * it for it in (1, 2, 5)))
        for consumer, target, kind, via, base in (
            ("executor-service", "postgres", "postgres", "direct", 0.0006),
            ("executor-service", "market-data", "http", "direct", 0.0021),
            ("market-data", "redis", "redis", "direct", 0.0002),
            ("host", "frontend", "http", "published", 0.0032),
        )
    )
    return Trial(
        id="a1b2c3" if mode == "local" else "d4e5f6",
        mode=mode,
        placement=dict.fromkeys(NAMES, mode),
        started="2026-05-01T10:00:00+00:00",
        project="p",
        startup_seconds=max(it.startup_seconds or 0 for it in services.values()),
        suite=SuiteRun(("pytest",), 1, 12.5 * factor, tests),
        services=services,
        runtime=RuntimeShare(6, int(40 * factor * 2**20), 0.3 * factor, None),
        fingerprint={"python": "3.11.7", "tz": "UTC" if mode == "docker" else "Europe/Berlin",
                     "locale": "C.UTF-8" if mode == "docker" else "de_DE.UTF-8",
                     "env:NOTE": f"{SCRIPT} {SECRET} {mode}"},
        edges=edges if sampled else (),
    )  # fmt: skip


def hostile(*, plain: int = 24, sampled: bool = True) -> Comparison:
    """Return a comparison with `plain` tests that pass on both sides, and six that do not."""
    same = [
        TestOutcome(MODULE, f"test_order_{index:02}", "passed", 0.01 + 0.013 * (index * 7 % 11))
        for index in range(plain)
    ]
    local = (
        TestOutcome(MODULE, f"test_zone[{SCRIPT}]", "passed", 0.5),
        TestOutcome(MODULE, "test_collation", "passed", 0.04),
        TestOutcome(MODULE, "test_known", "failed", 0.1, "assert 1 == 2"),
        TestOutcome(MODULE, f"test_left{IMAGE}", "passed", 0.2),
        TestOutcome(MODULE, "test_later", "skipped", 0.0, "not yet"),
        *same,
    )
    docker = (
        TestOutcome(
            MODULE, f"test_zone[{SCRIPT}]", "failed", 0.7,
            f"AssertionError: {SCRIPT} & password {SECRET} \x1b[31m \x00",
        ),
        TestOutcome(MODULE, "test_collation", "error", 0.05, f"ValueError: 'ä' > 'z' {IMAGE}"),
        TestOutcome(MODULE, "test_known", "failed", 0.1, "assert 1 == 2"),
        TestOutcome(MODULE, "test_right", "passed", 0.3),
        TestOutcome(MODULE, "test_later", "skipped", 0.0, "not yet"),
        *(TestOutcome(it.classname, it.name, "passed", it.seconds * 1.4) for it in same),
    )  # fmt: skip
    return compare(
        side("local", local, 1.0, sampled=sampled), side("docker", docker, 1.6, sampled=sampled)
    )


RUNS = 3


def several() -> Comparison:
    """Return a comparison of RUNS runs of each side, of which the last is the slowest."""
    tests = (TestOutcome(MODULE, "test_order", "passed", 0.5),)
    baseline, candidate = (
        [
            replace(
                side(mode, tests, factor * (1 + 0.2 * number), sampled=True),
                id=f"{mode}{number}",
                batch="b",
                repeat=number + 1,
                runtime=RuntimeShare(6, 1, 0.3, series(factor, number)),
            )
            for number in range(RUNS)
        ]
        for mode, factor in (("local", 1.0), ("docker", 1.6))
    )
    return compare(baseline, candidate)
