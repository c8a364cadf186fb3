"""Rules about health checks, and about who waits for them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ...stack.model import Service, duration
from .catalogue import COSTLY_CHECK, NO_HEALTHCHECK, STARTED_ONLY, UNHEALTHY_DEPENDENCY
from .insertion import key_in, key_in_services
from .look import Look, named
from .model import Edit, Finding, Fix
from .stores import store_of

OFTEN = 5.0
"""Seconds between checks below which an interpreter's start is worth a word."""
_COMPOSE_INTERVAL = 30.0
_INTERPRETERS = re.compile(r"python[\d.]*|node|java|ruby|perl|php|deno|bun|dotnet")
_PACE = "interval: 30s, timeout: 5s, retries: 3, start_period: 60s, start_interval: 100ms"
_STORE_TESTS: Mapping[str, Sequence[str]] = {
    "postgres": ("CMD", "pg_isready", "-q", "-h", "127.0.0.1"),
    "redis": ("CMD", "redis-cli", "ping"),
    "valkey": ("CMD", "valkey-cli", "ping"),
}


def check_health(look: Look) -> Iterator[Finding]:
    """Yield what is wrong with the health checks of the stack."""
    for service in look.lasting:
        if _listens(look, service) and look.has_healthcheck(service.name) is not True:
            yield from _unchecked(look, service)
        yield from _costly(look, service)
    yield from _waiting(look)


def _listens(look: Look, service: Service) -> bool:
    awaited = any(
        dependency.service == service.name
        for other in look.stack.services.values()
        for dependency in other.depends_on
    )
    return service.container_port is not None or awaited


def _unchecked(look: Look, service: Service) -> Iterator[Finding]:
    if look.body(service.name).get("healthcheck"):  # `disable: true` was meant
        return
    test = _test_for(look, service)
    edits = None
    if test is not None:
        quoted = ", ".join(f'"{word}"' for word in test)
        line = f"healthcheck: {{test: [{quoted}], {_PACE}}}"
        edits = key_in_services(look.written, [service.name], line)
    unknown = look.has_healthcheck(service.name) is None
    where = ", and its image is not here to tell" if unknown else " or in its image"
    yield NO_HEALTHCHECK.finding(
        f"{service.name} has no health check in the compose file{where}.",
        "Add `healthcheck:` with a test that asks the service itself; `interval: 30s` with "
        "`start_interval: 100ms` is quick at the start and cheap afterwards.",
        services=[service.name],
        places=look.places([service.name]),
        fix=Fix(edits) if edits else None,
        severity="note" if unknown else None,
    )


def _test_for(look: Look, service: Service) -> Sequence[str] | None:
    """Return a test whose program is certainly in the image; None where none is known."""
    store = store_of(look.image_of(service.name))
    if store is not None:
        return _STORE_TESTS.get(store.name)
    words = service.command
    if service.health is None or service.health.kind != "http" or not words:
        return None
    python = PurePosixPath(words[0]).name
    if not re.fullmatch(r"python[\d.]*", python):
        return None
    url = f"http://127.0.0.1:{service.health.port}{service.health.path}"
    # Not through a proxy that the container's variables may name.
    opener = "u.build_opener(u.ProxyHandler({}))"
    source = f"import urllib.request as u; {opener}.open('{url}', timeout=4)"
    return ("CMD", words[0], "-IS", "-c", source)


def _costly(look: Look, service: Service) -> Iterator[Finding]:
    body: Mapping[str, Any] = look.body(service.name).get("healthcheck") or {}
    program = _program(body.get("test"))
    interval = duration(body.get("interval"))
    seconds = _COMPOSE_INTERVAL if interval is None else interval
    if not service.has_healthcheck or program is None or seconds >= OFTEN:
        return
    yield COSTLY_CHECK.finding(
        f"The health check of {service.name} starts {program} every {seconds:g} s: about "
        f"{60 / seconds:.0f} ms of CPU per second.",
        "Set `interval: 30s`, and `start_interval: 100ms` for a quick start.",
        services=[service.name],
        places=look.places([service.name], "healthcheck", "interval"),
        fix=_slower(look, service.name),
    )


def _program(test: object) -> str | None:
    """Return the interpreter that a test starts."""
    words: list[str]
    if isinstance(test, str):
        words = _split(test)
    elif isinstance(test, list) and len(test) > 1:
        words = _split(str(test[1])) if test[0] == "CMD-SHELL" else [str(x) for x in test[1:]]
    else:
        return None
    while words and words[0] in {"exec", "env", "timeout"}:
        words = words[1:]
    name = PurePosixPath(words[0]).name if words else ""
    return name if _INTERPRETERS.fullmatch(name) else None


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _slower(look: Look, service: str) -> Fix | None:
    found = look.written.find(service, "healthcheck", "interval")
    check = look.written.find(service, "healthcheck")
    if found is None or check is None or found[2].id != "scalar":
        return None
    path, _, node = found
    edits = [Edit(path, node.start_mark.index, node.end_mark.index, "30s")]
    for key, value in (("start_period", "60s"), ("start_interval", "100ms")):
        if look.written.find(service, "healthcheck", key) is None:
            added = key_in(check[0], check[2], f"{key}: {value}")
            if added is None:
                return None
            edits.append(added)
    return Fix(tuple(edits))


def _waiting(look: Look) -> Iterator[Finding]:
    for service in look.lasting:
        early = []
        for dependency in service.depends_on:
            target = look.stack.services.get(dependency.service)
            if target is None:
                continue
            checked = look.has_healthcheck(target.name)
            if dependency.condition == "service_healthy" and checked is False:
                yield UNHEALTHY_DEPENDENCY.finding(
                    f"{service.name} waits until {target.name} is healthy, and {target.name} has "
                    "no health check.",
                    f"Give {target.name} a `healthcheck:`, or wait for `service_started`.",
                    services=[service.name],
                    places=look.places([service.name], "depends_on"),
                )
            elif dependency.condition == "service_started" and checked:
                early.append(target.name)
        if early:
            yield STARTED_ONLY.finding(
                f"{service.name} waits for the start of {named(early)}, not for health.",
                "Write `depends_on: {NAME: {condition: service_healthy}}`.",
                services=[service.name],
                places=look.places([service.name], "depends_on"),
            )
