"""The rule about names of services that are no host names."""

from __future__ import annotations

from collections.abc import Iterator

from ..infer import Variable
from .addresses import dialled
from .model import Finding, Rule, Subject

UNDERSCORE = Rule(
    "TE010",
    "underscore-in-host",
    "warning",
    "A service with an underscore in its name is dialled by that name.",
    """\
Finds: a service whose name has an underscore, where a variable uses that name as a host.

Why it breaks: host names have letters, digits and hyphens (RFC 952, RFC 1123). Docker's DNS
answers for others too, but some clients refuse them: Java's java.net.URI gives no host,
Django raises DisallowedHost, and some TLS and HTTP libraries reject the name.

Example:
    DATA_URL: http://data_service:8000

Mend: rename the service, or give it a second name and dial that.
    networks: {default: {aliases: [data-service]}}
""",
)


def check_host_names(subject: Subject) -> Iterator[Finding]:
    """Yield the services with an underscore that some container dials by their names."""
    services = subject.envmap.stack.services
    uses: dict[str, list[tuple[str, Variable]]] = {name: [] for name in services if "_" in name}
    if not uses:
        return
    for service, variables in subject.docker.items():
        by_name = {variable.name: variable for variable in variables}
        for name, address in dialled({item.name: item.value for item in variables}):
            if address.host in uses:
                uses[address.host].append((service, by_name[name]))
    for host, found in sorted(uses.items()):
        if found:
            yield _underscore(subject, host, found)


def _underscore(subject: Subject, host: str, uses: list[tuple[str, Variable]]) -> Finding:
    service, variable = uses[0]
    consumers = ", ".join(dict.fromkeys(f"{name}.{item.name}" for name, item in uses[:3]))
    more = f" and {len(uses) - 3} more" if len(uses) > 3 else ""
    return UNDERSCORE.finding(
        f"{host} is dialled by its name, which has an underscore ({consumers}{more}).",
        f"Rename it, or add `networks: {{default: {{aliases: [{host.replace('_', '-')}]}}}}` "
        "and dial that.",
        service=host,
        origin=subject.origin(service, variable),
    )
