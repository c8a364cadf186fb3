"""The calls to a manager of the Swarm; each gives the engine's own JSON or its error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EnvironmentFailed, NotOurs, UsageError, near
from ...modes import swarmstacks
from ...stack.engine import call, engine_errors, require_engine
from .deploying import STACK_LABEL, data_label

if TYPE_CHECKING:
    from python_on_whales import DockerClient


@dataclass(frozen=True)
class Manager:
    """An engine that manages a Swarm."""

    client: DockerClient
    node: str
    """The id of its own node."""

    def docker(self, doing: str, *words: str) -> str:
        """Return what a docker command prints; raises EnvironmentFailed with its error."""
        return swarmstacks.docker(self.client, doing, *words)

    def service_ids(self, stack: str) -> list[str]:
        """Return the services of a stack."""
        wanted = f"label={swarmstacks.NAMESPACE}={stack}"
        return self.docker("docker service ls", "service", "ls", "-q", "-f", wanted).split()

    def services(self, stack: str) -> list[dict[str, Any]]:
        """Return the services of a stack, as the engine tells them."""
        ids = self.service_ids(stack)
        return self._inspected("service", ids)

    def tasks(self, services: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the tasks of these services, with those that ended and are still known."""
        ids = [item["ID"] for item in services]
        if not ids:
            return []
        listed = self.docker("docker service ps", "service", "ps", "-q", "--no-trunc", *ids)
        return self._inspected("task", listed.split())

    def nodes(self) -> dict[str, str]:
        """Return node -> host name."""
        lines = self.docker("docker node ls", "node", "ls", "--format", "{{.ID}} {{.Hostname}}")
        return dict(line.split(" ", 1) for line in lines.splitlines())

    def node_addresses(self) -> dict[str, str]:
        """Return node -> the address at which others of the Swarm reach it."""
        return {
            # A manager that was told no address says so.
            it["ID"]: str(it["Status"].get("Addr") or "").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
            for it in self._inspected("node", list(self.nodes()))
        }

    def _inspected(self, kind: str, ids: list[str]) -> list[dict[str, Any]]:
        if not ids:
            return []
        text = self.docker(f"docker inspect of a {kind}", "inspect", "--type", kind, *ids)
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def require_ours(self, stack: str) -> list[dict[str, Any]]:
        """Return the services of the stack; raises NotOurs when Tranship did not deploy them."""
        found = self.services(stack)
        for item in found:
            if item["Spec"].get("Labels", {}).get(STACK_LABEL) != stack:
                raise NotOurs(
                    f"A stack {stack!r} is on this Swarm that Tranship did not deploy "
                    f"({item['Spec']['Name']}). Give another name with --name."
                )
        return found

    def require_up(self, stack: str) -> list[dict[str, Any]]:
        """Return the services of the stack; raises EnvironmentFailed when there are none."""
        found = self.require_ours(stack)
        if not found:
            raise EnvironmentFailed(f"No stack {stack!r} is on this Swarm. inv swarm.deploy")
        return found

    def deploy(self, stack: str, file: Path, resolve: str, *, registry_auth: bool) -> None:
        """Give the engine the stack file."""
        auth = ["--with-registry-auth"] if registry_auth else []
        options = ["--prune", "--resolve-image", resolve, *auth]
        self.docker(
            "docker stack deploy",
            *("stack", "deploy", "--compose-file", str(file), *options, stack),
        )

    def remove(self, stack: str) -> None:
        """Remove the stack's services, networks, configs and secrets; volumes stay."""
        swarmstacks.remove(self.client, stack)

    def left(self, stack: str) -> list[str]:
        """Return what of the stack is still there, volumes aside."""
        return swarmstacks.left(self.client, stack)

    def keep_data(self, stack: str, wanted: str = "") -> str:
        """Return the host name of the node that has the stack's volumes; it is marked once.

        `wanted` is a node's host name; empty: the one that is marked, else this one.
        Raises UsageError when it is another than the one that has the volumes.
        """
        label = data_label(stack)
        names = self.nodes()
        marked = [
            names[item["ID"]]
            for item in self._inspected("node", list(names))
            if item["Spec"].get("Labels", {}).get(label) == "true"
        ]
        if marked and wanted and wanted not in marked:
            raise UsageError(
                f"The volumes of {stack} are on node {marked[0]}, and data-node is {wanted}. "
                f"Move the data first, then `docker node update --label-rm {label} {marked[0]}`."
            )
        if marked:
            return marked[0]
        if wanted and wanted not in names.values():
            raise UsageError(
                f"No node {wanted!r}{near(wanted, names.values())} in the Swarm. "
                f"Nodes: {', '.join(sorted(names.values()))}."
            )
        chosen = next((it for it, name in names.items() if name == wanted), self.node)
        self.docker("docker node update", "node", "update", "--label-add", f"{label}=true", chosen)
        return names[chosen]


def manager() -> Manager:
    """Return the manager that DOCKER_HOST names, or this machine's engine.

    Raises EngineUnavailable without an engine, EnvironmentFailed without a Swarm.
    """
    from python_on_whales import DockerClient

    client = DockerClient(client_call=call())
    require_engine(client)
    with engine_errors("docker info"):
        swarm = client.system.info().swarm
    state = swarm.local_node_state if swarm is not None else "inactive"
    if swarm is None or state != "active":
        raise EnvironmentFailed(
            f"This engine is in no Swarm ({state or 'inactive'}). `docker swarm init` makes it the "
            "first manager of one; DOCKER_HOST names another engine."
        )
    if not swarm.control_available:
        raise EnvironmentFailed(
            "This engine is a worker of its Swarm. Name a manager by DOCKER_HOST, or make this "
            "one a manager: `docker node promote NODE` on a manager."
        )
    return Manager(client, str(swarm.node_id))
