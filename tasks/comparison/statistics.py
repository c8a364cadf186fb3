"""What several runs say of one figure: medians, intervals, outliers. The numerics are scipy's.

Every interval is of 95 %, by bootstrap, with a fixed seed: printing a record again gives the
same figures again.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError

ENOUGH_RUNS = 3
"""Runs of a side below which no interval is drawn, and no test is called stable.

A test that fails at random half the time differs in all of three runs by a chance of
2 / 4**3 = 3 %, in both of two by one of 13 %.
"""
OUTLIER_RUNS = 5
"""Runs below which no outlier is named: of three normal values one would be, one time in four."""
OUTLIER_SCORE = 3.5
"""The modified Z score of Iglewicz and Hoaglin, "How to detect and handle outliers", 1993."""
CONFIDENCE = 0.95
SEED = 20260501
RESAMPLES = 2000

SURE = 0.001
"""Chance below which a figure has moved for sure, all figures of a comparison taken together,
and below which one that is beyond its limit is no noise."""
SURE_RUNS = 7
"""Runs of each side that it takes: of six each, all apart, the chance is 2 / 924."""
LEAST_CHANGE = 0.05
"""Change of a median below which a figure has not moved: who goes second finds a warm cache."""


@dataclass(frozen=True)
class Estimate:
    """One figure over several runs. With fewer than ENOUGH_RUNS the interval is the range."""

    n: int
    median: float
    low: float
    high: float
    spread: float
    """Median absolute deviation."""
    outliers: tuple[int, ...] = ()
    """Indices of the runs whose modified Z score is above OUTLIER_SCORE."""
    slow_first: bool = False
    """Whether the first run is an outlier above the median: a cold cache, most often."""


@dataclass(frozen=True)
class RatioEstimate:
    """Candidate by baseline; None where it is unknown: too few runs, or a zero baseline."""

    baseline: Estimate
    candidate: Estimate
    ratio: float | None
    low: float | None
    high: float | None


def estimate(values: Sequence[float]) -> Estimate:
    """Return the estimate of one figure; the values stand in the order of the runs.

    Raises ValueError without a value.
    """
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    low, high = min(values), max(values)
    if len(values) >= ENOUGH_RUNS and low < high:
        low, high = _interval([values], lambda numpy, sample, axis: numpy.median(sample, axis))
    outliers = _outliers(values, middle, spread)
    return Estimate(
        n=len(values),
        median=middle,
        low=low,
        high=high,
        spread=spread,
        outliers=outliers,
        slow_first=0 in outliers and values[0] > middle,
    )


def ratio_estimate(baseline: Sequence[float], candidate: Sequence[float]) -> RatioEstimate:
    """Return the ratio of the medians with its interval. Raises ValueError without a value."""
    below, above = estimate(baseline), estimate(candidate)
    if not below.median > 0:
        return RatioEstimate(below, above, None, None, None)
    ratio = above.median / below.median
    if min(below.n, above.n) < ENOUGH_RUNS or min(baseline) <= 0:
        return RatioEstimate(below, above, ratio, None, None)
    if min(baseline) == max(baseline) and min(candidate) == max(candidate):
        return RatioEstimate(below, above, ratio, ratio, ratio)
    low, high = _interval(
        [candidate, baseline],
        lambda numpy, ours, theirs, axis: numpy.median(ours, axis) / numpy.median(theirs, axis),
    )
    return RatioEstimate(below, above, ratio, low, high)


def too_few(runs: int) -> str:
    """Return why a figure beyond its limit may be noise after so few runs; empty after enough."""
    if runs >= ENOUGH_RUNS:
        return ""
    return f"beyond the limit in {runs} of at least {ENOUGH_RUNS} runs, which may be noise"


def noise_of(baseline: Sequence[float], candidate: Sequence[float], limit: float) -> str:
    """Return why a ratio beyond its limit may be noise; empty where it surely is none.

    Welch's test on the logarithms, against the limit. That the interval is beyond it as well is
    not enough: of two equal sets of three one is above the other by a chance of 1 / 20, and a
    comparison judges dozens of figures. Of one run or two no noise is known at all.
    """
    runs = min(len(baseline), len(candidate))
    if runs < ENOUGH_RUNS:
        return too_few(runs)
    if _surely_beyond(baseline, candidate, limit):
        return ""
    return f"beyond the limit, but {runs} runs vary too much to be sure"


def _surely_beyond(baseline: Sequence[float], candidate: Sequence[float], limit: float) -> bool:
    if min(*baseline, *candidate) <= 0 or limit <= 0:
        return False
    ours = [math.log(value) for value in candidate]
    theirs = [math.log(value * limit) for value in baseline]
    if len(set(ours)) == 1 == len(set(theirs)):
        return True
    above = statistics.fmean(ours) > statistics.fmean(theirs)
    with warnings.catch_warnings():
        # Figures that are nearly equal lose precision, on either side of being sure.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = _scipy_stats().ttest_ind(
            ours, theirs, equal_var=False, alternative="greater" if above else "less"
        )
    return bool(found.pvalue < SURE)


def moved(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[bool]:
    """Return for each figure whether its two sides differ for sure.

    Mann-Whitney's test on each; the chances are corrected for how many figures were looked at
    (Benjamini and Hochberg), so that two equal modes show none. Fewer than SURE_RUNS runs of a
    side can never be that sure.
    """
    known = [
        index
        for index, (below, above) in enumerate(pairs)
        if min(len(below), len(above)) >= SURE_RUNS and len({*below, *above}) > 1
    ]
    found = [False] * len(pairs)
    if not known:
        return found
    stats = _scipy_stats()
    chances = [_chance(stats, *pairs[index]) for index in known]
    for index, chance in zip(known, stats.false_discovery_control(chances), strict=True):
        below, above = (statistics.median(side) for side in pairs[index])
        found[index] = bool(chance < SURE) and abs(above - below) > LEAST_CHANGE * abs(below)
    return found


def _chance(stats: Any, below: Sequence[float], above: Sequence[float]) -> float:
    # By itself scipy approximates from nine values on, 17 times too high for two apart sets of ten.
    distinct = len({*below, *above}) == len(below) + len(above)
    found = stats.mannwhitneyu(below, above, method="exact" if distinct else "asymptotic")
    return float(found.pvalue)


def _outliers(values: Sequence[float], middle: float, spread: float) -> tuple[int, ...]:
    if len(values) < OUTLIER_RUNS:
        return ()
    scale = spread / 0.6745
    if not scale:
        # More than half of the values are equal: the mean deviation instead, as they advise.
        scale = 1.253314 * statistics.fmean(abs(value - middle) for value in values)
    if not scale:
        return ()
    return tuple(
        index for index, value in enumerate(values) if abs(value - middle) / scale > OUTLIER_SCORE
    )


def _interval(samples: Sequence[Sequence[float]], statistic: Any) -> tuple[float, float]:
    stats = _scipy_stats()
    import numpy

    def vectorized(*resampled: Any, axis: int = -1) -> Any:
        return statistic(numpy, *resampled, axis)

    found = stats.bootstrap(
        [numpy.asarray(sample, dtype=float) for sample in samples],
        vectorized,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        # BCa has no answer where a resampled median is constant, and ten runs often give that.
        method="percentile",
        vectorized=True,
        rng=numpy.random.default_rng(SEED),
    ).confidence_interval
    low, high = float(found.low), float(found.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return -math.inf, math.inf
    return low, high


def require_scipy() -> None:
    """Raise UsageError, naming the mend, where scipy is not installed."""
    _scipy_stats()


def _scipy_stats() -> Any:
    try:
        from scipy import stats
    except ImportError as error:
        raise UsageError(
            "Three runs of a mode and more need scipy for their intervals, which is not "
            "installed. Run `pip install tranship[stats]`."
        ) from error
    return stats
