"""What a bisection found, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import ExitCode
from .factors import Factor
from .mend import mend
from .outcome import Outcome

Verdict = Literal["cause", "flaky", "order", "not found", "same", "applied"]
_LISTED = 10


@dataclass(frozen=True)
class Alone:
    """The test by itself on one side, as often as it ran."""

    mode: str
    outcomes: tuple[Outcome, ...]
    applied: tuple[str, ...] = ()
    """The keys of what was applied."""

    @property
    def words(self) -> frozenset[str]:
        """The different outcomes."""
        return frozenset(it.word for it in self.outcomes)

    @property
    def shown(self) -> str:
        """The outcomes with their counts, and what the first failure said."""
        words = [it.word for it in self.outcomes]
        counts = ", ".join(f"{word} {words.count(word)}" for word in dict.fromkeys(words))
        said = next((it.message for it in self.outcomes if it.word != "passed" and it.message), "")
        return f"{counts} of {len(words)}" + (f": {_line(said)}" if said else "")


@dataclass(frozen=True)
class Result:
    """What was found, and what it took."""

    test: str
    verdict: Verdict
    failing: str
    """The mode on which the test fails, on record."""
    passing: str
    alone: tuple[Alone, ...] = ()
    sentence: str = ""
    cause: tuple[Factor, ...] = ()
    after: tuple[str, ...] = ()
    """The tests after which the outcome is another one."""
    unapplied: tuple[Factor, ...] = ()
    tried: tuple[str, ...] = ()
    """The keys that were applied and did not do it."""
    probes: int = 0
    seconds: float = 0.0
    reproduce: str = ""
    on_docker: bool = False
    service: str = ""
    proved: bool = False
    """Whether the verdict is one: with `--apply`, whether the two outcomes differ so."""

    @property
    def code(self) -> ExitCode:
        """The exit code."""
        if self.proved:
            return ExitCode.SAME
        return ExitCode.TESTS_DIFFER if self.verdict == "applied" else ExitCode.INCONCLUSIVE

    def as_json(self) -> str:
        """Return one JSON object."""
        return json.dumps(
            {
                "test": self.test,
                "verdict": self.verdict,
                "failing": self.failing,
                "passing": self.passing,
                "cause": [it.key for it in self.cause],
                "after": list(self.after),
                "unapplied": {it.key: it.reason for it in self.unapplied},
                "probes": self.probes,
                "seconds": round(self.seconds, 1),
                "reproduce": self.reproduce,
            },
            ensure_ascii=False,
        )

    def as_text(self) -> str:
        """Return what a person reads."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self.test
        for side in self.alone:
            how = f"with {', '.join(side.applied)}" if side.applied else "alone"
            yield f"  {side.mode} {how}: {side.shown}"
        yield ""
        yield self.sentence
        for factor in self.cause:
            yield f"  {factor.row}"
        for name in self.after:
            yield f"  {name}"
        if self.verdict == "cause" and self.cause:
            yield from ("", *mend(self.cause, self.on_docker, self.service))
        if self.tried:
            yield f"Applied without effect: {_list(self.tried)}."
        if self.unapplied and self.verdict == "not found":
            yield from ("", f"Cannot be applied on {self.failing}:")
            shown = sorted(self.unapplied, key=lambda it: -it.suspicion)
            yield from (f"  {it.row}: {it.reason}" for it in shown[:_LISTED])
            if shown[_LISTED:]:
                yield f"  and {len(shown) - _LISTED} more, less suspicious"
        yield ""
        yield f"{self.probes} probes in {self.seconds:.1f} s."
        if self.reproduce:
            yield f"Reproduce: {self.reproduce}"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:157]}..."


def _list(keys: Sequence[str]) -> str:
    more = len(keys) - _LISTED
    return ", ".join(keys[:_LISTED]) + (f" and {more} more" if more > 0 else "")
