from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.gates import (
    NO_DATA_MOVED,
    Gates,
    default_gates,
    project_gates,
    require_services,
)
from tranship.comparison.statistics import too_few
from tranship.comparison.tables import render
from tranship.comparison.targets import TARGETS, Judgement, Measured, Target, Verdict, judge
from tranship.comparison.units import threshold
from tranship.comparison.verdict import exit_code
from tranship.errors import SettingsError
from tranship.settings import Settings, load
from tranship.trials.record import (
    HealthSamples,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)

ISSUE = """\
[tool.tranship.gates]
startup = "ratio < 1.5"
memory = "ratio < 1.2"
cpu = "ratio < 1.1"
"latency{service=executor-service}" = ["p95 < 100ms"]
health = "rate > 99%"
tests = "same"
data_loss = "== 0"
"""


def gates(**declared: str | tuple[str, ...]) -> Gates:
    return keyed(declared)


def keyed(declared: Mapping[str, str | tuple[str, ...]]) -> Gates:
    return project_gates(Settings(root=Path("here"), gates=dict(declared)))


def figures(side: Side, scale: float = 1.0, p95: float = 0.004) -> ServiceFigures:
    return ServiceFigures(
        side=side,
        startup_seconds=scale,
        own_startup_seconds=0.5 * scale,
        memory_bytes=int(50 * 2**20 * scale),
        memory_method="cgroup v1",
        cpu_seconds=scale,
        cpu_method="cgroup v1",
        health=HealthSamples(50, 50, 0.002, p95),
    )


def trial(mode: Side, **scales: float) -> Trial:
    return Trial(
        id=f"{mode}-{sorted(scales.items())}",
        mode=mode,
        placement={},
        started="2026-05-01T10:00:00",
        project="p",
        suite=SuiteRun(("pytest",), 0, 1.0, (TestOutcome("t", "a", "passed", 0.01),)),
        services={name: figures(mode, scale) for name, scale in scales.items()},
    )


def compared(chosen: Gates, **docker: float) -> Comparison:
    """Return a comparison of three runs each, all alike: fewer fail no ratio."""
    local = trial("local", **dict.fromkeys(docker, 1.0))
    return compare([local] * 3, [trial("docker", **docker)] * 3, gates=chosen)


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {str(it.gate): it.judgement.verdict.name for it in comparison.gates}


def test_the_defaults_are_the_targets() -> None:
    assert list(TARGETS) == [gate.target for gate in default_gates().all if gate.target]


