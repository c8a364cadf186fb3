"""All that the rules look at, gathered once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...envmap.origins import Origin
from ...stack.model import Service, Stack
from .dockerfile import Dockerfile, Stage
from .images import Image
from .stores import store_of
from .written import Written


@dataclass(frozen=True)
class Build:
    """How the image of some services is built."""

    image: str
    services: tuple[str, ...]
    """The services that run it, the one that says how first."""
    context: Path
    file: Dockerfile | None
    """None where there is no such file here: a remote context, or an inline one."""
    target: str | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that make the image itself, from its base on."""
        return self.file.chain(self.target) if self.file else ()


@dataclass(frozen=True)
class Look:
    """The stack, its files, and what the engine knows."""

    root: Path
    stack: Stack
    document: Mapping[str, Any]
    written: Written
    """The compose files of this environment."""
    overlays: Written
    """Those of all environments: a limit may stand in production alone."""
    suite: str | None = None
    images: Mapping[str, Image] = field(default_factory=dict)
    """Name -> what the engine has under it."""
    builds: tuple[Build, ...] = ()
    log_driver: str = "json-file"
    """The engine's own default."""
    rotates: bool = False
    """Whether the engine's settings bound the logs of that driver."""

    def body(self, service: str) -> Mapping[str, Any]:
        """Return the service's entry of the resolved document."""
        return (self.document.get("services") or {}).get(service) or {}

    @property
    def lasting(self) -> tuple[Service, ...]:
        """The services that are to go on: not the suite, nor one that ends by design."""
        return tuple(
            service
            for service in self.stack.services.values()
            if not self.of_suite(service) and not self.stack.expected_to_exit(service.name)
        )

    def of_suite(self, service: Service) -> bool:
        """Return whether a service is the suite, or runs in its profiles alone."""
        suite = self.stack.services.get(self.suite or "")
        if suite is None:
            return False
        only = bool(service.profiles) and set(service.profiles) <= set(suite.profiles)
        return service is suite or only

    def image_of(self, service: str) -> str:
        """Return the name of a service's image, as Compose names one without a name."""
        return str(self.body(service).get("image") or f"{self.stack.name}-{service}")

    def build_of(self, service: str) -> Build | None:
        """Return how a service's image is built; None where it comes from a registry."""
        return next((build for build in self.builds if service in build.services), None)

    def has_healthcheck(self, service: str) -> bool | None:
        """Return whether a container of the service is checked; None where nobody knows."""
        found = self.stack.services[service]
        if found.has_healthcheck:
            return True
        if self.body(service).get("healthcheck"):  # disabled there
            return False
        build = self.build_of(service)
        if build is not None and build.file is not None:
            words = [item.keyword for stage in build.stages for item in stage.instructions]
            if "HEALTHCHECK" in words:
                return True
        image = self.images.get(self.image_of(service))
        if image is not None:
            return image.healthcheck
        known = build is not None and build.file is not None
        # The official images of the stores bring none.
        return False if known or store_of(self.image_of(service)) is not None else None

    def places(self, services: Iterable[str], *keys: str) -> tuple[Origin, ...]:
        """Return where the key is written, or each service begins."""
        # A service that another file brings by `include` is in none of those read here.
        whole = Origin(self.stack.files[0]) if self.stack.files else Origin(self.root)
        return tuple(self.written.place(service, *keys) or whole for service in services)


def named(services: Iterable[str]) -> str:
    """Return `a, b and c`."""
    *most, last = sorted(services)
    return f"{', '.join(most)} and {last}" if most else last
