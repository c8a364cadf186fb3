"""The search for the smallest set of differences that flips a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .bench import Bench
from .ddmin import minimal
from .factors import NETWORK, Factor
from .items import Item
from .outcome import NOT_RUN, TIMED_OUT
from .probing import Probes

_QUICK = 3
_BREAKERS = 4


@dataclass
class Search:
    """Applies differences to the failing side until the outcome is the passing side's."""

    probes: Probes
    failing: Bench
    item: Item
    wanted: str
    """The passing side's outcome."""
    usual: str = ""
    """The failing side's, with nothing applied."""
    known: dict[frozenset[str], bool] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Key of a difference with which pytest does not come to run the test -> what is said."""

    said: str = ""
    """What was said when pytest last did not come to run the test."""

    def flips(self, factors: Sequence[Factor]) -> bool:
        """Return whether the test has the wanted outcome with these applied, each time."""
        key = frozenset(it.key for it in factors)
        if key not in self.known:
            last = self.probes.until(self.wanted, self.failing, self.item, factors)[-1]
            if last.word == TIMED_OUT != self.usual:
                # A busy machine, rather than an answer: once more, with more time.
                self.failing.timeout *= 2
                last = self.probes.until(self.wanted, self.failing, self.item, factors)[-1]
            self.known[key] = last.word == self.wanted
            if last.word == NOT_RUN and len(factors) == 1:
                self.broken[factors[0].key] = last.message
        return self.known[key]

    def cause(self, factors: Sequence[Factor]) -> tuple[Factor, ...]:
        """Return the smallest set that flips; empty where none was found.

        `factors` come likeliest first: the first few are tried alone, then ever more together.
        """
        usable = [it for it in factors if it.change is not None]
        for factor in usable[:_QUICK]:
            if self.flips((factor,)):
                return (factor,)
        for part in _supersets(usable):
            whole = self._running(part)
            if whole and self.flips(whole):
                return _least(whole, self.flips)
        # One of them may break the test by itself, and hide what another one would mend.
        left = (it for it in usable[_QUICK:] if it.key not in self.broken)
        return next(((factor,) for factor in left if self.flips((factor,))), ())

    def _running(self, factors: Sequence[Factor]) -> tuple[Factor, ...]:
        """Return these without those with which no test runs at all, such as a user's rights."""
        found = tuple(it for it in factors if it.key not in self.broken)
        for _ in range(_BREAKERS):
            if not found or not self._breaks(found):
                return found
            for guilty in _least(found, self._breaks):
                self.broken[guilty.key] = self.said
            found = tuple(it for it in found if it.key not in self.broken)
        return ()

    def _breaks(self, factors: Sequence[Factor]) -> bool:
        """Return whether no test comes to run with these applied."""
        key = frozenset(it.key for it in factors)
        if self.known.get(key):
            return False
        outcome = self.probes.run(self.failing, self.item, factors)
        if outcome.word != self.wanted:
            self.known[key] = False
        if outcome.word == NOT_RUN:
            self.said = outcome.message
        return outcome.word == NOT_RUN

    def confirmed(self, cause: Sequence[Factor]) -> bool:
        """Return whether the test still fails without these, and flips with them once more."""
        if self.probes.run(self.failing, self.item).word == self.wanted:
            return False
        again = self.probes.until(self.wanted, self.failing, self.item, cause)
        return again[-1].word == self.wanted


def _least(
    whole: Sequence[Factor], has_effect: Callable[[Sequence[Factor]], bool]
) -> tuple[Factor, ...]:
    known = {it.key: it for it in whole}
    keys = minimal(tuple(known), lambda part: has_effect([known[it] for it in part]))
    return tuple(known[it] for it in keys)


def _supersets(usable: Sequence[Factor]) -> Iterator[tuple[Factor, ...]]:
    """Yield ever larger sets: what the test speaks of comes first, packages come last."""
    kinds = [
        {"plain"},
        {"plain", "place"},
        {"plain", "place", NETWORK},
        {"plain", "place", NETWORK, "package"},
    ]
    before = tuple(it for it in usable if it.spoken)
    if len(before) > 1:
        yield before
    for allowed in kinds:
        found = tuple(it for it in usable if (NETWORK if it.key == NETWORK else it.kind) in allowed)
        if found and found != before:
            yield found
        before = found
