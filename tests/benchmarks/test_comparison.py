"""How long a comparison of large records takes, and how much memory: 50,000 tests a side.

The whole command is measured, `nox -s compare -- --from-records`: nox's own start, reading,
comparing, the tables and the three reports.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tranship.trials import record
from tranship.trials.record import (
    HealthSamples,
    Outcome,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)

TESTS = 50_000
LIMIT_SECONDS = 3.0
LIMIT_BYTES = 500_000_000
ROUNDS = 3
BROKEN_EVERY = 997
"""One test in so many fails on one side, and as many take turns in failing."""


def outcome(number: int, mode: Side, run: int, draw: random.Random) -> TestOutcome:
    failed = mode == "docker" and number % BROKEN_EVERY == 0
    flaky = number % BROKEN_EVERY == 1 and run == 2
    result: Outcome = "failed" if failed or flaky else "passed"
    return TestOutcome(
        f"tests.part_{number % 40}.test_module_{number // 100}",
        f"test_case_{number}[case-{number % 7}]",
        result,
        round(draw.random() / 20, 3),
        f"ConnectionError: http://127.0.0.1:{40_000 + number % 1000} refused" if failed else "",
    )


def trial(mode: Side, run: int, runs: int) -> Trial:
    draw = random.Random(run)
    tests = tuple(outcome(number, mode, run, draw) for number in range(TESTS))
    figures = ServiceFigures(
        mode, 1.0 + draw.random() / 9, 0.5, 10**7, "cgroup v1", 1.0, "cgroup v1",
        HealthSamples(50, 50, 0.01, 0.02),
    )  # fmt: skip
    return Trial(
        id=f"{mode}{run}",
        mode=mode,
        placement={"api": mode},
        started=f"2026-05-01T10:{run:02}:00.000+00:00",
        project="p",
        suite=SuiteRun(("pytest",), 1, 100.0, tests),
        services={"api": figures},
        fingerprint={"python": "3.11.7"},
        batch="b" if runs > 1 else "",
        repeat=run,
    )


def project(root: Path) -> Path:
    """Return a project of one service; nothing of it is started."""
    (root / "pyproject.toml").write_text("[tool.tranship]\n")
    (root / "compose.yaml").write_text("services:\n  api:\n    image: none\n")
    (root / "noxfile.py").write_text("from tranship import sessions\n\nsessions.register()\n")
    return root


def measured(root: Path) -> tuple[float, float, int]:
    """Return seconds, CPU seconds and peak memory of one command, its children's included."""
    with (root / "said.txt").open("wb") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "nox", "-s", "compare", "--", "--from-records"],
            cwd=root,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
    text = (root / "said.txt").read_text()
    assert process.returncode == 1, text
    assert f"{-(-TESTS // BROKEN_EVERY)} tests differ" in text
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def within_limits(root: Path) -> None:
    # The first makes nox's environment, which stays.
    measured(root)
    figures = [measured(root) for _ in range(ROUNDS)]
    seconds, cpu = min(it[0] for it in figures), min(it[1] for it in figures)
    memory = max(it[2] for it in figures)
    print(f"{seconds:.2f} s, {cpu:.2f} s of CPU, {memory / 1e6:.0f} MB")  # noqa: T201 - what is asked for
    for name in ("report.html", "report.md", "report.xml"):
        assert len(list(root.glob(f".tranship/reports/*/{name}"))) == 1
    assert memory < LIMIT_BYTES
    if cpu < LIMIT_SECONDS <= seconds:
        pytest.skip(f"{seconds:.2f} s with {cpu:.2f} s of CPU: it waited for a busy machine")
    assert seconds < LIMIT_SECONDS


@pytest.mark.parametrize("runs", [1, 3])
def test_fifty_thousand_tests_on_each_side(tmp_path: Path, runs: int) -> None:
    root = project(tmp_path)
    for run in range(1, runs + 1):
        for mode in ("local", "docker"):
            record.write(trial(mode, run, runs), root / ".tranship" / "trials")

    within_limits(root)


def test_the_same_from_another_root_folder(tmp_path: Path) -> None:
    """No name is equal then, and each is joined by its end."""
    root = project(tmp_path)
    record.write(trial("local", 1, 1), root / ".tranship" / "trials")
    moved = trial("docker", 1, 1)
    assert moved.suite is not None
    tests = tuple(
        replace(it, classname=it.classname.removeprefix("tests.")) for it in moved.suite.tests
    )
    suite = replace(moved.suite, tests=tests)
    record.write(replace(moved, suite=suite), root / ".tranship" / "trials")

    within_limits(root)
