from __future__ import annotations

import pytest
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.layout import Style
from tranship.comparison.tables import render
from tranship.trials.record import (
    Failure,
    HealthSamples,
    RuntimeShare,
    ServiceFigures,
    Side,
    SuiteRun,
    TestOutcome,
    Trial,
)

MODULE = "tests.stack.test_orders"
LONG = "AssertionError:" + " a long story of what went wrong" * 8


def figures(side: Side, startup: float, method: str = "cgroup v1 total_rss") -> ServiceFigures:
    return ServiceFigures(
        side=side,
        startup_seconds=startup,
        own_startup_seconds=0.25,
        memory_bytes=50 * 2**20,
        memory_method=method,
        cpu_seconds=1.5,
        cpu_method="cgroup",
        health=HealthSamples(100, 100, 0.0012, 0.0034),
    )


def trial(mode: str, run: SuiteRun | None, **more: object) -> Trial:
    values: dict[str, object] = {
        "id": "a1", "placement": {}, "started": "2026-05-01T10:00Z", "project": "p",
    }  # fmt: skip
    return Trial(mode=mode, suite=run, **(values | more))  # type: ignore[arg-type]


def suite(*tests: TestOutcome, **more: object) -> SuiteRun:
    values: dict[str, object] = {"exit_code": 0} | more
    return SuiteRun(("pytest",), seconds=12.5, tests=tests, **values)  # type: ignore[arg-type]


def busy() -> Comparison:
    local = trial(
        "local",
        suite(
            TestOutcome(MODULE, "test_same", "passed", 1.0),
            TestOutcome(MODULE, "test_zone[a|b]", "passed", 0.5),
            TestOutcome(MODULE, "test_known", "failed", 0.1, "assert 1 == 2"),
            TestOutcome(MODULE, "test_left", "skipped", 0.0, "why"),
            exit_code=1,
        ),
        startup_seconds=2.0,
        services={"redis": figures("local", 0.5), "api": figures("local", 1.0)},
        runtime=RuntimeShare(1, 20 * 2**20, 0.1),
        fingerprint={"python": "3.11.7", "tz": "Europe/Berlin", "uid": "0"},
    )
    docker = trial(
        "docker",
        suite(
            TestOutcome(MODULE, "test_same", "passed", 2.0),
            TestOutcome(MODULE, "test_zone[a|b]", "failed", 0.5, LONG),
            TestOutcome(MODULE, "test_known", "failed", 0.1, "assert 1 == 2"),
            TestOutcome(MODULE, "test_right", "error", 0.0, "no"),
            exit_code=1,
        ),
        startup_seconds=3.0,
        services={"redis": figures("docker", 0.9), "api": figures("docker", 1.1, "psutil rss")},
        runtime=RuntimeShare(6, 60 * 2**20, 0.2),
        fingerprint={"python": "3.11.9", "tz": "UTC", "libc": "musl"},
    )
    return compare(local, docker)


TERMINAL = """\
Warning: local and docker ran different interpreters (python: 3.11.7 / 3.11.9). Two builds of \
one version differ by up to 1.3x in start-up and CPU: the ratios below do not show the \
placement alone.

Baseline: local, started 2026-05-01T10:00Z. Candidate: docker, started 2026-05-01T10:00Z.

Summary

mode      passed    failed    skipped    errors    suite    start-up    exit
------  --------  --------  ---------  --------  -------  ----------  ------
local          2         1          1         0  12.50 s      2.00 s       1
docker         1         2          0         1  12.50 s      3.00 s       1
ratio                                              1.00x       1.50x

Each mode ran once: what is noise, an outlier or flaky cannot be told from a difference. \
--repeat N can.

Tests that differ: 1

test                                     mode    outcome    first line
---------------------------------------  ------  ---------  \
----------------------------------------
tests.stack.test_orders::test_zone[a|b]  local   passed
                                         docker  failed     AssertionError: a long story of \
what we…

Same failure on both sides: 1

test                                 outcome    first line
-----------------------------------  ---------  -------------
tests.stack.test_orders::test_known  failed     assert 1 == 2

Tests on one side only: 2

test                                 only on    outcome
-----------------------------------  ---------  ---------
tests.stack.test_orders::test_left   local      skipped
tests.stack.test_orders::test_right  docker     error

Durations that moved most

test                                  local    docker    change    ratio
----------------------------------  -------  --------  --------  -------
tests.stack.test_orders::test_same   1.00 s    2.00 s   +1.00 s    2.00x

Services

service    figure           local    docker    ratio  target    verdict
---------  ------------  --------  --------  -------  --------  ---------
redis      start-up        500 ms    900 ms    1.80x  < 1.5x    ? unknown
           own start-up    250 ms    250 ms    1.00x
           memory        50.0 MiB  50.0 MiB    1.00x  < 1.2x    ✓ met
           CPU             1.50 s    1.50 s    1.00x  < 1.1x    ✓ met
           health p50      1.2 ms    1.2 ms    1.00x
           health p95      3.4 ms    3.4 ms    1.00x  < 100 ms  ✓ met
           health rate    100.0 %   100.0 %           > 99 %    ✓ met
api        start-up        1.00 s    1.10 s    1.10x  < 1.5x    ✓ met
           own start-up    250 ms    250 ms    1.00x
           memory        50.0 MiB  50.0 MiB    1.00x  < 1.2x    ? unknown
           CPU             1.50 s    1.50 s    1.00x  < 1.1x    ✓ met
           health p50      1.2 ms    1.2 ms    1.00x
           health p95      3.4 ms    3.4 ms    1.00x  < 100 ms  ✓ met
           health rate    100.0 %   100.0 %           > 99 %    ✓ met
(runtime)  processes            1         6    6.00x
           memory        20.0 MiB  60.0 MiB    3.00x
           CPU             100 ms    200 ms    2.00x

- unknown: start-up of redis: beyond the limit in 1 of at least 3 runs, which may be noise
- unknown: memory of api: measured by cgroup v1 total_rss and by psutil rss

What the suite saw differently

fingerprint    local          docker
-------------  -------------  --------
tz             Europe/Berlin  UTC
uid            0              -
python         3.11.7         3.11.9
libc           -              musl

1 test differs; 1 test fails in the same way on both sides; 1 test only on local; 1 test only \
on docker; beyond the limit, or noise: start-up of redis 1.80x (< 1.5x); 1 of 10 targets \
unknown."""


