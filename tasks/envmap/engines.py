"""The container engine that answers here: version, place, kind; or why none does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import EngineUnavailable
from ..stack.engine import OLDEST_COMPOSE, call, error_text, require_engine
from .checks.addresses import is_loopback

if TYPE_CHECKING:
    from python_on_whales import DockerClient

OLDEST_HOST_GATEWAY = (20, 10)
"""`host-gateway` in `extra_hosts` came with Docker 20.10 (its release notes)."""

_PATIENCE = 5
"""Seconds after which a command that waits for an engine is ended."""

_MALFORMED = (ValueError, LookupError, TypeError)
"""What reading an answer raises that is of another shape than Docker's, as a stand-in gives."""


@dataclass(frozen=True)
class Engine:
    """What was found out; None where nothing answered, and then `problem` says why."""

    version: str | None = None
    system: str | None = None
    """The operating system that the engine runs on."""
    hostname: str | None = None
    context: str | None = None
    host: str | None = None
    """The address of its API."""
    rootless: bool = False
    compose: str | None = None
    buildx: str | None = None
    problem: str | None = None
    """Why no stack can run on it."""

    @property
    def remote(self) -> bool:
        """Whether its API is on another machine, where the published ports are too."""
        parts = urlsplit(self.host or "")
        if parts.scheme not in {"tcp", "ssh", "http", "https"}:
            return False
        return not is_loopback(parts.hostname or "localhost")

    @property
    def host_gateway(self) -> bool:
        """Whether containers can be given the host's address."""
        found = numbers(self.version)
        return found is not None and found >= OLDEST_HOST_GATEWAY

    def __str__(self) -> str:
        if self.version is None:
            return f"none: {self.problem}"
        parts = [self.version, *(["rootless"] if self.rootless else [])]
        where = f"context {self.context}" if self.context else ""
        at = f" at {self.host}" if self.host else ""
        return f"{' '.join(parts)} on {self.system} ({where}{at})".replace(" ()", "")


def numbers(version: str | None) -> tuple[int, int] | None:
    """Return the first two numbers of a version."""
    found = re.search(r"(\d+)\.(\d+)", version or "")
    return (int(found[1]), int(found[2])) if found else None


def client(pass_env: tuple[str, ...]) -> DockerClient:
    """Return a client whose every command ends by itself where no engine answers."""
    from python_on_whales import DockerClient

    patient = ["timeout", str(_PATIENCE)] if shutil.which("timeout") else []
    return DockerClient(client_call=[*patient, *call(pass_env)])


def ask(docker: DockerClient, environ: Mapping[str, str]) -> Engine:
    """Return what there is to know about the engine; nothing it does raises."""
    from python_on_whales.exceptions import DockerException

    if shutil.which("docker") is None:
        return Engine(problem="no docker command on PATH")
    try:
        info = docker.system.info()
    except (DockerException, *_MALFORMED) as error:
        return replace(_without_engine(docker), problem=_reason(docker, error))
    plugins = {plugin.name: plugin.version for plugin in _plugins(info)}
    found = Engine(
        version=info.server_version or None,
        system=info.operating_system,
        hostname=info.name,
        rootless=any("name=rootless" in option for option in info.security_options or ()),
        compose=plugins.get("compose"),
        buildx=plugins.get("buildx"),
        host=environ.get("DOCKER_HOST") or None,
    )
    if found.host is None:
        with suppress(DockerException, *_MALFORMED):
            context = docker.context.inspect(None)
            endpoints: Any = context.endpoints or {}
            host = endpoints["docker"].host if "docker" in endpoints else None
            found = replace(found, context=context.name, host=host)
    return replace(found, problem=_shortcoming(found))


def _plugins(info: Any) -> Iterable[Any]:
    return (info.client_info.plugins if info.client_info is not None else None) or ()


def _without_engine(docker: DockerClient) -> Engine:
    from python_on_whales.exceptions import DockerException

    versions: dict[str, str | None] = {"compose": None, "buildx": None}
    with suppress(DockerException):
        versions["compose"] = docker.compose.version()
    with suppress(DockerException):
        versions["buildx"] = docker.buildx.version()
    return Engine(compose=_short(versions["compose"]), buildx=_short(versions["buildx"]))


def _short(answer: str | None) -> str | None:
    found = re.search(r"v?(\d+\.\d+\S*)", answer or "")
    return found[1] if found else None


def _reason(docker: DockerClient, error: Exception) -> str:
    if getattr(error, "return_code", None) == 124:  # of `timeout`
        return f"the engine did not answer within {_PATIENCE} s"
    try:
        require_engine(docker)
    except EngineUnavailable as unavailable:
        return str(unavailable)
    except _MALFORMED:
        return "the docker command's answer is not Docker's"
    return error_text(error)


def _shortcoming(engine: Engine) -> str | None:
    if engine.version is None:
        return "the engine does not answer"
    found = numbers(engine.compose)
    if found is None:
        return "the docker command has no Compose v2 plugin; install docker-compose-plugin"
    if found < OLDEST_COMPOSE:
        return f"Compose {engine.compose} is too old: 2.20 or newer is needed"
    return None


def containers_on(docker: DockerClient, ports: Iterable[int]) -> dict[int, str]:
    """Return the containers that publish these ports of the engine's host, by port."""
    from python_on_whales.exceptions import DockerException

    wanted = set(ports)
    found: dict[int, str] = {}
    if not wanted:
        return found
    with suppress(DockerException, *_MALFORMED):
        filters: Any = [("publish", str(port)) for port in sorted(wanted)]
        for container in docker.container.list(filters=filters):
            for bindings in (container.network_settings.ports or {}).values():
                for binding in bindings or ():
                    number = str(binding["HostPort"])
                    if number.isdigit() and int(number) in wanted:
                        found[int(number)] = f"container {container.name}"
    return found
