from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.gates import project_gates
from tranship.comparison.options import parsed
from tranship.comparison.records import comparison_of
from tranship.comparison.repeats import flaky, history, merged, tally
from tranship.comparison.tables import render
from tranship.comparison.verdict import exit_code, sentence
from tranship.errors import ExitCode, RecordError, UsageError
from tranship.settings import Settings
from tranship.trials import record
from tranship.trials.record import (
    Failure,
    HealthSamples,
    Outcome,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)

P: Outcome = "passed"
F: Outcome = "failed"
SERVICES = ("api", "worker", "store")


def suite(**tests: Outcome | str) -> SuiteRun:
    found = tuple(
        TestOutcome("tests.test_a", name, "passed", 0.01)
        if said == P
        else TestOutcome("tests.test_a", name, "failed", 0.01, str(said))
        for name, said in tests.items()
    )
    return SuiteRun(("pytest",), int(any(it.outcome == F for it in found)), 2.0, found)


def run(mode: Side, number: int, tests: SuiteRun | None, **more: Any) -> Trial:
    values: dict[str, Any] = {
        "id": f"{mode}{number}",
        "placement": {},
        "started": f"2026-05-01T10:{number:02}:00.000+00:00",
        "project": "p",
        "batch": "b1",
        "repeat": number,
    } | more
    return Trial(mode=mode, suite=tests, **values)


def runs(mode: Side, *suites: SuiteRun | None, **more: Any) -> list[Trial]:
    return [run(mode, number, it, **more) for number, it in enumerate(suites, start=1)]


def together(*suites: SuiteRun) -> dict[str, TestOutcome]:
    found = merged(runs("local", *suites))
    assert found is not None
    assert found.suite is not None
    return {test.name: test for test in found.suite.tests}


def measured(
    source: random.Random, mode: Side, count: int, slowdown: float = 1.0, noise: float = 0.03
) -> list[Trial]:
    def drawn(middle: float, factor: float = 1.0) -> float:
        return source.gauss(middle, middle * noise) * factor

    return [
        run(
            mode,
            number,
            suite(a=P),
            services={
                name: ServiceFigures(
                    side=mode,
                    startup_seconds=drawn(1.0),
                    own_startup_seconds=drawn(0.4),
                    memory_bytes=int(drawn(50e6)),
                    memory_method="cgroup v1",
                    cpu_seconds=drawn(1.5, slowdown if name == "worker" else 1.0),
                    cpu_method="cgroup v1",
                    health=HealthSamples(50, 50, drawn(0.002), drawn(0.004)),
                )
                for name in SERVICES
            },
        )
        for number in range(1, count + 1)
    ]


# Several runs as one


def test_no_run_is_no_trial_and_one_is_itself() -> None:
    one = run("local", 1, suite(a=P))

    assert merged([]) is None
    assert merged([one]) is one


def test_a_test_has_its_worst_outcome_and_its_history() -> None:
    found = together(suite(a=P, b=P), suite(a="boom", b=P), suite(a=P, b=P))

    assert (F, "boom") == (found["a"].outcome, found["a"].message)
    assert (P, F, P) == history(found["a"])
    assert {"a"} == {name for name, test in found.items() if flaky(test)}
    assert "passed 2 of 3, failed 1" == tally(found["a"])
    assert "passed 3 of 3" == tally(found["b"])
    assert "" == tally(None)


def test_a_test_that_is_missing_in_a_whole_suite_is_flaky() -> None:
    found = together(suite(a=P, b=P), suite(a=P))

    assert (P, None) == history(found["b"])
    assert "passed 1 of 2, missing 1" == tally(found["b"])


@pytest.mark.parametrize(
    "change", [{"hung_in": "tests/test_a.py::a", "exit_code": None}, {"exit_code": 2}]
)
def test_a_test_that_an_ended_suite_did_not_reach_is_unknown(change: dict[str, Any]) -> None:
    found = together(suite(a=P, b=P), replace(suite(a=P), **change))

    assert (P,) == history(found["b"])
    assert not flaky(found["b"])


