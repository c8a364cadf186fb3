"""report.md, report.xml, and where the files go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reported import IMAGE, MODULE, SCRIPT, SECRET, hostile, mask, side
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.report import records
from tranship.comparison.report.files import KEPT, write_reports
from tranship.comparison.report.joined import joined_tests
from tranship.comparison.report.junit import junit
from tranship.comparison.report.markdown import markdown
from tranship.errors import EnvironmentFailed, ExitCode
from tranship.settings import Settings
from tranship.trials import record
from tranship.trials.record import TestOutcome, Trial

DIFFER = ExitCode.TESTS_DIFFER


def repeated(*outcomes: str) -> list[Trial]:
    found = []
    for number, outcome in enumerate(outcomes, 1):
        test = TestOutcome(MODULE, "a", outcome, 0.1, "" if outcome == "passed" else "no")  # type: ignore[arg-type]
        trial = side("local", (test,), 1.0, sampled=True)
        found.append(replace(trial, id=f"r{number}", batch="b1", repeat=number))
    return found


def flaky() -> Comparison:
    stable = [replace(it, mode="docker") for it in repeated("passed", "passed")]
    return compare(repeated("passed", "failed"), stable)


# --- report.md


def test_the_verdict_is_first_and_the_tables_are_folded() -> None:
    text = markdown(hostile(), DIFFER, mask=mask)

    lines = text.splitlines()
    assert lines[0] == "## \N{BALLOT X} Tests differ or fail"
    assert lines[2].startswith("2 tests differ; 1 test fails in the same way")
    assert "<details><summary>Tests that differ: 2</summary>\n\n| test" in text
    assert "### Summary\n\n| mode" in text
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>") > 4


def test_markdown_without_secrets_and_without_live_html() -> None:
    text = markdown(hostile(), DIFFER, mask=mask)

    assert SECRET not in text
    outside = [line for line in text.splitlines() if not line.startswith("|")]
    assert not any("<script" in line or "<img" in line for line in outside)


def test_text_of_a_trial_opens_no_element_in_the_sentence() -> None:
    name = "</details><b>hung"
    left, right = side("local", (), 1.0, sampled=False), side("docker", (), 1.0, sampled=False)
    assert left.suite is not None
    hung = replace(left, suite=replace(left.suite, hung_in=name, exit_code=None))

    text = markdown(compare(hung, right), DIFFER)

    assert name not in text
    assert "&lt;/details>&lt;b>hung" in text


def test_a_comment_keeps_to_its_limit_and_closes_what_it_opens() -> None:
    many = tuple(TestOutcome(MODULE, f"test_{i:05}", "passed", 0.1) for i in range(3000))
    failed = tuple(replace(it, outcome="failed", message="assert " * 40) for it in many)
    comparison = compare(
        side("local", many, 1.0, sampled=True), side("docker", failed, 1.0, sampled=True)
    )

    for limit in (64_000, 9_000, 3_000):
        text = markdown(comparison, DIFFER, limit=limit)

        assert len(text) <= limit
        assert "more rows are in report.html" in text
        assert text.count("<details>") == text.count("</details>")
        assert "3000 tests differ" in text.splitlines()[2]
    assert len(markdown(comparison, DIFFER)) < 65_000


# --- report.xml


def cases(comparison: Comparison) -> Mapping[str, ElementTree.Element]:
    root = ElementTree.fromstring(junit(comparison, mask))
    return {case.get("name", ""): case for case in root.iter("testcase")}


def test_each_test_is_a_case_that_fails_where_the_sides_differ() -> None:
    found = cases(hostile())

    assert len(found) == 30
    failing = {name for name, case in found.items() if case.find("failure") is not None}
    assert failing == {
        f"test_zone[{SCRIPT}]",
        "test_collation",
        "test_known",
        f"test_left{IMAGE}",
        "test_right",
    }
    failure = found[f"test_zone[{SCRIPT}]"].find("failure")
    assert failure is not None
    assert failure.get("message") == "passed on local, failed on docker"
    assert (failure.text or "").startswith("local: passed in 0.500 s\ndocker: failed in 0.700 s: A")
    assert SECRET not in (failure.text or "")
    assert found["test_later"].find("skipped") is not None
    assert found["test_order_01"].get("time") == f"{(0.01 + 0.013 * 7) * 1.4:.3f}"


def test_the_counts_of_junit_are_those_of_its_cases() -> None:
    suite = ElementTree.fromstring(junit(hostile())).find("testsuite")

    assert suite is not None
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "30", "failures": "5", "errors": "0", "skipped": "1"}


def test_junit_is_read_by_its_reader(tmp_path: Path) -> None:
    from junitparser import JUnitXml

    path = tmp_path / "report.xml"
    path.write_bytes(junit(hostile()))

    xml = JUnitXml.fromfile(str(path))
    assert (xml.tests, xml.failures) in {(30, 5), (None, None)}
    assert sum(len(suite) for suite in xml) == 30


def test_a_side_without_tests_is_an_error_and_no_success() -> None:
    root = ElementTree.fromstring(junit(compare(side("local", (), 1.0, sampled=False), None)))

    errors = [it.get("message") for it in root.iter("error")]
    assert errors == ["No test to compare: none ran on local and docker."]


def test_a_flaky_test_is_no_failure_and_says_how_often() -> None:
    found = flaky()

    assert [it.state for it in joined_tests(found)] == ["flaky"]
    (case,) = cases(found).values()
    assert case.find("failure") is None
    said = "flaky; local: passed 1 of 2, failed 1; docker: passed 2 of 2"
    assert case.findtext("system-out") == said


# --- the files


def settings(root: Path) -> Settings:
    return Settings(root=root, state_directory=root / ".tranship")


def test_three_files_and_nothing_else_outside_of_ci(tmp_path: Path) -> None:
    written = write_reports(hostile(), DIFFER, settings(tmp_path), mask=mask, environment={})

    assert written.elsewhere == ()
    assert written.folder == tmp_path / ".tranship/reports/d4e5f6-local-docker"
    assert {it.name for it in tmp_path.rglob("*") if it.is_file()} == {
        "report.md",
        "report.html",
        "report.xml",
    }
    for path in written.folder.iterdir():
        assert SECRET.encode() not in path.read_bytes()


def test_github_gets_its_summary_below_what_is_there(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}

    written = write_reports(hostile(), DIFFER, settings(tmp_path), environment=environment)

    assert written.elsewhere == (summary,)
    assert summary.read_text().startswith("before\n## \N{BALLOT X} Tests differ")


def test_gitlab_gets_a_note_of_all_comparisons_of_one_command(tmp_path: Path) -> None:
    for more in (False, True, False, True):
        written = write_reports(
            hostile(), DIFFER, settings(tmp_path), more=more, environment={"GITLAB_CI": "true"}
        )

    note = tmp_path / ".tranship/reports/gitlab-note.md"
    assert written.elsewhere == (note,)
    assert note.read_text().count("## \N{BALLOT X} Tests differ") == 2


def test_old_reports_go_and_the_new_one_stays(tmp_path: Path) -> None:
    reports = tmp_path / ".tranship/reports"
    for index in range(KEPT + 5):
        (reports / f"old-{index}").mkdir(parents=True)

    written = write_reports(hostile(), DIFFER, settings(tmp_path), environment={})

    assert written.html.is_file()
    assert len(list(reports.iterdir())) == KEPT


def test_a_name_that_is_no_file_name_still_gets_a_folder(tmp_path: Path) -> None:
    found = compare(
        replace(side("local", (), 1.0, sampled=False), mode="../../x"),
        replace(side("docker", (), 1.0, sampled=False), mode="hybrid:a,b", batch="b7"),
    )

    written = write_reports(found, DIFFER, settings(tmp_path), environment={})

    assert written.folder == tmp_path / ".tranship/reports/b7-.._.._x-hybrid_a_b"


def test_no_folder_to_write_into_is_one_message(tmp_path: Path) -> None:
    (tmp_path / ".tranship").write_text("a file")

    with pytest.raises(EnvironmentFailed, match="the report cannot be written"):
        write_reports(hostile(), DIFFER, settings(tmp_path), environment={})


# --- as a part of compare


def recorded(root: Path) -> Settings:
    found = settings(root)
    for it in hostile().sides:
        assert it.trial is not None
        record.write(it.trial, found.trials)
    return found


def test_the_line_before_the_verdict_says_where_the_report_is(tmp_path: Path) -> None:
    text, code = records.reported_records(recorded(tmp_path), "local", "docker", mask=mask)

    *_, where, verdict = text.split("\n\n")
    path = ".tranship/reports/d4e5f6-local-docker/report.html"
    assert where == f"Report: {path} (report.md and report.xml beside it)."
    assert (tmp_path / path).is_file()
    assert verdict.startswith("2 tests differ")
    assert code == DIFFER


def test_a_comparison_stands_without_its_report(tmp_path: Path) -> None:
    found = recorded(tmp_path)
    (tmp_path / ".tranship/reports").write_text("a file")

    text, code = records.reported_records(found, "local", "docker", mask=mask)

    assert text.split("\n\n")[-2].startswith("No report: ")
    assert code == DIFFER


def test_the_task_writes_what_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "masker", lambda _: mask)
    monkeypatch.delenv("GITLAB_CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    found = records.write_records(recorded(tmp_path), "local", "docker")

    assert [it.name for it in found] == ["report.html", "report.md", "report.xml"]
    assert all(SECRET.encode() not in it.read_bytes() for it in found)
