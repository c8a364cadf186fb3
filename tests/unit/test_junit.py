from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from tranship.errors import EnvironmentFailed
from tranship.trials.junit import DETAILED_FAILURES, DETAILS_CHARACTERS, read_report
from tranship.trials.record import TestOutcome

SUITE = """
import pytest

def test_pass(): pass
def test_fail(): assert 1 == 2
def test_blank(): assert 0, "\\nthe reason"
def test_skip(): pytest.skip("no printer")
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="known")
def test_xpass(): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_xpass_strict(): pass
@pytest.fixture
def broken(): raise RuntimeError("no setup\\nsecond line")
@pytest.fixture
def leaky():
    yield
    raise RuntimeError("no teardown")
def test_setup(broken): pass
def test_teardown(leaky): pass
def test_both(leaky): assert 0, "call too"
def test_skip_teardown(leaky): pytest.skip("late")
@pytest.mark.parametrize("v", ["a|b", "é☃", "<x&y>", "1e5", "a::b"])
def test_odd(v): pass
@pytest.mark.parametrize("v", ["☃"], ids=["☃"])
def test_unicode(v): assert v == "é"
class TestGroup:
    def test_in_class(self): pass
def test_leaves(): raise SystemExit(3)
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "report.xml"
    path.write_text(text, encoding="utf-8")
    return path


def failed(text: str, message: str = "boom") -> str:
    return case(f'<failure message="{message}">{text}</failure>')


def case(body: str = "", attributes: str = 'classname="c" name="n" time="0.5"') -> str:
    return (
        f"<testsuites><testsuite><testcase {attributes}>{body}</testcase></testsuite></testsuites>"
    )


def test_what_pytest_itself_writes(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "test_a.py").write_text(SUITE, encoding="utf-8")
    (folder / "test_import.py").write_text("import no_such_module_anywhere\n")
    (folder / "test_syntax.py").write_text("def x(:\n")
    (folder / "test_raises.py").write_text("raise RuntimeError('first\\nsecond')\n")
    (folder / "test_away.py").write_text(
        "import pytest\npytest.skip('whole module', allow_module_level=True)\n"
    )
    report = tmp_path / "report.xml"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
            "--continue-on-collection-errors", f"--junitxml={report}", "stack",
        ],
        cwd=tmp_path,
        env=environment | {"PYTHONUTF8": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout

    found = [(it.classname, it.name, it.outcome, it.message) for it in read_report(report)]

    failed, teardown = (
        "AssertionError: call too",
        'failed on teardown with "RuntimeError: no teardown"',
    )
    where = "stack.test_a"
    assert sorted(found) == sorted(
        [
            ("", "stack.test_away", "skipped", "whole module"),
            ("", "stack.test_import", "error",
             "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
            ("", "stack.test_raises", "error", "RuntimeError: first"),
            ("", "stack.test_syntax", "error", "SyntaxError: invalid syntax"),
            (where, "test_pass", "passed", ""),
            (where, "test_fail", "failed", "assert 1 == 2"),
            (where, "test_blank", "failed", "AssertionError: the reason"),
            (where, "test_skip", "skipped", "no printer"),
            (where, "test_xfail", "skipped", "known"),
            (where, "test_xpass", "passed", ""),
            (where, "test_xpass_strict", "failed", "[XPASS(strict)] known"),
            (where, "test_setup", "error", 'failed on setup with "RuntimeError: no setup'),
            (where, "test_teardown", "error", teardown),
            (where, "test_both", "error", f"{failed}; {teardown}"),
            (where, "test_skip_teardown", "error", teardown),
            (where, "test_odd[a|b]", "passed", ""),
            (where, r"test_odd[\xe9\u2603]", "passed", ""),
            (where, "test_odd[<x&y>]", "passed", ""),
            (where, "test_odd[1e5]", "passed", ""),
            (where, "test_odd[a::b]", "passed", ""),
            (where, r"test_unicode[\u2603]", "failed", "AssertionError: assert '☃' == 'é'"),
            ("stack.test_a.TestGroup", "test_in_class", "passed", ""),
            (where, "test_leaves", "failed", "SystemExit: 3"),
        ]
    )  # fmt: skip


def test_a_suite_of_no_tests_is_empty(tmp_path: Path) -> None:
    assert read_report(written(tmp_path, "<testsuites><testsuite/></testsuites>")) == ()
    assert read_report(written(tmp_path, "<testsuite tests='0'/>")) == ()


@pytest.mark.parametrize(
    ("body", "outcome", "message"),
    [
        ("", "passed", ""),
        ("<system-out>noise</system-out>", "passed", ""),
        ("<failure message='m&#10;second'/>", "failed", "m"),
        ("<failure>from the text\nmore</failure>", "failed", "from the text"),
        ("<failure message='  &#10; late'/>", "failed", "late"),
        ("<failure message='Error:'/>", "failed", "Error:"),
        ("<failure/>", "failed", ""),
        ("<failure/><error/>", "error", ""),
        ("<failure message='f'/><error/>", "error", "f"),
        ("<failure message='same'/><error message='same'/>", "error", "same"),
        ("<skipped message='s'/><failure message='f'/>", "failed", "f"),
        ("<failure message='one'/><failure message='two'/>", "failed", "one"),
        ("<error message='collection failure'/>", "error", "collection failure"),
        ("<error message='collection failure'>E   odd\nE   end</error>", "error", "odd"),
        (
            "<error message='collection failure'>E   a.B: one\nEnd: no\nE   c.D: two</error>",
            "error",
            "c.D: two",
        ),
        ("<skipped message='collection skipped'>odd</skipped>", "skipped", "collection skipped"),
    ],
)
def test_outcomes_and_first_lines(tmp_path: Path, body: str, outcome: str, message: str) -> None:
    (test,) = read_report(written(tmp_path, case(body)))

    assert (outcome, message, 0.5) == (test.outcome, test.message, test.seconds)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('name="n" time="1,234.5"', TestOutcome("", "n", "passed", 1234.5)),
        ('name="n" time="nan"', TestOutcome("", "n", "passed", 0.0)),
        ('name="n" time="-3"', TestOutcome("", "n", "passed", 0.0)),
        ('name="n" time=""', TestOutcome("", "n", "passed", 0.0)),
    ],
)
def test_attributes_that_are_missing_or_odd(
    tmp_path: Path, attributes: str, expected: TestOutcome
) -> None:
    assert read_report(written(tmp_path, case(attributes=attributes))) == (expected,)


def test_a_case_without_a_name_is_the_test_that_an_interrupt_cut_short(tmp_path: Path) -> None:
    assert () == read_report(written(tmp_path, case(attributes="")))


def test_a_failure_and_its_teardown_error_count_once_even_apart(tmp_path: Path) -> None:
    report = written(
        tmp_path,
        dedent(
            """
            <testsuites><testsuite>
              <testcase classname="c" name="a" time="1"><failure message="f"/></testcase>
              <testcase classname="c" name="b" time="1"/>
              <testcase classname="c" name="a" time="2">
                <error message='failed on teardown with "x"'/></testcase>
              <testcase classname="c" name="a" time="4">
                <error message='failed on teardown with "y"'/></testcase>
              <testcase classname="c" name="b" time="1"><error message="other"/></testcase>
            </testsuite></testsuites>
            """
        ),
    )

    assert read_report(report) == (
        TestOutcome("c", "a", "error", 3.0, 'f; failed on teardown with "x"'),
        TestOutcome("c", "b", "passed", 1.0),
        TestOutcome("c", "a", "error", 4.0, 'failed on teardown with "y"'),
        TestOutcome("c", "b", "error", 1.0, "other"),
    )


def test_suites_in_suites(tmp_path: Path) -> None:
    inner = '<testsuite><testcase classname="c" name="inner"/></testsuite>'
    report = written(
        tmp_path, f"<testsuite>{inner}<testcase classname='c' name='outer'/></testsuite>"
    )

    assert {it.name for it in read_report(report)} == {"inner", "outer"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<testsuites><testsuite><testcase",
        "<html/>",
        case(attributes='name="n" time="soon"'),
        "<?xml version='1.0' encoding='no-such-encoding'?><testsuites/>",
    ],
)
def test_a_report_that_is_not_whole_names_its_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(EnvironmentFailed, match=r"report\.xml: not a whole JUnit XML report"):
        read_report(written(tmp_path, text))


def test_a_report_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"none\.xml: the suite's report cannot be read"):
        read_report(tmp_path / "none.xml")


def test_the_end_of_a_traceback_is_kept(tmp_path: Path) -> None:
    lines = [f"line {number} of a long way down" for number in range(1000)]

    short = read_report(written(tmp_path, failed("above\nE   boom")))[0]
    long = read_report(written(tmp_path, failed("\n".join(lines))))[0]

    assert ("boom", "above\nE   boom") == (short.message, short.details)
    assert long.details.splitlines() == lines[-len(long.details.splitlines()) :]
    assert DETAILS_CHARACTERS - 40 < len(long.details) <= DETAILS_CHARACTERS


def test_a_line_longer_than_all_that_is_kept_is_cut(tmp_path: Path) -> None:
    found = read_report(written(tmp_path, failed("x" * 9000)))[0]

    assert "x" * DETAILS_CHARACTERS == found.details


def test_what_passes_or_is_skipped_has_no_traceback(tmp_path: Path) -> None:
    text = case('<skipped message="why">tests/test_a.py:3: why</skipped>')

    assert "" == read_report(written(tmp_path, text))[0].details
    assert "" == read_report(written(tmp_path, case()))[0].details


def test_a_suite_in_which_all_fails_keeps_some_tracebacks(tmp_path: Path) -> None:
    count = DETAILED_FAILURES + 50
    cases = "".join(
        f'<testcase classname="c" name="n{number}"><failure message="m">t</failure></testcase>'
        for number in range(count)
    )
    text = f"<testsuites><testsuite>{cases}</testsuite></testsuites>"

    found = read_report(written(tmp_path, text))

    assert ["m"] * count == [it.message for it in found]
    assert ["t"] * DETAILED_FAILURES + [""] * 50 == [it.details for it in found]
