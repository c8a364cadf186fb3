"""Gates on what a Prometheus says: their settings, and how what is on record is judged."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.gates import default_gates, project_gates
from tranship.comparison.query_gates import filled, source_of
from tranship.comparison.query_rows import NOT_ASKED
from tranship.comparison.report.junit import junit
from tranship.comparison.report.markdown import markdown
from tranship.comparison.report.page import page
from tranship.comparison.tables import render
from tranship.comparison.targets import Target, Verdict
from tranship.comparison.verdict import exit_code, sentence
from tranship.errors import ExitCode, SettingsError
from tranship.settings import Settings, load
from tranship.trials.record import Queried, SuiteRun, TestOutcome, Trial, newest, write

QUERY = 'sum(increase(http_requests_total{project="{project}", status="500"}[{range}]))'
SOURCE = "http://127.0.0.1:9090"


def settings(tmp_path: Path, threshold: str, *, query: str = QUERY, more: str = "") -> Settings:
    path = tmp_path / "pyproject.toml"
    path.write_text(
        f"[tool.tranship.gates]\n{more}\n"
        f"[tool.tranship.gates.checkout]\nquery = '''{query}'''\nthreshold = {threshold}\n"
    )
    return load(tmp_path)


def trial(mode: str, *said: Queried, repeat: int = 1) -> Trial:
    suite = SuiteRun(("pytest",), 0, 2.0, (TestOutcome("t", "a", "passed", 0.01),))
    started = "2026-05-01T10:00:00.000+00:00"
    return Trial(
        id=f"{mode}{repeat}",
        mode=mode,
        placement={},
        started=started,
        project=f"shop-{mode}",
        suite=suite,
        queried=said,
        repeat=repeat,
    )


def said(value: float | None, fault: str = "") -> Queried:
    return Queried(QUERY, "asked", "2026-05-01T10:00:02.000+00:00", SOURCE, value, fault)


def compared(chosen: Settings, local: float | None, docker: float | None) -> Comparison:
    sides = (trial("local", said(local)), trial("docker", said(docker)))
    return compare(*sides, gates=project_gates(chosen))


def codes(found: Comparison) -> tuple[int, int, int]:
    """Return the exit codes without options, with --enforce, and with --strict."""
    return tuple(  # type: ignore[return-value]
        int(exit_code(found, enforce=enforce, strict=strict))
        for enforce, strict in ((False, False), (True, False), (False, True))
    )


def only(found: Comparison) -> tuple[Verdict, str]:
    (result,) = (it for it in found.gates if it.gate.query)
    return result.judgement.verdict, result.judgement.reason


@pytest.mark.parametrize(
    ("threshold", "targets", "unit"),
    [
        ('"ratio < 1.2"', [("ratio", "<", 1.2)], "number"),
        ('"== 0"', [("candidate", "==", 0.0)], "number"),
        (
            '["ratio < 1.2x", "<= 250ms"]',
            [("ratio", "<", 1.2), ("candidate", "<=", 0.25)],
            "seconds",
        ),
        ('"value < 64MiB"', [("candidate", "<", 64 * 2.0**20)], "bytes"),
        ('"< 1%"', [("candidate", "<", 0.01)], "share"),
    ],
)
def test_a_gate_may_have_a_query(
    tmp_path: Path, threshold: str, targets: list[tuple[str, str, float]], unit: str
) -> None:
    chosen = project_gates(settings(tmp_path, threshold))

    own = [gate for gate in chosen.all if gate.query]
    assert chosen.declared
    assert [QUERY] * len(targets) == [gate.query for gate in own]
    assert {unit} == {gate.unit for gate in own}
    found = [gate.target for gate in own if gate.target]
    assert targets == [(it.of, it.relation, pytest.approx(it.limit)) for it in found]
    # Those on figures of the trials stay.
    assert set(default_gates().all) <= set(chosen.all)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('checkout = {query = "up"}', r"gates.checkout\]: give it a threshold"),
        ('checkout = {query = 1, threshold = "< 1"}', r'checkout\] "query": must be a text'),
        ('checkout = {query = "up", threshold = 1}', r'checkout\] "threshold": must be a text'),
        (
            'checkout = {query = "up", threshold = "< 1", thresold = ""}',
            r"unknown key \"thresold\" \(did you mean 'threshold'\?\). Keys: query, threshold.",
        ),
        ('checkout = {threshold = "< 1"}', "or a table with query and threshold"),
        ("checkout = 1", "must be a text or an array of texts"),
        ('checkout = {query = " ", threshold = "< 1"}', '"checkout": the query is empty'),
        ('checkout = {query = "up", threshold = []}', "give it a threshold, such as"),
        ('latency = {query = "up", threshold = "< 1"}', '"latency": no name for a query'),
        ('prometheus = {query = "up", threshold = "< 1"}', "no URL of a Prometheus"),
        ('"a{b}" = {query = "up", threshold = "< 1"}', "no name for a query"),
        (
            "checkout = {query = 'up{project=\"{projct}\"}', threshold = '< 1'}",
            r"unknown placeholder \{projct\} \(did you mean 'project'\?\). Placeholders: \{mode\}",
        ),
        ('checkout = {query = "up", threshold = "p95 < 1"}', "unknown statistic 'p95'"),
        ('checkout = {query = "up", threshold = "1"}', "'1' is no threshold. Write a relation"),
        ('checkout = {query = "up", threshold = "< 1parsec"}', "unknown unit 'parsec'"),
        ('checkout = {query = "up", threshold = "ratio < 1s"}', "unknown unit 's'"),
        (
            'checkout = {query = "up", threshold = ["< 1s", "< 1MB"]}',
            "its thresholds are in bytes and in seconds",
        ),
        *(
            (f"prometheus = {url}", "no URL of a Prometheus. Write it as http://127.0.0.1:9090")
            for url in ('""', '"9090"', '"ftp://h"', '"http://h:port"', '"http://h/?a=b"', '["a"]')
        ),
    ],
)
def test_what_is_no_gate_is_an_error_with_file_and_key(
    tmp_path: Path, table: str, message: str
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.tranship.gates]\n{table}\n")

    with pytest.raises(SettingsError, match=message) as caught:
        project_gates(load(tmp_path))

    assert str(caught.value).startswith(f"{path}: [tool.tranship.gates")


def test_the_option_takes_the_place_of_the_setting(tmp_path: Path) -> None:
    chosen = settings(tmp_path, '"< 1"', more='prometheus = "http://here:9090"')

    assert "http://here:9090" == source_of(chosen)
    assert "https://there/prometheus" == source_of(chosen, "https://there/prometheus")
    assert "" == source_of(settings(tmp_path, '"< 1"'))
    with pytest.raises(SettingsError, match=r"^--prometheus: no URL") as caught:
        source_of(chosen, "http://name:hunter2@:9090")
    assert "hunter2" not in str(caught.value)


def test_placeholders_are_filled_and_the_braces_of_promql_stay() -> None:
    query = 'a{project="{project}", m="{mode}", r=~"{ run }", n=~"x{2}"}[{range}]'

    assert 'a{project="shop-docker", m="docker", r=~"docker1", n=~"x{2}"}[2000ms]' == filled(
        query, trial("docker")
    )
    assert "docker" == filled("{mode}", trial("docker@2"))


@pytest.mark.parametrize(
    ("threshold", "local", "docker", "verdict", "expected"),
    [
        ("< 5", None, 4.0, Verdict.MET, (0, 0, 5)),  # targets of trials: nothing was measured
        ("< 5", None, 6.0, Verdict.MISSED, (0, 3, 5)),
        ("== 0", 0.0, 0.0, Verdict.MET, (0, 0, 5)),
        ("< 1%", 0.0, 0.02, Verdict.MISSED, (0, 3, 5)),
        ("< 250ms", 0.2, 0.2, Verdict.MET, (0, 0, 5)),
        ("< 250ms", 0.2, 0.3, Verdict.UNKNOWN, (0, 5, 5)),  # of one run, it may be noise
        ("ratio < 1.5", 2.0, 2.5, Verdict.MET, (0, 0, 5)),
        ("ratio < 1.5", 2.0, 4.0, Verdict.UNKNOWN, (0, 5, 5)),
        ("ratio < 1.5", 0.0, 4.0, Verdict.UNKNOWN, (0, 0, 5)),
        ("ratio < 1.5", -1.0, 4.0, Verdict.UNKNOWN, (0, 0, 5)),
        ("ratio < 1.5", None, 4.0, Verdict.UNKNOWN, (0, 5, 5)),
        ("< 5", 4.0, None, Verdict.UNKNOWN, (0, 5, 5)),
    ],
)
def test_what_is_on_record_is_judged(
    tmp_path: Path,
    threshold: str,
    local: float | None,
    docker: float | None,
    verdict: Verdict,
    expected: tuple[int, int, int],
) -> None:
    found = compared(settings(tmp_path, f'"{threshold}"'), local, docker)

    assert verdict is only(found)[0]
    assert expected == codes(found)


def test_a_ratio_of_zero_or_less_says_so(tmp_path: Path) -> None:
    chosen = settings(tmp_path, '"ratio < 2"')

    assert "zero on local" == only(compared(chosen, 0.0, 1.0))[1]
    assert "below zero on local" == only(compared(chosen, -1.0, 1.0))[1]


def test_three_runs_that_are_far_beyond_the_limit_fail(tmp_path: Path) -> None:
    chosen = project_gates(settings(tmp_path, '"ratio < 1.5"'))
    local = [trial("local", said(2.0 + i / 100), repeat=i) for i in (1, 2, 3)]
    docker = [trial("docker", said(9.0 + i / 100), repeat=i) for i in (1, 2, 3)]

    found = compare(local, docker, gates=chosen)

    assert (Verdict.MISSED, "") == only(found)
    assert ExitCode.GATE_FAILED == exit_code(found, enforce=True, strict=False)
    assert "missed: query checkout 4.47x (< 1.5x)." in sentence(found, enforce=True)


@pytest.mark.parametrize("gap", ["value", "record", "suite"])
def test_one_run_without_a_figure_leaves_the_gate_inconclusive(tmp_path: Path, gap: str) -> None:
    chosen = project_gates(settings(tmp_path, '"< 5"'))
    runs = [trial("docker", said(1.0), repeat=i) for i in (1, 2, 3)]
    runs[1] = {
        "value": replace(runs[1], queried=(said(None, "3 series"),)),
        "record": replace(runs[1], queried=()),
        "suite": replace(runs[1], queried=(), suite=None),
    }[gap]

    found = compare([trial("local", said(1.0))], runs, gates=chosen)

    reason = {"value": "3 series", "record": NOT_ASKED, "suite": "no suite ran"}[gap]
    assert (Verdict.UNKNOWN, f"docker: run 2 of 3: {reason}") == only(found)
    assert ExitCode.INCONCLUSIVE == exit_code(found, enforce=True, strict=False)


def test_a_record_of_another_query_says_nothing_of_this_one(tmp_path: Path) -> None:
    chosen = settings(tmp_path, '"< 5"', query="sum(up)")

    found = compared(chosen, 1.0, 1.0)

    assert (Verdict.UNKNOWN, f"docker: {NOT_ASKED}") == only(found)
    assert (0, 5, 5) == codes(found)


def test_both_sides_without_a_figure_are_told_once(tmp_path: Path) -> None:
    chosen = project_gates(settings(tmp_path, '"ratio < 2"'))
    sides = (trial("local", said(None, "no data")), trial("docker", said(None, "no data")))

    found = compare(*sides, gates=chosen)

    assert "local and docker: no data" == only(found)[1]
    assert sentence(found).endswith("; not to be had from Prometheus: checkout.")


def test_the_tables_the_page_and_junit_show_the_figures_and_who_said_them(tmp_path: Path) -> None:
    chosen = settings(tmp_path, '["ratio < 1.5", "< 250ms"]', query="a <b\n*c*")
    asked = tuple(replace(said(it), query="a <b\n*c*") for it in (0.2, 0.24))
    found = compare(
        trial("local", asked[0]), trial("docker", asked[1]), gates=project_gates(chosen)
    )

    text = render(found, unicode=False)
    assert "- + pass: checkout: ratio < 1.5 (local 200 ms, docker 240 ms, 1.20x)" in text
    assert "- + pass: checkout: < 250ms (local 200 ms, docker 240 ms)" in text
    assert f"checkout  {SOURCE}" in text
    assert text.count("a <b *c*") == 1
    folded = markdown(found, ExitCode.SAME)
    assert "pass: checkout: &lt; 250ms" in folded or "pass: checkout: < 250ms" in folded
    assert f"| checkout | {SOURCE} | `a <b *c*` |" in " ".join(folded.split())
    shown = page(found, ExitCode.SAME)
    assert f'{SOURCE}<span class="message">a &lt;b *c*</span>' in shown
    assert "the trials" in shown
    properties = {
        it.attrib["name"]: it.attrib["value"] for it in ET.fromstring(junit(found)).iter("property")
    }
    assert properties == {
        "gate checkout: ratio < 1.5": "pass; local 200 ms, docker 240 ms, 1.20x",
        "source of checkout: ratio < 1.5": f"{SOURCE}: a <b *c*",
        "gate checkout: < 250ms": "pass; local 200 ms, docker 240 ms",
        "source of checkout: < 250ms": f"{SOURCE}: a <b *c*",
    }


def test_junit_of_a_project_without_queries_has_no_properties() -> None:
    found = compare(trial("local"), trial("docker"), gates=default_gates())

    assert b"propert" not in junit(found)


def test_a_plain_number_keeps_the_side_of_its_limit(tmp_path: Path) -> None:
    found = compared(settings(tmp_path, '"< 5"'), 1234567.0, 5.00004)

    (result,) = (it for it in found.gates if it.gate.query)
    assert "local 1234567, docker 5.00004" == result.figures


def test_what_was_said_outlives_the_record(tmp_path: Path) -> None:
    asked = replace(said(0.25), clock_seconds=-3.5)
    write(trial("docker", asked), tmp_path)

    assert (asked,) == newest(tmp_path, "docker").queried


def test_a_target_on_a_query_is_none_of_a_service() -> None:
    assert "query" not in {row.figure for row in compare(trial("local"), trial("docker")).services}
    assert Target("query", "ratio", "<", 1.5).holds(1.2)
