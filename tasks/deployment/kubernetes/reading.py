"""A service of the resolved compose document, as a `Container`."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ComposeFileError
from ...stack.model import Service, duration
from ..findings import Finding
from . import quantities, unsupported
from .model import Container, FileUse, Healthcheck, Mount


def container_of(service: Service, body: Mapping[str, Any]) -> Container:
    """Return the container; raises ComposeFileError for a value that cannot be read."""
    deploy = body.get("deploy") or {}
    update = deploy.get("update_config") or {}
    limits, requests = _resources(service.name, body, deploy.get("resources") or {})
    networks = body.get("networks") or {"default": None}
    hosts, unresolved = _hosts(body.get("extra_hosts") or ())
    groups = [str(group) for group in body.get("group_add") or ()]
    options = {str(option).replace("=", ":") for option in body.get("security_opt") or ()}
    found = [*unsupported.findings(service.name, body)]
    found += [
        Finding(service.name, f"extra_hosts {name}: only an address can be written")
        for name in unresolved
    ]
    found += [
        Finding(service.name, f"group_add {group}: only a number can be written")
        for group in groups
        if not group.isdigit()
    ]
    return Container(
        service=service,
        entrypoint=_words(body.get("entrypoint")),
        working_dir=body.get("working_dir"),
        user=str(body["user"]) if body.get("user") not in (None, "") else None,
        groups=tuple(int(group) for group in groups if group.isdigit()),
        read_only=bool(body.get("read_only")),
        privileged=bool(body.get("privileged")),
        no_new_privileges=bool(options & {"no-new-privileges", "no-new-privileges:true"}),
        unconfined="seccomp:unconfined" in options,
        cap_add=_capabilities(body.get("cap_add")),
        cap_drop=_capabilities(body.get("cap_drop")),
        sysctls=_pairs(body.get("sysctls")),
        init=bool(body.get("init")),
        tty=bool(body.get("tty")),
        stdin=bool(body.get("stdin_open")),
        mounts=tuple(_mounts(body)),
        files=tuple(_files(body)),
        healthcheck=_healthcheck(body.get("healthcheck")),
        limits=limits,
        requests=requests,
        replicas=_replicas(body, deploy),
        start_first=str(update.get("order") or "start-first") == "start-first",
        parallelism=int(update.get("parallelism") or 1),
        shm_size=quantities.bytes_of(body.get("shm_size")),
        networks=frozenset(networks),
        aliases=tuple(_aliases(service.name, networks)),
        hosts=hosts,
        pull_always=body.get("pull_policy") == "always",
        findings=tuple(found),
    )


def _words(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(shlex.split(value) if isinstance(value, str) else map(str, value))  # type: ignore[call-overload]


def _capabilities(value: Any) -> tuple[str, ...]:
    return tuple(str(word).upper().removeprefix("CAP_") for word in value or ())


def _pairs(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {str(key): str(item) for key, item in value.items()}
    return dict(str(item).partition("=")[::2] for item in value or ())


def _hosts(value: Any) -> tuple[dict[str, str], list[str]]:
    # Compose prints `name=address`, and `name:address` in older files; addresses may be IPv6.
    pairs = (
        {key: item if isinstance(item, str) else item[0] for key, item in value.items()}
        if isinstance(value, Mapping)
        else dict(str(item).partition("=" if "=" in str(item) else ":")[::2] for item in value)
    )
    good, bad = {}, []
    for name, address in pairs.items():
        try:
            good[name] = str(ipaddress.ip_address(address.strip("[]")))
        except ValueError:
            bad.append(name)
    return good, bad


def _mounts(body: Mapping[str, Any]) -> Iterator[Mount]:
    for mount in body.get("volumes") or ():
        if isinstance(mount, str):  # where Compose did not resolve the file
            source, _, rest = mount.partition(":")
            target, _, options = rest.partition(":")
            kind = "bind" if source.startswith((".", "/", "~")) and target else "volume"
            yield Mount(
                kind,
                target or source,
                source if target else "",
                "ro" in options.split(","),
            )
        else:
            yield Mount(
                str(mount.get("type") or "volume"),
                mount["target"],
                str(mount.get("source") or ""),
                bool(mount.get("read_only")),
                quantities.bytes_of((mount.get("tmpfs") or {}).get("size")),
                str((mount.get("volume") or {}).get("subpath") or ""),
            )
    tmpfs = body.get("tmpfs") or ()
    for written in [tmpfs] if isinstance(tmpfs, str) else tmpfs:
        target, _, options = str(written).partition(":")
        sizes = [word[5:] for word in options.split(",") if word.startswith("size=")]
        yield Mount("tmpfs", target, size=quantities.bytes_of(sizes[0]) if sizes else None)


def _files(body: Mapping[str, Any]) -> Iterator[FileUse]:
    for use in body.get("configs") or ():
        item = {"source": use} if isinstance(use, str) else use
        target = item.get("target") or f"/{item['source']}"
        yield FileUse("config", item["source"], target, _mode(item.get("mode")))
    for use in body.get("secrets") or ():
        item = {"source": use} if isinstance(use, str) else use
        target = str(item.get("target") or item["source"])
        # Compose specification, "secrets": a target without a slash is below /run/secrets.
        path = target if target.startswith("/") else f"/run/secrets/{target}"
        yield FileUse("secret", item["source"], path, _mode(item.get("mode")))


def _mode(value: object) -> int | None:
    if value is None:
        return None
    return value if isinstance(value, int) else int(str(value), 8)


def _healthcheck(body: Any) -> Healthcheck:
    if not body or body.get("disable"):
        return Healthcheck()
    test = body.get("test") or ()
    words = ("CMD-SHELL", test) if isinstance(test, str) else tuple(map(str, test))
    command: tuple[str, ...] = ()
    if words[:1] == ("CMD",):
        command = words[1:]
    elif words[:1] == ("CMD-SHELL",):
        command = ("/bin/sh", "-c", *words[1:])
    usual = Healthcheck()

    def seconds(key: str, default: float) -> float:
        found = duration(body.get(key))
        return default if found is None else found

    return Healthcheck(
        command,
        seconds("interval", usual.interval),
        seconds("timeout", usual.timeout),
        int(body.get("retries") or usual.retries),
        seconds("start_period", usual.start_period),
        seconds("start_interval", usual.start_interval),
    )


def _resources(
    name: str, body: Mapping[str, Any], resources: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    limits, reserved = resources.get("limits") or {}, resources.get("reservations") or {}
    return (
        _amounts(
            name,
            limits.get("cpus") or body.get("cpus"),
            limits.get("memory") or body.get("mem_limit"),
        ),
        _amounts(name, reserved.get("cpus"), reserved.get("memory") or body.get("mem_reservation")),
    )


def _amounts(name: str, cpus: object, memory: object) -> dict[str, str]:
    found = {}
    if cpus:
        number = quantities.cpus(cpus)
        if number is None:
            raise ComposeFileError(f"services.{name}: {cpus!r} is no number of CPUs.")
        found["cpu"] = number
    if memory and str(memory) != "0":
        count = quantities.bytes_of(memory)
        if count is None:
            raise ComposeFileError(f"services.{name}: {memory!r} is no size of memory.")
        found["memory"] = quantities.memory(count)
    return found


def _replicas(body: Mapping[str, Any], deploy: Mapping[str, Any]) -> int:
    value = deploy.get("replicas", body.get("scale"))
    return 1 if value is None else int(value)


def _aliases(name: str, networks: Any) -> Iterator[str]:
    if isinstance(networks, Mapping):
        for details in networks.values():
            for alias in (details or {}).get("aliases") or ():
                if alias != name:
                    yield str(alias)
