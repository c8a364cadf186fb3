"""Running trials: one by itself, or the modes of a comparison by turns; each run is a record."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import console
from .errors import EnvironmentFailed
from .settings import Settings

if TYPE_CHECKING:
    from .deployment.swarm.trying.mode import SwarmMode
    from .modes.runs import AnyMode
    from .stack.isolation import Run
    from .trials.record import Trial
    from .trials.run import MeasuredMode

_HOPELESS = frozenset({"build", "start"})
"""Stages of which a second try would fail the same way, and cost the same time."""


@dataclass(frozen=True)
class Batch:
    """What every run of one session has in common."""

    settings: Settings
    arguments: tuple[str, ...]
    """Pytest's."""
    bin_directory: Path
    """That of the Python that runs local services and the local suite."""
    install: Callable[[], None]
    """Installs what they need there; raises EnvironmentFailed."""
    seen: Callable[[str], None] | None = None
    """Waits until the run of this project is watched; None where nobody watches."""
    id: str = ""
    """What the runs share on record; empty for a run by itself."""
    counts: bool = False
    """Whether requests are counted in every mode that can, as they are on a Swarm."""


def by_turns(batch: Batch, names: Iterable[str], repeat: int, *, warm: bool = False) -> None:
    """Run the modes by turns, so that a drift of the machine hits all of them.

    `names` are those on record: `local@2` is the second of two `local`. Every run starts a
    stack of its own; with `warm` each mode's stack is started once, and all are up together.
    """
    from .envmap.show import SWARM
    from .trials.names import mode_of

    modes = list(names)
    # Asked in one mode alone, its services would seem to need more CPU.
    batch = replace(batch, counts=SWARM in map(mode_of, modes))
    if repeat > 1:
        batch = replace(batch, id=secrets.token_hex(4))
    if warm:
        _warm(batch, modes, repeat)
        return
    for number in range(1, repeat + 1):
        _note_run(number, repeat)
        trials = [trial(batch, name, number) for name in modes]
        if number < repeat and _broken(trials, _HOPELESS):
            return


def trial(batch: Batch, name: str, number: int = 1) -> Trial:
    """Run one trial and write its record, also when the mode cannot even be opened."""
    from .trials.run import run_trial

    tell = _teller(name)
    try:
        with ExitStack() as held:
            mode, run = _opened(batch, name, held, number)
            found = run_trial(
                mode,
                run,
                mode.services,
                batch.settings,
                batch.arguments,
                show=console.out,
                tell=tell,
                seen=batch.seen,
            )
            tell("stopping")
    except EnvironmentFailed as error:
        found = _unopened(error)
    return _written(batch, name, found, number)


def _warm(batch: Batch, names: list[str], repeat: int) -> None:
    """Start each mode's stack once, run the suite in them by turns, and stop all of them."""
    with ExitStack() as held:
        stacks = {name: _started(batch, name, held) for name in names}
        for number in range(1, repeat + 1):
            _note_run(number, repeat)
            trials = []
            for name, stack in stacks.items():
                if isinstance(stack, EnvironmentFailed):
                    found = _unopened(stack)
                else:
                    found = stack.trial(batch.arguments)
                trials.append(_written(batch, name, found, number))
            # A stack that lost a service keeps what the next run would need from it.
            if number < repeat and _broken(trials, {*_HOPELESS, "suite"}):
                break
        for name in names:
            _teller(name)("stopping")


def _started(batch: Batch, name: str, held: ExitStack) -> MeasuredMode | EnvironmentFailed:
    """Return a mode that was started, to be stopped by `held`; or why it cannot be opened."""
    from .trials.run import MeasuredMode

    try:
        mode, run = _opened(batch, name, held)
    except EnvironmentFailed as error:
        return error
    found = MeasuredMode(
        mode,
        run,
        mode.services,
        batch.settings,
        console.out,
        _teller(name),
        warm=True,
        seen=batch.seen,
    )
    held.callback(found.close)
    found.start()
    return found


def _opened(
    batch: Batch, name: str, held: ExitStack, number: int = 1
) -> tuple[AnyMode | SwarmMode, Run]:
    from .deployment.swarm.trying import opening as swarm
    from .envmap.show import SWARM
    from .modes import runs
    from .modes.docker import DockerMode
    from .trials.names import mode_of

    kind = mode_of(name)
    if kind not in ("docker", SWARM) and number == 1:
        batch.install()
    if kind == SWARM:
        return held.enter_context(swarm.isolated(batch.settings, _teller(name)))
    opened = runs.isolated(batch.settings, kind, batch.bin_directory, _teller(name))
    mode, run = held.enter_context(opened)
    if batch.counts and isinstance(mode, DockerMode):
        mode.counts = True
    return mode, run


def _unopened(error: EnvironmentFailed) -> Trial:
    """Return the trial of a mode that could not be opened."""
    from .trials import record

    return record.Trial(
        id=secrets.token_hex(3),
        mode="",
        placement={},
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        project="",
        failure=record.Failure("start", str(error)),
    )


def _written(batch: Batch, name: str, found: Trial, number: int) -> Trial:
    from .trials import record

    found = replace(found, mode=name, batch=batch.id, repeat=number)
    path = record.write(found, batch.settings.trials)
    _teller(name)(f"record {path.relative_to(batch.settings.root)}")
    return found


def _broken(trials: Iterable[Trial], stages: Iterable[str]) -> bool:
    """Return whether a mode cannot go on, and say which."""
    broken = [it.mode for it in trials if it.failure and it.failure.stage in stages]
    if broken:
        console.note(f"{' and '.join(broken)} cannot run: not tried again")
    return bool(broken)


def _note_run(number: int, repeat: int) -> None:
    if repeat > 1:
        console.note(f"run {number} of {repeat}")


def _teller(name: str) -> Callable[[str], None]:
    return lambda line: console.note(f"{name}: {line}")
