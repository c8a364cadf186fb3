"""The search and its result, with a side that is a function of what is applied."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
from tranship.comparison.bisect.change import Change
from tranship.comparison.bisect.factors import Factor, Kind
from tranship.comparison.bisect.items import Item
from tranship.comparison.bisect.outcome import Outcome, outcome_of
from tranship.comparison.bisect.probing import OutOfProbes, Probes
from tranship.comparison.bisect.result import Alone, Result
from tranship.comparison.bisect.search import Search
from tranship.trials.record import SuiteRun, TestOutcome

ITEM = Item("test_a.py::test_x", "test_a", "test_x")


class Side:
    """Stands for a bench: what becomes of the test is decided by the variables applied."""

    name = "docker"
    timeout = 20.0

    def __init__(self, decide: Callable[[frozenset[str]], str]) -> None:
        self.decide = decide
        self.asked: list[frozenset[str]] = []

    def probe(self, arguments: Collection[str], item: Item, change: Change) -> Outcome:
        self.asked.append(frozenset(change.variables))
        return Outcome(self.decide(self.asked[-1]), 0.1, "said")


def factor(name: str, kind: Kind = "plain", *, usable: bool = True) -> Factor:
    change = Change(variables={name: "1"}) if usable else None
    return Factor(name, "1", "2", change, "" if usable else "never", kind)


def search(
    decide: Callable[[frozenset[str]], str], repeat: int = 2, limit: int = 200
) -> tuple[Search, Side, list[str]]:
    said: list[str] = []
    side: Any = Side(decide)
    return Search(Probes(repeat, limit, said.append), side, ITEM, "passed"), side, said


def passes_with(*needed: str) -> Callable[[frozenset[str]], str]:
    return lambda keys: "passed" if set(needed) <= keys else "failed"


LETTERS = tuple(factor(letter) for letter in "abcdefgh")


def keys(found: Collection[Factor]) -> str:
    return "".join(it.key for it in found)


def test_the_likeliest_is_tried_alone_first() -> None:
    work, side, said = search(passes_with("a"))

    assert "a" == keys(work.cause(LETTERS))
    assert [frozenset("a")] * 2 == side.asked, "as often as it must repeat"
    assert "probe 1: docker, a applied: passed (0.1 s)" == said[0]


def test_a_set_is_made_as_small_as_it_can_be() -> None:
    work, side, _ = search(passes_with("e", "g"))

    assert "eg" == keys(work.cause(LETTERS))
    assert len(side.asked) < 40


def test_what_the_test_speaks_of_is_tried_together_before_the_rest() -> None:
    spoken = tuple(replace(it, spoken=True) for it in LETTERS[:4])
    work, side, _ = search(passes_with("a", "b"), repeat=1)

    assert "ab" == keys(work.cause((*spoken, *LETTERS[4:])))
    assert frozenset("abcd") == side.asked[3]
    assert len(side.asked) < 10


def test_one_failure_among_the_repeats_is_no_flip() -> None:
    outcomes = iter(["passed", "failed"])
    work, _, _ = search(lambda keys: next(outcomes, "failed"))

    assert not work.cause(LETTERS[:1])


def test_what_a_placement_makes_is_tried_after_the_rest_and_the_network_last() -> None:
    many = (
        factor("x"),
        factor("y"),
        factor("z"),
        factor("home", "place"),
        factor("network", "place"),
    )
    work, side, _ = search(passes_with("network"), repeat=1)

    assert "network" == keys(work.cause(many))
    assert [frozenset("xyz"), frozenset({*"xyz", "home"})] == side.asked[3:5]


def test_what_keeps_the_test_from_running_is_left_out_and_said() -> None:
    def decide(keys: frozenset[str]) -> str:
        return "not run" if "f" in keys else passes_with("e", "g")(keys)

    work, _, _ = search(decide)

    assert "eg" == keys(work.cause(LETTERS))
    assert {"f": "said"} == work.broken


def test_what_another_difference_hides_is_found_alone() -> None:
    work, _, _ = search(lambda keys: "passed" if "e" in keys and "f" not in keys else "failed")

    assert "e" == keys(work.cause(LETTERS))


def test_nothing_is_an_answer_and_what_cannot_be_applied_is_not_tried() -> None:
    work, side, _ = search(passes_with("nothing"))

    assert () == work.cause((*LETTERS, factor("kernel", usable=False)))
    assert not [it for it in side.asked if "kernel" in it]


def test_there_are_no_more_probes_than_allowed() -> None:
    work, side, _ = search(passes_with("nothing"), limit=5)

    with pytest.raises(OutOfProbes):
        work.cause(LETTERS)
    assert 5 == len(side.asked)


def test_a_cause_is_confirmed_without_it_and_with_it() -> None:
    work, side, _ = search(passes_with("a"))
    assert work.confirmed(LETTERS[:1])
    assert [frozenset(), frozenset("a"), frozenset("a")] == side.asked

    assert not search(lambda keys: "passed")[0].confirmed(LETTERS[:1])
    assert not search(lambda keys: "failed")[0].confirmed(LETTERS[:1])


def run(*tests: tuple[str, str], code: int | None = 1, hung: str | None = None) -> SuiteRun:
    entries = tuple(TestOutcome("test_a", name, word, 0.1, "why") for name, word in tests)  # type: ignore[arg-type]
    return SuiteRun(("pytest",), code, 1.0, entries, hung, 60.0)


@pytest.mark.parametrize(
    ("done", "word", "message"),
    [
        (run(("test_x", "passed"), code=0), "passed", "why"),
        (run(("test_x", "passed"), ("test_x", "error")), "error", "why"),
        (run(("test_x", "failed"), ("test_y", "passed")), "failed", "why"),
        (run(("test_x", "skipped"), code=0), "skipped", "why"),
        (run(("test_x", "failed"), hung="test_x"), "timed out", "still ran after 60 s"),
        (run(code=None), "killed", ""),
        (run(code=4), "not run", "the last line"),
    ],
)
def test_the_outcome_of_a_probe(done: SuiteRun, word: str, message: str) -> None:
    found = outcome_of(done, ITEM, 1.0, "the last line")

    assert (word, message) == (found.word, found.message)


def test_a_whole_file_passes_when_all_of_it_does() -> None:
    whole = Item("test_a.py", "", "test_a", whole_file=True)

    assert "passed" == outcome_of(run(("x", "passed"), ("y", "passed"), code=0), whole, 1.0).word
    assert "error" == outcome_of(run(("x", "passed"), ("y", "failed")), whole, 1.0).word


def result(verdict: str, *, proved: bool, **more: Any) -> Result:
    return Result("test_a::test_x", verdict, "docker", "local", proved=proved, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "proved", "code"),
    [
        ("cause", True, 0),
        ("order", True, 0),
        ("applied", True, 0),
        ("applied", False, 1),
        ("flaky", False, 5),
        ("not found", False, 5),
        ("same", False, 5),
    ],
)
def test_the_exit_code(verdict: str, proved: bool, code: int) -> None:
    assert code == result(verdict, proved=proved).code


FOUND = result(
    "not found",
    proved=False,
    sentence="Nothing.",
    alone=(Alone("docker", (Outcome("failed", 1.0, "a\nb"), Outcome("failed", 1.0, "c"))),),
    unapplied=(factor("kernel", usable=False),),
    tried=("a", "b"),
    probes=7,
    seconds=3.14159,
    reproduce="inv x",
)


def test_the_text_names_what_was_tried_and_what_cannot_be() -> None:
    assert [
        "test_a::test_x",
        "  docker alone: failed 2 of 2: a b",
        "",
        "Nothing.",
        "Applied without effect: a, b.",
        "",
        "Cannot be applied on docker:",
        "  kernel: 1 / 2: never",
        "",
        "7 probes in 3.1 s.",
        "Reproduce: inv x",
    ] == FOUND.as_text().splitlines()


def test_the_json_is_one_object_with_all_keys() -> None:
    assert {
        "test": "test_a::test_x",
        "verdict": "not found",
        "failing": "docker",
        "passing": "local",
        "cause": [],
        "after": [],
        "unapplied": {"kernel": "never"},
        "probes": 7,
        "seconds": 3.1,
        "reproduce": "inv x",
    } == json.loads(FOUND.as_json())


def test_a_probe_that_a_busy_machine_did_not_end_is_asked_again_with_more_time() -> None:
    slow = iter(["timed out"])
    found, side, said = search(lambda keys: next(slow, passes_with("h")(keys)))
    found.usual = "failed"

    assert "h" == keys(found.cause(LETTERS))

    assert 40.0 == side.timeout
    assert sum("timed out" in line for line in said) == 1


def test_a_test_that_hangs_is_not_given_more_time_for_it() -> None:
    found, side, _ = search(lambda keys: "passed" if "c" in keys else "timed out")
    found.usual = "timed out"

    assert "c" == keys(found.cause(LETTERS))

    assert 20.0 == side.timeout
