"""Probes of what was measured: the newest records of `nox -s compare`. They start nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ...comparison.gating import said_of
from ...comparison.services import ServiceRow
from ...comparison.summary import Summary
from ...comparison.targets import Verdict
from ...comparison.units import quantity
from ...settings import Settings
from ...trials.record import EdgeLatency, Trial
from .inspection import Inspection
from .model import Outcome, failed, not_needed, proved, unknown
from .written import some

COMPARE = "nox -s compare"
MODES = ("local", "docker", "hybrid")
_SELECTING = ("-k", "-m", "--deselect", "--ignore", "--lf", "--last-failed", "--sw", "--stepwise")


def command_for(mode: str) -> str:
    """Return the command that makes a record of a mode."""
    return f"{COMPARE} -- --modes local,hybrid:SERVICE" if mode == "hybrid" else COMPARE


def started(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Look whether every service of a mode started in each run of its newest batch."""
    mode = parameters["mode"]
    trials = inspection.trials(mode)
    at = _source(trials, mode)
    for trial in trials:
        failure = trial.failure
        if failure is not None and failure.stage == "interrupted":
            return unknown("the run was interrupted", **at)
        if failure is not None and failure.stage in ("build", "start"):
            return failed(f"{failure.stage}: {_first_line(failure.message)}", **at)
        late = [name for name, it in trial.services.items() if it.startup_seconds is None]
        if late or not trial.services:
            return unknown(f"not measured: {some(late) or 'no service'}", **at)
    slowest = max(trial.startup_seconds or 0.0 for trial in trials)
    count = len(trials[0].services)
    return proved(f"{count} services answered within {quantity(slowest, 'seconds')}", **at)


def suite(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Look whether the whole suite passed in each run of the newest batch of a mode."""
    mode = parameters["mode"]
    trials = inspection.trials(mode)
    at = _source(trials, mode)
    for trial in trials:
        if trial.failure is not None or trial.suite is None:
            stage = trial.failure.stage if trial.failure else "suite"
            message = _first_line(trial.failure.message) if trial.failure else "no suite ran"
            kind = unknown if stage == "interrupted" else failed
            return kind(f"{stage}: {message}", **at)
        summary = Summary(mode, trial)
        if summary.hung:
            return failed("the suite hung", **at)
        if summary.failing:
            return failed(f"{summary.failing} of {len(summary.tests)} tests fail", **at)
        if summary.unexplained_exit is not None:
            return failed(f"pytest ended with exit code {summary.unexplained_exit}", **at)
        if summary.proves_nothing:
            return unknown("no test ran", **at)
        if _partial(trial, inspection.settings):
            return unknown("only a part of the suite ran", **at)
    last = trials[-1].suite
    passed = last.count("passed") if last else 0
    rest = len(last.tests) - passed if last else 0
    where = f" ({trials[-1].mode})" if mode == "hybrid" else ""
    skipped = f", {rest} skipped" if rest else ""
    return proved(f"{passed} tests pass{skipped}{where}", **at)


def edges(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Look whether each service reached those that it dials, `within` seconds if given."""
    project = inspection.project
    own = {service.name for service in project.stack.selected()}
    if not any(project.envmap.references(name) - {name} for name in own):
        return not_needed("no service names another")
    mode = parameters["mode"]
    trials = inspection.trials(mode)
    at = _source(trials, mode)
    # A trial that failed before the suite has none.
    found = [edge for trial in trials for edge in trial.edges]
    if not found:
        return unknown("the record has no measured way between services", **at)
    lost = [
        f"{_way(edge)} ({edge.failed} of {edge.samples})"
        for edge in found
        if edge.failed or not edge.samples
    ]
    if lost:
        return failed(f"not reached: {some(lost)}", **at)
    # The way through the published port is this host's, and no service's.
    direct = [edge for edge in found if edge.via == "direct"]
    slowest = max(direct or found, key=lambda edge: edge.p95_seconds or 0.0)
    limit = float(parameters["within"]) if "within" in parameters else None
    said = f"p95 {quantity(slowest.p95_seconds, 'seconds', limit)} at most ({_way(slowest)})"
    if limit is None:
        ways = len({(edge.consumer, edge.target) for edge in found})
        return proved(f"{ways} {'way' if ways == 1 else 'ways'}, {said}", **at)
    if slowest.p95_seconds is None:
        return unknown("not measured", **at)
    return (proved if slowest.p95_seconds < limit else failed)(said, **at)


def gate(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Look what became of the gates on a figure, in the newest records of both sides."""
    figure = parameters["figure"]
    comparison = inspection.comparison
    trials = [side.trial for side in comparison.sides if side.trial]
    at = _source(tuple(trials), "docker")
    results = [result for result in comparison.gates if result.gate.name == figure]
    if not results:
        return not_needed("no gate on it")
    for verdict, kind in ((Verdict.MISSED, failed), (Verdict.UNKNOWN, unknown)):
        worst = [it for it in results if it.judgement.verdict is verdict]
        if worst:
            said = worst[0].figures or worst[0].judgement.reason or "they differ"
            return kind(f"{worst[0].gate.text}: {said}", **at)
    if figure == "tests":
        if any(_partial(trial, inspection.settings) for trial in trials):
            return unknown("only a part of the suite ran", **at)
        return proved(f"{comparison.same + len(comparison.same_failure)} tests, none differs", **at)
    rows = [row for row in comparison.services if row.gate and row.gate.name == figure]
    texts = ", ".join(result.gate.text for result in results)
    worst_row = min(rows, key=_room, default=None)
    return proved(f"{texts}: {said_of(worst_row)} at worst" if worst_row else texts, **at)


def health(inspection: Inspection, _parameters: Mapping[str, str]) -> Outcome:
    """Look whether each service has a health check, and passes the probes of the record."""
    look = inspection.look
    lasting = [service.name for service in look.lasting]
    without = [name for name in lasting if look.has_healthcheck(name) is False]
    if without:
        return failed(f"no health check: {some(without)} (TM001)")
    trials = inspection.trials("docker")
    at = _source(trials, "docker")
    samples = [
        (name, it.health) for trial in trials for name, it in trial.services.items() if it.health
    ]
    if not samples:
        return unknown("no health probe in the record", **at)
    lost = [
        f"{name} passed {health.passed} of {health.samples}"
        for name, health in samples
        if health.passed < health.samples
    ]
    if lost:
        return failed(some(lost), **at)
    total = sum(health.samples for _, health in samples)
    return proved(f"{len(lasting)} have one; {total} of {total} probes passed", **at)


def _room(row: ServiceRow) -> float:
    """Return how far a figure is from its limit, as a share of it: the least is the worst."""
    if row.target is None:
        return float("inf")
    value = row.ratio if row.target.of == "ratio" else row.candidate
    if value is None:
        return float("inf")
    return abs(row.target.limit - value) / (row.target.limit or 1.0)


def _partial(trial: Trial, settings: Settings) -> bool:
    """Return whether the command line selected tests, so that the rest is not known."""
    if trial.suite is None:
        return False
    words = trial.suite.command[len(settings.suite.command) :]
    selected = any(word.split("=")[0] in _SELECTING or word[:2] == "-k" for word in words)
    return selected or not set(settings.suite.paths) <= set(words)


def _source(trials: tuple[Trial, ...], mode: str) -> dict[str, str | None]:
    return {"at": min(trial.started for trial in trials), "by": command_for(mode)}


def _way(edge: EdgeLatency) -> str:
    return f"{edge.consumer} to {edge.target}"


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]
