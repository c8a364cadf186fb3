"""Probes of the stores: a login on the running side, and data that outlives a restart."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from ...errors import StackFailed
from ...modes.base import Address
from ...modes.docker import DockerMode
from ...modes.hybrid import HybridMode
from ...modes.runs import AnyMode
from ...stack.engine import engine_errors
from ...stack.placement import Side
from ..analysis.lasting import PERSISTS
from .inspection import Inspection
from .logins import KINDS, NAMES, Kind, Login, logins, stores
from .model import Outcome, failed, not_needed, not_seen, proved, unknown
from .postgresclient import PostgresClient, Refused
from .written import some

SIDES = ("local", "docker")
_PREPARE = (
    "CREATE TABLE IF NOT EXISTS tranship_checklist (marker text); DELETE FROM tranship_checklist"
)
_KEY = "tranship:checklist"
_BEFORE_DISK = 1.2
"""Seconds by which Redis has written to disk what it was told (`appendfsync everysec`)."""


def connection(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Log in to each store of a kind as the services do, on a side.

    On the developer's own stack where that runs, else on one that is started for it.
    """
    kind, side = _kind(parameters["kind"]), _side(parameters["side"])
    known = stores(inspection.project, kind)
    if not known:
        return not_needed(f"the stack has no {NAMES[kind]}")
    addresses = inspection.own_addresses(side)
    where = "the developer's stack"
    if not any(service.name in addresses for service in known):
        if not inspection.costly:
            return not_seen(f"nothing runs: {side}")
        addresses, where = inspection.started(side).addresses(), "a stack started for this"
    done = []
    for service in known:
        address = addresses.get(service.name)
        if address is None:
            return not_seen(f"{service.name} does not run on the side {side}")
        found = logins(inspection.project, service, side)
        if not found:
            return unknown(
                f"no variable is a URL with a login for {service.name}: add an item of your own"
            )
        for login in found:
            try:
                with login.connect(address):
                    done.append(login.variable)
            except (Refused, OSError) as error:
                return failed(f"{login.variable}, on {where}: {error}")
    return proved(f"logged in by {some(done)}, on {where}")


def data(inspection: Inspection, parameters: Mapping[str, str]) -> Outcome:
    """Write a marker into each store, restart the stack, and look for the marker."""
    side = _side(parameters["side"])
    project = inspection.project
    # A cache that is not told to keep anything need not.
    known = [
        (kind, service)
        for kind in KINDS
        for service in stores(project, kind)
        if kind != "redis" or PERSISTS.search(" ".join(service.command))
    ]
    if not known:
        return not_needed("the stack has no PostgreSQL, and no Redis that keeps its data")
    if not inspection.costly:
        return not_seen("not probed: a stack must be started for it")
    chosen: dict[str, Login] = {}
    for _, service in known:
        found = logins(project, service, side)
        if not found:
            return unknown(f"no variable is a URL with a login for {service.name}")
        chosen[service.name] = found[0]
    mode = inspection.started(side)
    marker = secrets.token_hex(8)
    try:
        for name, login in chosen.items():
            _write(login, _address(mode, name), marker)
        if any(login.kind == "redis" for login in chosen.values()):
            time.sleep(_BEFORE_DISK)
        inspection.tell(f"restarting the stack: {side}")
        restart(mode)
        lost = [
            name for name, login in chosen.items() if _read(login, _address(mode, name)) != marker
        ]
    except (Refused, OSError) as error:
        return failed(str(error))
    if lost:
        return failed(f"gone after a restart: what was written to {some(lost)}")
    return proved(f"{some(list(chosen))}: written, the stack restarted, read again")


def restart(mode: AnyMode) -> None:
    """Stop all of a run, and start it again with the data it had.

    Containers are removed, so that only what is in a volume can come back.
    """
    if isinstance(mode, DockerMode):
        _removed(mode)
        mode.start()
    elif isinstance(mode, HybridMode):
        mode.local.stop_services(mode.local.services)
        mode.local.supervisor.shutdown()
        _removed(mode.docker)
        mode.start()
    else:
        mode.restart(mode.services)


def _removed(mode: DockerMode) -> None:
    with engine_errors(f"Stopping {mode.project_name}"):
        mode.client.compose.down(volumes=False, quiet=True)


def _address(mode: AnyMode, service: str) -> Address:
    found = mode.addresses().get(service)
    if found is None:
        raise StackFailed(f"{service} is not reachable from this host.")
    return found


def _write(login: Login, address: Address, marker: str) -> None:
    with login.connect(address) as connected:
        if isinstance(connected, PostgresClient):
            values = f"('{marker}')"
            connected.query(f"{_PREPARE}; INSERT INTO tranship_checklist VALUES {values}")  # noqa: S608
        else:
            connected.call("SET", _KEY, marker)


def _read(login: Login, address: Address) -> str | None:
    try:
        with login.connect(address) as connected:
            if isinstance(connected, PostgresClient):
                return connected.query("SELECT marker FROM tranship_checklist")[0]
            return connected.call("GET", _KEY)
    except Refused as error:
        if "42P01" in str(error):  # no such table
            return None
        raise


def _kind(text: str) -> Kind:
    return "postgres" if text == "postgres" else "redis"


def _side(text: str) -> Side:
    return "local" if text == "local" else "docker"
