"""Rules about where variables are defined: on one side only, deleted, twice, or in two cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..origins import Origin
from .model import Finding, Rule, Subject, shown
from .network import binds, network_of

if TYPE_CHECKING:
    from ...stack.sources import Declared

ONE_SIDE = Rule(
    "TE004",
    "one-side-only",
    "warning",
    "A variable is set on one side only.",
    """\
Finds: a variable that a service has as a local process and not in its container, or the
other way round; most often a setting that is null in envs/local.json or envs/docker.json.

Why it breaks: a program that takes a default for a missing variable behaves differently on
the two sides, and no error says so.

Left alone, as a note: what x-tranship.local.environment adds on purpose; and without a
word: where the process listens (HOST, PORT).

Example, in envs/docker.json:
    {"tracing": {"endpoint": null}}      with TRACE_URL = "{tracing.endpoint}"

Mend: give it a value on both sides, an empty one if need be, or silence this with a reason.
""",
)

DELETED = Rule(
    "TE006",
    "deleted-by-environment",
    "error",
    "`environment: [NAME]` deletes the value that an env_file gives.",
    """\
Finds: a name without a value under `environment:` that neither the shell nor .env gives,
where an `env_file:` of the service gives it one.

Why it breaks: a name alone means "take it from the shell". If it is not there, Compose
leaves the variable out altogether, the env_file's value too, with no warning.

Example:
    env_file: [app.env]          # API_URL=http://api:8000
    environment: [API_URL]       # deleted

Mend: remove the name from `environment:`, or give it a value there.
""",
)

DISAGREE = Rule(
    "TE007",
    "definitions-disagree",
    "warning",
    "A variable is defined in several places, with different values.",
    """\
Finds: an env_file and `environment:` that give one variable of a service two values; one
file that gives it twice; two env_files (a note: the later wins by design); and a mapping
whose value for the docker side is not what the compose file says, so that a plain
`docker compose up` differs from every run of tranship.

Why it breaks: one of the two is never used. Whoever edits that one sees no effect.

Left alone: an override file over another compose file, a value from the shell, and a
`${NAME:-default}`, all of which are there to be overridden.

Example:
    env_file: [app.env]                    # LOG_LEVEL=info
    environment: {LOG_LEVEL: debug}        # wins

Mend: keep the one that is meant. `inv env.explain NAME` shows the whole chain.
""",
)

CASE = Rule(
    "TE008",
    "names-differ-in-case",
    "warning",
    "Two variables of one service have names that differ only in case.",
    """\
Finds: names such as Database_URL and DATABASE_URL in one service.

Why it breaks: Linux keeps both, and a program reads one. Settings libraries that ignore
case (pydantic-settings) take either, by chance of order; Windows keeps one only.

Left alone: http_proxy and its kin, which programs read in both cases.

Example:
    environment: {Log_Level: debug, LOG_LEVEL: info}

Mend: keep one name.
""",
)

_PROXIES = re.compile(r"(?:HTTP|HTTPS|FTP|NO|ALL)_PROXY")


def check_definitions(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the places where variables are defined."""
    yield from _one_side(subject)
    for service, variables in subject.declarations.items():
        for declared in variables.values():
            yield from _deleted(subject, service, declared)
            yield from _disagreeing(service, declared)
    yield from _mapping_disagrees(subject)
    yield from _case(subject)


def _one_side(subject: Subject) -> Iterator[Finding]:
    network = network_of(subject)
    for service in subject.local.keys() & subject.docker.keys():
        local = {variable.name: variable for variable in subject.local[service]}
        docker = {variable.name: variable for variable in subject.docker[service]}
        recipe = subject.envmap.stack.services[service].local
        added = recipe.environment if recipe is not None else {}
        for name in (local.keys() ^ docker.keys()) - added.keys():
            have, lack = ("local", "docker") if name in local else ("docker", "local")
            yield ONE_SIDE.finding(
                f"{name} is set on the {have} side and not on the {lack} side.",
                f"Give it a value on the {lack} side too.",
                service=service,
                variable=name,
                origin=subject.origin(service, local.get(name) or docker[name]),
            )
        for name, text in added.items():
            if name in docker or "{port}" in text or binds(name, service, None, network):
                continue
            yield ONE_SIDE.finding(
                f"{name} is set on the local side only, by x-tranship.local.environment.",
                "Nothing, if that is meant.",
                service=service,
                variable=name,
                origin=subject.stack_origin,
                severity="note",
            )


