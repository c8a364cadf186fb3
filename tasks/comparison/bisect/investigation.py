"""The questions that are asked of one test, in their order: flaky, order, and which difference."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import EnvironmentFailed, UsageError, near
from ...settings import Settings
from ..diff import Comparison
from .bench import Bench
from .chosen import Chosen, ran_before
from .factors import group_of
from .items import Item, found_in
from .order import dependence
from .outcome import PASSED, TIMED_OUT
from .probing import OutOfProbes, Probes
from .ranked import ranked_factors
from .result import Alone, Result
from .search import Search

_LEAST_SECONDS = 20.0
_TIMES = 5
"""Of a test that hangs on one side: how much longer than on the other it may take."""


@dataclass
class Investigation:
    """One test on two benches whose stacks are up."""

    settings: Settings
    comparison: Comparison
    what: Chosen
    benches: tuple[Bench, Bench]
    """The baseline's and the candidate's."""
    probes: Probes

    def __post_init__(self) -> None:
        self.failing = self.benches[self.what.failing]
        self.passing = self.benches[1 - self.what.failing]
        both = [bench.items() for bench in self.benches]
        self._items = both
        self._item = tuple(
            self._named(side, both[side], both[1 - side]) for side in range(len(both))
        )
        self._alone: tuple[Alone, ...] = ()

    def result(self) -> Result:
        """Return what was found, however far the allowed number of probes went."""
        try:
            found = self._found()
        except OutOfProbes:
            found = self._result(
                "not found", f"No answer within {self.probes.limit} probes; allow more by --limit."
            )
        return replace(found, probes=self.probes.count, seconds=self.probes.seconds)

    def applied(self, keys: Sequence[str]) -> Result:
        """Return the test without and with these differences applied.

        Raises UsageError for a key that is no difference, or cannot be applied.
        """
        known = {it.key: it for it in ranked_factors(self.settings, self.what, self.benches)}
        wanted = []
        for key in keys:
            factor = known.get(group_of(key)) or known.get(key)
            if factor is None:
                raise UsageError(
                    f"{key!r} is no difference of {self.failing.name} and {self.passing.name}"
                    f"{near(key, known)}. They differ in: {', '.join(known) or 'nothing'}."
                )
            if factor.change is None:
                raise UsageError(
                    f"{key} cannot be applied on {self.failing.name}: {factor.reason}."
                )
            wanted.append(factor)
        without = self.probes.several(self.failing, self._item[self.what.failing])
        having = self.probes.several(self.failing, self._item[self.what.failing], wanted)
        self._alone = (
            Alone(self.failing.name, without),
            Alone(self.failing.name, having, tuple(it.key for it in wanted)),
        )
        flipped = {it.word for it in without}.isdisjoint({PASSED}) and {
            it.word for it in having
        } == {PASSED}
        sentence = "It passes with these, and not without:" if flipped else "No such effect of:"
        found = self._result("applied", sentence, cause=tuple(wanted), proved=flipped)
        return replace(found, probes=self.probes.count, seconds=self.probes.seconds)

    def _found(self) -> Result:
        mine, theirs = self._item[self.what.failing], self._item[1 - self.what.failing]
        fails = Alone(self.failing.name, self.probes.several(self.failing, mine))
        self._alone = (fails,)
        if len(fails.words) > 1:
            return self._flaky(fails)
        passes = Alone(self.passing.name, self.probes.several(self.passing, theirs))
        self._alone = (fails, passes)
        if len(passes.words) > 1:
            return self._flaky(passes)
        if TIMED_OUT in fails.words and not self._hung():
            return self._result(
                "not found",
                f"On {self.failing.name} it did not end within {self.failing.timeout:g} s, where "
                "the record says that it failed. The machine may be busy: allow more by --timeout.",
            )
        if TIMED_OUT in fails.words:
            # It hangs: how long a pass takes is known, and each other probe costs the whole limit.
            known = max(it.seconds for it in passes.outcomes)
            for bench in self.benches:
                bench.timeout = min(bench.timeout, max(_LEAST_SECONDS, _TIMES * known))
        if fails.words != {PASSED} and passes.words == fails.words:
            return self._order(1 - self.what.failing, passes, "passes")
        if fails.words <= passes.words or PASSED in fails.words:
            return self._order(self.what.failing, fails, "fails")
        return self._cause(next(iter(passes.words)), next(iter(fails.words)))

    def _hung(self) -> bool:
        """Return whether the suite on record hung on the failing side."""
        trial = self.comparison.sides[self.what.failing].trial
        return trial is not None and trial.suite is not None and trial.suite.hung_in is not None

    def _flaky(self, alone: Alone) -> Result:
        return self._result(
            "flaky",
            f"It is flaky: alone on {alone.mode}, with nothing changed, it both passes and fails. "
            "No difference of the sides explains that.",
        )

    def _order(self, side: int, alone: Alone, becomes: str) -> Result:
        """Look for the tests before it after which the outcome is another one."""
        bench, item = self.benches[side], self._item[side]
        before = self._before(side)
        usual = next(iter(alone.words))

        def differs(tests: tuple[Item, ...]) -> bool:
            return self.probes.run(bench, item, after=tests).word != usual

        found = dependence(before, differs)
        if not found.after:
            if becomes == "passes":
                return self._result(
                    "not found",
                    f"Alone it fails on both sides, and on {bench.name} also after the "
                    f"{found.before} tests that ran before it.",
                )
            return self._result(
                "same",
                f"It no longer fails on {bench.name}: neither alone nor after the {found.before} "
                "tests that ran before it. It may be flaky.",
            )
        names = tuple(it.shown for it in found.after)
        again = self.probes.several(bench, item, after=found.after)
        if usual in {it.word for it in again}:
            return self._result(
                "flaky",
                f"It is flaky: on {bench.name} the same order gave different outcomes.",
                after=names,
            )
        return self._result(
            "order",
            f"{self._after_sentence(bench, becomes, len(names))} "
            f"{self._other_side(side, found.after, becomes)}",
            after=names,
            proved=True,
            reproduce=shlex.join(
                ["nox", "-s", bench.name, "--"] + [it.argument for it in (*found.after, item)]
            ),
        )

    def _after_sentence(self, bench: Bench, becomes: str, count: int) -> str:
        others = "this test" if count == 1 else f"these {count} tests"
        alone = "passes" if becomes == "fails" else "fails"
        only = "only " if becomes == "passes" else ""
        return f"On {bench.name} it {alone} alone, and {becomes} {only}after {others}."

    def _other_side(self, side: int, after: Sequence[Item], becomes: str) -> str:
        """Say whether the same order has the same effect on the other side."""
        other = self.benches[1 - side]
        known = {(it.classname, it.name): it for it in self._items[1 - side]}
        there = [known[key] for it in after if (key := (it.classname, it.name)) in known]
        if len(there) < len(after):
            return f"{other.name} does not have all of them."
        outcome = self.probes.run(other, self._item[1 - side], after=there)
        if (outcome.word == PASSED) == (becomes == "passes"):
            return f"So it does on {other.name}: the order decides, not the environment."
        return f"On {other.name} it does not: the environment has a part in it."

    def _before(self, side: int) -> tuple[Item, ...]:
        trial = self.comparison.sides[side].trial
        known = {(it.classname, it.name): it for it in self._items[side]}
        ran = ran_before(trial, self.what.outcome(side))
        return tuple(known[key] for it in ran if (key := (it.classname, it.name)) in known)

    def _cause(self, wanted: str, usual: str) -> Result:
        """Look for the smallest set of differences that flips the outcome."""
        every = ranked_factors(self.settings, self.what, self.benches)
        mine = self._item[self.what.failing]
        search = Search(self.probes, self.failing, mine, wanted, usual)
        cause = search.cause(every)
        unapplied = tuple(
            replace(it, reason=it.reason or f"with it no test runs: {search.broken[it.key]}")
            for it in every
            if it.change is None or it.key in search.broken
        )
        if not cause:
            tried = tuple(
                it.key for it in every if it.change is not None and it.key not in search.broken
            )
            return self._result(
                "not found",
                f"Nothing that can be applied on {self.failing.name} makes it pass.",
                unapplied=unapplied,
                tried=tried,
            )
        if not search.confirmed(cause):
            keys = ", ".join(it.key for it in cause)
            return self._result(
                "flaky", f"It is flaky: {keys} seemed to decide, and then did not.", cause=cause
            )
        how = "passes" if wanted == PASSED else f"is {wanted}"
        what = "this" if len(cause) == 1 else "these"
        left_out = "" if len(cause) == 1 else "; each of them is needed"
        return self._result(
            "cause",
            f"It {how} on {self.failing.name} with {what} of {self.passing.name} "
            f"({self.benches[0].name} / {self.benches[1].name}){left_out}:",
            cause=cause,
            unapplied=unapplied,
            proved=True,
        )

    def _named(self, side: int, own: Sequence[Item], others: Sequence[Item]) -> Item:
        """Return the test as pytest is asked for it on a side."""
        test = self.what.outcome(side)
        found = found_in(own, test) or found_in(others, test)
        if found is None:
            raise EnvironmentFailed(
                f"{self.what.name}: pytest on {self.benches[side].name} does not find it any "
                "more. Run `nox -s compare` again."
            )
        return found

    def _result(self, verdict: str, sentence: str, **more: object) -> Result:
        return Result(
            test=self.what.name,
            verdict=verdict,  # type: ignore[arg-type]
            failing=self.failing.name,
            passing=self.passing.name,
            alone=self._alone,
            sentence=sentence,
            on_docker=self.failing.side == "docker",
            service=self.settings.suite.service or "",
            **more,  # type: ignore[arg-type]
        )
