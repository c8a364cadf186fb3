"""Rules about ports and names on the host, and about versions of images."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from ...stack import textfile
from ...stack.model import Port, Service
from .catalogue import FIXED_NAME, LATEST, OPEN_STORE, PORT_TAKEN, PUBLISHED_TWICE
from .look import Look
from .model import Edit, Finding, Fix
from .stores import store_of

_EVERYWHERE = {None, "", "0.0.0.0", "::"}  # noqa: S104 - what Compose writes, bound by nobody here


def check_exposure(look: Look) -> Iterator[Finding]:
    """Yield what collides on the host, or is open to more than it should be."""
    yield from _twice(look)
    for service in look.stack.services.values():
        yield from _open(look, service)
        yield from _name(look, service)
    yield from _unversioned(look)


def taken_ports(look: Look, owners: Mapping[int, str]) -> Iterator[Finding]:
    """Yield the ports that strangers hold; `owners` are those that are not the stack's."""
    for service in look.stack.services.values():
        for port in service.ports:
            owner = owners.get(port.published or 0)
            if owner is not None and port.protocol == "tcp":
                yield PORT_TAKEN.finding(
                    f"Port {port.published}, which {service.name} publishes, is held by {owner}.",
                    "End it, or publish the service on another port.",
                    services=[service.name],
                    places=look.places([service.name], "ports"),
                )


def _twice(look: Look) -> Iterator[Finding]:
    published = [
        (service, port)
        for service in look.stack.services.values()
        for port in service.ports
        if port.published is not None
    ]
    for (first, one), (second, other) in itertools.combinations(published, 2):
        if first.name != second.name and _together(first, second) and _collide(one, other):
            names = [first.name, second.name]
            yield PUBLISHED_TWICE.finding(
                f"{first.name} and {second.name} both publish port {one.published}.",
                "Give one of them another host port.",
                services=names,
                places=look.places(names, "ports"),
            )


def _together(one: Service, other: Service) -> bool:
    # Two profiles may be alternatives to each other.
    return not (one.profiles and other.profiles) or bool(set(one.profiles) & set(other.profiles))


def _collide(one: Port, other: Port) -> bool:
    same = (one.published, one.protocol) == (other.published, other.protocol)
    hosts = {one.host_ip, other.host_ip}
    return same and (one.host_ip == other.host_ip or bool(hosts & _EVERYWHERE))


def _open(look: Look, service: Service) -> Iterator[Finding]:
    if store_of(look.image_of(service.name)) is None:
        return
    wide = [port for port in service.ports if port.published and port.host_ip in _EVERYWHERE]
    if wide:
        shown = ", ".join(str(port.published) for port in wide)
        yield OPEN_STORE.finding(
            f"{service.name} is published on port {shown} of every interface of the host.",
            f'Publish it on loopback: "127.0.0.1:{wide[0].published}:{wide[0].target}".',
            services=[service.name],
            places=look.places([service.name], "ports"),
            fix=_on_loopback(look, service.name),
        )


def _on_loopback(look: Look, service: str) -> Fix | None:
    found = look.written.find(service, "ports")
    if found is None or found[2].id != "sequence":
        return None
    edits = []
    for item in found[2].value:
        if item.id != "scalar" or item.value.count(":") != 1:
            continue
        quoted = item.style in {"'", '"'}
        at = item.start_mark.index + int(quoted)
        if quoted:
            edits.append(Edit(found[0], at, at, "127.0.0.1:"))
        else:
            edits.append(Edit(found[0], at, item.end_mark.index, f'"127.0.0.1:{item.value}"'))
    return Fix(tuple(edits)) if edits else None


def _name(look: Look, service: Service) -> Iterator[Finding]:
    name = look.body(service.name).get("container_name")
    if name:
        yield FIXED_NAME.finding(
            f"{service.name} has the fixed container name {name}.",
            "Remove `container_name`; other services reach it by the service's name.",
            services=[service.name],
            places=look.places([service.name], "container_name"),
            fix=_without(look, service.name, "container_name"),
        )


def _without(look: Look, service: str, key: str) -> Fix | None:
    """Return the fix that takes out the line of a key, where it has one of its own."""
    found = look.written.find(service, key)
    if found is None:
        return None
    path, node, value = found
    text = textfile.read(path)
    start = node.start_mark.index - node.start_mark.column
    end = text.find("\n", value.end_mark.index) + 1 or len(text)
    rest = text[value.end_mark.index : end].strip()
    alone = not text[start : node.start_mark.index].strip() and (not rest or rest[0] == "#")
    return Fix((Edit(path, start, end, ""),)) if alone else None


def _unversioned(look: Look) -> Iterator[Finding]:
    for service in look.stack.services.values():
        image = look.body(service.name).get("image")
        if not image or look.build_of(service.name) is not None or "@" in image:
            continue
        if look.body(service.name).get("pull_policy") in {"never", "build"}:
            continue
        tag = image.rsplit("/", 1)[-1].partition(":")[2]
        if tag in {"", "latest"}:
            yield LATEST.finding(
                f"{service.name} runs {image}, whatever version that is on the day of the pull.",
                "Name a version, or a digest.",
                services=[service.name],
                places=look.places([service.name], "image"),
            )