def test_the_whole_of_it_on_a_terminal() -> None:
    assert render(busy(), width=100) == TERMINAL


def test_the_whole_of_it_in_markdown() -> None:
    text = render(busy(), format="markdown")

    assert "### Services\n\n| service " in text
    assert "| `tests.stack.test_orders::test_zone[a\\|b]` | local  | passed    |" in text
    assert f"`{LONG}`" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 7
    for table in tables:
        counts = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(counts) == 1


def test_two_trials_that_agree_take_a_line_each() -> None:
    run = suite(TestOutcome(MODULE, "a", "passed", 0.5))
    fingerprint = {"python": "3.11.7"}

    text = render(
        compare(
            trial("local", run, fingerprint=fingerprint),
            trial("docker", run, fingerprint=fingerprint),
        )
    )

    assert text.split("\n\n")[3:] == [
        "Each mode ran once: what is noise, an outlier or flaky cannot be told from a "
        "difference. --repeat N can.",
        "No test differs.",
        "No test is on one side only.",
        "No test's duration moved by 1.0 ms or more.",
        "No service was measured.",
        "no test differs (1 on both sides); no target judged.",
    ]


def test_a_failed_trial_is_printed_beside_the_other() -> None:
    message = (
        "redis never became healthy.\n  last lines of its log:\n\tpassword=hunter2 \x1b[31mred"
    )

    text = render(
        compare(
            trial("local", suite(TestOutcome(MODULE, "a", "passed", 0.5))),
            trial("docker", None, failure=Failure("start", message), startup_seconds=3.0),
        ),
        mask=lambda it: it.replace("hunter2", "****"),
    )

    assert (
        "docker failed at start:\n\n"
        "    redis never became healthy.\n"
        "      last lines of its log:\n"
        "    \\tpassword=**** \\x1b[31mred\n\n"
        "No test to compare: none ran on docker.\n\n"
        "No service was measured.\n\n"
        "No fingerprint of local and docker.\n\n"
        "docker failed at start; no test ran on docker; no target judged."
    ) in text
    assert "docker         -         -          -         -        -      3.00 s       -" in text
    assert "local          1 " in text


def test_an_interrupted_trial_without_a_word() -> None:
    text = render(compare(trial("local", None, failure=Failure("interrupted", "")), None))

    assert "local was interrupted:\n\n    no message\n\n" in text
    assert "none ran on local and docker." in text
    assert "Candidate: docker, no trial." in text
    assert "local was interrupted; no trial of docker" in text.splitlines()[-1]


def test_no_trial_at_all() -> None:
    text = render(compare(None, None))

    assert text.endswith("no trial of local; no trial of docker; no target judged.")


def test_a_suite_that_hung_and_one_that_only_pytest_failed() -> None:
    run = TestOutcome(MODULE, "a", "passed", 0.5)

    text = render(
        compare(
            trial(
                "local",
                suite(run, exit_code=None, hung_in="tests/test_a.py::b", limit_seconds=60.0),
            ),
            trial("docker", suite(run, exit_code=1)),
        )
    )

    notes = [
        "local hung in tests/test_a.py::b (ended at its limit of 60 s)",
        "pytest ended with exit code 1 on docker although no test failed",
    ]
    for note in notes:
        assert f"\n\n{note}.\n\n" in text
    assert "killed" in text
    assert f"{'; '.join(notes)}; no target judged." == text.splitlines()[-1]


