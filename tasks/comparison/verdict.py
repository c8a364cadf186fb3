"""What a comparison comes to: one exit code and one sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ..errors import ExitCode
from .diff import Comparison, Summary
from .gates import GateResult
from .levels import lost
from .services import ServiceRow
from .targets import Target, Verdict
from .units import quantity, threshold, times


def exit_code(comparison: Comparison, *, enforce: bool, strict: bool) -> ExitCode:
    """Return the exit code of a comparison; the worst finding decides.

    A trial that is missing or failed comes first, since little is known then; next what the
    tests say, then flaky tests and suites in which no test ran. A missed target counts with
    `enforce`, and so does one that is beyond its limit in too few runs to be called missed, or
    of which a Prometheus did not say the figure; a target left unknown counts with `strict`.
    """
    if _environment(comparison):
        return ExitCode.ENVIRONMENT
    if _tests(comparison):
        return ExitCode.TESTS_DIFFER
    if comparison.flaky or any(side.proves_nothing for side in comparison.sides):
        return ExitCode.INCONCLUSIVE
    if enforce and any(row.missed for row in comparison.judged):
        return ExitCode.GATE_FAILED
    # A gate that never fails because each mode ran once, or its source is down, would be no gate.
    if enforce and any(row.beyond or row.unread for row in comparison.judged):
        return ExitCode.INCONCLUSIVE
    judged = comparison.judged
    if strict and (not judged or any(row.unknown for row in judged)):
        return ExitCode.INCONCLUSIVE
    if strict and any(gate.judgement.verdict is Verdict.UNKNOWN for gate in _declared(comparison)):
        return ExitCode.INCONCLUSIVE
    return ExitCode.SAME


def _declared(comparison: Comparison) -> tuple[GateResult, ...]:
    return comparison.gates if comparison.gates_declared else ()


_GRAVITY = (
    ExitCode.ENVIRONMENT,
    ExitCode.TESTS_DIFFER,
    ExitCode.INCONCLUSIVE,
    ExitCode.GATE_FAILED,
    ExitCode.SAME,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code of several comparisons that matters most, in `exit_code`'s order."""
    return min(codes, key=_GRAVITY.index, default=ExitCode.SAME)


def sentence(comparison: Comparison, *, enforce: bool = False) -> str:
    """Return one line that names what differs and which targets were missed."""
    findings = [*_environment(comparison), *_tests(comparison)]
    idle = [side.name for side in comparison.sides if side.trial and side.proves_nothing]
    if len(idle) == 2:
        findings.append("no test ran on either side")
    elif idle:
        findings.append(f"no test ran on {idle[0]}")
    if comparison.flaky:
        count = len(comparison.flaky)
        findings.append(f"{_tests_of(count)} {'is' if count == 1 else 'are'} flaky")
    if not findings:
        findings.append(f"no test differs ({comparison.same} on both sides)")
    findings += [phrase for side in comparison.sides for phrase in lost(side)]
    return "; ".join([*findings, *_targets(comparison, enforce)]) + "."


def exit_note(side: Summary) -> str:
    """Return what to say of a pytest exit code that the tests do not account for."""
    code = side.unexplained_exit
    if code is None:
        return ""
    although = " although no test failed" if not side.failing else ""
    return f"pytest ended with exit code {code} on {side.name}{although}"


def hang_note(side: Summary) -> str:
    """Return where a suite hung that was ended at its limit; empty where none was."""
    suite = side.suite
    if suite is None or not side.hung:
        return ""
    where = suite.hung_in or "no test: in collection or between tests"
    limit = suite.limit_seconds
    at = f" (ended at its limit of {limit:g} s)" if limit is not None else ""
    return f"{side.name} hung in {where}{at}"


def _environment(comparison: Comparison) -> list[str]:
    findings = []
    for side in comparison.sides:
        if side.trial is None:
            findings.append(f"no trial of {side.name}")
        elif side.trial.failure and not (side.trial.failure.stage == "suite" and side.hung):
            # A suite that hangs failed by its own doing: the surroundings held.
            findings.append(_failed(side.name, side.trial.failure.stage))
    return findings


def _failed(name: str, stage: str) -> str:
    return f"{name} was interrupted" if stage == "interrupted" else f"{name} failed at {stage}"


def _tests(comparison: Comparison) -> list[str]:
    findings = []
    if comparison.different:
        count = len(comparison.different)
        findings.append(f"{_tests_of(count)} {'differs' if count == 1 else 'differ'}")
    if comparison.same_failure:
        count = len(comparison.same_failure)
        verb = "fails" if count == 1 else "fail"
        findings.append(f"{_tests_of(count)} {verb} in the same way on both sides")
    for side, only in (
        (comparison.baseline, comparison.only_baseline),
        (comparison.candidate, comparison.only_candidate),
    ):
        if only:
            findings.append(f"{_tests_of(len(only))} only on {side.name}")
    if not all(side.tests for side in comparison.sides):
        findings.extend(
            f"{_tests_of(side.failing)} {'fails' if side.failing == 1 else 'fail'} on {side.name}"
            for side in comparison.sides
            if side.failing
        )
    findings.extend(filter(None, map(hang_note, comparison.sides)))
    findings.extend(filter(None, map(exit_note, comparison.sides)))
    return findings


def _tests_of(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _targets(comparison: Comparison, enforce: bool) -> list[str]:
    judged = comparison.judged
    if not judged:
        return ["no target judged"]
    missed = _named(row for row in judged if row.missed)
    beyond = _named(row for row in judged if row.beyond)
    unread = ", ".join(dict.fromkeys(row.service for row in judged if row.unread))
    unknown = sum(row.unknown and not (row.beyond or row.unread) for row in judged)
    findings = []
    if missed:
        findings.append(f"missed: {missed}" + ("" if enforce else ", not enforced"))
    if beyond:
        findings.append(f"beyond the limit, or noise: {beyond}")
    if unread:
        findings.append(f"not to be had from Prometheus: {unread}")
    if unknown:
        findings.append(f"{unknown} of {len(judged)} targets unknown")
    return findings or [f"all {len(judged)} targets met"]


def _named(rows: Iterable[ServiceRow]) -> str:
    found: dict[Target, list[ServiceRow]] = defaultdict(list)
    for row in rows:
        if row.target:
            found[row.target].append(row)
    return ", ".join(_figures(target, alike) for target, alike in found.items())


def _figures(target: Target, rows: list[ServiceRow]) -> str:
    named = [
        f"{row.service} {times(row.ratio, target.limit)}"
        if target.of == "ratio"
        else f"{row.service} {quantity(row.candidate, row.unit, target.limit)}"
        for row in rows
    ]
    listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    what = "query" if target.figure == "query" else f"{target.figure} of"
    return f"{what} {listed} ({threshold(target, rows[0].unit)})"
