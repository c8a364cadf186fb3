from __future__ import annotations

import math

import pytest
from tranship.comparison.services import ServiceRow, runtime_rows, service_rows
from tranship.comparison.targets import (
    MINIMUM_SAMPLES,
    TARGETS,
    Figure,
    Judgement,
    Measured,
    Verdict,
    judge,
    ratio,
    target_for,
)
from tranship.comparison.units import change, quantity, threshold, times
from tranship.trials.record import HealthSamples, RuntimeShare, ServiceFigures, Trial

MET, MISSED = Judgement(Verdict.MET), Judgement(Verdict.MISSED)
NAMES = ("local", "docker")


def verdict(figure: Figure, below: Measured | None, above: Measured | None) -> Judgement:
    target = target_for(figure)
    assert target is not None
    return judge(target, below, above, names=NAMES)


def unknown(reason: str) -> Judgement:
    return Judgement(Verdict.UNKNOWN, reason)


def test_the_targets_are_those_of_the_project() -> None:
    assert [(it.figure, it.of, it.relation, it.limit) for it in TARGETS] == [
        ("start-up", "ratio", "<", 1.5),
        ("memory", "ratio", "<", 1.2),
        ("CPU", "ratio", "<", 1.1),
        ("health p95", "candidate", "<", 0.1),
        ("health rate", "candidate", ">", 0.99),
    ]


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [(1.0, 1.49, MET), (1.0, 1.5, MISSED), (1.0, 1.51, MISSED), (1.0, 0.2, MET)],
)
def test_a_ratio_is_below_its_limit_or_misses_it(
    below: float, above: float, expected: Judgement
) -> None:
    assert expected == verdict("start-up", Measured(below), Measured(above))


@pytest.mark.parametrize(
    ("below", "above", "reason"),
    [
        (None, Measured(1.0), "no such service on local"),
        (Measured(1.0), None, "no such service on docker"),
        (None, None, "no such service on local"),
        (Measured(None), Measured(1.0), "not measured on local"),
        (Measured(1.0), Measured(None), "not measured on docker"),
        (Measured(0.0), Measured(1.0), "zero on local"),
        (Measured(1.0), Measured(0.0), "zero on docker"),
        (Measured(-1.0), Measured(1.0), "zero on local"),
        (Measured(math.nan), Measured(1.0), "not measured on local"),
        (Measured(1.0), Measured(math.inf), "not measured on docker"),
    ],
)
def test_a_ratio_without_two_figures_is_unknown(
    below: Measured | None, above: Measured | None, reason: str
) -> None:
    assert unknown(reason) == verdict("start-up", below, above)


@pytest.mark.parametrize("figure", ["memory", "CPU"])
def test_methods_that_differ_leave_it_unknown(figure: Figure) -> None:
    same = verdict(figure, Measured(1.0, "cgroup"), Measured(1.0, "cgroup"))
    other = verdict(figure, Measured(1.0, "cgroup"), Measured(1.0, "psutil"))
    silent = verdict(figure, Measured(1.0, None), Measured(1.0, "psutil"))

    assert same == MET
    assert unknown("measured by cgroup and by psutil") == other
    assert unknown("measuring method not recorded") == silent


@pytest.mark.parametrize(
    ("figure", "above", "expected"),
    [
        ("health p95", Measured(0.099, samples=MINIMUM_SAMPLES), MET),
        ("health p95", Measured(0.1, samples=MINIMUM_SAMPLES), MISSED),
        ("health rate", Measured(0.991, samples=1000), MET),
        ("health rate", Measured(0.99, samples=1000), MISSED),
        ("health rate", Measured(1.0, samples=19), unknown("19 of at least 20 samples on docker")),
        ("health rate", Measured(None, samples=0), unknown("0 of at least 20 samples on docker")),
        ("health p95", Measured(None, samples=20), unknown("not measured on docker")),
        ("health rate", None, unknown("no such service on docker")),
    ],
)
def test_targets_on_the_candidate_alone_need_no_baseline(
    figure: Figure, above: Measured | None, expected: Judgement
) -> None:
    assert expected == verdict(figure, None, above)


def test_figures_without_a_target() -> None:
    assert target_for("own start-up") is None


def test_ratio() -> None:
    assert ratio(Measured(2.0), Measured(3.0)) == 1.5
    assert ratio(None, Measured(3.0)) is None
    assert ratio(Measured(0.0), Measured(3.0)) is None


def figures(**changes: object) -> ServiceFigures:
    values: dict[str, object] = {
        "side": "local",
        "startup_seconds": 1.0,
        "own_startup_seconds": 0.5,
        "memory_bytes": 100,
        "memory_method": "cgroup",
        "cpu_seconds": 2.0,
        "cpu_method": "cgroup",
        "health": HealthSamples(samples=100, passed=100, p50_seconds=0.001, p95_seconds=0.002),
    }
    return ServiceFigures(**(values | changes))  # type: ignore[arg-type]


