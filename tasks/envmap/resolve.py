"""The environment of a service in a placement: compose file, mapping and layers together."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SettingsError, near
from ..stack.model import Stack
from ..stack.placement import Endpoint, Placement, Ports, Side, endpoint
from . import layers as layers_module
from . import mapping as mapping_module
from .infer import Variable, rewrite
from .layers import Layers
from .mapping import Mapping, Written
from .templates import Placeholder, as_text

_SERVICE = re.compile(r"(?P<name>[^.:{}]+)(?::(?P<port>\d+))?(?:\.(?P<part>host|port))?")
ANY_HOST = "0.0.0.0"  # noqa: S104 - where a container listens, and a process that one dials
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class EnvMap:
    """All that decides the variables of a stack, but for the placement."""

    stack: Stack
    root: Path
    layers: MappingType[Side, Layers] = field(default_factory=dict)
    mapping: Mapping = field(default_factory=Mapping)
    _references: dict[str, frozenset[str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def ingredient(
        self, service: str, written: Written, part: Placeholder, placement: Placement, ports: Ports
    ) -> str | None:
        """Return what one placeholder of a template stands for in this placement."""
        if service not in placement.sides:
            return None
        return _Consumer(self, service, placement, ports, None).text(part, written)

    def listens_on(self, service: str, placement: Placement) -> str:
        """Return the address a service must listen on, for all who dial it to reach it.

        In a container, and where a container dials a local process, that is every
        interface; else the loopback.
        """
        dialled = placement.sides.get(service) == "docker" or any(
            placement.sides.get(name) == "docker" for name in self.consumers(service)
        )
        return ANY_HOST if dialled else LOOPBACK

    def references(self, service: str) -> frozenset[str]:
        """Return the services whose addresses this one's variables hold, in any placement."""
        if service not in self._references:
            self._references[service] = frozenset(self._referenced(service))
        return self._references[service]

    def consumers(self, service: str) -> tuple[str, ...]:
        """Return the services whose variables hold the address of `service`."""
        if not self._consumers:
            self._consumers.update({name: [] for name in self.stack.services})
            for name in self.stack.services:
                for target in self.references(name):
                    if target != name:
                        self._consumers[target].append(name)
        return tuple(self._consumers[service])

    def _referenced(self, service: str) -> set[str]:
        found: set[str] = set()

        def note(host: str, _port: int | None) -> None:
            name = self.mapping.service_of(host)
            if name in self.stack.services:
                found.add(name)

        written = self.mapping.written(service)
        for rule in written.values():
            for part in rule.template.placeholders:
                match = _SERVICE.fullmatch(part.name)
                if match is not None:
                    note(match["name"], None)
        declared = self.stack.services[service].environment
        rewrite(
            {
                name: value
                for name, value in declared.items()
                if value is not None
                and name not in written
                and not self.mapping.excludes(service, name, "")
            },
            note,
            lambda variable, rule: self.mapping.excludes(service, variable, rule),
        )
        return found

    _consumers: dict[str, list[str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def environment(
        self, service: str, placement: Placement, ports: Ports, side: Side | None = None
    ) -> tuple[Variable, ...]:
        """Return the variables of `service` in this placement, in the order of their names.

        `side` is where the consumer runs; without it, where the placement has it. What the
        mapping gives wins over the compose file. Raises SettingsError naming file, line and
        variable for a template that cannot be filled.
        """
        return _Consumer(self, service, placement, ports, side).variables()


def load(stack: Stack, root: Path, directory: Path, environment: str) -> EnvMap:
    """Return the mapping and the layers of both sides.

    Raises SettingsError for a malformed layer or mapping, naming file, line and key.
    """
    return EnvMap(
        stack=stack,
        root=root,
        layers={
            side: layers_module.load(directory, environment, side) for side in layers_module.SIDES
        },
        mapping=mapping_module.load(directory / "mapping.toml", stack),
    )


def filled_from_settings(written: Written, known: Layers) -> str | None:
    """Return a template filled from settings alone; None where a sole null unsets it.

    Raises SettingsError for a placeholder that is no setting.
    """
    texts = []
    for part in written.template.parts:
        if isinstance(part, str):
            texts.append(part)
        elif part.name in known:
            value = known.value(part.name)
            if value is None and part is written.template.sole and part.filter != "json":
                return None
            texts.append(as_text(value, part.filter))
        else:
            raise SettingsError(
                f"{written.origin.file}:{written.origin.line}: {written.variable}: {part}: no such "
                f"setting{near(part.name, known.chains)} in {known.named}. [interpolate] knows "
                "settings alone."
            )
    return "".join(texts)


def resolver(
    stack: Stack,
    placement: Placement,
    ports: Ports,
    consumer: Side,
    service_of: Callable[[str], str] = str,
) -> Callable[[str, int | None], Endpoint | None]:
    """Return what turns (service, port) into the endpoint that `consumer` dials."""
    cache: dict[tuple[str, int | None], Endpoint | None] = {}

    def resolve(host: str, port: int | None) -> Endpoint | None:
        key = (host, port)
        if key not in cache:
            cache[key] = _endpoint(stack, placement, ports, consumer, service_of(host), port)
        return cache[key]

    return resolve


def _endpoint(
    stack: Stack, placement: Placement, ports: Ports, consumer: Side, name: str, port: int | None
) -> Endpoint | None:
    service = stack.services.get(name)
    if service is None:
        return None
    wanted = service.container_port if port is None else port
    if wanted is None:
        return None
    target: Side = placement.sides.get(name, "docker")
    found = endpoint(name, wanted, consumer=consumer, target=target, ports=ports)
    if found is None and name not in placement.sides:
        # Not started in this run: where it would be if a developer started it.
        published = next((item.published for item in service.ports if item.target == wanted), None)
        if published is not None:
            return Endpoint(name, LOOPBACK, published)
    return found


class _Consumer:
    """One service in one placement: fills the templates of its variables."""

    def __init__(
        self,
        envmap: EnvMap,
        service: str,
        placement: Placement,
        ports: Ports,
        side: Side | None,
    ) -> None:
        self._map = envmap
        self._service = envmap.stack.service(service)
        self._placement = placement
        self._ports = ports
        self._side: Side = side or placement.sides[service]
        self._layers = envmap.layers.get(self._side)
        self._written = envmap.mapping.written(service)
        self._resolve = resolver(
            envmap.stack, placement, ports, self._side, envmap.mapping.service_of
        )
        self._inferred = {item.name: item for item in self._infer()}
        self._values: dict[str, str | None] = {}

    def variables(self) -> tuple[Variable, ...]:
        found: dict[str, Variable] = dict(self._inferred)
        for name, written in self._written.items():
            value = self._value(name, ())
            declared = found.pop(name, None)
            if value is not None:
                found[name] = Variable(
                    name,
                    value,
                    declared.declared if declared else None,
                    "mapping",
                    written.origin,
                )
        found |= self._recipe(found)
        return tuple(found[name] for name in sorted(found))

    def _recipe(self, found: MappingType[str, Variable]) -> dict[str, Variable]:
        """Return what x-tranship.local.environment gives a process: it wins over all else."""
        recipe = self._service.local
        if self._side != "local" or recipe is None:
            return {}
        port = self._service.container_port
        here = self._ports.local.get((self._service.name, port), port) if port else None
        return {
            name: Variable(
                name,
                value if here is None else value.replace("{port}", str(here)),
                found[name].declared if name in found else None,
                "x-tranship.local",
            )
            for name, value in recipe.environment.items()
        }

    def text(self, part: Placeholder, written: Written) -> str | None:
        """Return what a placeholder of one of this service's templates stands for."""
        return self._text(part, written, (written.variable,))

    def _infer(self) -> tuple[Variable, ...]:
        excluded = self._map.mapping
        declared = {
            name: value for name, value in self._service.environment.items() if value is not None
        }
        return rewrite(
            declared,
            self._resolve,
            lambda variable, rule: excluded.excludes(self._service.name, variable, rule),
        )

    def _value(self, name: str, path: tuple[str, ...]) -> str | None:
        """Return the value of one of this service's variables; None where null unsets it."""
        if name in self._values:
            return self._values[name]
        written = self._written.get(name)
        if written is None:
            return self._inferred[name].value
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise self._error(written, f"the templates go in a circle: {circle}")
        value = self._filled(written, (*path, name))
        self._values[name] = value
        return value

    def _filled(self, written: Written, path: tuple[str, ...]) -> str | None:
        sole = written.template.sole
        if sole is not None:
            return self._text(sole, written, path)
        return "".join(
            part if isinstance(part, str) else self._text(part, written, path) or ""
            for part in written.template.parts
        )

    def _text(self, part: Placeholder, written: Written, path: tuple[str, ...]) -> str | None:
        address = self._address(part.name, written)
        if address is not None:
            return as_text(address, part.filter)
        if self._layers is not None and part.name in self._layers:
            value = self._layers.value(part.name)
            # Null means "unset" for a whole variable, and nothing inside of one.
            return None if value is None and part.filter != "json" else as_text(value, part.filter)
        if part.name in self._written or part.name in self._inferred:
            value = self._value(part.name, path)
            return None if value is None else as_text(value, part.filter)
        raise self._error(written, self._unknown(part))

    def _address(self, name: str, written: Written) -> str | None:
        match = _SERVICE.fullmatch(name)
        if match is None:
            return None
        if match["name"] == "self":
            return self._own_address(match, written)
        service = self._map.mapping.service_of(match["name"])
        if service not in self._map.stack.services:
            return None
        port = int(match["port"]) if match["port"] else None
        found = self._resolve(service, port)
        if found is None:
            reason = (
                "has no port; give it `ports:` or `expose:`"
                if port is None and self._map.stack.services[service].container_port is None
                else "has no such port that a local process can dial; publish it with `ports:`"
            )
            raise self._error(written, f"{{{name}}}: {service} {reason}")
        return {"host": found.host, "port": str(found.port)}.get(
            match["part"] or "", f"{found.host}:{found.port}"
        )

    def _own_address(self, match: re.Match[str], written: Written) -> str:
        port = int(match["port"]) if match["port"] else self._service.container_port
        if port is None:
            raise self._error(written, "{self}: the service has no port; give it `ports:`")
        if self._side == "local":
            port = self._ports.local.get((self._service.name, port), port)
        host = self._map.listens_on(self._service.name, self._placement)
        if self._side == "docker":
            host = ANY_HOST
        return {"host": host, "port": str(port)}.get(match["part"] or "", f"{host}:{port}")

    def _unknown(self, part: Placeholder) -> str:
        known = [
            *(self._layers.chains if self._layers is not None else ()),
            *self._map.stack.services,
            *self._map.mapping.names,
            *self._written,
            *self._inferred,
        ]
        inside = [name for name in known if name.startswith(f"{part.name}.")]
        if inside:
            return f"{part} is an object; name one of its values, for example {{{inside[0]}}}"
        where = f" in {self._layers.named}" if self._layers is not None else ""
        return f"{part}: no such setting{where}, service or variable{near(part.name, known)}"

    def _error(self, written: Written, what: str) -> SettingsError:
        where = written.origin.shown(self._map.root)
        return SettingsError(f"{where}: {written.variable} of {self._service.name}: {what}.")