def test_times_are_medians_and_what_failed_once_has_failed() -> None:
    trials = [
        run("local", 1, suite(a=P), startup_seconds=9.0),
        run("local", 2, None, failure=Failure("start", "no port")),
        run("local", 3, replace(suite(a=P), seconds=4.0, exit_code=3), startup_seconds=1.0),
    ]

    found = merged(trials)

    assert found is not None
    assert found.suite is not None
    assert (5.0, 3.0, 3) == (found.startup_seconds, found.suite.seconds, found.suite.exit_code)
    assert Failure("start", "no port") == found.failure


# Test by test


def test_a_difference_in_each_of_three_runs_is_stable() -> None:
    found = compare(
        runs("local", *[suite(a=P, b=P)] * 3), runs("docker", *[suite(a="boom", b=P)] * 3)
    )

    assert [("a", True)] == [(it.baseline.name, it.stable) for it in found.different]
    assert (1, ()) == (found.same, found.flaky)
    assert "Stable: each differs in every run." in render(found)
    assert ExitCode.TESTS_DIFFER == exit_code(found, enforce=False, strict=False)


def test_a_difference_in_two_runs_is_not_known_to_be_stable() -> None:
    found = compare(runs("local", *[suite(a=P)] * 2), runs("docker", *[suite(a="boom")] * 2))

    assert [False] == [it.stable for it in found.different]
    assert "Unknown whether stable: fewer than 3 runs of a mode." in render(found)


def test_a_flaky_test_is_no_difference_of_the_modes() -> None:
    found = compare(
        runs("local", suite(a=P), suite(a=P), suite(a=P)),
        runs("docker", suite(a=P), suite(a="boom"), suite(a=P)),
    )

    assert ((), (), 0) == (found.different, found.same_failure, found.same)
    assert ["a"] == [it.test.name for it in found.flaky]
    assert "1 test is flaky; no target judged." == sentence(found)
    assert ExitCode.INCONCLUSIVE == exit_code(found, enforce=False, strict=False)
    text = render(found)
    assert "Flaky tests, no difference of the modes: 1" in text
    assert "tests.test_a::a  passed 3 of 3  passed 2 of 3, failed 1  boom" in text
    tests_gate = next(it for it in found.gates if it.gate.name == "tests")
    assert "1 test is flaky" == tests_gate.judgement.reason


def test_a_test_that_one_mode_has_now_and_then_is_flaky() -> None:
    found = compare(
        runs("local", suite(a=P, b=P), suite(a=P)), runs("docker", suite(a=P), suite(a=P))
    )

    assert ((), ["b"]) == (found.only_baseline, [it.test.name for it in found.flaky])


def test_failures_that_vary_within_a_mode_are_the_same_where_one_is() -> None:
    found = compare(
        runs("local", suite(a="one"), suite(a="two")),
        runs("docker", suite(a="two"), suite(a="six")),
    )

    assert ((), 1) == (found.different, len(found.same_failure))


def test_one_run_says_what_it_cannot_know() -> None:
    found = compare(run("local", 1, suite(a=P)), run("docker", 1, suite(a="boom")))

    assert "Each mode ran once: what is noise, an outlier or flaky cannot be told" in render(found)
    assert [False] == [it.stable for it in found.different]


# Figures


def compared(seed: int, count: int, slowdown: float = 1.0, **gates: str) -> Comparison:
    source = random.Random(seed)
    chosen = project_gates(Settings(root=Path("here"), gates=dict(gates)))
    return compare(
        measured(source, "local", count), measured(source, "docker", count, slowdown), gates=chosen
    )


def test_the_same_distribution_twice_fails_no_gate_and_moves_nothing() -> None:
    for seed in range(20):
        found = compared(seed, 10)

        assert ExitCode.SAME == exit_code(found, enforce=True, strict=False), seed
        assert () == found.moved, seed
        assert "No figure moved for sure." in render(found)