def trial(services: dict[str, ServiceFigures], runtime: RuntimeShare | None = None) -> Trial:
    return Trial(
        id="a", mode="m", placement={}, started="s", project="p", services=services, runtime=runtime
    )


def shown(row: ServiceRow) -> tuple[object, ...]:
    return row.service, row.figure, row.baseline, row.candidate, row.ratio


def test_rows_of_one_service() -> None:
    rows = service_rows(
        trial({"api": figures()}),
        trial({"api": figures(side="docker", startup_seconds=2.0, memory_bytes=110)}),
        NAMES,
    )

    assert [shown(row) for row in rows] == [
        ("api", "start-up", 1.0, 2.0, 2.0),
        ("api", "own start-up", 0.5, 0.5, 1.0),
        ("api", "memory", 100, 110, 1.1),
        ("api", "CPU", 2.0, 2.0, 1.0),
        ("api", "health p50", 0.001, 0.001, 1.0),
        ("api", "health p95", 0.002, 0.002, 1.0),
        ("api", "health rate", 1.0, 1.0, 1.0),
    ]
    assert rows[0].sides == ("local", "docker")
    # Twice the time in one run each: that may be noise.
    assert [row.figure for row in rows if row.beyond] == ["start-up"]
    assert not any(row.missed for row in rows)
    assert [row.figure for row in rows if row.met] == ["memory", "CPU", "health p95", "health rate"]
    assert [row.figure for row in rows if row.unknown] == ["start-up"]


def test_a_service_on_one_side_only_is_unknown_not_met() -> None:
    rows = service_rows(trial({"a": figures()}), trial({"b": figures()}), NAMES)

    assert [row.service for row in rows] == ["a"] * 7 + ["b"] * 7
    assert [row.figure for row in rows if row.met] == ["health p95", "health rate"]
    assert sum(row.unknown for row in rows) == 8


def test_a_service_without_probes_is_unknown() -> None:
    rows = service_rows(None, trial({"a": figures(health=None)}), NAMES)

    assert all(row.unknown for row in rows if row.target)


def test_no_trials_no_rows() -> None:
    assert service_rows(None, None, NAMES) == ()
    assert runtime_rows(None, None) == ()
    assert runtime_rows(trial({}), trial({})) == ()


def test_rows_of_the_runtime() -> None:
    share = RuntimeShare(processes=2, memory_bytes=10, cpu_seconds=None)

    both = runtime_rows(trial({}, RuntimeShare(1, 5, 1.0)), trial({}, share))
    one = runtime_rows(trial({}), trial({}, share))

    assert [(row.figure, row.baseline, row.candidate, row.ratio) for row in both] == [
        ("processes", 1, 2, 2.0),
        ("memory", 5, 10, 2.0),
        ("CPU", 1.0, None, None),
    ]
    assert [(row.figure, row.baseline, row.candidate) for row in one] == [
        ("processes", None, 2),
        ("memory", None, 10),
        ("CPU", None, None),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "limit", "text"),
    [
        (None, "seconds", None, "-"),
        (0.0, "seconds", None, "0.0 ms"),
        (0.00123, "seconds", None, "1.2 ms"),
        (0.345, "seconds", None, "345 ms"),
        (1.234, "seconds", None, "1.23 s"),
        (123.456, "seconds", None, "123.5 s"),
        (0.09999, "seconds", 0.1, "99.99 ms"),
        (0.1, "seconds", 0.1, "100 ms"),
        (1024 * 1024 * 12.34, "bytes", None, "12.3 MiB"),
        (1024**3 * 1.5, "bytes", None, "1.50 GiB"),
        (1.0, "share", 0.99, "100.0 %"),
        (0.99, "share", 0.99, "99.0 %"),
        (2999 / 3000, "share", 0.99, "99.97 %"),
        (0.99001, "share", 0.99, "99.001 %"),
        (3.0, "count", None, "3"),
    ],
)
def test_quantities(value: float | None, unit: str, limit: float | None, text: str) -> None:
    assert text == quantity(value, unit, limit)  # type: ignore[arg-type]


def test_times_never_rounds_across_its_limit() -> None:
    assert times(None) == "-"
    assert times(1.056) == "1.06x"
    assert times(1.4996, 1.5) == "1.4996x"
    assert times(1.5, 1.5) == "1.50x"
    assert times(1.50001, 1.5) == "1.50001x"
    assert times(1.5 - 1e-12, 1.5) == "1.500000x"


def test_changes_have_a_sign() -> None:
    assert [change(it) for it in (1.5, -0.02, 0.0)] == ["+1.50 s", "-20.0 ms", "+0.0 ms"]


def test_thresholds_as_text() -> None:
    units = {"memory": "bytes", "health rate": "share"}
    assert [
        threshold(it, units.get(it.figure, "seconds"))  # type: ignore[arg-type]
        for it in TARGETS
    ] == ["< 1.5x", "< 1.2x", "< 1.1x", "< 100 ms", "> 99 %"]
