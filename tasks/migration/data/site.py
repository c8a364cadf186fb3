"""Sites: one side of the stack whose stores can be reached, started for that if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ...envmap.project import Project
from ...errors import DataRefused, TranshipError
from ...interrupts import deferred
from ...modes import containers
from ...modes.base import silent
from ...modes.docker import DockerMode
from ...modes.local import LocalMode
from ...modes.owndocker import docker_mode
from ...modes.ownlocal import local_mode
from ...stack import isolation
from ...stack.engine import engine_errors
from ...stack.placement import LOOPBACK, Placement, Ports, Side
from .records import is_alive, read_json, this_process, write_json
from .stores import Store
from .stores_alone import stores_alone

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """Where the stores of one side are: a mode's, the developer's own or an isolated one."""

    side: Side
    project: Project
    mode: LocalMode | DockerMode

    @property
    def own(self) -> bool:
        """Whether it is the developer's, whose data outlives this command."""
        if isinstance(self.mode, LocalMode):
            return self.mode.keeps_data
        return self.mode.run_id is None


def site_of(project: Project, mode: LocalMode | DockerMode, side: Side) -> Site:
    """Return the site of a mode; its stores may run or not (see `opened`)."""
    return Site(side, project, mode)


def own_site(project: Project, side: Side) -> Site:
    """Return one side of the developer's own stack."""
    made = local_mode if side == "local" else docker_mode
    return Site(side, project, made(project.settings))


def running(site: Site, store: Store) -> bool:
    """Return whether the store's own server runs there; files need none."""
    return store.kind == "files" or store.service in _running(site)


def services_running(site: Site) -> frozenset[str]:
    """Return the services that run on this side now."""
    return frozenset(_running(site))


def _running(site: Site) -> set[str]:
    if isinstance(site.mode, LocalMode):
        try:
            status = site.mode.supervisor.status()
        except OSError:
            return set()
        return {name for name, state in status.items() if state.running}
    found = containers.of_project(site.mode.client, site.mode.project_name)
    return {item.service for item in found if item.running}


@contextmanager
def opened(site: Site, stores: Sequence[Store], tell: Tell = silent) -> Iterator[Site]:
    """Have these stores run while the block does; yield the site by which they are reached.

    What runs already is used as it is. The others are started alone, with the side's own
    data and on free ports, and stopped afterwards: the other side, whose ports are the
    same, can be up meanwhile.

    Raises StackFailed when one does not come up, or DataRefused for data that would go with
    its server.
    """
    with engine_errors(f"Reaching the {site.side} side's stores"):
        _end_what_a_kill_left(site)
        absent = [store for store in stores if not running(site, store)]
    if not absent:
        yield site
        return
    tell(f"starting {', '.join(store.name for store in absent)} of the {site.side} side")
    with ExitStack() as stack:
        keys = isolation.dialled_ports(
            [site.project.stack.services[store.service] for store in absent]
        )
        ports = stack.enter_context(isolation.free_ports(keys))
        start = _local_stores if site.side == "local" else _docker_stores
        if site.own:
            stack.enter_context(_recorded(site, absent, ports))
        yield stack.enter_context(start(site, absent, ports))


def _record(site: Site) -> Path:
    return site.project.settings.state_directory / "migration" / f"started-{site.side}.json"


@contextmanager
def _recorded(
    site: Site, stores: Sequence[Store], ports: Mapping[tuple[str, int], int]
) -> Iterator[None]:
    """Note what this process starts on which ports, so that the next one can end it."""
    path = _record(site)
    services = [store.service for store in stores]
    write_json(
        path, {"process": this_process(), "services": services, "ports": list(ports.values())}
    )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _end_what_a_kill_left(site: Site) -> None:
    """Stop the servers that a process which died had started alone, if they still run so.

    By their ports: meanwhile the developer may have started the stack, on its own ones.
    """
    record = read_json(_record(site)) if site.own else None
    if record is None or is_alive(record["process"]):
        return
    if not all(isolation.can_bind(port, LOOPBACK) for port in record["ports"]):
        with deferred():
            if isinstance(site.mode, LocalMode):
                services = [site.project.stack.service(name) for name in record["services"]]
                replace(site.mode, services=tuple(services)).stop()
            else:
                _stop_containers(site.mode, set(record["services"]), set())
    _record(site).unlink(missing_ok=True)


@contextmanager
def _local_stores(
    site: Site, stores: Sequence[Store], ports: dict[tuple[str, int], int]
) -> Iterator[Site]:
    mode = site.mode
    assert isinstance(mode, LocalMode)  # noqa: S101 - narrows the type for mypy
    if mode.supervisor.alive():
        names = ", ".join(store.name for store in stores)
        raise DataRefused(
            f"A local stack is up, and {names} is not part of it. Start it too (`inv local.up "
            f"--service {names}`), or stop the stack: inv local.down"
        )
    own = replace(
        mode,
        services=tuple(site.project.stack.services[store.service] for store in stores),
        capable=(),
        ports=Ports(local={**mode.ports.local, **ports}, published=mode.ports.published),
        placement=Placement(dict.fromkeys(site.project.stack.services, "local")),
    )
    try:
        own.prepare()
        own.start()
        yield replace(site, mode=own)
    finally:
        with deferred():
            own.stop()


@contextmanager
def _docker_stores(
    site: Site, stores: Sequence[Store], ports: dict[tuple[str, int], int]
) -> Iterator[Site]:
    """Start containers of the side's own compose project.

    Under its own name on purpose: one left by a kill is then replaced by the next
    `docker.up`, and there is never a second server on the same volume.
    """
    mode = site.mode
    assert isinstance(mode, DockerMode)  # noqa: S101 - narrows the type for mypy
    document, stack = stores_alone(site.project, stores, ports)
    path = site.project.settings.state_directory / "migration" / "stores.json"
    isolation.write_compose_file(document, path)
    own = replace(
        mode,
        stack=stack,
        services=tuple(stack.services.values()),
        project=replace(
            mode.project,
            files=(path,),
            name=mode.project_name,
            directory=site.project.compose.files[0].parent,
        ),
    )
    before = {
        item.id: item.service
        for item in containers.of_project(own.client, own.project_name, oneoffs=True)
    }
    try:
        own.prepare()
        own.start()
        yield replace(site, mode=own)
    except BaseException:
        # Of an engine that is gone it is the block that says so.
        with deferred(), suppress(TranshipError), engine_errors("Stopping the stores"):
            _stop_containers(own, set(stack.services), set(before.values()))
        raise
    with deferred():
        _stop_containers(own, set(stack.services), set(before.values()))


def _stop_containers(mode: DockerMode, started: set[str], before: set[str]) -> None:
    """Stop what was started; remove it, unless its container was there before."""
    present = containers.of_project(mode.client, mode.project_name)
    if not before and {item.service for item in present} <= started:
        mode.stop()
        return
    with engine_errors("Stopping the stores"):
        for item in containers.of_project(mode.client, mode.project_name):
            if item.service in started:
                mode.client.container.stop(item.id)
                if item.service not in before:
                    mode.client.container.remove(item.id)
