"""Rules about what a service needs to go on for months: restarts, limits, volumes, logs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ...envmap.origins import Origin
from ...stack import textfile
from ...stack.model import Service
from .catalogue import AS_ROOT, NO_CPU_LIMIT, NO_MEMORY_LIMIT, NO_RESTART, NO_ROTATION, NO_VOLUME
from .insertion import key_in, key_in_services
from .look import Build, Look, named
from .model import Edit, Finding, Fix, Rule
from .stores import CACHES, Store, store_of

_BOUNDED = 'logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}'
_MEMORY = (("mem_limit",), ("deploy", "resources", "limits", "memory"))
_CPU = (("cpus",), ("cpu_quota",), ("cpuset",), ("deploy", "resources", "limits", "cpus"))
PERSISTS = re.compile(r"appendonly[ =]yes|--save [0-9]")


def check_lasting(look: Look) -> Iterator[Finding]:
    """Yield what keeps the stack from going on by itself."""
    yield from _restarts(look)
    yield from _limits(look, NO_MEMORY_LIMIT, "memory", _MEMORY)
    yield from _limits(look, NO_CPU_LIMIT, "CPU", _CPU)
    yield from _logs(look)
    for service in look.lasting:
        yield from _state(look, service)
        yield from _root(look, service)


def _fix(look: Look, services: list[str], line: str) -> Fix | None:
    edits = key_in_services(look.written, services, line)
    return Fix(edits) if edits else None


def _restarts(look: Look) -> Iterator[Finding]:
    names = [
        service.name
        for service in look.lasting
        # `restart: "no"` that is written was meant.
        if service.restart == "no"
        and look.written.find(service.name, "restart") is None
        and not (look.body(service.name).get("deploy") or {}).get("restart_policy")
        and look.overlays.find(service.name, "restart") is None
    ]
    if names:
        yield NO_RESTART.finding(
            f"{named(names)}: no restart policy.",
            "Add `restart: unless-stopped`.",
            services=names,
            places=look.places(names),
            fix=_fix(look, names, "restart: unless-stopped"),
        )


def _limits(
    look: Look, rule: Rule, what: str, keys: tuple[tuple[str, ...], ...]
) -> Iterator[Finding]:
    def limited(name: str) -> bool:
        return any(
            _inside(look.body(name), path) or look.overlays.find(name, *path) for path in keys
        )

    names = [service.name for service in look.lasting if not limited(service.name)]
    if names:
        key, example = ("memory", "256M") if what == "memory" else ("cpus", '"1.0"')
        yield rule.finding(
            f"{named(names)}: no {what} limit, in any environment.",
            f"Add `deploy: {{resources: {{limits: {{{key}: {example}}}}}}}` with room above what "
            "`inv docker.stats` shows under load.",
            services=names,
            places=look.places(names),
        )


def _inside(body: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    value: Any = body
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return bool(value)


def _logs(look: Look) -> Iterator[Finding]:
    names = [service.name for service in look.lasting if unbounded(look, service.name)]
    if names:
        yield NO_ROTATION.finding(
            f"{named(names)}: json-file logs with no `max-size`.",
            f"Add `{_BOUNDED}`, or bound them for the whole engine in its daemon.json.",
            services=names,
            places=look.places(names, "logging"),
            fix=None
            if any(look.written.find(name, "logging") for name in names)
            else _fix(look, names, _BOUNDED),
        )


def unbounded(look: Look, service: str) -> bool:
    """Return whether nothing bounds the logs of a service's container."""
    driver, options = log_driver(look, service)
    own = bool(look.body(service).get("logging"))
    bounded = "max-size" in options or (look.rotates and not own)
    return driver == "json-file" and not bounded


def log_driver(look: Look, service: str) -> tuple[str, Mapping[str, Any]]:
    """Return the log driver of a service and its options; the engine's where it says none."""
    body: Mapping[str, Any] = look.body(service).get("logging") or {}
    return str(body.get("driver") or look.log_driver), body.get("options") or {}


