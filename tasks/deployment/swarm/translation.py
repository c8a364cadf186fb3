"""From the resolved compose document to a file that `docker stack deploy` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ComposeFileError
from ..findings import Finding
from . import deploying, files, images, keys, mounts, networks
from .model import Content, FileKind, Source, StackFile
from .options import Options

_KINDS: tuple[FileKind, ...] = ("configs", "secrets")


def translate(source: Source, options: Options) -> StackFile:
    """Return the stack file of the services, and what it does not say.

    Raises ComposeFileError for what no stack file can be made of.
    """
    findings = [
        Finding(
            name,
            f"profiles {', '.join(profiles)}: left out; --profile {profiles[0]} takes it in",
            lost=False,
        )
        for name, profiles in source.left_out.items()
    ]
    services: dict[str, Any] = {}
    contents: dict[tuple[str, str], Content] = {}
    used: set[str] = set()
    volumes: set[str] = set()
    data = []
    for name in source.services:
        body = source.document["services"][name]
        try:
            made = _service(name, body, source, options)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ComposeFileError(
                f"services.{name}: cannot be read ({error}). `docker compose config` says more."
            ) from error
        services[name], found, added, stays = made
        findings += found
        contents.update({(item.kind, item.key): item for item in added})
        used |= set(services[name].get("networks", ()))
        volumes |= {
            item["source"]
            for item in services[name].get("volumes", ())
            if item["type"] == "volume" and item.get("source")
        }
        if stays:
            data.append(name)
    top, lost = networks.networks(source, used)
    document = {
        "services": services,
        "networks": top,
        "volumes": {name: _volume(name, source) for name in sorted(volumes)},
    }
    for kind in _KINDS:
        document[kind] = {
            item.key: {"name": item.name, **({} if item.content is not None else _THERE)}
            for item in sorted(contents.values(), key=lambda it: it.key)
            if item.kind == kind
        }
    return StackFile(
        source.name,
        {key: value for key, value in document.items() if value},
        tuple(contents.values()),
        (*findings, *lost),
        tuple(data),
        images.carried(source, options),
        options.loaded,
    )


_THERE = {"external": True}


def _service(
    name: str, body: Mapping[str, Any], source: Source, options: Options
) -> tuple[dict[str, Any], list[Finding], list[Content], bool]:
    findings = list(keys.findings(name, body))
    contents = []
    found: dict[str, Any] = {}
    found["image"], lost = images.image(name, body, source, options)
    findings += lost
    found |= {key: body[key] for key in keys.KEPT if body.get(key) is not None}
    environment = {
        key: str(value)
        for key, value in (body.get("environment") or {}).items()
        if value is not None
    }
    found["environment"] = environment
    if body.get("healthcheck"):
        found["healthcheck"] = body["healthcheck"]
    mounted = mounts.mounts(name, body, source, options)
    findings += mounted.findings
    found["volumes"] = [dict(item) for item in mounted.volumes]
    for kind in _KINDS:
        entries = files.uses(kind, body)
        contents += [files.declared(kind, item["source"], source, options) for item in entries]
        entries += [dict(entry) for content, entry in mounted.contents if content.kind == kind]
        found[kind] = entries
    contents += [content for content, _ in mounted.contents]
    found["networks"], lost = networks.attached(name, body)
    findings += lost
    found["ports"], lost = networks.ports(name, body, options)
    findings += lost
    hosts = list(networks.hosts(name, body))
    found["extra_hosts"] = [host for host, _ in hosts if host]
    findings += [finding for _, finding in hosts if finding is not None]
    found["deploy"], lost = deploying.deploy(
        name,
        body,
        options,
        stack=source.name,
        job=name in source.jobs,
        stays=bool(mounted.written),
        published=bool(found["ports"]),
    )
    findings += lost
    kept = {key: value for key, value in found.items() if value not in ({}, [], None)}
    return kept, findings, contents, bool(mounted.written)


def _volume(name: str, source: Source) -> dict[str, Any]:
    body = (source.document.get("volumes") or {}).get(name) or {}
    if body.get("external"):
        return {"external": True, "name": body.get("name") or name}
    kept = {key: body[key] for key in ("driver", "driver_opts", "labels") if body.get(key)}
    usual = {f"{source.document.get('name')}_{name}", f"{source.name}_{name}"}
    if body.get("name") and body["name"] not in usual:
        kept["name"] = body["name"]
    return kept