def test_a_service_that_is_a_fifth_slower_is_found() -> None:
    for seed in range(20):
        found = compared(seed, 10, slowdown=1.2)

        assert [("worker", "CPU")] == [(it.service, it.figure) for it in found.moved], seed
        assert ["cpu"] == [
            it.gate.name for it in found.gates if it.judgement.verdict.name == "MISSED"
        ]
        assert ExitCode.GATE_FAILED == exit_code(found, enforce=True, strict=False)
        assert "Moved for sure: CPU of worker 1." in render(found)


def test_a_row_has_its_median_spread_and_interval() -> None:
    found = compared(3, 10)
    row = next(it for it in found.services if it.figure == "CPU")

    assert row.estimate is not None
    assert row.estimate.low is not None
    assert (10, 10) == tuple(map(len, row.values))
    text = render(found, unicode=False)
    line = next(it for it in text.splitlines() if " CPU " in it)
    assert " +/- " in line
    assert f"({row.estimate.low:.2f}-" in line


def test_a_limit_within_the_interval_is_inconclusive() -> None:
    found = compared(1, 10, slowdown=1.2, cpu="ratio < 1.2")
    row = next(it for it in found.services if (it.service, it.figure) == ("worker", "CPU"))

    assert row.unknown
    assert ExitCode.SAME == exit_code(found, enforce=True, strict=False)
    assert ExitCode.INCONCLUSIVE == exit_code(found, enforce=True, strict=True)


def values(mode: Side, startups: Sequence[float | None]) -> list[Trial]:
    return [
        run(mode, number, suite(a=P), services={"api": ServiceFigures(mode, startup_seconds=it)})
        for number, it in enumerate(startups, start=1)
    ]


@pytest.mark.parametrize(
    ("baseline", "candidate", "verdict"),
    [
        ([1.0, 1.0], [1.2, 1.3], "MET"),
        ([1.0, 1.1], [1.4, 1.6], "UNKNOWN"),
        ([1.0, 1.1], [2.0, 2.1], "UNKNOWN"),
        ([1.0, 1.1, 1.0], [2.0, 2.1, 2.1], "UNKNOWN"),
        ([1.0, 1.01, 1.0], [3.0, 3.1, 3.0], "MISSED"),
        ([1.0], [1.4, 1.6], "UNKNOWN"),
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], "UNKNOWN"),
        ([None, None], [1.0, 1.0], "UNKNOWN"),
        ([None, 1.0], [1.0, 1.0], "MET"),
    ],
)
def test_few_runs_are_judged_by_their_range(
    baseline: list[float | None], candidate: list[float | None], verdict: str
) -> None:
    found = compare(values("local", baseline), values("docker", candidate))
    row = next(it for it in found.services if it.figure == "start-up")

    assert row.judgement is not None
    assert verdict == row.judgement.verdict.name


def test_two_runs_on_both_sides_of_a_limit_are_too_few() -> None:
    found = compare(values("local", [1.0, 1.1]), values("docker", [1.4, 1.6]))
    row = next(it for it in found.services if it.figure == "start-up")

    assert row.judgement is not None
    assert "2 of at least 3 runs, on both sides of the limit" == row.judgement.reason


def test_a_slow_first_run_and_an_outlier_are_named() -> None:
    found = compare(
        values("local", [9.0, 1.0, 1.01, 0.99, 1.02, 1.0]),
        values("docker", [1.0, 1.01, 0.99, 1.02, 9.0, 1.0]),
    )

    text = render(found)
    assert "The first run of local was slow (start-up of api): a cold cache" in text
    assert "Outliers: start-up of api on docker (run 5)." in text


def test_runs_of_different_methods_are_compared_with_nothing() -> None:
    def trials(mode: Side, *methods: str) -> list[Trial]:
        return [
            run(
                mode,
                number,
                suite(a=P),
                services={
                    "api": ServiceFigures(mode, memory_bytes=5, memory_method=it),
                },
            )
            for number, it in enumerate(methods, start=1)
        ]

    found = compare(
        trials("local", "cgroup v1", "psutil rss"), trials("docker", *["cgroup v1"] * 2)
    )

    row = next(it for it in found.services if it.figure == "memory")
    assert row.judgement is not None
    assert "measuring method not recorded" == row.judgement.reason


