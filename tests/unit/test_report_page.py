"""report.html without a browser: what it says, what it hides, and what its charts draw."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from reported import NAMES, RUNS, SECRET, hostile, mask, series, several, side
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.middle import middle_line, middle_start
from tranship.comparison.report.lines import MOST_POINTS, thinned
from tranship.comparison.report.page import headline, page
from tranship.comparison.report.scales import Scale, decades, round_top
from tranship.comparison.report.testlist import MOST_SAME
from tranship.errors import ExitCode
from tranship.trials.record import (
    EdgeLatency,
    Failure,
    RuntimeShare,
    ServiceFigures,
    Side,
    Trial,
)

VOID = {"meta", "input", "link", "br", "img"}


class Shape(HTMLParser):
    """Checks that every element is closed, and keeps their names, ids and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.attributes |= {key for key, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def shown(comparison: Comparison, code: ExitCode = ExitCode.TESTS_DIFFER) -> str:
    return page(comparison, code, mask=mask)


def test_the_page_is_well_formed_and_holds_one_script() -> None:
    shape = Shape(shown(hostile()))

    assert shape.names.count("script") == 1
    assert "img" not in shape.names
    assert len(shape.ids) == len(set(shape.ids))
    # The policy refuses them; text that breaks out of an attribute would show up here.
    assert not {it for it in shape.attributes if it.startswith("on") or it in {"style", "src"}}


def test_the_page_asks_no_network() -> None:
    text = shown(hostile())

    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"&[lg]t;.*?&[lg]t;", "", text))
    assert "url(" not in text
    assert "@import" not in text


def test_no_secret_is_in_the_page() -> None:
    assert SECRET not in shown(hostile())
    assert SECRET in page(hostile(), ExitCode.TESTS_DIFFER)


@pytest.mark.parametrize("code", [it for it in ExitCode if it not in (2, 130)])
def test_every_verdict_of_a_comparison_has_its_words(code: ExitCode) -> None:
    kind, words = headline(code, hostile())

    assert kind in {"good", "bad", "doubt"}
    assert f"<strong>{words}</strong>" in shown(hostile(), code)


def test_a_target_that_is_missed_but_not_enforced_is_no_praise() -> None:
    fine, slow = (side("docker", (), factor, sampled=False) for factor in (1.0, 1.6))
    local = side("local", (), 1.0, sampled=False)
    postgres = replace(local.services["redis"], cpu_method="cgroup v1")
    alike = (replace(it, services={"redis": postgres}) for it in (local, fine))

    assert "missed" in headline(ExitCode.SAME, compare([local] * 3, [slow] * 3))[1]
    assert headline(ExitCode.SAME, compare([local] * 3, [slow] * 3))[0] == "doubt"
    assert "not every target" in headline(ExitCode.SAME, compare(local, slow))[1]
    assert "not every target" in headline(ExitCode.SAME, compare(local, fine))[1]
    assert "every target is met" in headline(ExitCode.SAME, compare(*alike))[1]


def test_what_is_measured_once_for_all_consumers_is_one_line() -> None:
    def trial(mode: Side, *p50: float) -> Trial:
        edges = (
            EdgeLatency(consumer, "redis", "redis", "direct", 50, 0, it, it * 2, it * 3)
            for consumer, it in zip(("a", "b", "c"), p50, strict=True)
        )
        return replace(side(mode, (), 1.0, sampled=False), edges=tuple(edges))

    together = shown(compare(trial("local", 0.1, 0.1, 0.1), trial("docker", 0.2, 0.2, 0.2)))
    apart = shown(compare(trial("local", 0.1, 0.1, 0.1), trial("docker", 0.2, 0.2, 0.3)))

    assert "3 consumers \N{RIGHTWARDS ARROW} redis (redis, direct)" in together
    assert "a \N{RIGHTWARDS ARROW} redis" not in together
    assert "a \N{RIGHTWARDS ARROW} redis (redis, direct)" in apart
    assert "consumers" not in apart


def test_what_was_not_sampled_is_said_in_the_charts_place() -> None:
    text = shown(hostile(sampled=False))

    Shape(text)
    assert "No charts: neither trial sampled its services while the suite ran." in text
    assert "these are the health probes alone" in text
    assert "Start-up of each service" in text


def test_a_page_of_nothing_says_so_everywhere() -> None:
    text = page(compare(None, None), ExitCode.ENVIRONMENT)

    Shape(text)
    for words in (
        "No test to compare: none ran on local and docker.",
        "No service was measured.",
        "No chart: neither trial says when its services answered.",
        "No chart: neither trial measured a latency.",
        "no trial",
    ):
        assert words in text


