"""Delta debugging, by its properties: the result flips, needs each of its parts, and is bounded."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tranship.comparison.bisect.ddmin import minimal
from tranship.comparison.bisect.items import Item
from tranship.comparison.bisect.order import dependence

bounded = settings(
    max_examples=200,
    deadline=None,  # a busy machine is no failure
    database=None,
    derandomize=bool(os.environ.get("CI")),
)

NUMBERS = st.integers(min_value=1, max_value=24)


class Flips:
    """A test that flips with all of `needed`, and counts how often it is asked."""

    def __init__(self, needed: set[int], hidden_by: set[int] | None = None) -> None:
        self.needed = needed
        self.hidden_by = hidden_by or set()
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, part: tuple[int, ...]) -> bool:
        self.asked.append(part)
        return self.needed <= set(part) and not self.hidden_by & set(part)


@bounded
@given(NUMBERS, st.data())
def test_what_is_needed_is_found_exactly(count: int, data: st.DataObject) -> None:
    items = tuple(range(count))
    needed = data.draw(st.sets(st.sampled_from(items), min_size=1))

    found = minimal(items, Flips(needed))

    assert tuple(sorted(needed)) == found


@bounded
@given(st.integers(min_value=1, max_value=7), st.data())
def test_whatever_flips_the_result_is_one_minimal(count: int, data: st.DataObject) -> None:
    """Any function at all, also one where a larger set does not flip though a smaller one does."""
    items = tuple(range(count))
    chosen = data.draw(st.sets(st.frozensets(st.sampled_from(items), min_size=1)))
    flipping = {*chosen, frozenset(items)}

    found = frozenset(minimal(items, lambda part: frozenset(part) in flipping))

    assert found in flipping
    assert not [item for item in found if found - {item} in flipping]


@bounded
@given(NUMBERS, st.data())
def test_no_set_is_tried_twice_and_never_more_than_n_squared(
    count: int, data: st.DataObject
) -> None:
    items = tuple(range(count))
    flips = Flips(data.draw(st.sets(st.sampled_from(items), min_size=1)))

    minimal(items, flips)

    assert len({frozenset(part) for part in flips.asked}) == len(flips.asked)
    assert len(flips.asked) <= count * count + 3 * count


@pytest.mark.parametrize(("count", "most"), [(2, 2), (16, 8), (64, 12), (1000, 20)])
def test_one_of_many_takes_the_logarithm_of_their_number(count: int, most: int) -> None:
    for needed in (0, count // 3, count - 1):
        flips = Flips({needed})

        assert (needed,) == minimal(tuple(range(count)), flips)
        assert len(flips.asked) <= most


def item(file: str, name: str) -> Item:
    return Item(f"{file}::{name}", file.removesuffix(".py"), name)


BEFORE = tuple(item(f"test_{letter}.py", f"test_{n}") for letter in "abc" for n in range(8))


def test_the_tests_after_which_it_fails_are_found_by_file_and_then_by_test() -> None:
    needed = {BEFORE[9], BEFORE[11]}
    asked: list[tuple[Item, ...]] = []

    def differs(tests: tuple[Item, ...]) -> bool:
        asked.append(tests)
        return needed <= set(tests)

    found = dependence(BEFORE, differs)

    assert (BEFORE[9], BEFORE[11]) == found.after
    assert 24 == found.before
    assert BEFORE == asked[0], "all that ran before, in their order"


def test_no_dependence_is_one_probe() -> None:
    asked = []

    found = dependence(BEFORE, lambda tests: bool(asked.append(tests)))

    assert () == found.after
    assert 1 == len(asked)


def test_nothing_before_it_is_no_probe() -> None:
    assert () == dependence((), lambda tests: pytest.fail("nothing to try")).after


def test_one_command_line_names_only_so_many_tests() -> None:
    many = tuple(item("test_a.py", f"test_{'x' * 80}_{n}") for n in range(3000))
    lengths = []

    dependence(many, lambda tests: bool(lengths.append(len(tests))))

    assert lengths[0] * 90 < 101_000
