"""What one stack file is asked for: settings, with the command line on top."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import SettingsError, UsageError
from ...settings import SwarmSettings

_TABLE = "[tool.tranship.swarm]"


@dataclass(frozen=True)
class Options:
    """What the stack file depends on beside the stack."""

    registry: str = ""
    tag: str = ""
    publish: str = "ingress"
    endpoint: str = "vip"
    monitor: str = "10s"
    data: str = ""
    """The placement constraint of what writes a named volume; empty: the stack's own label."""
    loaded: bool = False
    """Whether images are loaded into the nodes' engines, for want of a registry."""
    key: bytes = b""
    """What the names of secrets are made with: a checksum alone could be guessed from."""


def options_of(
    settings: SwarmSettings, registry: str = "", tag: str = "", key: bytes = b""
) -> Options:
    """Return the options; raises SettingsError for values that contradict each other."""
    if settings.endpoint == "dnsrr" and settings.publish == "ingress":
        raise SettingsError(
            f'{_TABLE} "endpoint": "dnsrr" has no virtual IPs, which ports in ingress mode need. '
            'Set publish = "host" too.'
        )
    if not re.fullmatch(r"(\d+(ms|s|m|h))+", settings.monitor):
        raise SettingsError(
            f'{_TABLE} "monitor": {settings.monitor!r} is no duration. Write it like 10s.'
        )
    for name, address in settings.nodes.items():
        if "://" not in address:
            raise SettingsError(
                f'[tool.tranship.swarm.nodes] "{name}": {address!r} is no address of an engine. '
                "Write it like ssh://node-2, as DOCKER_HOST takes it."
            )
    registry = (registry or settings.registry).rstrip("/")
    return Options(
        registry=registry,
        loaded=bool(settings.nodes) and not registry,
        tag=tag or settings.tag,
        publish=settings.publish,
        endpoint=settings.endpoint,
        monitor=settings.monitor,
        key=key,
    )


def stack_name(name: str) -> str:
    """Return the stack's name; raises UsageError for one that Swarm does not take."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        return name
    raise UsageError(
        f"{name!r} is no name of a stack: small letters, digits, - and _, at most 40. "
        "Give another with --name."
    )
