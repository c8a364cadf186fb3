"""The steps of a switch, each safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...stack.engine import engine_errors
from .asked import unproved
from .crossing import Crossing
from .operations import Which

Do = Callable[[Crossing], str]


@dataclass(frozen=True)
class Step:
    """One step: its name, and what it does; the sentence that it returns is its note."""

    name: str
    do: Do
    once: bool = False
    """Whether it need not be repeated when a switch is gone on with."""


def _preflight(crossing: Crossing) -> str:
    found = crossing.operations.preflight()
    crossing.keep_baseline(found)
    options = crossing.journal.options
    # A copy of the stack is rehearsed with, so that there is something to prove.
    if options.get("asks", True):
        options["unproved"] = crossing.operations.ask(options.get("without", ()))
    return f"{len(found.latency)} services measured.{_without(crossing)}"


def _without(crossing: Crossing) -> str:
    missing = unproved(crossing.journal.options)
    return f" Without {', '.join(missing)}." if missing else ""


def _snapshot(crossing: Crossing) -> str:
    name = f"switch-{crossing.journal.id}"
    note = crossing.operations.snapshot(name)
    crossing.journal.snapshot = name
    return note


def _images(crossing: Crossing) -> str:
    crossing.operations.prepare()
    return ""


def _beside(crossing: Crossing) -> str:
    # What a copy that was cut short has put there is ours.
    begun = crossing.journal.entry("copy") is not None
    replacing = begun or bool(crossing.journal.options.get("replace"))
    note = crossing.operations.open_beside(
        replace=replacing, ours=frozenset(crossing.journal.frozen)
    )
    # Of an earlier switch, which left this side refusing writes.
    crossing.thaw("beside")
    return note


def _freeze(crossing: Crossing) -> str:
    crossing.journal.pause("the switch")
    crossing.operations.halt("source")
    return crossing.operations.freeze("source", crossing.remember)


def _copy(crossing: Crossing) -> str:
    target: Which = "target" if crossing.operations.in_place else "beside"
    tried = any(entry.name == "copy" for entry in crossing.journal.steps[:-1])
    return crossing.operations.carry("source", target, compare=tried)


def _target(crossing: Crossing) -> str:
    if crossing.operations.in_place:
        _expose(crossing)
        crossing.operations.down("source")
        crossing.operations.up("target")
    else:
        crossing.operations.up("beside")
    return ""


def _health(crossing: Crossing) -> str:
    return crossing.require_health("target" if crossing.operations.in_place else "beside")


def _smoke(crossing: Crossing) -> str:
    return crossing.operations.smoke("target" if crossing.operations.in_place else "beside")


def _traffic(crossing: Crossing) -> str:
    if not crossing.operations.in_place:
        crossing.operations.down("source")
        crossing.operations.close_beside()
        # Not before: an engine that is gone by now does not keep the source from starting.
        _expose(crossing)
        crossing.operations.up("target")
    led = crossing.operations.move_traffic("target")
    crossing.journal.unpause()
    return f"Writes were refused for {crossing.journal.refused_seconds:.1f} s. {led}".rstrip()


def _expose(crossing: Crossing) -> None:
    """Put on the disk that from now on the target may take writes."""
    crossing.journal.exposed = True
    crossing.journal.write()


STEPS = (
    Step("preflight", _preflight, once=True),
    Step("snapshot", _snapshot, once=True),
    Step("images", _images, once=True),
    Step("beside", _beside),
    Step("freeze", _freeze),
    Step("copy", _copy),
    Step("target", _target),
    Step("health", _health),
    Step("smoke", _smoke),
    Step("traffic", _traffic),
)
"""Those that end with the target in use; the watch follows."""


def pending(crossing: Crossing) -> Iterator[Step]:
    """Yield the steps that are to be done, or done again after a crash.

    Until the target is exposed all of them, for what they made may be gone; from then on
    only what has not come to its end: nothing may be copied over a target that takes writes.
    """
    journal = crossing.journal
    first = "target" if journal.in_place else "traffic"
    names = [step.name for step in STEPS]
    for number, step in enumerate(STEPS):
        if journal.exposed:
            if number >= names.index(first) and not journal.done(step.name):
                yield step
        elif not (step.once and journal.done(step.name)):
            yield step


class StepFailed(Exception):
    """A step that did not come to its end; `__cause__` is why."""

    def __init__(self, step: str, error: BaseException) -> None:
        super().__init__(str(error) or type(error).__name__)
        self.step = step


def forward(crossing: Crossing) -> None:
    """Do what is pending.

    Raises StepFailed for whatever ends a step, Ctrl-C too.
    """
    for step in tuple(pending(crossing)):
        crossing.say(step.name)
        try:
            with (
                crossing.journal.step(step.name, crossing.journal.steps) as notes,
                engine_errors("Asking the engine"),
            ):
                notes.append(step.do(crossing))
        except BaseException as error:
            raise StepFailed(step.name, error) from error