def test_a_service_that_ran_in_one_place_both_times_says_so() -> None:
    run = suite(TestOutcome(MODULE, "a", "passed", 0.5))
    services = {"redis": figures("docker", 0.5)}

    text = render(
        compare(trial("hybrid:a", run, services=services), trial("docker", run, services=services))
    )

    assert "redis (docker in both)  start-up" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_tables_keep_to_the_width(width: int) -> None:
    tables = [
        block.splitlines()
        for block in render(busy(), width=width).split("\n\n")
        if "\n----" in block and "first line" in block
    ]

    assert len(tables) == 2
    for table in tables:
        # Columns give way down to twelve characters each, and no further.
        assert max(map(len, table)) <= max(width, 12 + 6 + 9 + 12 + 3 * 2)


def test_a_cut_name_keeps_its_end_and_a_cut_message_its_start() -> None:
    text = render(busy(), width=60)

    assert "…rs::test_zone[a|b]" in text
    assert "AssertionError: a l…" in text


def test_a_secret_is_hidden_before_anything_is_cut() -> None:
    def mask(text: str) -> str:
        return text.replace("a long story of what went wrong", "****")

    for width in range(40, 140, 7):
        text = render(busy(), width=width, mask=mask)
        assert "a long" not in text
        assert "story" not in text


def test_secrets_are_hidden_wherever_text_comes_from_a_trial() -> None:
    def of(mode: str) -> Trial:
        return trial(
            mode,
            suite(
                TestOutcome("s3cret", "s3cret", "failed", 1.0, f"s3cret {mode}"),
                TestOutcome("s3cret", f"s3cret{mode}", "error", 1.0, "s3cret"),
                TestOutcome("s3cret", "moved", "passed", len(mode), "s3cret"),
                TestOutcome("s3cret", "same", "error", 1.0, "s3cret"),
                exit_code=1,
                hung_in="s3cret",
            ),
            services={"s3cret": ServiceFigures("docker", 1.0 + len(mode), memory_method="s3cret")},
            fingerprint={"python": f"s3cret {mode}", "s3cret": mode},
            failure=Failure("stop", "s3cret"),
            started="s3cret",
        )

    comparison = compare(of("s3cret-one"), of("s3cret-other"))

    for form in ("terminal", "markdown"):
        text = render(comparison, format=form, mask=lambda it: it.replace("s3cret", "#"))  # type: ignore[arg-type]
        assert "s3cret" not in text


def test_plain_ascii_where_the_terminal_has_no_more() -> None:
    local = trial(
        "lokäl",
        suite(TestOutcome(MODULE, "é☃", "failed", 0.0, "größer " * 40), exit_code=1),
        services={"redis": figures("local", 0.5)},
    )
    docker = trial(
        "docker",
        suite(TestOutcome(MODULE, "é☃", "passed", 0.0)),
        services={"redis": figures("docker", 0.9, "psutil")},
    )

    text = render(compare([local] * 3, [docker] * 3), unicode=False, width=120)

    assert text.isascii()
    assert all(verdict in text for verdict in ("+ met", "x missed", "? unknown", "lok\\xe4l"))
    assert "..." in text


def test_no_text_of_a_trial_reaches_the_terminal_as_a_command() -> None:
    nasty = "a\x1b]0;title\x07\r\n\u202eb\x9b31m\udcff"

    text = Style().text(nasty)

    assert text == "a\\x1b]0;title\\x07\\r\\n\\u202eb\\x9b31m\\udcff"


@pytest.mark.parametrize(
    ("cell", "code", "shown"),
    [
        ("a`b", True, "`` a`b ``"),
        ("a|b", True, "`a\\|b`"),
        ("", True, ""),
        ("my_service", False, "my\\_service"),
        ("a|b*", False, "a\\|b\\*"),
        ("<b> < 1.5x", False, "&lt;b> < 1.5x"),
    ],
)
def test_markdown_shows_text_as_it_is(cell: str, code: bool, shown: str) -> None:
    table = Style("markdown").table(("head",), [[cell]], code=frozenset({0} if code else ()))

    assert f"| {shown}" == table.splitlines()[-1].rstrip("| ") if shown else "|"


def test_numbers_in_names_stay_names() -> None:
    table = Style().table(("a", "b"), [["1e5", "007"], ["1_000", "nan"]])

    assert " ".join(table.splitlines()[2:]).split() == ["1e5", "007", "1_000", "nan"]


def test_a_message_of_a_page_is_cut_even_without_a_width() -> None:
    table = Style("markdown").table(("a", "b"), [["x" * 999, "y" * 999]], cut={1: "start"})

    assert f"{'x' * 999} | {'y' * 299}\N{HORIZONTAL ELLIPSIS} |" in table
