"""Who listens where: the ports and networks of a stack, as the address rules need them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...stack.model import Service
from .model import Subject

_CI = re.IGNORECASE
_BINDS = re.compile(
    r"HOST"
    r"|(?:.*_)?(?:BIND|LISTEN)(?:_?(?:ADDR|ADDRESS|ADDRESSES|HOST|IP|ON|INTERFACE|TO))?"
    r"|(?:UVICORN|FLASK_RUN|HYPERCORN|NUXT|NITRO|VITE|STREAMLIT_SERVER)_(?:HOST|ADDRESS|BIND)"
    r"|GRADIO_SERVER_NAME",
    _CI,
)
_SERVER_STEMS = {"SERVER", "APP", "HTTP", "WEB", "SERVICE", "GRPC"}
_SEEN_FROM_OUTSIDE = re.compile(
    r"(?:.*_)?(?:ALLOWED|CORS|CSRF|ORIGINS?|NO_PROXY|PUBLIC|EXTERNAL|REDIRECT|CALLBACK|RETURN"
    r"|ADVERTISED|TRUSTED|ISSUER|AUDIENCE|VIRTUAL_HOST|ROOT_URL|COOKIE|DOMAINS?)(?:_.*)?"
    r"|(?:NEXT_PUBLIC|NUXT_PUBLIC|VITE|REACT_APP|EXPO_PUBLIC|VUE_APP|GATSBY|PUBLIC)_.*"
    r"|KC_HOSTNAME.*|HOSTNAME|LISTENERS|.*_LISTENERS",
    _CI,
)
_OWN_ADDRESS = re.compile(r"(?:BASE|SITE|APP|WEB|SERVER|FRONTEND)_UR[LI]", _CI)
_PROBES = re.compile(r"(?:.*_)?(?:HEALTH|HEALTHCHECK|PROBE|READINESS|LIVENESS)(?:_.*)?", _CI)
_ENDING = re.compile(r"_?(?:HOSTS?|HOSTNAMES?|SERVERS?|ADDR|ADDRESS|URL|URI)$")
_AMBIGUOUS = re.compile(r"(?:.*_)?(?:ADDR|ADDRESS|ENDPOINT)", _CI)


@dataclass(frozen=True)
class Listener:
    """The ports of one service, by where they can be dialled."""

    container: frozenset[int]
    """Inside its container: what other containers dial."""
    published: frozenset[int]
    """On the host, where Compose publishes it."""
    host: frozenset[int]
    """On the host in either pure mode."""
    certain: bool
    """Whether the service declares any port at all."""


@dataclass(frozen=True)
class Network:
    """The listeners of a stack."""

    listeners: Mapping[str, Listener]
    by_port: Mapping[int, tuple[str, ...]]
    """Port, inside or on the host -> the services that have it."""
    by_container_port: Mapping[int, tuple[str, ...]]
    on_host: frozenset[int]
    """Every host port that something of the stack has in a pure mode."""
    sharing: frozenset[str]
    """Services whose localhost is not theirs alone: the host's, or another service's too."""

    def own(self, service: str, port: int | None) -> bool:
        """Return whether `port` is one of the service's own, inside or outside."""
        mine = self.listeners[service]
        return port is not None and port in mine.container | mine.published | mine.host


def network_of(subject: Subject) -> Network:
    """Return who listens where in this stack."""
    listeners = {name: _listener(subject, name) for name in subject.envmap.stack.services}
    by_port: dict[int, list[str]] = {}
    by_container_port: dict[int, list[str]] = {}
    for name, listener in listeners.items():
        for port in listener.container | listener.published | listener.host:
            by_port.setdefault(port, []).append(name)
        for port in listener.container:
            by_container_port.setdefault(port, []).append(name)
    return Network(
        listeners=listeners,
        by_port={port: tuple(names) for port, names in by_port.items()},
        by_container_port={port: tuple(names) for port, names in by_container_port.items()},
        on_host=frozenset().union(
            *(listener.published | listener.host for listener in listeners.values())
        ),
        sharing=_sharing(subject),
    )


def _listener(subject: Subject, name: str) -> Listener:
    service = subject.envmap.stack.services[name]
    inside = {port.target for port in service.ports} | set(service.expose)
    if service.health is not None:
        inside.add(service.health.port)
    certain = bool(inside)
    for variable in subject.docker.get(name, ()):
        if variable.name.upper() == "PORT" and variable.value.isdigit():
            inside.add(int(variable.value))
    published = {port.published for port in service.ports if port.published is not None}
    host = {
        number
        for table in (subject.ports.local, subject.ports.published)
        for port in inside
        if (number := table.get((name, port))) is not None
    }
    return Listener(frozenset(inside), frozenset(published), frozenset(host), certain)


def _sharing(subject: Subject) -> frozenset[str]:
    found = set()
    for name in subject.envmap.stack.services:
        mode = str(subject.body(name).get("network_mode") or "")
        if mode == "host" or mode.startswith(("service:", "container:")):
            found.add(name)
            found.add(mode.partition(":")[2])
    return frozenset(found)


def binds(name: str, service: str, port: int | None, network: Network) -> bool:
    """Return whether a variable says where its own service listens, rather than what it dials."""
    if _BINDS.fullmatch(name):
        return True
    stem, _, last = name.upper().rpartition("_")
    return last == "HOST" and stem in _SERVER_STEMS and network.own(service, port)


def names_itself(name: str, service: Service) -> bool:
    """Return whether a variable is named after its own service: POSTGRES_HOST of postgres."""
    return _is_named(name, service)


def named_after(name: str, services: Iterable[Service]) -> tuple[str, ...]:
    """Return the services that a variable is named after: redis for REDIS_HOST."""
    return tuple(service.name for service in services if _is_named(name, service))


def _is_named(name: str, service: Service) -> bool:
    stem = _ENDING.sub("", name.upper())
    image = (service.image or "").rpartition("/")[2].partition("@")[0].partition(":")[0]
    own = {service.name, image, *(("pg", "postgres") if "postgres" in image else ())}
    return bool(stem) and stem in {word.upper().replace("-", "_") for word in own}


def seen_from_outside(name: str, service: str, network: Network) -> bool:
    """Return whether a browser or a proxy uses the value, on whose host localhost is right."""
    if _SEEN_FROM_OUTSIDE.fullmatch(name):
        return True
    # A server's own address, for links; a client of that name dials it.
    return bool(_OWN_ADDRESS.fullmatch(name)) and network.listeners[service].certain


def probes(name: str) -> bool:
    """Return whether a variable says what a health check inside the container asks."""
    return bool(_PROBES.fullmatch(name))


def ambiguous(name: str) -> bool:
    """Return whether a variable of this name may as well be what its service binds."""
    return bool(_AMBIGUOUS.fullmatch(name))
