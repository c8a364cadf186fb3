"""Isolation: what belongs to one run, and the compose file that keeps it apart.

A run has its own project name, host ports, volumes, networks and image names. They stand
in one complete compose file made from the resolved document, rather than in an override:
the result depends on no merge rule, on no variable, and `$` arrives as it was written.
"""

from __future__ import annotations

import copy
import fcntl
import hashlib
import json
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EnvironmentFailed
from .model import Service, Stack
from .placement import LOOPBACK
from .probenetwork import add_probe_network

LABEL_CHECKOUT = "io.tranship.checkout"
LABEL_RUN = "io.tranship.run"
MARKER = "TRANSHIP_RUN"
"""The variable in every local process of a run, by which a lost one is found again."""

# Below the range that Linux hands to outgoing connections (32768-60999): a port from
# there can be taken by any client between its choice and the service's bind.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Run:
    """One run: its names and its folder."""

    id: str
    checkout: str
    directory: Path

    @property
    def project(self) -> str:
        """The compose project name, which names no other run's and no developer's."""
        return f"tranship-{self.checkout}-{self.id}"


def checkout_id(root: Path) -> str:
    """Return the name of this checkout in labels: the same folder, the same name."""
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]


@contextmanager
def new_run(root: Path, runs: Path) -> Iterator[Run]:
    """Make the folder of a run and hold its lock while the block runs.

    The kernel drops the lock when this process dies, by which the next run knows that the
    folder and what it names can be cleaned.
    """
    run = Run(secrets.token_hex(3), checkout_id(root), runs)
    run = Run(run.id, run.checkout, runs / run.id)
    with ExitStack() as held:
        with _registering(runs):
            run.directory.mkdir(mode=0o711)
            lock = held.enter_context((run.directory / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        write_private(run.directory / "run.json", json.dumps({"id": run.id, "pid": os.getpid()}))
        yield run


@contextmanager
def _registering(runs: Path) -> Iterator[None]:
    """Keep others out while a run's folder is there and not yet locked: it would look dead."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def dead_runs(root: Path, runs: Path) -> tuple[Run, ...]:
    """Return the runs whose process is gone but whose folder is not."""
    if not runs.is_dir():
        return ()
    with _registering(runs):
        return tuple(
            Run(folder.name, checkout_id(root), folder)
            for folder in sorted(runs.iterdir())
            if folder.is_dir() and not _locked(folder / "lock")
        )


def live_runs(root: Path, runs: Path) -> tuple[Run, ...]:
    """Return the runs that are going on in this checkout now."""
    dead = {run.id for run in dead_runs(root, runs)}
    return tuple(
        Run(folder.name, checkout_id(root), folder)
        for folder in sorted(runs.glob("*"))
        if folder.is_dir() and folder.name not in dead
    )


def _locked(path: Path) -> bool:
    try:
        with path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def free_ports(wanted: Iterable[tuple[str, int]]) -> Iterator[dict[tuple[str, int], int]]:
    """Choose a free host port for each key and keep others of this user off it.

    The ports are held by lock files while the block runs, which must last until the
    services listen; the sockets themselves are let go, so that the services can bind.

    Raises EnvironmentFailed when no port is left.
    """
    folder = Path(tempfile.gettempdir()) / f"tranship-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    held = []
    chosen: dict[tuple[str, int], int] = {}
    candidates = list(_PORTS)
    secrets.SystemRandom().shuffle(candidates)
    try:
        for key in wanted:
            while True:
                if not candidates:
                    raise EnvironmentFailed(
                        f"No free port between {_PORTS.start} and {_PORTS.stop}. "
                        "End what listens there."
                    )
                port = candidates.pop()
                lock = (folder / str(port)).open("w")
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                    continue
                held.append(lock)
                # Its last holder may have removed the file between our two calls.
                if os.fstat(lock.fileno()).st_nlink and can_bind(port):
                    chosen[key] = port
                    break
        yield chosen
    finally:
        for lock in held:
            with suppress(OSError):
                Path(lock.name).unlink()
            lock.close()


def can_bind(port: int, host: str = "") -> bool:
    """Return whether nothing listens on `port` of this host."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def dialled_ports(services: Iterable[Service]) -> tuple[tuple[str, int], ...]:
    """Return every (service, container port) that a run must be able to dial from the host."""
    return tuple(
        dict.fromkeys(
            (service.name, port)
            for service in services
            for port in (
                *(port.target for port in service.ports if port.protocol == "tcp"),
                *((service.health.port,) if service.health else ()),
            )
        )
    )


@dataclass(frozen=True)
class Isolated:
    """An isolated compose document and what was changed on the way."""

    document: Mapping[str, Any]
    notes: tuple[str, ...]


def isolated(
    document: Mapping[str, Any], stack: Stack, run: Run, ports: Mapping[tuple[str, int], int]
) -> Isolated:
    """Return the document with everything renamed that would touch another run.

    `ports` are the host ports of `free_ports`. The suite's and every other service's
    build keeps one image name per checkout, so that runs share the build cache.
    """
    copied: dict[str, Any] = copy.deepcopy(dict(document))
    copied["name"] = run.project
    labels = {LABEL_CHECKOUT: run.checkout, LABEL_RUN: run.id}
    notes: list[str] = []
    images = _own_images(copied["services"], stack.name, run.checkout)
    for name, body in copied["services"].items():
        body.pop("container_name", None)
        body["labels"] = {**(body.get("labels") or {}), **labels}
        image = body.get("image") or f"{stack.name}-{name}"
        if image in images:
            body["image"] = images[image]
        body["ports"] = _own_ports(name, body.get("ports") or (), ports)
        if body.get("network_mode") == "host":
            notes.append(f"{name}: network_mode host cannot be kept apart; its ports are shared")
            body.pop("ports")
        elif str(body.get("network_mode", "")).startswith(("service:", "container:")):
            body.pop("ports")
        for network in (body.get("networks") or {}).values():
            for key in ("ipv4_address", "ipv6_address", "mac_address"):
                (network or {}).pop(key, None)
        if body.get("build"):
            # Names beside `image`, which the developer's own build has too.
            body["build"].pop("tags", None)
            body["build"]["labels"] = {
                **(body["build"].get("labels") or {}),
                LABEL_CHECKOUT: run.checkout,
            }
    _name_anonymous_volumes(copied)
    notes += add_probe_network(copied)
    for kind in ("networks", "volumes"):
        for name, body in (copied.get(kind) or {}).items():
            own = dict(body or {})
            if own.pop("external", False):
                notes.append(f"{kind[:-1]} {name}: external; the run has an own, empty one instead")
            own.pop("name", None)
            own.pop("ipam", None)
            options = own.get("driver_opts") or {}
            options.pop("com.docker.network.bridge.name", None)
            if "device" in options:
                notes.append(f"volume {name}: tied to {options['device']}; the run has an own one")
                del own["driver_opts"]
            own["labels"] = {**(own.get("labels") or {}), **labels}
            copied[kind][name] = own
    return Isolated(copied, tuple(notes))


def _name_anonymous_volumes(document: dict[str, Any]) -> None:
    """Give anonymous volumes a name, by which they get the run's labels.

    The engine leaves one behind, with no label at all, when the request that makes it is
    cut short.
    """
    volumes = dict(document.get("volumes") or {})
    for service, body in document["services"].items():
        replicas = body.get("scale") or (body.get("deploy") or {}).get("replicas") or 1
        mounts = list(body.get("volumes") or ())
        for number, mount in enumerate(mounts):
            # Each replica is to have its own.
            if mount.get("type") == "volume" and not mount.get("source") and replicas == 1:
                name = f"anonymous-{service}-{number}"
                mounts[number] = {**mount, "source": name}
                volumes[name] = {}
        if mounts:
            body["volumes"] = mounts
    if volumes:
        document["volumes"] = volumes


def _own_ports(
    service: str, declared: Iterable[Mapping[str, Any]], ports: Mapping[tuple[str, int], int]
) -> list[dict[str, Any]]:
    """Return the ports of a service on loopback: the run's own, else one the engine picks."""
    targets = {
        (int(port["target"]), str(port.get("protocol", "tcp"))): None for port in declared
    } | {(port, "tcp"): None for name, port in ports if name == service}
    return [
        {
            "target": target,
            "host_ip": LOOPBACK,
            "protocol": protocol,
            **(
                {"published": str(ports[service, target])}
                if protocol == "tcp" and (service, target) in ports
                else {}
            ),
        }
        for target, protocol in targets
    ]


def own_image_name(image: str, checkout: str) -> str:
    """Return the name under which runs of this checkout build `image`."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", image.split("@")[0].lower()).strip("-.")
    return f"tranship-{checkout}/{slug}"


def _own_images(services: Mapping[str, Any], project: str, checkout: str) -> dict[str, str]:
    built = (
        body.get("image") or f"{project}-{name}"
        for name, body in services.items()
        if body.get("build")
    )
    return {image: own_image_name(image, checkout) for image in built}


_HALVES = re.compile(r"(\\\\)|\\u[dD][89abAB]..\\u[dD][c-fC-F]..")


def write_compose_file(document: Mapping[str, Any], path: Path) -> None:
    """Write a document for Compose to read, with `$` escaped from its interpolation.

    Compose reads it as YAML, which knows JSON's escapes but for a character in two halves.
    """
    text = json.dumps(escaped(document), indent=1)
    write_private(path, _HALVES.sub(lambda match: match[1] or json.loads(f'"{match[0]}"'), text))


def escaped(value: Any) -> Any:
    """Return a document with each `$` written twice, which Compose takes as one."""
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escaped(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
