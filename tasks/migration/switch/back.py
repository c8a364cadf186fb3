"""The way back, each step safe to repeat.

Before the target was exposed nothing can be there that the source has not. After that, what
was written to the target is brought back first, and nothing is copied any more once the source
may have taken writes again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from ...errors import TranshipError
from ...stack.engine import engine_errors
from .crossing import Crossing
from .incident import write_report
from .triggers import Fired


def go_back(crossing: Crossing, fired: Fired | None, *, bring: bool = True) -> None:
    """Return to the source; `fired` is why, None goes on with a way back that was cut short.

    `bring=False` leaves where it is what was written since the switch.

    Raises the step's own error; what the journal says then is true, and this can be repeated.
    """
    journal = crossing.journal
    if fired is not None:
        journal.fired = {"trigger": fired.trigger, "why": fired.why}
    journal.state = "going back"
    journal.write()
    if not journal.exposed:
        _step(crossing, "target", _close)
    else:
        _step(crossing, "evidence", _evidence)
        if not (journal.in_place or journal.done("traffic")):
            # On the declared ports may be the source yet, which must not be taken for it.
            _step(crossing, "target", _close)
        if not journal.returned:
            _bring(crossing, bring=bring)
        _step(crossing, "stop", _stop)
    _step(crossing, "source", _source)
    if journal.exposed:
        _step(crossing, "traffic", _traffic)
    _step(crossing, "health", lambda it: it.require_health("source"))
    _step(crossing, "report", _report)
    journal.state = "back"
    journal.write()


def _step(crossing: Crossing, name: str, do: Callable[[Crossing], str]) -> None:
    crossing.say(f"back: {name}")
    with (
        crossing.journal.step(name, crossing.journal.back) as notes,
        engine_errors("Asking the engine"),
    ):
        notes.append(do(crossing))


def _close(crossing: Crossing) -> str:
    """Stop the target; that it cannot be reached must not keep the source from starting."""
    try:
        with engine_errors("Stopping it"):
            crossing.operations.close_beside()
    except TranshipError as error:
        return f"Not stopped: {error}"
    return ""


def _evidence(crossing: Crossing) -> str:
    """Keep what there is; that some of it cannot be had must not hold anything up."""
    with suppress(TranshipError, OSError), engine_errors("Reading the logs"):
        crossing.operations.evidence(folder_of(crossing))
    return ""


def _bring(crossing: Crossing, *, bring: bool) -> None:
    """Bring back what was written since; where that fails, the target is used again."""
    if not bring:
        crossing.journal.options["left"] = True
        return
    try:
        # Before the pause: the source's servers take longer to start than to be filled.
        # In place, the target's services are in the way of the source's until they are halted.
        apart = not crossing.operations.in_place
        opened = crossing.operations.opened("source") if apart else nullcontext()
        with engine_errors("Starting the source's stores"), opened:
            _step(crossing, "freeze", _freeze)
            _step(crossing, "data", _data)
    except TranshipError as error:
        raise type(error)(f"{error}\n{_forward_again(crossing, str(error))}") from error


def _forward_again(crossing: Crossing, why: str) -> str:
    """Have the target take writes again; return what is the case then."""
    journal = crossing.journal
    try:
        with engine_errors(f"Starting {journal.target}"):
            crossing.thaw("target")
            crossing.operations.up("target")
    except TranshipError as error:
        again = "" if str(error) == why else f" ({str(error).rstrip('.')})"
        return (
            f"{journal.target} holds what was written since the switch and could not be started"
            f"{again}. When that is mended: inv migrate.rollback. To go back without it: inv "
            "migrate.rollback --leave-writes"
        )
    journal.unpause()
    journal.state = "moved"
    journal.write()
    return (
        f"{journal.target} takes writes again, as before the way back was tried: nothing is lost. "
        "Try again: inv migrate.rollback"
    )


def _freeze(crossing: Crossing) -> str:
    crossing.journal.pause("the way back")
    crossing.operations.halt("target")
    return crossing.operations.freeze("target", crossing.remember)


def _data(crossing: Crossing) -> str:
    # What failed on the way, or was brought back before a crash, need not be copied again.
    journal = crossing.journal
    tried = any(entry.name == "data" for entry in journal.back[:-1])
    note = crossing.operations.carry(
        "target", "source", compare=tried or not journal.done("traffic")
    )
    crossing.thaw("source")
    return note


def _stop(crossing: Crossing) -> str:
    try:
        with engine_errors("Stopping it"):
            crossing.operations.down("target")
    except TranshipError as error:
        if not crossing.journal.options.get("left"):
            raise
        return f"Not stopped: {error}"
    return ""


def _source(crossing: Crossing) -> str:
    journal = crossing.journal
    journal.returned = True
    journal.write()
    crossing.thaw("source")
    crossing.operations.up("source")
    journal.unpause()
    return f"Writes were refused for {journal.refused_seconds:.1f} s in all."


def _traffic(crossing: Crossing) -> str:
    """Lead the traffic back, also where it was never led away: nobody knows how far that came."""
    try:
        return crossing.operations.move_traffic("source")
    except TranshipError as error:
        raise type(error)(
            f"{error}\n{crossing.journal.source} is up with all data and takes writes on its own "
            "ports; whether the traffic goes there, only what move-traffic calls can tell."
        ) from error


def folder_of(crossing: Crossing) -> Path:
    """Return where the logs of this incident are kept."""
    return crossing.journal.path.parent / "incidents" / crossing.journal.id


def _report(crossing: Crossing) -> str:
    path = write_report(crossing.journal, folder_of(crossing))
    crossing.journal.report = str(path)
    return path.name
