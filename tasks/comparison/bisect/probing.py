"""Probes: runs of one test, counted, told of, and limited in number."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .bench import Bench
from .change import together
from .factors import Factor
from .items import Item
from .outcome import Outcome


class OutOfProbes(Exception):
    """As many probes have run as were allowed."""


@dataclass
class Probes:
    """Runs one test alone, on either side, and keeps count."""

    repeat: int
    limit: int
    tell: Callable[[str], None]
    count: int = 0
    began: float = field(default_factory=time.monotonic)

    def run(
        self,
        bench: Bench,
        item: Item,
        factors: Sequence[Factor] = (),
        after: Sequence[Item] = (),
    ) -> Outcome:
        """Run the test once; raises OutOfProbes instead of one more than the limit."""
        if self.count >= self.limit:
            raise OutOfProbes
        self.count += 1
        if after:
            words = (*(it.argument for it in after), item.argument)
            what = f"after {len(after)} others" if len(after) > 3 else f"after {_names(after)}"
        else:
            words = (item.argument,)
            what = f"{_keys(factors)} applied" if factors else "alone"
        change = together(it.change for it in factors if it.change is not None)
        outcome = bench.probe(words, item, change)
        self.tell(
            f"probe {self.count}: {bench.name}, {what}: {outcome.word} ({outcome.seconds:.1f} s)"
        )
        return outcome

    def several(
        self,
        bench: Bench,
        item: Item,
        factors: Sequence[Factor] = (),
        after: Sequence[Item] = (),
    ) -> tuple[Outcome, ...]:
        """Run it `repeat` times, or until two outcomes differ."""
        found: list[Outcome] = []
        while len(found) < self.repeat and len({it.word for it in found}) < 2:
            found.append(self.run(bench, item, factors, after))
        return tuple(found)

    def until(
        self, word: str, bench: Bench, item: Item, factors: Sequence[Factor] = ()
    ) -> tuple[Outcome, ...]:
        """Run it until it was `word` for `repeat` times, or was anything else once."""
        found: list[Outcome] = []
        while len(found) < self.repeat and all(it.word == word for it in found):
            found.append(self.run(bench, item, factors))
        return tuple(found)

    @property
    def seconds(self) -> float:
        """How long it has taken up to now."""
        return time.monotonic() - self.began


def _keys(factors: Sequence[Factor]) -> str:
    keys = [it.key for it in factors]
    return ", ".join(keys) if len(keys) <= 6 else f"{', '.join(keys[:5])} and {len(keys) - 5} more"


def _names(items: Sequence[Item]) -> str:
    return ", ".join(it.name for it in items)
