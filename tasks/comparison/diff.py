"""Two trials side by side: what differs, test by test and service by service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..trials.record import TestOutcome, Trial
from .changes import moved_rows
from .gates import GateResult, Gates, default_gates
from .gating import results
from .joining import join
from .messages import normalise
from .query_rows import query_rows
from .repeats import Flaky, enough, flaky, merged, messages
from .services import RuntimeRow, ServiceRow, runtime_rows, service_rows
from .summary import FAILING
from .summary import Summary as Summary

NOISE_SECONDS = 0.001
"""pytest writes durations to the millisecond: a ratio of less than one says nothing."""
MOVERS = 10
INTERPRETER_KEYS = ("python", "python_build")


@dataclass(frozen=True)
class Pair:
    """One test on both sides."""

    baseline: TestOutcome
    candidate: TestOutcome

    @property
    def both_fail(self) -> bool:
        """Whether neither side lets the test pass."""
        return {self.baseline.outcome, self.candidate.outcome} <= FAILING

    @property
    def change_seconds(self) -> float:
        """Candidate's duration minus the baseline's."""
        return self.candidate.seconds - self.baseline.seconds

    @property
    def stable(self) -> bool:
        """Whether both sides ran it often enough for its difference to be no accident."""
        return enough(self.baseline, self.candidate)

    @property
    def ratio(self) -> float | None:
        """Candidate's duration by the baseline's; None where one is below the noise."""
        if min(self.baseline.seconds, self.candidate.seconds) < NOISE_SECONDS:
            return None
        return self.candidate.seconds / self.baseline.seconds


@dataclass(frozen=True)
class FingerprintDifference:
    """One thing that the suite saw differently; None where a side does not say."""

    key: str
    baseline: str | None
    candidate: str | None


@dataclass(frozen=True)
class Comparison:
    """Two trials side by side. Swapping them mirrors every part."""

    baseline: Summary
    candidate: Summary
    pairs: tuple[Pair, ...] = ()
    """Every test that both sides have, in the baseline's order."""
    different: tuple[Pair, ...] = ()
    """Outcomes differ, or both sides fail and say different things."""
    same_failure: tuple[Pair, ...] = ()
    same: int = 0
    """Tests that pass, or are skipped, on both sides."""
    only_baseline: tuple[TestOutcome, ...] = ()
    only_candidate: tuple[TestOutcome, ...] = ()
    movers: tuple[Pair, ...] = ()
    services: tuple[ServiceRow, ...] = ()
    queries: tuple[ServiceRow, ...] = ()
    """A row for each gate on what a Prometheus says."""
    runtime: tuple[RuntimeRow, ...] = ()
    fingerprint: tuple[FingerprintDifference, ...] = ()
    flaky: tuple[Flaky, ...] = ()
    """Tests that differ within one mode; they are in none of the other parts."""
    runs: tuple[int, int] = (1, 1)
    """How often each side ran; 0 where its trial is missing."""
    suites: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    """How long the suite of each run took, in seconds."""
    moved: tuple[ServiceRow, ...] = ()
    """Figures that differ for sure between the sides; none without SURE_RUNS runs of each."""
    gates: tuple[GateResult, ...] = ()
    gates_declared: bool = False
    """Whether the project declares gates, or has the targets that everybody has."""

    @property
    def sides(self) -> tuple[Summary, Summary]:
        """Both sides, the baseline first."""
        return self.baseline, self.candidate

    @property
    def judged(self) -> tuple[ServiceRow, ...]:
        """The figures that have a target."""
        return tuple(row for row in (*self.services, *self.queries) if row.judgement)

    @property
    def interpreters(self) -> tuple[FingerprintDifference, ...]:
        """Differences of the interpreter itself, which no ratio of times survives."""
        return tuple(it for it in self.fingerprint if it.key in INTERPRETER_KEYS)