def test_swapping_the_sides_mirrors_what_is_flaky() -> None:
    left = runs("local", suite(a=P), suite(a="boom"))
    right = runs("docker", suite(a=P), suite(a=P))

    one, other = compare(left, right), compare(right, left)

    assert [(it.baseline, it.candidate) for it in one.flaky] == [
        (it.candidate, it.baseline) for it in other.flaky
    ]


# Records and options


def test_a_batch_is_compared_as_one(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path)
    for number in (1, 2, 3):
        for mode in ("local", "docker"):
            record.write(run(mode, number, suite(a=P)), settings.trials)  # type: ignore[arg-type]

    found = comparison_of(settings, "local", "docker")

    assert ((3, 3), 1) == (found.runs, found.same)


def test_an_earlier_record_stands_for_its_batch(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path)
    paths = [
        record.write(run("local", number, suite(a=P)), settings.trials) for number in (1, 2, 3)
    ]
    with pytest.raises(RecordError, match="newest record of 'local' itself"):
        comparison_of(settings, str(paths[1]), "local")
    record.write(run("local", 9, suite(a="boom"), batch="", repeat=1), settings.trials)

    found = comparison_of(settings, str(paths[1]), "local")

    assert ((3, 1), 1) == (found.runs, len(found.different))
    assert ("local (baseline)", "local (candidate)") == tuple(it.name for it in found.sides)


def test_a_mode_without_a_record_is_missing(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path)
    with pytest.raises(RecordError, match="No record of 'local' or 'docker'"):
        comparison_of(settings, "local", "docker")
    record.write(run("docker", 1, suite(a=P)), settings.trials)

    found = comparison_of(settings, "local", "docker")

    assert ("local", (0, 1)) == (found.baseline.name, found.runs)
    assert ExitCode.ENVIRONMENT == exit_code(found, enforce=False, strict=False)


def test_the_options_of_compare() -> None:
    options, rest = parsed(["--repeat", "10", "--baseline", "old.json", "-k", "orders"])

    assert (10, Path("old.json"), ["-k", "orders"]) == (options.repeat, options.baseline, rest)


@pytest.mark.parametrize("number", ["0", "-1", "few", "1.5"])
def test_a_number_of_runs_is_one(number: str) -> None:
    with pytest.raises((UsageError, SystemExit)):
        parsed([f"--repeat={number}"])


def test_of_warm_runs_the_tables_say_what_their_figures_are() -> None:
    sides = [
        [replace(run(side, number, suite(a=P)), warm=True) for number in (1, 2, 3)]
        for side in ("local", "docker")
    ]

    both, fresh = render(compare(*sides)), [replace(it, warm=False) for it in sides[1]]
    assert "Each stack was started once (--warm): start-up is of the first run alone" in both
    assert "The stack of local was started once" in render(compare(sides[0], fresh))
    assert "--warm" not in render(compare(fresh, fresh))


def test_a_slow_first_suite_is_named() -> None:
    def side(mode: Side, *seconds: float) -> list[Trial]:
        return runs(mode, *(replace(suite(a=P), seconds=it) for it in seconds))

    found = compare(side("local", 9.0, 2.0, 2.1, 2.0, 2.2), side("docker", 2.0, 2.1, 2.0, 2.2, 2.1))

    assert "The first run of local was slow (suite): a cold cache, most often." in render(found)
    assert "first run of docker" not in render(found)


def test_a_mode_beside_itself_has_two_names_on_record(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, state_directory=tmp_path)
    for name in ("local", "local@2"):
        found = replace(run("local", 1, suite(a=P), id=name[-1], batch=""), mode=name)
        record.write(found, settings.trials)

    found = comparison_of(settings, "local", "local@2")

    assert ("local", "local@2") == tuple(it.name for it in found.sides)
    assert 1 == found.same
    assert "l" == record.newest(settings.trials, "local").id
    assert "Baseline: local, started" in render(found)