def _state(look: Look, service: Service) -> Iterator[Finding]:
    image = look.image_of(service.name)
    store = store_of(image)
    if store is None or not store.data:
        return
    if store.name in CACHES and not PERSISTS.search(" ".join(service.command)):
        return
    moved = service.environment.get(store.variable or "")
    folders = (moved,) if moved else store.data
    if any(_covers(target, folder) for target in _targets(look, service) for folder in folders):
        return
    folder = _folder(image, store, moved)
    yield NO_VOLUME.finding(
        f"{service.name} ({image}) keeps its data in {folder}, which is in no named volume.",
        f'Add `volumes: ["{service.name}-data:{folder}"]`, and the volume at the top level. '
        "What the store holds now does not move along: dump it first.",
        services=[service.name],
        places=look.places([service.name], "volumes"),
        fix=_volume(look, service.name, f"{service.name}-data", folder),
    )


def _folder(image: str, store: Store, moved: str | None) -> str:
    if moved:
        return moved
    major = re.search(r":(\d+)", image)
    # The image of PostgreSQL 18 has its volume one folder higher.
    newer = bool(major and int(major[1]) >= 18)
    return f"{store.data[0]}/data" if store.name == "postgres" and not newer else store.data[0]


def _targets(look: Look, service: Service) -> Iterator[str]:
    body = look.body(service.name)
    for mount in body.get("volumes") or ():
        if isinstance(mount, str):
            parts = mount.split(":")
            if len(parts) > 1:
                yield parts[1]
        elif mount.get("type") != "volume" or mount.get("source"):
            yield str(mount.get("target"))
    tmpfs = body.get("tmpfs") or ()
    for entry in [tmpfs] if isinstance(tmpfs, str) else tmpfs:  # memory was chosen
        yield str(entry).split(":")[0]


def _covers(target: str, folder: str) -> bool:
    mount, data = PurePosixPath(target), PurePosixPath(folder)
    return data.is_relative_to(mount) or mount.is_relative_to(data)


def _volume(look: Look, service: str, volume: str, folder: str) -> Fix | None:
    entry = next(iter(look.written.entries(service)), None)
    if entry is None or look.written.find(service, "volumes"):
        return None
    edits = key_in_services(look.written, [service], f'volumes: ["{volume}:{folder}"]')
    if edits is None:
        return None
    declared = look.written.top(entry.path, "volumes")
    if declared is None:
        text = textfile.read(entry.path)
        newline = "\r\n" if "\r\n" in text else "\n"
        lead = newline if text.endswith("\n") else newline * 2
        added = f"{lead}volumes:{newline}  {volume}:{newline}"
        return Fix((*edits, Edit(entry.path, len(text), len(text), added)))
    flow = bool(getattr(declared[1], "flow_style", False))
    edit = key_in(entry.path, declared[1], f"{volume}: {{}}" if flow else f"{volume}:")
    return Fix((*edits, edit)) if edit else None


def _root(look: Look, service: Service) -> Iterator[Finding]:
    build = look.build_of(service.name)
    if build is None or build.file is None or look.body(service.name).get("user"):
        return
    # One finding for an image, however many services run it.
    if service.name != min(build.services, key=_among(look)):
        return
    image = look.images.get(build.image)
    says = [
        item.text for stage in build.stages for item in stage.instructions if item.keyword == "USER"
    ]
    by_file = says[-1].partition(":")[0] not in {"", "0", "root"} if says else False
    # The Dockerfile first: the image may be of an earlier version of it.
    if by_file or (not says and (not image.runs_as_root if image else not _official(build))):
        return
    stage = build.stages[-1] if build.stages else None
    yield AS_ROOT.finding(
        f"{build.image}: the containers of {named(build.services)} run as root.",
        "End the Dockerfile with `USER 10001:10001`, and give that user what it writes to.",
        services=build.services,
        places=[Origin(build.file.path, stage.line if stage else 0)],
    )


def _official(build: Build) -> bool:
    """Return whether the base is an official image: but for few, those run as root."""
    base = build.stages[0].base if build.stages else "/"
    return "/" not in base and "$" not in base


def _among(look: Look) -> Callable[[str], tuple[bool, str]]:
    lasting = {service.name for service in look.lasting}
    return lambda name: (name not in lasting, name)