def _deleted(subject: Subject, service: str, declared: tuple[Declared, ...]) -> Iterator[Finding]:
    winner = declared[-1] if declared else None
    if winner is None or winner.kind != "environment" or winner.value is not None:
        return
    given = [item for item in declared if item.kind == "env_file" and item.value is not None]
    mapped = any(item.name == winner.variable for item in subject.docker.get(service, ()))
    if not given or winner.text is not None or mapped:
        return
    where = Origin(given[-1].file, given[-1].line).shown(subject.root)
    yield DELETED.finding(
        f"`environment:` names {winner.variable} without a value, and nothing gives it one: "
        f"the value of {where} is deleted.",
        f"Remove {winner.variable} from `environment:`, or write its value there.",
        service=service,
        variable=winner.variable,
        origin=Origin(winner.file, winner.line),
    )


def _disagreeing(service: str, declared: tuple[Declared, ...]) -> Iterator[Finding]:
    given = [item for item in declared if item.value is not None]
    if len({item.value for item in given}) < 2 or declared[-1].value is None:
        return
    winner = given[-1]
    if winner.text is None or any(use.source == "shell" for use in winner.uses):
        return
    # The nearest one that loses and differs; an override file is there to override.
    loser = next(
        (
            item
            for item in reversed(given[:-1])
            if item.value != winner.value and (item.kind == "env_file" or item.file == winner.file)
        ),
        None,
    )
    if loser is None:
        return
    both_files = loser.kind == winner.kind == "env_file" and loser.file != winner.file
    name = winner.variable
    yield DISAGREE.finding(
        f"{name} is {shown(name, loser.value or '')} in {loser.file.name}:{loser.line}, but "
        f"{shown(name, winner.value or '')} here, which wins{_hidden(name, loser, winner)}.",
        "Keep the one that is meant, and remove the other.",
        service=service,
        variable=name,
        origin=Origin(winner.file, winner.line),
        severity="note" if both_files else None,
    )


def _hidden(name: str, loser: Declared, winner: Declared) -> str:
    same = shown(name, loser.value or "") == shown(name, winner.value or "")
    return " (they differ in what is hidden)" if same else ""


def _mapping_disagrees(subject: Subject) -> Iterator[Finding]:
    for service, variables in subject.docker.items():
        for item in variables:
            if item.rule != "mapping" or item.declared in (None, item.value):
                continue
            declared = subject.declared(service, item.name)
            if declared and any(use.source in ("default", "shell") for use in declared[-1].uses):
                continue
            place = subject.stack_origin
            if declared:
                place = Origin(declared[-1].file, declared[-1].line)
            where = place.shown(subject.root) if place else "the compose file"
            yield DISAGREE.finding(
                f"The mapping makes {item.name} {shown(item.name, item.value)} in the container, "
                f"{where} says {shown(item.name, item.declared or '')}: a plain "
                "`docker compose up` differs.",
                f"Remove {item.name} from the compose file, or write ${{{item.name}:-...}} there.",
                service=service,
                variable=item.name,
                origin=item.origin,
            )


def _case(subject: Subject) -> Iterator[Finding]:
    for service in subject.docker.keys() | subject.local.keys():
        spellings: dict[str, dict[str, None]] = {}
        variables = (*subject.docker.get(service, ()), *subject.local.get(service, ()))
        by_name = {variable.name: variable for variable in variables}
        for name in sorted(by_name):
            spellings.setdefault(name.upper(), {})[name] = None
        for upper, names in spellings.items():
            if len(names) > 1 and not _PROXIES.fullmatch(upper):
                first, *others = names
                yield CASE.finding(
                    f"{first} differs from {', '.join(others)} only in case.",
                    "Keep one name.",
                    service=service,
                    variable=first,
                    origin=subject.origin(service, by_name[first]),
                )
