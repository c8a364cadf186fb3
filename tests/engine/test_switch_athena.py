"""Athena, the example stack, through a switch, a forced way back and a switch again.

Orders are placed without pause. An order's client_id is a counter: whatever was acknowledged
must be there once, and no number may be missing.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
from pathlib import Path

from . import switchstack
from .projects import REPOSITORY, Project, free_port

ACCOUNT = "counter"
QUICK = ("--watch", "1", "--interval", "0.5")


def copied(project: Project) -> dict[str, int]:
    """Copy the example with another name, other images and free ports; return the ports."""
    for name in ("compose", "envs"):
        shutil.copytree(REPOSITORY / name, project.root / name)
    for name in ("images.env", "build"):
        source, target = REPOSITORY / ".tranship" / name, project.root / ".tranship" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy(source, target)
    path = project.root / "compose" / "compose.yaml"
    text = path.read_text().replace("name: athena\n", f"name: {project.name}\n")
    text = text.replace("image: athena-", f"image: {project.name}-")
    ports: dict[str, int] = {}

    def freed(found: re.Match[str]) -> str:
        ports[found[1]] = free_port()
        return f'ports: ["127.0.0.1:{ports[found[1]]}:{found[1]}"]'

    path.write_text(re.sub(r'ports: \["127\.0\.0\.1:(\d+):\d+"\]', freed, text))
    # A process that looks for changed sources, beside each service, only costs time here.
    layer = project.root / "envs" / "development.json"
    layer.write_text(layer.read_text().replace('"reload": true', '"reload": false'))
    shutil.copy(REPOSITORY / "pyproject.toml", project.root)
    (project.root / "tasks.py").write_text("import tranship\n\nns = tranship.namespace()\n")
    return ports


class Orders(switchstack.Writer):
    """Places one order after the other; each again until it is acknowledged."""

    def send(self, name: str) -> int:
        """Place the order of this name; return the answer's status."""
        number = int(name.lstrip("n"))
        order = {
            "account": ACCOUNT,
            "symbol": self.symbol,
            "side": "buy" if number % 2 else "sell",
            "quantity": "1",
            "client_id": name,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/orders", json.dumps(order), headers)
            answer = connection.getresponse()
            answer.read()
            return 200 if answer.status in (200, 201) else answer.status
        finally:
            connection.close()

    symbol = "AAPL"


def kept(port: int) -> list[str]:
    """Return the client_id of each order that is there."""
    status, orders = switchstack.call(port, "GET", f"/orders?account={ACCOUNT}&limit=500")
    assert 200 == status, orders
    return [order["client_id"] for order in orders]


def test_every_acknowledged_order_is_there_once(project: Project) -> None:
    ports = copied(project)
    project.start_inv("local.up").finish(200).exits(0)
    data, executor = ports["8000"], ports["8002"]
    Orders.symbol = switchstack.call(data, "GET", "/instruments")[1][0]["symbol"]
    with Orders(executor, pause=0.3) as orders:
        orders.until(2)
        # The first build of the image may take its time; it is no part of the pause.
        done = project.start_inv("migrate.switch", "--to", "docker", *QUICK).finish(400).exits(0)
        done.says("Writes were refused for")
        assert 7 == len(project.containers())
        orders.until(2)
        done = project.start_inv("migrate.rollback", "--reason", "forced").finish(200).exits(0)
        done.says("Writes were refused for", "Everything is on local again")
        assert [] == project.containers()
        orders.until(2)
        project.start_inv("migrate.switch", "--to", "docker", *QUICK).finish(200).exits(0)
        orders.until(2)
    found = kept(executor)
    acknowledged = orders.acknowledged
    assert len(found) < 500, "too many to be listed"
    assert len(found) == len(set(found)), "an order is there twice"
    assert not set(acknowledged) - set(found), "an acknowledged order is lost"
    assert [f"n{number}" for number in range(1, len(acknowledged) + 1)] == acknowledged
    assert len(found) - len(acknowledged) <= 1  # one that was kept, and its answer lost
    report = Path(switchstack.incidents(project)[0]).read_text()
    assert "* Why: forced" in report
