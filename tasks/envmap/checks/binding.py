"""The rule about where a service listens inside its container."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ...stack.model import Service
from ..infer import Variable
from .addresses import Address, dialled, is_loopback
from .model import Finding, Rule, Subject
from .network import Network, binds, network_of

LOOPBACK_BIND = Rule(
    "TE011",
    "bound-to-loopback",
    "error",
    "A service listens on 127.0.0.1 inside its container.",
    """\
Finds: a variable that says where the service listens (HOST, BIND, LISTEN_ADDR,
UVICORN_HOST, ...) or an option of its command (--host, --bind, --listen, runserver) with
127.0.0.1, localhost or ::1, on the docker side.

Why it breaks: the loopback interface is the container's own. Nothing outside can connect,
neither another container nor the published port, while a health check inside the container
succeeds.

Left alone: `network_mode: host`, a service that has no port and that nobody dials, and the
options of clients such as `psql --host`.

Example:
    environment: {HOST: 127.0.0.1}
    command: uvicorn app:app --host 127.0.0.1

Mend: listen on every interface inside the container; who may reach it from outside is what
`ports: ["127.0.0.1:8000:8000"]` decides.
    environment: {HOST: 0.0.0.0}
    x-tranship: {local: {environment: {HOST: 127.0.0.1}}}
""",
)

_OPTIONS = {
    "--host",
    "--bind",
    "--listen",
    "--bind-address",
    "--bind-addr",
    "--listen-address",
    "--http-host",
    "--server.address",
    "--web.listen-address",
}
_SHORT_BINDERS = {"gunicorn", "hypercorn"}
_CLIENTS = re.compile(
    r"psql|pg_\w+|createdb|dropdb|vacuumdb|mysql\w*|mariadb|redis-cli|valkey-cli|mongo\w*|curl|wget"
    r"|nc|ncat|telnet|wait-for\S*|dockerize|alembic|rabbitmqadmin|kcat|influx|clickhouse-client"
)
_SHELLS = {"sh", "bash", "ash", "dash", "zsh"}
_JOINTS = {"&&", "||", ";", "|", "&"}


def check_binding(subject: Subject) -> Iterator[Finding]:
    """Yield the services that nothing outside their container can reach."""
    network = network_of(subject)
    wanted = _reached(subject, network)
    for name, variables in subject.docker.items():
        if name in network.sharing or name not in wanted:
            continue
        found: dict[str, list[Address]] = {}
        for variable, address in dialled({item.name: item.value for item in variables}):
            found.setdefault(variable, []).append(address)
        for item in variables:
            # A lone address in LISTEN_ADDR has no form that tells; the name does.
            lone = [Address(item.value)] if is_loopback(item.value) else []
            for address in found.get(item.name, lone):
                if address.loopback and binds(item.name, name, address.port, network):
                    yield _bound(subject, name, item, address)
        option = _bound_by_command(subject, name)
        if option is not None:
            yield LOOPBACK_BIND.finding(
                f"The command has {name} listen on loopback inside its container ({option}), "
                "where nothing outside can connect.",
                "Listen on 0.0.0.0 in the container; `ports:` decides who reaches it.",
                service=name,
                origin=subject.stack_origin,
            )


def _reached(subject: Subject, network: Network) -> set[str]:
    """Return the services that have a port, or that another one dials."""
    found = {name for name, listener in network.listeners.items() if listener.certain}
    for variables in subject.docker.values():
        for _, address in dialled({item.name: item.value for item in variables}):
            found.add(address.host)
    return found


def _bound(subject: Subject, service: str, variable: Variable, address: Address) -> Finding:
    port = f"; keep the port {address.port}" if address.written_port else ""
    return LOOPBACK_BIND.finding(
        f"{variable.name} has {service} listen on {address.host} inside its container, where "
        "nothing outside can connect.",
        f"Set {variable.name} to 0.0.0.0 on the docker side{port}.",
        service=service,
        variable=variable.name,
        origin=subject.origin(service, variable),
    )


def _bound_by_command(subject: Subject, name: str) -> str | None:
    body = subject.body(name)
    service: Service = subject.envmap.stack.services[name]
    entrypoint = body.get("entrypoint")
    first = shlex.split(entrypoint) if isinstance(entrypoint, str) else list(entrypoint or ())
    words = [str(word) for word in (*first, *service.command)]
    for command in _simple_commands(words):
        option = _loopback_option(command)
        if option is not None:
            return option
    return None


def _simple_commands(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield the commands of an argv, those inside `sh -c` too, without `exec` and X=y."""
    if words and PurePosixPath(words[0]).name in _SHELLS and len(words) > 2:
        script = next((words[i + 1] for i, w in enumerate(words[:-1]) if w.endswith("c")), "")
        lexer = shlex.shlex(script, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # an unbalanced quote: the shell's to say
            return
    command: list[str] = []
    for word in (*words, ";"):
        if word in _JOINTS:
            if command:
                yield command
            command = []
        elif command or not (word == "exec" or re.fullmatch(r"[A-Za-z_]\w*=.*", word)):
            command.append(word)


def _loopback_option(command: Sequence[str]) -> str | None:
    program = PurePosixPath(command[0]).name
    if _CLIENTS.fullmatch(program):
        return None
    options = _OPTIONS | ({"-b"} if program in _SHORT_BINDERS else set())
    for word, following in zip(command, (*command[1:], ""), strict=True):
        option, equals, inside = word.partition("=")
        if option in options or (word == "runserver" and not equals):
            value = inside if equals else following
            if is_loopback(_host(value)):
                return f"{option} {value}"
    return None


def _host(value: str) -> str:
    bare = value.removeprefix("tcp://").removeprefix("http://")
    if bare.startswith("["):
        return bare.partition("]")[0] + "]"
    return bare if bare.count(":") > 1 else bare.partition(":")[0]
