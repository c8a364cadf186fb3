"""The symptoms of the troubleshooting page that a comparison of records shows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import tranship
from invoke.program import Program
from symptoms import Reproduced
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

Symptoms = Mapping[str, Reproduced]
Inv = Callable[..., tuple[int, str, str]]
NOW_AND_THEN: tuple[Outcome, ...] = ("passed", "failed", "passed")
SIDES: dict[str, Side] = {"local": "local", "local@2": "local", "docker": "docker"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Path:
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    image: x\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def show(inv: Inv) -> Callable[..., tuple[str, int]]:
    """Return what `inv compare.show`, or another task, printed, and its exit code."""
    program = Program(namespace=tranship.namespace(), version="0")

    def shown(*words: str, task: str = "compare.show") -> tuple[str, int]:
        code, out, err = inv(program, task, *words)
        return out + err, code

    return shown


def trial(
    mode: str,
    run: int,
    outcomes: Mapping[str, Outcome],
    *,
    seconds: float = 1.0,
    python: str = "3.11.7",
    batch: str = "",
) -> Trial:
    health = HealthSamples(50, 50, 0.001, 0.002)
    return Trial(
        id=f"{list(SIDES).index(mode)}{run:05}",
        mode=mode,
        placement={"web": SIDES[mode]},
        started=f"2026-05-01T10:00:0{run}.000+00:00",
        project="shop",
        startup_seconds=seconds,
        suite=SuiteRun(
            ("pytest",),
            1 if "failed" in outcomes.values() else 0,
            1.0,
            tuple(TestOutcome("checks.test_now", name, it, 0.1) for name, it in outcomes.items()),
        ),
        services={
            "web": ServiceFigures(
                SIDES[mode], seconds, seconds / 2, 2**25, "cgroup v1", 1.0, "cgroup v1", health
            )
        },
        runtime=None,
        fingerprint={"python": python},
        batch=batch,
        repeat=run if batch else 1,
    )


def written(project: Path, trials: Iterable[Trial]) -> None:
    for each in trials:
        record.write(each, project / ".tranship" / "trials")


@pytest.mark.symptom("a-test-is-flaky")
def test_a_flaky_test(
    symptom: Symptoms, project: Path, show: Callable[..., tuple[str, int]]
) -> None:
    for mode in ("local", "docker"):
        for run, outcome in enumerate(NOW_AND_THEN, 1):
            outcomes = {"test_now_and_then": outcome}
            written(project, [trial(mode, run, outcomes, batch="b1b1b1")])
    found = symptom["a-test-is-flaky"]
    found.says(*show())
    found.prints(show(task="compare.explain")[0])


@pytest.mark.symptom("different-interpreters")
def test_different_interpreters(
    symptom: Symptoms, project: Path, show: Callable[..., tuple[str, int]]
) -> None:
    written(project, [trial("local", 1, {"test_a": "passed"}, python="3.12.1")])
    written(project, [trial("docker", 1, {"test_a": "passed"})])
    found = symptom["different-interpreters"]
    found.says(*show())
    found.tells(project, {**os.environ, "PATH": os.fspath(Path(sys.executable).parent)})


@pytest.mark.symptom("no-record-to-compare")
def test_no_record(symptom: Symptoms, project: Path, show: Callable[..., tuple[str, int]]) -> None:
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    found = symptom["no-record-to-compare"]
    found.says(*show())
    found.tells(project, environment, 1)
    (project / ".tranship" / "trials").mkdir(parents=True)
    (project / ".tranship/trials/hybrid_web-20260501T100000.000-a1b2c3.json").touch()
    found.says(*show())
    found.tells(project, environment, 2)


@pytest.mark.symptom("a-target-is-missed")
def test_a_missed_target(
    symptom: Symptoms, project: Path, show: Callable[..., tuple[str, int]]
) -> None:
    found = symptom["a-target-is-missed"]
    for mode, factor in (("local", 1.0), ("docker", 4.0), ("local@2", 1.0)):
        for run in range(1, 6):
            seconds = factor * (1 + run / 100)
            outcomes: dict[str, Outcome] = {"test_a": "passed"}
            made = trial(mode, run, outcomes, seconds=seconds, batch="b1b1b1")
            written(project, [made])
    found.says(*show("--enforce"))
    found.prints(show("--candidate", "local@2")[0], 1)
    for run in range(1, 6):
        slow = trial("local@2", run, {"test_a": "passed"}, seconds=3.0, batch="c2c2c2")
        written(project, [replace(slow, started=slow.started.replace("10:00", "11:00"))])
    found.prints(show("--candidate", "local@2")[0], 2)


@pytest.mark.symptom("inconclusive")
def test_inconclusive(
    symptom: Symptoms, project: Path, show: Callable[..., tuple[str, int]]
) -> None:
    found = symptom["inconclusive"]
    written(project, [trial(mode, 1, {"test_a": "skipped"}) for mode in ("local", "docker")])
    found.says(*show(), 1)
    written(project, [trial("local", 2, {"test_a": "passed"})])
    written(project, [trial("docker", 2, {"test_a": "passed"}, seconds=4.0)])
    found.says(*show("--enforce"), 2)
    found.prints(show("--strict")[0], 1)
    # A figure that nobody could read.
    unread = trial("docker", 3, {"test_a": "passed"})
    written(project, [_without_cpu(unread)])
    found.says(*show("--strict"), 3)
    found.prints(show("--strict")[0], 2)


def _without_cpu(whole: Trial) -> Trial:
    return replace(whole, services={"web": replace(whole.services["web"], cpu_seconds=None)})
