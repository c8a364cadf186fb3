"""Proving: each service is started with everything taken from it, and gets back what it needs.

The stack is an isolated run of its own. In the order in which they start, each service runs
once as it is, to see where it writes and how it stops, and then hardened; where it does not come
up, or is killed when it is to stop, the smallest part of the steps is searched that must be taken
back, and of the capabilities the smallest part that must be added.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...comparison.bisect.ddmin import minimal
from ...envmap.project import Project
from ...envmap.show import PRODUCTION
from ...errors import EnvironmentFailed
from ...modes import runs
from ...modes.docker import DockerMode
from ...settings import Settings
from ...stack import engine
from . import plan, rules
from .bench import Bench
from .known import DEFAULT_CAPABILITIES, needs_of
from .model import Facts, Hardened, Line

_LEAST_SECONDS = 10.0
_PATIENCE = 5.0
"""How many times as long as before a service may take to start when it is hardened."""
_NOT_TRIED = {"environment", "secrets", "networks", "ports"}
"""Steps of the whole stack: `nox -s compare -- --modes docker,production` tries them."""


def proved(settings: Settings, services: Iterable[str], tell: Callable[[str], None]) -> Hardened:
    """Return what hardening adds, with what each service was seen to need.

    Raises EnvironmentFailed where the stack does not even come up as it is.
    """
    named = tuple(services)
    with plan.production_of(settings) as project:
        chosen = plan.chosen_of(project, named)
        client = engine.answering_client(settings)
        facts = {name: plan.facts_of(project, name, client) for name in chosen}
        bare = plan.unhardened(settings)
        # Production's own layers are copied and its secrets made up by the run itself.
        with runs.isolated(bare, PRODUCTION, None, tell, needs_suite=False) as (mode, run):
            assert isinstance(mode, DockerMode)  # noqa: S101 - production is all in containers
            tell("preparing")
            mode.prepare()
            bench = Bench(mode, run.directory / "compose.json")
            proof = _Proof(bench, tell)
            for service in project.stack.selected(chosen):
                if service.name in facts:
                    facts[service.name] = proof.prove(project, facts[service.name])
                elif service.name in bench.all:
                    bench.start(service.name, ())
        found = plan.hardened(project, facts.values(), whole=not named)
    return proof.corrected(found)


@dataclass
class _Proof:
    """What was found in the run."""

    bench: Bench
    tell: Callable[[str], None]
    taken_back: dict[str, dict[str, str]] = field(default_factory=dict)
    """Service -> step -> why."""
    capabilities: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def prove(self, project: Project, facts: Facts) -> Facts:
        """Return the facts with what was seen; what must be taken back is kept here."""
        name = facts.name
        began = time.monotonic()
        self.bench.start(name, ())
        took = time.monotonic() - began
        mode = self.bench.mode
        usual = mode.settings
        mode.settings = replace(usual, start_timeout=max(_LEAST_SECONDS, _PATIENCE * took))
        try:
            seen = self.bench.seen_writes(name)
            known = replace(facts, writes=seen.tmpfs, shadowed=seen.shadowed)
            code = self.bench.end(name)
            if code is not None:
                self.bench.ends[name] = code
            lines = self._candidates(project, known)
            if not self.bench.starts(name, lines):
                self._search(name, lines, self.bench.why)
        finally:
            mode.settings = usual
        return known

    def _candidates(self, project: Project, facts: Facts) -> tuple[Line, ...]:
        found = (
            line
            for rule in rules.RULES
            for line in rule(facts, project.settings.harden)
            if isinstance(line, Line)
        )
        return tuple(line for line in found if line.step not in _NOT_TRIED)

    def _search(self, name: str, lines: tuple[Line, ...], why: str) -> None:
        """Find what must be taken back from a service that starts without all these lines."""
        steps = list(dict.fromkeys(line.step for line in lines))
        self.tell(f"{name}: {why}; trying which of {len(steps)} steps it was")

        def heals(part: tuple[str, ...]) -> bool:
            return self.bench.starts(name, [line for line in lines if line.step not in part])

        first = ("cap_drop",)  # what it nearly always is
        back = first if "cap_drop" in steps and heals(first) else minimal(steps, heals)
        rest = [line for line in lines if line.step not in back]
        if "cap_drop" in back:
            needed = self._needed(name, rest)
            self.capabilities[name] = needed
            self.tell(f"{name}: needs {', '.join(needed)}")
            rest += _capabilities(name, needed)
        self.taken_back[name] = {step: why for step in back if step != "cap_drop"}
        for step in self.taken_back[name]:
            self.tell(f"{name}: {step} taken back")
        if not self.bench.starts(name, rest):
            raise EnvironmentFailed(
                f"{name} starts with these steps at one time and not at another: {self.bench.why} "
                "Nothing was written. Look at its health check, or leave it out by --service."
            )

    def _needed(self, name: str, rest: list[Line]) -> tuple[str, ...]:
        """Return a smallest part of Docker's capabilities with which the service comes up."""

        def suffices(part: tuple[str, ...]) -> bool:
            return self.bench.starts(name, [*rest, *_capabilities(name, part)])

        known = needs_of(self.bench.document["services"][name].get("image"))
        # What an init may need on top, where the image becomes another user.
        likely = (*known.capabilities, "KILL") if known is not None else ()
        if not likely or not suffices(likely):
            return minimal(DEFAULT_CAPABILITIES, suffices)
        # Nearly all that is known of an image is needed: one after the other is quicker.
        needed = likely
        for one in likely:
            fewer = tuple(item for item in needed if item != one)
            needed = fewer if suffices(fewer) else needed
        return needed

    def corrected(self, found: Hardened) -> Hardened:
        """Return the lines without what had to be taken back, and with what had to be added."""
        return Hardened(tuple(self._lines(found.lines)), (*found.notes, *self._notes()))

    def _lines(self, lines: Sequence[Line]) -> Iterator[Line]:
        for line in lines:
            if line.step in self.taken_back.get(line.service, {}):
                continue
            needed = self.capabilities.get(line.service)
            if line.key != ("cap_drop",):
                yield line
                continue
            reason = "it came up with none" if not needed else "all that are not added below"
            yield replace(line, reason=f"proved: {reason}")
            if needed:
                reason = "proved: without one of them it does not come up, or not stop"
                yield Line(line.service, ("cap_add",), list(needed), reason)

    def _notes(self) -> Iterator[str]:
        for name, steps in self.taken_back.items():
            for step, why in steps.items():
                yield f"{name}: {step} was taken back: {why}"


def _capabilities(name: str, added: Iterable[str]) -> list[Line]:
    dropped = Line(name, ("cap_drop",), ["ALL"], "")
    return [dropped, Line(name, ("cap_add",), list(added), "")]
