"""report.html in a real Chromium: it draws, sorts, filters, and runs nothing but its own script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .browser import Page, browser, executable

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from reported import NAMES, RUNS, hostile, mask, several
from tranship.comparison.report.page import page as report_page
from tranship.errors import ExitCode

OUTSIDE = (
    "[...document.querySelectorAll('figure svg')].flatMap((svg) => {"
    "const frame = svg.getBoundingClientRect();"
    "return [...svg.querySelectorAll('text, rect, circle, path')].filter((it) => {"
    "const box = it.getBoundingClientRect();"
    "return box.left < frame.left - 1 || box.right > frame.right + 1"
    "|| box.top < frame.top - 1 || box.bottom > frame.bottom + 1; })"
    ".map((it) => it.outerHTML); })"
)
"""What a chart draws beyond its frame."""
ROWS = "[...document.querySelectorAll('#grid-{0} tbody tr')].filter((it) => !it.hidden)"


@pytest.fixture(scope="session")
def engine() -> None:
    """Take the place of what asks for a Docker engine: these tests need none."""
    if executable() is None:
        pytest.skip("no Chromium: `apt-get install chromium`")


@pytest.fixture(scope="module")
def chromium(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium") / "profile") as found:
        found.width(1240)
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page(hostile(), ExitCode.TESTS_DIFFER, mask=mask), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium: Page, report: Path) -> Page:
    chromium.scheme("light")
    chromium.open(report)
    return chromium


def column(opened: Page, grid: str, number: int) -> list[str]:
    found: list[str] = opened.run(
        f"{ROWS.format(grid)}.map((it) => it.cells[{number}].firstChild?.textContent ?? '')"
    )
    return found


def events(opened: Page, method: str) -> list[Any]:
    return [it["params"] for it in opened.events if it.get("method") == method]


def test_nothing_of_a_trial_runs_and_nothing_is_fetched(opened: Page, report: Path) -> None:
    title = opened.run("document.title")

    assert title.startswith("local and docker")
    assert opened.run("document.scripts.length") == 1
    assert opened.run("document.images.length") == 0
    asked = [it["request"]["url"] for it in events(opened, "Network.requestWillBeSent")]
    assert asked == [report.as_uri()]
    assert events(opened, "Log.entryAdded") == []
    assert events(opened, "Runtime.exceptionThrown") == []
    assert events(opened, "Runtime.consoleAPICalled") == []


def test_the_policy_stops_a_script_that_gets_in_all_the_same(opened: Page) -> None:
    opened.run(
        "(() => { const it = document.createElement('script');"
        "it.textContent = 'document.title = \"owned\"'; document.body.append(it); })()"
    )

    assert opened.run("document.title") != "owned"


def test_the_tests_open_on_what_is_not_the_same(opened: Page) -> None:
    findings = ["differs", "differs", "one side", "one side", "same failure"]
    assert column(opened, "tests", 1) == findings
    assert opened.run("document.querySelector('#grid-tests .count').value") == "5 of 30 rows"


def test_a_click_sorts_and_the_next_one_turns_it_round(opened: Page) -> None:
    head = "#grid-services thead th:nth-child(3)"

    def figures() -> list[float | None]:
        found: list[float | None] = opened.run(
            f"{ROWS.format('services')}.map((it) => 'sort' in it.cells[2].dataset"
            " ? Number(it.cells[2].dataset.sort) : null)"
        )
        return found

    opened.click(f"{head} button")
    assert opened.run(f"document.querySelector('{head}').ariaSort") == "descending"
    down = [it for it in figures() if it is not None]
    assert down == sorted(down, reverse=True)
    opened.click(f"{head} button")
    assert opened.run(f"document.querySelector('{head}').ariaSort") == "ascending"
    up = [it for it in figures() if it is not None]
    assert up == sorted(up)
    assert len(up) > 20

    opened.click("#grid-services thead th:nth-child(1) button")
    names = column(opened, "services", 0)
    assert names == sorted(names)
    assert opened.run("document.querySelectorAll('#grid-services [aria-sort]').length") == 1


def test_typing_filters_and_the_choice_does_too(opened: Page) -> None:
    opened.click("#grid-services .filter")
    opened.write("redis cpu")

    assert column(opened, "services", 1) == ["CPU"]
    assert opened.run("document.querySelector('#grid-services .count').value") == "1 of 45 rows"

    opened.write(" nothing has this")
    assert column(opened, "services", 1) == []
    assert opened.run("!document.querySelector('#grid-services .none').hidden") is True

    opened.run(
        "(() => { const it = document.querySelector('#grid-tests .choice');"
        "it.selectedIndex = it.options.length - 1;"
        "it.dispatchEvent(new Event('change')); })()"
    )
    assert len(column(opened, "tests", 1)) == 30


def test_the_keyboard_sorts_too(opened: Page) -> None:
    opened.run("document.querySelector('#grid-fingerprint thead button').focus()")
    for kind in ("keyDown", "keyUp"):
        opened.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r")

    assert opened.run("document.querySelector('#grid-fingerprint th').ariaSort") == "ascending"


def test_the_charts_are_drawn_inside_their_frames(opened: Page) -> None:
    outside = opened.run(OUTSIDE)

    assert opened.run("document.querySelectorAll('figure svg').length") == 2 + 3 * 6
    assert outside == []


def colours(opened: Page) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = opened.run(
        "Object.fromEntries(['body', '.verdict p', '.note', '.chip.bad', '.chip.good',"
        "'.chip.doubt', 'thead th', 'a', 'td'].map((name) => {"
        "const it = document.querySelector(name); let back = it;"
        "while (getComputedStyle(back).backgroundColor === 'rgba(0, 0, 0, 0)')"
        " back = back.parentElement;"
        "return [name, [getComputedStyle(it).color, getComputedStyle(back).backgroundColor]]; }))"
    )
    return found


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(it) / 255 for it in colour[4:-1].split(",")]
        red, green, blue = (
            it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_light_and_dark_are_both_readable(opened: Page) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        opened.scheme(scheme)
        found = colours(opened)
        weak = {name: pair for name, pair in found.items() if contrast(*pair) < 4.5}
        assert weak == {}, scheme
        grounds[scheme] = found["body"][1]

    assert grounds["light"] != grounds["dark"]


def test_a_telephone_needs_no_sideways_scrolling(opened: Page) -> None:
    try:
        opened.width(390)
        assert opened.run("document.documentElement.scrollWidth") <= 390
    finally:
        opened.width(1240)


def test_everything_to_operate_has_a_name(opened: Page) -> None:
    opened.call("Accessibility.enable")
    nodes = opened.call("Accessibility.getFullAXTree")["nodes"]
    operated = {"button", "searchbox", "combobox", "link", "image", "table", "region"}
    nameless = [
        it["role"]["value"]
        for it in nodes
        if not it["ignored"]
        and it["role"]["value"] in operated
        and not it.get("name", {}).get("value")
    ]

    assert nameless == []


def test_a_picture_of_it_is_no_blank_page(opened: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.png"

    opened.screenshot(path)

    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 100_000


def test_several_runs_are_thin_lines_beside_their_median(chromium: Page, tmp_path: Path) -> None:
    path = tmp_path / "several.html"
    path.write_text(report_page(several(), ExitCode.SAME), encoding="utf-8")
    chromium.open(path)

    widths = chromium.run(
        "[...document.querySelectorAll('#resources figure:first-of-type')].slice(0, 1)"
        ".flatMap((it) => [...it.querySelectorAll('.line.baseline')])"
        ".map((it) => getComputedStyle(it).strokeWidth)"
    )
    assert [*["1px"] * RUNS, "2px"] == widths
    assert RUNS * 2 * len(NAMES) == chromium.run(
        "document.querySelectorAll('#start-up svg path.run').length"
    )
    outside = chromium.run(OUTSIDE)
    assert outside == []
    assert events(chromium, "Log.entryAdded") == []