def test_a_mode_that_failed_shows_its_message_escaped() -> None:
    failed = replace(
        side("docker", (), 1.0, sampled=False),
        suite=None,
        failure=Failure("start", f"first\n<b>{SECRET}</b>"),
    )

    text = shown(compare(side("local", (), 1.0, sampled=True), failed), ExitCode.ENVIRONMENT)

    assert "<h3>docker failed at start</h3><pre>first\n&lt;b&gt;******&lt;/b&gt;</pre>" in text
    assert "Not sampled on docker." in text


def test_a_large_suite_keeps_the_page_small_and_says_what_is_left_out() -> None:
    text = shown(hostile(plain=MOST_SAME + 500))

    assert "501 more tests that are the same on both sides are not listed" in text
    assert text.count('data-state="same"') == MOST_SAME
    assert text.count('data-state="differs"') == 2


def test_the_runtime_has_a_chart_of_its_own() -> None:
    local, docker = (it.trial for it in hostile().sides)
    assert local is not None
    sampled = replace(local, runtime=RuntimeShare(3, 1, 0.1, series(1.0, 0.0, samples=1)))

    text = shown(compare(sampled, docker))

    assert "<figcaption>(runtime)</figcaption>" in text


def test_the_start_up_chart_names_the_chain_and_pales_the_others() -> None:
    text = shown(hostile())

    assert "<li>local: postgres &rarr; market-data &rarr; frontend</li>" in text
    assert text.count('class="bar baseline pale"') == 3


def test_every_run_of_several_is_drawn_and_their_median() -> None:
    text = shown(several())
    charts = 2 * (len(NAMES) + 1) * 3  # services and runtime by latency, memory and CPU

    Shape(text)
    assert text.count('class="line run ') == RUNS * charts
    assert text.count('class="line baseline"') == 3 + charts / 2  # and the legends' keys
    assert text.count('<path class="run"') == RUNS * 2 * len(NAMES)
    assert text.count('<circle class="bar run ') == RUNS * 2 * (len(NAMES) + 4)
    assert text.count("the strong ones their medians") == 3
    assert "the strong ones their medians" not in shown(hostile())


def test_the_middle_line_is_as_long_as_half_of_the_runs() -> None:
    lines = [
        [(0.0, 1.0), (0.5, 5.0), (1.0, 3.0)],
        [(0.02, 2.0), (0.53, 4.0)],
        [(0.01, 9.0), (0.49, 0.0), (1.01, 5.0), (1.5, 7.0)],
    ]

    assert middle_line(lines) == [(0.01, 2.0), (0.5, 4.0), (1.005, 4.0)]
    assert middle_line(lines[:1]) == lines[0]
    assert middle_line([[(0.0, 1.0)], [(0.1, 3.0)]]) == [(0.05, 2.0)]


def test_a_start_in_the_middle_has_the_medians_of_the_runs_that_have_it() -> None:
    first, *others = several().baseline.runs
    silent = replace(first, services={"redis": ServiceFigures("local")})

    found = middle_start([silent, first, *others])

    assert found is not None
    assert list(found.services) == list(dict.fromkeys(["redis", *NAMES]))
    redis = [run.services["redis"].startup_seconds for run in (first, *others)]
    assert found.services["redis"].startup_seconds == sorted(it for it in redis if it)[1]
    assert middle_start([]) is None
    assert middle_start([first]) is first


def test_a_long_line_keeps_its_peaks() -> None:
    line = [(float(index), 1.0) for index in range(5000)]
    line[1234] = (1234.0, 99.0)

    kept = thinned(line)

    assert len(kept) <= MOST_POINTS
    assert (1234.0, 99.0) in kept
    assert kept == sorted(kept)
    assert thinned(line[:MOST_POINTS]) == line[:MOST_POINTS]


def test_an_axis_of_nothing_but_zeros_goes_to_one() -> None:
    assert round_top(0.0, 4) == (1.0, 0.25)


@pytest.mark.parametrize("greatest", [0.0, 1e-6, 0.3, 1.0, 7.7, 99.9, 100.0, 1234.5])
def test_an_axis_ends_above_its_greatest_figure(greatest: float) -> None:
    top, step = round_top(greatest)

    assert top >= greatest
    ticks = Scale(top, 0, 100).ticks(step)
    assert ticks[-1] == pytest.approx(top)
    assert 2 <= len(ticks) <= 6


@pytest.mark.parametrize("values", [[], [0.0], [0.001], [0.0002, 0.3], [1.0, 10.0]])
def test_decades_hold_every_value(values: list[float]) -> None:
    scale = decades(values, 0, 100)

    assert scale.high > scale.low
    assert all(0 <= scale.at(value) <= 100 for value in values)
    assert len(scale.ticks()) == scale.high - scale.low + 1
