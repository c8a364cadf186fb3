"""The change that flips a test, as a person writes it: into a compose file, or into a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...envmap.secrets import mask_value
from .change import Change, together
from .containerside import first_cpus
from .factors import Factor


def mend(cause: Sequence[Factor], on_docker: bool, service: str) -> Iterator[str]:
    """Yield the lines that say how to make the change last."""
    change = together(it.change for it in cause if it.change is not None)
    compose = list(_compose(change, service))
    if on_docker and compose:
        yield "In the compose file:"
        yield from (f"  {line}" for line in ("services:", *compose))
    shell = list(_shell(change))
    if not on_docker and shell:
        yield "In a shell on this host:"
        yield from (f"  {line}" for line in shell)
    if change.packages:
        yield "In what is installed there:"
    for name, version in change.packages.items():
        yield f"  {name}=={version}" if version else f"  no {name}"


def _compose(change: Change, service: str) -> Iterator[str]:
    for name, lines in (
        (service, list(_suite(change))),
        *((other, list(_service(body))) for other, body in change.services.items()),
    ):
        if lines:
            yield f"  {name}:"
            yield from lines


def _service(body: Mapping[str, Any]) -> Iterator[str]:
    for key, value in body.items():
        if key == "environment":
            yield from (f"    # no {name} in environment" for name, v in value.items() if v is None)
            value = {name: v for name, v in value.items() if v is not None}
            if not value:
                continue
        yield from (f"    {line}" for line in _entry(key, value))


def _suite(change: Change) -> Iterator[str]:
    given = {name: mask_value(name, value) for name, value in change.given.items()}
    if given:
        yield "    environment:"
        # `$` is Compose's own.
        yield from (
            f"      {name}: {_scalar(value.replace('$', '$$'))}" for name, value in given.items()
        )
    yield from (f"    # no {name} in environment, nor in the image" for name in change.unset)
    for key, value in change.body.items():
        yield from (f"    {line}" for line in _entry(key, value))
    yield from (f"    # the volume at {folder} without `:ro`" for folder in change.writable)
    if "umask" in change.launch:
        yield f'    # umask {change.launch["umask"]} before the command, as `sh -c "umask ..."`'


def _entry(key: str, value: Any) -> Iterator[str]:
    if value is None:
        yield f"# no {key}"
    elif isinstance(value, Mapping):
        yield f"{key}:"
        for name, item in value.items():
            yield f"  {name}: {_scalar(item)}"
    elif isinstance(value, list):
        yield f"{key}: {json.dumps(value)}"
    else:
        yield f"{key}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shell(change: Change) -> Iterator[str]:
    launch = change.launch
    yield from (f"unset {name}" for name in change.unset)
    for name, value in change.given.items():
        yield f"export {name}={shlex.quote(mask_value(name, value))}"
    if "umask" in launch:
        yield f"umask {launch['umask']}"
    for name, both in launch.get("limits", {}).items():
        yield f"prlimit --pid $$ --{name}={both[0]}:{both[1]}"
    if "cpus_usable" in launch:
        yield f"taskset --pid --cpu-list {first_cpus(launch['cpus_usable'])} $$"
    for name, value in launch.get("group", {}).items():
        yield f"# a control group with {name} = {value}"
    if "user" in launch:
        yield f"setpriv --reuid={launch['user']['uid']} --regid={launch['user']['gid']} ..."
    if "directory" in launch:
        yield f"cd {shlex.quote(launch['directory'])}"
    if "hostname" in launch:
        yield f"unshare --uts sh -c 'hostname {launch['hostname']} && ...'"
    yield from (f"# in /etc/hosts: {line}" for line in launch.get("hosts", ()))
    yield from (f"# in /etc/resolv.conf: {line}" for line in launch.get("resolver", ()))
    for mount in launch.get("mounts", ()):
        if mount["kind"] != "kept":
            yield f"# {mount['path']} mounted {mount['kind']} {mount.get('options', '')}".rstrip()
    if "network" in launch:
        yield "# the network of the other side's containers"
