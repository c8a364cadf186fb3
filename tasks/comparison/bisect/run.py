"""A bisection from its start to its result: two stacks, and probes of one test in them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ...envmap.show import SWARM
from ...errors import RecordError, UsageError
from ...modes import runs
from ...settings import Settings
from ...trials.names import mode_of
from ...trials.record import Trial
from ..diff import Comparison
from ..records import comparison_of
from .bench import Bench, interpreter_folder
from .chosen import Chosen, chosen
from .investigation import Investigation
from .probing import Probes
from .result import Result

DEFAULT_SECONDS = 60.0
"""How long a probe may take, unless the suite as a whole has less."""


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    repeat: int = 3
    apply: tuple[str, ...] = ()
    """Keys of differences: these are applied, and nothing is searched."""
    timeout: float = 0.0
    """Seconds of one probe; 0: the default."""
    limit: int = 200
    """How many probes there may be."""


def run(
    settings: Settings,
    test: str,
    baseline: str,
    candidate: str,
    options: Options,
    tell: Callable[[str], None],
) -> Result:
    """Return what makes a test pass on one side and fail on the other.

    Both sides run in stacks of their own, of which nothing stays. Raises UsageError for a test
    that is not exactly one that differs, RecordError as `comparison_of` does, and
    EnvironmentFailed when a stack does not start.
    """
    comparison = comparison_of(settings, baseline, candidate)
    trials = tuple(_trial(side.trial, side.name) for side in comparison.sides)
    if mode_of(trials[0].mode) == mode_of(trials[1].mode):
        raise UsageError(
            f"Both sides are of mode {trials[0].mode!r}: a bisection needs two modes to run."
        )
    if SWARM in (mode_of(trial.mode) for trial in trials):
        raise UsageError("No bisection runs on a Swarm. Name records of two other modes.")
    what = chosen(comparison, test)
    recovered = runs.recover(settings)
    if recovered:
        tell(str(recovered))
    timeout = options.timeout or min(DEFAULT_SECONDS, settings.suite.timeout)
    with _benches(settings, (trials[0], trials[1]), timeout, tell) as benches:
        probes = Probes(options.repeat, options.limit, tell)
        work = Investigation(settings, comparison, what, benches, probes)
        found = work.applied(options.apply) if options.apply else work.result()
    return _with_command(found, what, comparison)


def _trial(trial: Trial | None, name: str) -> Trial:
    if trial is None or trial.suite is None:
        raise RecordError(f"No record of {name!r} with tests. Run `nox -s compare`.")
    return trial


@contextmanager
def _benches(
    settings: Settings, trials: tuple[Trial, Trial], timeout: float, tell: Callable[[str], None]
) -> Iterator[tuple[Bench, Bench]]:
    """Yield both sides with their stacks up."""
    local = next((it for it in trials if it.mode != "docker"), trials[0])
    folder = interpreter_folder(settings, local.fingerprint.get("python_executable", ""))

    def say(mode: str) -> Callable[[str], None]:
        return lambda line: tell(f"{mode}: {line}")

    first, second = (mode_of(trial.mode) for trial in trials)
    with (
        runs.isolated(settings, first, folder, say(first)) as (left, left_run),
        runs.isolated(settings, second, folder, say(second)) as (right, right_run),
    ):
        benches = (
            Bench(first, left, left_run, timeout),
            Bench(second, right, right_run, timeout),
        )
        benches[0].peer, benches[1].peer = benches[1], benches[0]
        for bench in benches:
            tell(f"{bench.name}: starting")
            bench.start()
        yield benches


def _with_command(found: Result, what: Chosen, comparison: Comparison) -> Result:
    """Return the result with the command that shows it again."""
    if found.verdict == "order":
        return found
    keys: Sequence[str] = [it.key for it in found.cause]
    if not keys:
        return found
    sides = [side.trial.mode for side in comparison.sides if side.trial is not None]
    words = ["inv", "compare.bisect", what.name]
    for option, mode, default in zip(
        ("--baseline", "--candidate"), sides, ("local", "docker"), strict=True
    ):
        words += [option, mode] if mode != default else []
    return replace(found, reproduce=shlex.join([*words, "--apply", ",".join(keys)]))