def test_the_gates_of_the_issue_load(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(ISSUE)

    found = project_gates(load(tmp_path))

    assert found.declared
    assert [
        ("startup", None, Target("start-up", "ratio", "<", 1.5)),
        ("memory", None, Target("memory", "ratio", "<", 1.2)),
        ("cpu", None, Target("CPU", "ratio", "<", 1.1)),
        ("latency", "executor-service", Target("health p95", "candidate", "<", 0.1)),
        ("health", None, Target("health rate", "candidate", ">", 0.99)),
        ("tests", None, None),
        ("data_loss", None, None),
        ("latency", None, Target("health p95", "candidate", "<", 0.1)),  # the default stays
    ] == [(it.name, it.service, it.target) for it in found.all]


@pytest.mark.parametrize(
    ("key", "text", "target"),
    [
        ("startup", "<=2s", Target("start-up", "candidate", "<=", 2.0)),
        ("startup", "value < 2.5s", Target("start-up", "candidate", "<", 2.5)),
        ("own_startup", "ratio<1.2x", Target("own start-up", "ratio", "<", 1.2)),
        ("memory", "< 64 MiB", Target("memory", "candidate", "<", 64 * 2**20)),
        ("memory", "< 64MB", Target("memory", "candidate", "<", 64e6)),
        ("cpu", "< 900ms", Target("CPU", "candidate", "<", 0.9)),
        ("latency", "p50 < 500us", Target("health p50", "candidate", "<", 0.0005)),
        ("health", "rate >= 1", Target("health rate", "candidate", ">=", 1.0)),
        ("health", "rate == 100%", Target("health rate", "candidate", "==", 1.0)),
    ],
)
def test_expressions(key: str, text: str, target: Target) -> None:
    found = gates(**{key: text}).all[0].target

    assert found is not None
    assert found.limit == pytest.approx(target.limit)
    assert (found.figure, found.of, found.relation) == (target.figure, target.of, target.relation)


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("startupp", "ratio < 1", "unknown figure 'startupp' (did you mean 'startup'?)"),
        ("memroy{service=api}", "ratio < 1", "unknown figure 'memroy' (did you mean 'memory'?)"),
        ("", "ratio < 1", "unknown figure ''"),
        ("latency{service=api", "p95 < 1ms", "unknown figure 'latency{service=api'"),
        ("latency{servce=api}", "p95 < 1ms", "unknown label 'servce' (did you mean 'service'?)"),
        ("latency{service=}", "p95 < 1ms", "name a service, as in latency{service=api}"),
        ("latency{}", "p95 < 1ms", "unknown label ''"),
        ("tests{service=api}", "same", "tests is of the whole stack"),
        ("startup", "ratoi < 1.5", "unknown statistic 'ratoi' (did you mean 'ratio'?)"),
        ("latency", "p90 < 1ms", "unknown statistic 'p90' (did you mean 'p99'?). Statistics"),
        ("latency", "< 1ms", "unknown statistic ''. Statistics of latency: p50, p95, p99"),
        ("latency", "p95 < 100mss", "unknown unit 'mss' (did you mean 'ms'?). Units of p95"),
        ("latency", "p95 < 100", "unknown unit ''. Units of p95: us, ms, s, m"),
        ("memory", "< 64", "unknown unit ''. Units of value: B, kB"),
        ("startup", "ratio < 1.5s", "unknown unit 's'"),
        ("startup", "ratio", "'ratio' is no gate. Write a statistic, a relation"),
        ("startup", "ratio < 1.5 or so", "'ratio < 1.5 or so' is no gate"),
        ("startup", "ratio =< 1.5", "'ratio =< 1.5' is no gate"),
        ("startup", "ratio < -1", "'ratio < -1' is no gate"),
        ("tests", "equal", "'equal' is no gate on tests"),
        ("data_loss", "== 0%", "'== 0%' is no gate on data_loss"),
    ],
)
def test_what_is_misspelled_is_an_error_with_file_and_key(key: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        keyed({key: text})

    message = str(caught.value)
    assert message.startswith(f"{Path('here') / 'pyproject.toml'}: [tool.tranship.gates]")
    assert said in message
    assert key.partition("{")[0] in message


@pytest.mark.parametrize("value", ["1.5", "true", "[1]", '{a = "b"}'])
def test_a_gate_is_text(tmp_path: Path, value: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.tranship.gates]\nown_startup = {value}\n")

    with pytest.raises(SettingsError, match=r'gates\] "own_startup": must be a text or an array'):
        load(tmp_path)


def test_a_service_that_is_none_is_an_error() -> None:
    chosen = keyed({"latency{service=exector}": "p95 < 1ms"})

    with pytest.raises(SettingsError, match=r"'exector' in the stack \(did you mean 'executor'"):
        require_services(chosen, ["api", "executor"], Path("here"))
    require_services(chosen, ["exector"], Path("here"))


def test_a_gate_of_its_own_takes_the_place_of_the_default() -> None:
    assert exit_code(compared(gates(), api=1.05), enforce=True, strict=True) == 0
    tighter = compared(gates(startup="ratio < 1.01"), api=1.05)

    assert verdicts(tighter) == {
        "startup: ratio < 1.01": "MISSED",
        "memory: ratio < 1.2": "MET",
        "cpu: ratio < 1.1": "MET",
        "latency: p95 < 100ms": "MET",
        "health: rate > 99%": "MET",
        "tests: same": "MET",
    }
    assert (0, 3) == tuple(exit_code(tighter, enforce=it, strict=False) for it in (False, True))


def test_an_empty_list_takes_a_gate_away() -> None:
    found = compared(gates(startup=()), api=9.0)

    assert not any(row.target for row in found.services if row.figure == "start-up")


def test_a_gate_on_one_service_leaves_the_others_their_own() -> None:
    chosen = keyed({"startup{service=slow}": "ratio < 3", "startup": "ratio < 1.1"})
    found = compared(chosen, slow=2.0, api=1.2)

    rows = {row.service: row for row in found.services if row.figure == "start-up"}
    assert rows["slow"].met
    assert rows["api"].missed
    assert verdicts(found)["startup{service=slow}: ratio < 3"] == "MET"
    assert verdicts(found)["startup: ratio < 1.1"] == "MISSED"


def test_a_figure_with_two_gates_has_two_rows() -> None:
    found = compared(gates(cpu=("ratio < 1.5", "< 1s")), api=1.2)

    assert [("ratio", True), ("candidate", False)] == [
        (row.target.of, row.met) for row in found.services if row.figure == "CPU" and row.target
    ]


def test_what_is_not_measured_is_inconclusive() -> None:
    chosen = keyed({"data_loss": "== 0", "cpu{service=gone}": "ratio < 2"})
    found = compared(chosen, api=1.0)

    reasons = {str(it.gate): it.judgement.reason for it in found.gates}
    assert reasons["data_loss: == 0"] == NO_DATA_MOVED
    assert reasons["cpu{service=gone}: ratio < 2"] == "it was not measured"
    assert (0, 5) == tuple(exit_code(found, enforce=True, strict=it) for it in (False, True))


@pytest.mark.parametrize(
    ("health", "verdict", "reason"),
    [
        (HealthSamples(50, 50, 0.002, 0.004, 0.009), Verdict.MET, ""),
        (HealthSamples(50, 50, 0.002, 0.004, 0.02), Verdict.UNKNOWN, too_few(1)),
        (
            HealthSamples(50, 49, 0.002, 0.004, None),
            Verdict.UNKNOWN,
            "49 of at least 50 samples on docker",
        ),
        # A record of before p99 was kept.
        (HealthSamples(50, 50, 0.002, 0.004), Verdict.UNKNOWN, "not measured on docker"),
    ],
)
def test_a_latency_gate_takes_the_99th_percentile(
    health: HealthSamples, verdict: Verdict, reason: str
) -> None:
    known = replace(figures("docker"), health=health)
    trial = Trial("d", "docker", {}, "2026-05-01T10:00:00", "p", services={"api": known})
    assert "health p99" not in render(compare(None, trial))

    found = compare(None, trial, gates=gates(latency="p99 < 10ms"))

    (row,) = (row for row in found.services if row.figure == "health p99")
    assert row.judgement == Judgement(verdict, reason, beyond=reason == too_few(1))
    assert "health p99" in render(found)


def test_gates_are_printed_where_the_project_has_any() -> None:
    assert "Gates" not in render(compared(default_gates(), api=1.3))
    text = render(
        compared(gates(startup="ratio < 1.5", memory="< 60 MiB", data_loss="== 0"), api=1.3),
        unicode=False,
    )

    block = next(it for it in text.split("\n\n") if it.startswith("- "))
    assert block.splitlines()[:3] == [
        "- + pass: startup: ratio < 1.5",
        "- x fail: memory: < 60 MiB (api 65.0 MiB)",
        "- ? inconclusive: data_loss: == 0 (it waits for data to be moved between the "
        "sides, which no trial does yet)",
    ]


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((1.1, 1.4), Verdict.MET),
        ((1.4, 1.6), Verdict.UNKNOWN),
        ((1.51, 1.6), Verdict.MISSED),
        (None, Verdict.MET),
    ],
)
def test_an_interval_that_straddles_the_limit_is_inconclusive(
    interval: tuple[float, float] | None, verdict: Verdict
) -> None:
    middle = sum(interval) / 2 if interval else 1.2
    found = judge(TARGETS[0], Measured(1.0), Measured(middle), interval=interval)

    assert verdict is found.verdict
    assert ("straddles" in found.reason) == (verdict is Verdict.UNKNOWN)


def test_limits_in_their_own_units() -> None:
    assert ["<= 2 s", "< 64 MiB", "< 500 ms", "< 1.2x"] == [
        threshold(Target("start-up", "candidate", "<=", 2.0), "seconds"),
        threshold(Target("memory", "candidate", "<", 64 * 2.0**20), "bytes"),
        threshold(Target("CPU", "candidate", "<", 0.5), "seconds"),
        threshold(Target("memory", "ratio", "<", 1.2), "bytes"),
    ]


def test_a_health_check_that_failed_is_no_noise() -> None:
    known = replace(figures("docker"), health=HealthSamples(50, 40, 0.002, 0.004, None))
    trial = Trial("d", "docker", {}, "2026-05-01T10:00:00", "p", services={"api": known})

    found = compare(None, trial, gates=gates(health="rate > 99%"))

    (row,) = (row for row in found.services if row.figure == "health rate")
    assert row.judgement == Judgement(Verdict.MISSED)
