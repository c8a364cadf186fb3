"""Looking, deciding and changing, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...errors import EnvironmentFailed, ExitCode, NotOurs, UsageError, near
from .deciding import Decision, Sample, decide
from .figures import Asking
from .policy import Policy
from .record import Looked, Record
from .replicas import Changed, Seen

_TRIES = 3
"""How often a service is read again when somebody else changed it meanwhile."""


@dataclass(frozen=True)
class Doors:
    """What the engine is asked: the services as they are, and another count of one's tasks."""

    look: Callable[[], Mapping[str, Seen]]
    change: Callable[[Seen, int], None]


@dataclass
class Scaler:
    """Looks at the services of some policies; `tell` hears what is new."""

    policies: tuple[Policy, ...]
    doors: Doors
    asking: Asking
    record: Record
    tell: Callable[[str], None]
    dry_run: bool = False
    clock: Callable[[], float] = time.time
    _topics: dict[str, str] = field(default_factory=dict)
    _understood: set[str] = field(default_factory=set)
    """The services whose query Prometheus has taken."""

    def check(self, found: Mapping[str, Seen]) -> None:
        """Raise UsageError for a service that cannot be scaled."""
        for policy in self.policies:
            name = policy.service
            if name not in found:
                raise UsageError(
                    f"No service {name!r}{near(name, found)} on the Swarm, and "
                    f"[tool.tranship.autoscale.{name}] is its policy. "
                    f"Services: {', '.join(found)}."
                )
            service = found[name].service
            if service.job:
                raise UsageError(f"{name} is a job, which runs once. It cannot be scaled.")
            if not found[name].replicated:
                raise UsageError(f"{name} has a task on every node (global). It cannot be scaled.")
            if service.data and policy.maximum > 1:
                raise UsageError(
                    f"{name} writes a named volume: one task at most, and max is {policy.maximum}."
                )

    def once(self) -> ExitCode:
        """Look at each service once; return INCONCLUSIVE when a figure was missing."""
        found = self.doors.look()
        self.check(found)
        return self._all(found)

    def run(
        self,
        interval: float,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Look each `interval` for so many seconds, 0: without an end.

        Only the first look may fail for what the engine says.
        """
        began = monotonic()
        self.once()
        while True:
            following = monotonic() + interval
            if seconds and following > began + seconds:
                pause(max(began + seconds - monotonic(), 0.0))
                return
            pause(interval)
            try:
                self._all(self.doors.look())
            except NotOurs:
                raise
            except EnvironmentFailed as error:
                for policy in self.policies:
                    self._say(policy.service, f"left as it is: {_line(error)}", "engine")

    def _all(self, found: Mapping[str, Seen]) -> ExitCode:
        kinds = [self._one(policy, found.get(policy.service)) for policy in self.policies]
        return ExitCode.INCONCLUSIVE if "missing" in kinds else ExitCode.SAME

    def _one(self, policy: Policy, seen: Seen | None) -> str:
        for _ in range(_TRIES):
            if seen is None:
                self._say(policy.service, "left alone: it is not on the Swarm", "gone")
                return "gone"
            try:
                return self._look(policy, seen)
            except Changed:
                seen = self.doors.look().get(policy.service)
        self._say(policy.service, "left as it is: it is changed again and again", "changed")
        return "changed"

    def _look(self, policy: Policy, seen: Seen) -> str:
        at, state = self.clock(), seen.state
        samples: tuple[Sample, ...] = ()
        if not state.blocked and state.replicas:
            samples = self._samples(policy, state.replicas, at)
        # Time is told by who told of the samples.
        decision = decide(state, samples, policy, samples[-1].at if samples else at)
        if decision.changes and not self.dry_run:
            self.doors.change(seen, decision.replicas)
        figures = self.asking.beside(policy, state.replicas) if self.record.kept else {}
        self.record.add(
            Looked(
                at,
                policy,
                state.replicas,
                samples[-1] if samples else None,
                decision,
                figures,
                self.dry_run,
            )
        )
        self._tell(policy.service, state.replicas, decision)
        return decision.kind

    def _samples(self, policy: Policy, tasks: int, at: float) -> tuple[Sample, ...]:
        try:
            found = self.asking.samples(policy, tasks, at)
        except UsageError as error:
            if policy.service not in self._understood:
                raise UsageError(
                    f'[tool.tranship.autoscale.{policy.service}] "figure": {error}'
                ) from error
            # It was a good query before: what it meets now is another.
            return (Sample(at, None, _line(error)),)
        self._understood.add(policy.service)
        return found

    def _tell(self, name: str, tasks: int, decision: Decision) -> None:
        if decision.changes:
            words = f"{tasks} -> {decision.replicas}: {decision.reason}"
            words = f"would go {words}" if self.dry_run else words
            self._say(name, words, "" if not self.dry_run else words.partition(":")[0])
            return
        self._say(name, f"stays at {tasks}: {decision.reason}", decision.topic)

    def _say(self, name: str, words: str, topic: str) -> None:
        if not topic or self._topics.get(name) != topic:
            self.tell(f"{name} {words}")
        self._topics[name] = topic or "changed"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
