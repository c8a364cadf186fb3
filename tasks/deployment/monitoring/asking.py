"""What the queries of the gates came to while each suite ran, kept in the trials' records."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ...comparison.gates import project_gates
from ...comparison.query_gates import filled, queries_of, source_of
from ...errors import EnvironmentFailed, UsageError
from ...settings import Settings
from ...trials import record
from ...trials.record import Queried, Trial
from .prometheus import Answer, Prometheus, shown

TIMEOUT_SECONDS = 10.0
_SILENT = "Is it up? Ask again: inv compare.show --prometheus URL"
_FOREIGN = "Give the URL of a Prometheus, with name:password@ before the host if it asks for them."
_ALIKE_SECONDS = 1.0
"""Difference of two clocks that no figure shows."""


def ask_for_gates(
    settings: Settings,
    modes: Iterable[str],
    tell: Callable[[str], None],
    *,
    prometheus: str = "",
    again: bool = False,
) -> None:
    """Ask what the newest records of the modes lack for the gates, and keep it in them.

    `prometheus` takes the place of the URL in the settings. With `again` what had no value is
    asked once more. What cannot be had is kept as the reason, and decides nothing here. Raises
    SettingsError for a gate or a URL that is none, RecordError for a record that cannot be read,
    and EnvironmentFailed for one that cannot be written.
    """
    queries = queries_of(project_gates(settings).all)
    url = source_of(settings, prometheus)
    if not queries or not url:
        return
    found = [
        run for mode in dict.fromkeys(modes) for run in record.newest_batch(settings.trials, mode)
    ]
    lacking = [(run, lacks) for run in found if (lacks := _lacking(run, queries, again=again))]
    if not lacking:
        return
    tell(f"asking {shown(url)} for the gates")
    with Prometheus(url, TIMEOUT_SECONDS, silent=_SILENT, foreign=_FOREIGN) as server:
        source = _Source(server)
        for run, lacks in lacking:
            answers = {query: source.queried(run, query) for query in lacks}
            kept = tuple(it for it in run.queried if it.query not in answers)
            record.write(replace(run, queried=(*kept, *answers.values())), settings.trials)


def _lacking(run: Trial, queries: Sequence[str], *, again: bool) -> tuple[str, ...]:
    there = {it.query for it in run.queried if not again or it.value is not None}
    return tuple(query for query in queries if query not in there) if run.suite else ()


@dataclass
class _Source:
    """One Prometheus; once it does not answer, it is not asked again."""

    server: Prometheus
    down: str = ""
    _ahead: float | None = field(default=None, init=False)

    def queried(self, run: Trial, query: str) -> Queried:
        """Return what it says of the time that the run's suite took."""
        asked = filled(query, run)
        base = Queried(query, asked, source=self.server.shown)
        if run.suite is None or not run.suite.started:
            fault = "the record does not say when its suite ran. Run the mode again"
            return replace(base, fault=fault)
        begun = datetime.datetime.fromisoformat(run.suite.started)
        end = begun + datetime.timedelta(seconds=run.suite.seconds)
        base = replace(base, at=end.isoformat(timespec="milliseconds"))
        if self.down:
            return replace(base, fault=self.down)
        try:
            ahead = self._clock()
            found = self.server.query(asked, at=end.timestamp() + ahead)
        except UsageError as error:
            return replace(base, fault=f"the query is refused: {_line(error)}")
        except EnvironmentFailed as error:
            self.down = _line(error)
            return replace(base, fault=self.down)
        value = _value(found)
        return replace(
            base,
            value=value if isinstance(value, float) else None,
            fault=value if isinstance(value, str) else "",
            clock_seconds=ahead,
        )

    def _clock(self) -> float:
        """Return how far its clock is ahead: its samples have the times of that one."""
        if self._ahead is None:
            before = time.time()
            series = self.server.query("time()").series
            way = (time.time() - before) / 2
            ahead = series[0].points[-1][1] - before - way if series and series[0].points else 0.0
            # When it was looked at on the way nobody knows: that much is no difference.
            self._ahead = round(ahead, 3) if abs(ahead) > _ALIKE_SECONDS + way else 0.0
        return self._ahead


def _value(answer: Answer) -> float | str:
    """Return the one number of an answer, or why there is none and the mend."""
    if answer.raw.get("resultType") == "matrix":
        return "the query gives a range. Take one value of it, as in max_over_time(...)"
    if not answer.series:
        return (
            "no data of the time that the suite ran. Does it read this run, with these labels, and "
            "more than once in that time?"
        )
    if len(answer.series) > 1:
        named = ", ".join(map(str, answer.series[:2]))
        return f"{len(answer.series)} series ({named}, ...). Make them one, as in sum(...)"
    points = answer.series[0].points
    if not points:
        return "the query gives a text. Ask for a number"
    value = points[-1][1]
    if not math.isfinite(value):
        return f"the value is {_said(value)}, no number. Divide by nothing that may be zero"
    return value


def _said(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).removeprefix("Prometheus: ").rstrip(".")