def compare(
    baseline: Trial | Sequence[Trial] | None,
    candidate: Trial | Sequence[Trial] | None,
    *,
    modes: tuple[str, str] = ("local", "docker"),
    movers: int = MOVERS,
    gates: Gates | None = None,
) -> Comparison:
    """Return the comparison; a side that is None, or of no runs, is a trial that is missing.

    A side is one trial, or the runs of one batch. `modes` names the sides that are missing,
    and `movers` is how many of the tests whose duration changed most are kept. `gates` are the
    project's; None: the targets.
    """
    runs = (_runs(baseline), _runs(candidate))
    left, right = (
        Summary(name, merged(side), side) for name, side in zip(modes, runs, strict=True)
    )
    names = (
        left.trial.mode if left.trial else left.name,
        right.trial.mode if right.trial else right.name,
    )
    if names[0] == names[1]:
        names = (f"{names[0]} (baseline)", f"{names[1]} (candidate)")
    chosen = gates or default_gates()
    services = service_rows(*runs, names, chosen)
    compared = Comparison(
        replace(left, name=names[0]),
        replace(right, name=names[1]),
        services=services,
        queries=query_rows(*runs, names, chosen),
        moved=moved_rows(services),
        runtime=runtime_rows(*runs),
        fingerprint=_fingerprint(left.trial, right.trial),
        runs=(len(runs[0]), len(runs[1])),
        suites=(_suites(runs[0]), _suites(runs[1])),
        gates_declared=chosen.declared,
    )
    # Every test of the other side would be listed as missing there: one line says it.
    if left.tests and right.tests:
        compared = _with_tests(compared, movers)
    return replace(compared, gates=results(chosen, compared))


def _runs(side: Trial | Sequence[Trial] | None) -> tuple[Trial, ...]:
    if side is None:
        return ()
    return (side,) if isinstance(side, Trial) else tuple(side)


def _suites(runs: Sequence[Trial]) -> tuple[float, ...]:
    return tuple(run.suite.seconds for run in runs if run.suite)


def _with_tests(compared: Comparison, movers: int) -> Comparison:
    left, right = compared.sides
    joined = join(left.tests, right.tests)
    known = {name for side in compared.sides if side.trial for name in side.trial.placement}
    pairs = tuple(Pair(*pair) for pair in joined.pairs)
    unsteady, different, same_failure, same = [], [], [], 0
    for pair in pairs:
        if flaky(pair.baseline) or flaky(pair.candidate):
            unsteady.append(pair)
        elif _differs(pair, known):
            different.append(pair)
        elif pair.both_fail:
            same_failure.append(pair)
        else:
            same += 1
    return replace(
        compared,
        pairs=pairs,
        different=tuple(different),
        same_failure=tuple(same_failure),
        same=same,
        only_baseline=tuple(test for test in joined.only_baseline if not flaky(test)),
        only_candidate=tuple(test for test in joined.only_candidate if not flaky(test)),
        movers=_movers(pairs, movers),
        flaky=(
            *(Flaky(it.baseline, it.candidate) for it in unsteady),
            *(Flaky(test, None) for test in joined.only_baseline if flaky(test)),
            *(Flaky(None, test) for test in joined.only_candidate if flaky(test)),
        ),
    )


def _differs(pair: Pair, services: Iterable[str]) -> bool:
    if pair.baseline.outcome != pair.candidate.outcome:
        return True
    if not pair.both_fail:
        return False
    said, other = messages(pair.baseline), messages(pair.candidate)
    # Word for word the same, most often: to normalise takes as long as all the rest.
    return set(said).isdisjoint(other) and {normalise(it, services) for it in said}.isdisjoint(
        normalise(it, services) for it in other
    )


def _movers(pairs: Iterable[Pair], count: int) -> tuple[Pair, ...]:
    moved = [
        pair
        for pair in pairs
        # Rounded as pytest does, or 0.011 - 0.010 would be less than a millisecond.
        if round(abs(pair.change_seconds), 6) >= NOISE_SECONDS
        # What was skipped took no time, which is no change of speed.
        and "skipped" not in (pair.baseline.outcome, pair.candidate.outcome)
    ]
    moved.sort(key=lambda it: (-abs(it.change_seconds), it.baseline.name, it.baseline.classname))
    return tuple(moved[:count])


def _fingerprint(
    baseline: Trial | None, candidate: Trial | None
) -> tuple[FingerprintDifference, ...]:
    left = baseline.fingerprint if baseline else {}
    right = candidate.fingerprint if candidate else {}
    if not left or not right:
        return ()
    return tuple(
        FingerprintDifference(key, left.get(key), right.get(key))
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    )
