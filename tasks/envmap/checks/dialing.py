"""Rules about what is dialled: hosts and ports that lead nowhere on one of the sides."""

from __future__ import annotations

from collections.abc import Iterator

from ..origins import Origin
from .addresses import Address, dialled
from .model import Finding, Rule, Severity, Subject
from .network import (
    Network,
    ambiguous,
    binds,
    named_after,
    names_itself,
    network_of,
    probes,
    seen_from_outside,
)

LOCALHOST = Rule(
    "TE001",
    "localhost-in-container",
    "error",
    "A variable dials localhost from inside a container.",
    """\
Finds: localhost, 127.0.0.0/8 or ::1 where a value is an address (a URL's host, host:port,
X_HOST, a DSN, JSON) of a service that runs in a container.

Why it breaks: a container has a loopback interface of its own. There, localhost is the
container itself, not the host and not the service beside it: "connection refused".

Left alone: where the service itself listens (TE011), its own port, health checks, what a
browser sees (CORS, ALLOWED_HOSTS, redirects, public URLs), and services that share a network
(`network_mode: host`, `service:NAME`). Where no service of the stack has that port, it is a
warning: something inside the same container may listen there.

Example:
    DATABASE_URL: postgresql://app@localhost:5432/app

Mend: name the service and its container port; tranship rewrites them for local processes.
    DATABASE_URL: postgresql://app@postgres:5432/app
""",
)

PUBLISHED = Rule(
    "TE002",
    "published-port-in-network",
    "error",
    "A service name stands with the port that is published on the host.",
    """\
Finds: SERVICE:PORT in a container's variables where PORT is what `ports:` publishes on the
host, and no port inside of SERVICE's container.

Why it breaks: containers dial each other on the network that Compose makes, where only the
container port is open. The published port exists on the host alone.

Example, with `ports: ["15432:5432"]` on postgres:
    DATABASE_URL: postgresql://app@postgres:15432/app

Mend: use the container port.
    DATABASE_URL: postgresql://app@postgres:5432/app
""",
)

CONTAINER_PORT = Rule(
    "TE003",
    "container-port-on-host",
    "error",
    "A local process dials localhost with a port that is open inside a container only.",
    """\
Finds: localhost:PORT in a local process's variables where PORT is the container port of a
service, and nothing of the stack has that port on the host.

Why it breaks: on the host a containerised service is at its published port, and a local one
at the port it was given. The container port leads nowhere, or to a stranger: another
PostgreSQL of this machine answers on 5432, with other data.

Example, with `ports: ["15432:5432"]` on postgres:
    x-tranship: {local: {environment: {DATABASE_URL: "postgresql://localhost:5432/app"}}}

Mend: leave the variable to the mapping ({postgres} in envs/mapping.toml, or the compose
file's own postgres:5432), which knows the port on either side.
""",
)


def check_dialling(subject: Subject) -> Iterator[Finding]:
    """Yield what the addresses in variables break on either side."""
    network = network_of(subject)
    for service, variables in subject.docker.items():
        by_name = {variable.name: variable for variable in variables}
        flagged: set[tuple[str, str]] = set()
        for name, address in dialled({item.name: item.value for item in variables}):
            variable = by_name[name]
            origin = subject.origin(service, variable)
            if address.loopback:
                found = _localhost(subject, network, service, name, address, origin)
                if found is not None:
                    flagged.add((name, variable.value))
                    yield found
            elif address.host in network.listeners:
                yield from _published(network, service, name, address, origin)
        yield from _on_host(subject, network, service, flagged)


def _localhost(
    subject: Subject,
    network: Network,
    service: str,
    name: str,
    address: Address,
    origin: Origin | None,
) -> Finding | None:
    if service in network.sharing or _not_dialled(subject, network, service, name, address):
        return None
    services = subject.envmap.stack.services
    if address.port is None:
        there = named_after(name, services.values())
    else:
        there = tuple(o for o in network.by_port.get(address.port, ()) if o != service)
    if not there and ambiguous(name):
        return None
    severity: Severity = "error" if there else "warning"
    if there:
        # The one whose container has that port; else the one that publishes it.
        inside = [other for other in there if address.port in network.listeners[other].container]
        target = services[(inside or there)[0]]
        port = address.port if inside else target.container_port
        place = f"{target.name}:{port}" if port else target.name
        also = f"; {target.name} is at {place}"
        mend = f"Write {place if address.port else target.name} instead."
    else:
        also = ""
        mend = (
            "Name the service that is meant, or host.docker.internal for this host; if it "
            "runs inside the same container, silence this with that reason."
        )
    return LOCALHOST.finding(
        f"{name} dials {address}, which inside a container is {service} itself{also}.",
        mend,
        service=service,
        variable=name,
        origin=origin,
        severity=severity,
    )


def _not_dialled(
    subject: Subject, network: Network, service: str, name: str, address: Address
) -> bool:
    """Return whether a loopback address is right where it stands."""
    return (
        network.own(service, address.port)
        or probes(name)
        or binds(name, service, address.port, network)
        or seen_from_outside(name, service, network)
        or names_itself(name, subject.envmap.stack.services[service])
    )


def _published(
    network: Network, service: str, name: str, address: Address, origin: Origin | None
) -> Iterator[Finding]:
    target = network.listeners[address.host]
    if (
        address.port is None
        or address.host in network.sharing
        or not target.certain
        or address.port in target.container
        or address.port not in target.published
    ):
        return
    inside = ", ".join(str(port) for port in sorted(target.container))
    yield PUBLISHED.finding(
        f"{name} dials {address.host}:{address.port}, but {address.port} is where "
        f"{address.host} is published on the host; inside the network it listens on {inside}.",
        f"Use the container port: {address.host}:{min(target.container)}.",
        service=service,
        variable=name,
        origin=origin,
    )


def _on_host(
    subject: Subject, network: Network, service: str, flagged: set[tuple[str, str]]
) -> Iterator[Finding]:
    by_name = {variable.name: variable for variable in subject.local.get(service, ())}
    for name, address in dialled(_local_values(subject, service)):
        if not address.loopback or address.port is None or address.port in network.on_host:
            continue
        there = [
            other
            for other in network.by_container_port.get(address.port, ())
            if other != service and other not in network.sharing
        ]
        variable = by_name.get(name)
        # The same literal on both sides is TE001's; once is enough.
        seen = variable is not None and (name, variable.value) in flagged
        if not there or seen or _not_dialled(subject, network, service, name, address):
            continue
        ports = sorted(network.listeners[there[0]].host | network.listeners[there[0]].published)
        where = f"on the host it is at {ports[0]}" if ports else "it is not published on the host"
        yield CONTAINER_PORT.finding(
            f"{name} dials {address.host}:{address.port} from a local process, but "
            f"{address.port} is {there[0]}'s port inside its container; {where}.",
            f"Let the mapping write it: {{{there[0]}}}, or {there[0]}:{address.port} in the "
            "compose file.",
            service=service,
            variable=name,
            origin=subject.origin(service, variable) if variable else subject.stack_origin,
        )


def _local_values(subject: Subject, service: str) -> dict[str, str]:
    """Return the local side's variables, with those of x-tranship.local, which win."""
    values = {variable.name: variable.value for variable in subject.local.get(service, ())}
    known = subject.envmap.stack.services[service]
    if known.local is None:
        return values
    port = subject.ports.local.get((service, known.container_port or 0))
    own = {
        name: text.replace("{port}", str(port)) if port is not None else text
        for name, text in known.local.environment.items()
    }
    return {**values, **own}
