"""Probes of what is written: layers, mapping, compose files, Dockerfiles. They start nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ...comparison.gates import project_gates
from ...envmap import checks
from ...envmap.detect import detect
from ...envmap.layers import environments
from ...envmap.project import open_project
from ...envmap.subject import subject_of
from ...errors import TranshipError, UsageError
from ...modes.verify import verify
from ...settings import Settings
from ..analysis import running
from ..analysis.analysis import own_findings
from ..analysis.lasting import log_driver, unbounded
from ..analysis.silences import silenced
from .inspection import Inspection
from .model import Outcome, failed, not_seen, proved, unknown

_NAMED = 3
_LOOKS = 3
"""A server that forks for each connection has a child, for a moment, that holds its port too and
is gone when it is looked for: what is seen once only is nobody."""


def some(names: list[str]) -> str:
    """Return the first few of a list, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def settings_load(inspection: Inspection, _parameters: Mapping[str, str]) -> Outcome:
    """Look whether the project can be read, in the environments of developer and suite.

    Not in every one: the secrets of production are not on every machine.
    """
    settings = inspection.settings
    names = _environments(settings)
    project_gates(settings)
    for name in names:
        try:
            open_project(settings.in_environment(name))
        except UsageError as error:
            return failed(f"{name}: {reason_of(error)}")
    return proved(f"read in {' and '.join(names)}")


def _environments(settings: Settings) -> tuple[str, ...]:
    """Return the developer's environment, and the suite's where there is such a one."""
    own, other = settings.environment, settings.suite.environment
    known = environments(settings.layers)
    return (own, other) if other != own and (not known or other in known) else (own,)


def variables(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Look for errors of env.check, in the environments of the developer and of the suite."""
    settings = inspection.settings
    named = parameters.get("environment")
    if named and named not in environments(settings.layers):
        return unknown(f"no environment {named}: there is no {settings.layers.name}/{named}.json")
    names = (named,) if named else _environments(settings)
    found = []
    for name in names:
        subject = subject_of(open_project(settings.in_environment(name)))
        for item in checks.check(subject, settings.silence):
            if item.severity == "error" and item.silenced is None:
                found.append(f"{item.rule} in {name}: {item.message}")
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return failed(f"{found[0]}{more}")
    return proved(f"no error in {' or '.join(names)}")


def ports(inspection: Inspection, _parameters: Mapping[str, str]) -> Outcome:
    """Look who holds the ports that the stack publishes."""
    for _ in range(_LOOKS):
        detected = detect(inspection.settings, inspection.project.stack)
        if not detected.ports:
            return proved("no port is published")
        now = running.running(inspection.settings, inspection.client is not None)
        taken = running.strangers(detected, now.owners)
        if not taken:
            break
    if taken:
        return failed(some([f"{port} is held by {owner}" for port, owner in taken.items()]))
    ours = sum(use.owner is not None for use in detected.ports)
    return proved(f"{len(detected.ports) - ours} free, {ours} the stack's own")


def arrived(inspection: Inspection, _parameters: Mapping[str, str]) -> Outcome:
    """Compare the variables of what runs with the mapping, as env.verify does."""
    try:
        found = verify(inspection.settings)
    except UsageError:
        return not_seen("nothing runs; start it by inv docker.up, local.up or hybrid.up")
    if not found.checked:
        return not_seen(some([f"{name}: {why}" for name, why in found.skipped.items()]))
    if found.wrong:
        wrong = [f"{item.service}.{item.variable} {item.verdict}" for item in found.wrong]
        return failed(some(wrong))
    services = len({item.service for item in found.checked})
    return proved(f"{len(found.checked)} variables of {services} services")


def logs(inspection: Inspection, _parameters: Mapping[str, str]) -> Outcome:
    """Look whether each service's log driver keeps what it writes, and not for ever."""
    look = inspection.look
    names = [service.name for service in look.lasting]
    silent = [name for name in names if log_driver(look, name)[0] == "none"]
    if silent:
        return failed(f"nothing is kept of {some(silent)}: log driver none")
    if inspection.client is None and not all(look.body(name).get("logging") for name in names):
        return not_seen("no engine answers, whose own log driver counts")
    endless = [name for name in names if unbounded(look, name)]
    if endless:
        return failed(f"nothing bounds the logs of {some(endless)} (TM008)")
    drivers = sorted({log_driver(look, name)[0] for name in names})
    return proved(f"{', '.join(drivers)} for {len(names)} services")


def analysis(inspection: Inspection, _parameters: Mapping[str, str]) -> Outcome:
    """Look for errors among the findings of migrate.analyze about the stack's files."""
    found = [
        item
        for item in silenced(own_findings(inspection.look), inspection.settings.silence)
        if item.silenced is None
    ]
    errors = [f"{item.rule}: {item.message}" for item in found if item.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return failed(f"{errors[0]}{more}")
    rest = sum(item.severity == "warning" for item in found)
    return proved(f"no error, {rest} {'warning' if rest == 1 else 'warnings'}")


def reason_of(error: TranshipError) -> str:
    """Return the first line of an error, without its full stop."""
    return (str(error).strip().splitlines() or [""])[0].removesuffix(".")
