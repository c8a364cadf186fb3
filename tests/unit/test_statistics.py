from __future__ import annotations

import math
import random
import sys
from statistics import median

import pytest
from tranship.comparison.statistics import (
    SURE_RUNS,
    Estimate,
    estimate,
    moved,
    noise_of,
    ratio_estimate,
    require_scipy,
)
from tranship.errors import UsageError


def drawn(seed: int, middle: float, count: int = 10, noise: float = 0.03) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(middle, middle * noise) for _ in range(count)]


def test_one_value_is_all_that_is_known() -> None:
    assert estimate([2.0]) == Estimate(1, 2.0, 2.0, 2.0, 0.0)


def test_two_values_have_their_range_and_no_ratio_interval() -> None:
    found = ratio_estimate([1.0, 3.0], [2.0, 4.0])

    assert (1.0, 3.0, 1.0) == (found.baseline.low, found.baseline.high, found.baseline.spread)
    assert (1.5, None, None) == (found.ratio, found.low, found.high)


def test_the_interval_holds_the_median_and_is_the_same_again() -> None:
    values = drawn(1, 10.0)
    found = estimate(values)

    assert min(values) <= found.low < found.median < found.high <= max(values)
    assert found == estimate(values)


def test_the_interval_of_a_ratio_holds_the_truth_most_of_the_time() -> None:
    held = 0
    for seed in range(100):
        found = ratio_estimate(drawn(seed, 1.0), drawn(1000 + seed, 1.3))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.3 <= found.high

    assert held >= 88


def test_figures_that_never_change_have_an_exact_ratio() -> None:
    found = ratio_estimate([2.0] * 4, [3.0] * 4)

    assert (1.5, 1.5, 1.5) == (found.ratio, found.low, found.high)


@pytest.mark.parametrize("baseline", [[0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
def test_a_zero_baseline_has_no_ratio(baseline: list[float]) -> None:
    found = ratio_estimate(baseline, [1.0, 1.0, 1.0])

    assert (None, None, None) == (found.ratio, found.low, found.high)


def test_a_baseline_that_touches_zero_has_no_interval() -> None:
    found = ratio_estimate([0.0, 1.0, 1.0], [1.0, 2.0, 3.0])

    assert (2.0, None, None) == (found.ratio, found.low, found.high)


@pytest.mark.parametrize(
    ("values", "outliers", "slow_first"),
    [
        ([1.0, 1.01, 0.99, 1.02, 1.0, 5.0], (5,), False),
        ([5.0, 1.01, 0.99, 1.02, 1.0, 0.98], (0,), True),
        ([0.1, 1.01, 0.99, 1.02, 1.0, 0.98], (0,), False),
        ([1.0, 1.01, 0.99, 1.02, 1.0, 0.98], (), False),
        ([1.0] * 9 + [2.0], (9,), False),  # its median deviation is zero
        ([1.0] * 6, (), False),
        ([5.0, 1.0, 1.01], (), False),  # too few to name one
    ],
)
def test_outliers_and_a_slow_first_run(
    values: list[float], outliers: tuple[int, ...], slow_first: bool
) -> None:
    found = estimate(values)

    assert (outliers, slow_first) == (found.outliers, found.slow_first)


def test_the_same_distribution_twice_never_moves() -> None:
    for seed in range(20):
        pairs = [
            (drawn(seed * 100 + row, 1.0), drawn(seed * 100 + row + 50, 1.0)) for row in range(40)
        ]
        assert not any(moved(pairs)), seed


def test_a_fifth_more_is_found_among_forty_figures() -> None:
    for seed in range(20):
        pairs = [
            (drawn(seed * 100 + row, 1.0), drawn(seed * 100 + row + 50, 1.2 if row == 7 else 1.0))
            for row in range(40)
        ]
        assert [7] == [index for index, sure in enumerate(moved(pairs)) if sure], seed


def test_a_small_change_is_none_however_sure() -> None:
    assert [False] == moved(
        [([1.0 + i / 1000 for i in range(10)], [1.03 + i / 1000 for i in range(10)])]
    )


def test_few_runs_are_never_sure() -> None:
    one, other = [1.0 + i / 100 for i in range(20)], [5.0 + i / 100 for i in range(20)]
    few = SURE_RUNS - 1

    assert [False, False, True] == moved(
        [
            (one[:few], other[:few]),
            ([1.0] * 9, [1.0] * 9),
            (one[: SURE_RUNS + 1], other[: SURE_RUNS + 1]),
        ]
    )


def test_figures_with_ties_are_tested_too() -> None:
    assert [True] == moved([([1.0] * 10, [2.0] * 10)])


def test_without_scipy_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)

    assert estimate([1.0, 2.0]).median == 1.5
    with pytest.raises(UsageError, match=r"pip install tranship\[stats\]"):
        require_scipy()


def noisy(seed: int, count: int, noise: float, factor: float = 1.0) -> list[float]:
    source = random.Random(seed)
    return [factor * math.exp(source.gauss(0, noise)) for _ in range(count)]


@pytest.mark.parametrize("count", [3, 5, 10])
def test_equal_modes_are_not_beyond_a_limit_for_sure_however_noisy(count: int) -> None:
    pairs = [(noisy(seed, count, 0.5), noisy(seed + 1, count, 0.5)) for seed in range(0, 400, 2)]
    beyond = [it for it in pairs if median(it[1]) > 1.1 * median(it[0])]

    assert len(beyond) > 50
    assert [] == [it for it in beyond if not noise_of(*it, 1.1)]


def test_what_is_far_beyond_its_limit_is_so_for_sure() -> None:
    for seed in range(0, 100, 2):
        assert "" == noise_of(noisy(seed, 5, 0.03), noisy(seed + 1, 5, 0.03, 1.4), 1.1)
        assert "" == noise_of(noisy(seed, 10, 0.03), noisy(seed + 1, 10, 0.03, 1.25), 1.1)
        # And below one, for a gate that wants more.
        assert "" == noise_of(noisy(seed, 10, 0.03), noisy(seed + 1, 10, 0.03, 0.5), 0.7)


@pytest.mark.parametrize(
    ("baseline", "candidate", "part"),
    [
        ([1.0], [9.0], "in 1 of at least 3 runs"),
        ([1.0] * 9, [9.0] * 2, "in 2 of at least 3 runs"),
        ([1.0, 1.5, 0.7], [1.9, 1.1, 3.0], "3 runs vary too much"),
        ([0.0, 1.0, 1.0], [9.0, 9.0, 9.0], "3 runs vary too much"),
        ([1.0] * 3, [2.0] * 3, ""),
        ([1.0] * 3, [2.0, 2.0, 2.0000000000000004], ""),
    ],
)
def test_what_may_be_noise(baseline: list[float], candidate: list[float], part: str) -> None:
    found = noise_of(baseline, candidate, 1.5)

    assert bool(part) == bool(found)
    assert part in found
