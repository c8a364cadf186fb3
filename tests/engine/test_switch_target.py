"""A target that is never used: a login that it refuses, traffic that cannot be led to it.

And traffic that can: through the proxy of docs/switch.md, as it is written there.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest

from . import switchstack
from .projects import REPOSITORY, Project, base_image, docker, free_port, ports_free, until

NGINX_IMAGE = base_image("NGINX_IMAGE", "nginx:1")
LEAD = '[tool.tranship.migrate]\nmove-traffic = ["sh", "proxy/lead.sh", "{side}"]\n'
SWITCH = ("migrate.switch", "--to", "docker", "--watch", "0.5", "--interval", "0.3")
STUCK = '[ "$1" != docker ] || { echo "the proxy is stuck" >&2; exit 7; }\n'


class Proxied(Project):
    """A project whose stack is reached through a proxy that is no part of it."""

    ports: switchstack.Ports
    proxy: int

    def side_named(self) -> str | None:
        """Return the side that the proxy names."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.proxy}/health", timeout=5) as answer:
            return str(answer.headers["X-Side"])


def example() -> tuple[str, str]:
    """Return nginx's configuration and the command that stand under "A proxy" in docs/switch.md."""
    text = (REPOSITORY / "docs" / "switch.md").read_text()
    section = text.split("\n## A proxy\n")[1].split("\n## ")[0]
    conf, lead = re.findall(r"^```text\n(.*?)^```$", section, flags=re.M | re.S)
    return conf, lead


@pytest.fixture(scope="module")
def proxied(module_project: object) -> Iterator[tuple[Proxied, switchstack.Writer]]:
    """Yield a stack on this host, its proxy, and who writes through that all the time."""
    made: Project = module_project()  # type: ignore[operator]
    project = Proxied(made.root, made.name, made.environments, made.running)
    project.ports = switchstack.write(project, LEAD, database=False)
    project.proxy, name = free_port(), f"{project.name}-proxy"
    folder = project.root / "proxy"
    folder.mkdir()
    conf, lead = example()
    port, own = str(project.proxy), str(project.ports.web)
    (folder / "shop.conf").write_text(conf.replace("8080", port).replace("8003", own))
    (folder / "lead.sh").write_text(lead.replace("exec proxy", f"exec {name}"))
    (folder / "side.inc").write_text('set $side "local";\n')
    project.inv("local.up").exits(0)
    mount = f"{folder}:/etc/nginx/conf.d:ro"
    docker("run", "-d", "--name", name, "--network", "host", "-v", mount, NGINX_IMAGE)
    try:
        until(lambda: not ports_free(project.proxy), "the proxy")
        assert "local" == project.side_named()
        with switchstack.Writer(project.proxy) as writer:
            yield project, writer
    finally:
        docker("rm", "--force", "--volumes", name)


def test_traffic_that_cannot_be_led_there_is_led_back(
    proxied: tuple[Proxied, switchstack.Writer],
) -> None:
    project, writer = proxied
    lead = project.root / "proxy" / "lead.sh"
    written = lead.read_text()
    lead.write_text(STUCK + written)
    done = project.inv(*SWITCH).exits(4)
    done.says(
        "move-traffic: sh ended with code 7: the proxy is stuck",
        "Everything is on local again, with all data",
    )
    lead.write_text(written)
    assert "local" == switchstack.side(project.ports.web)
    assert "local" == project.side_named()
    writer.until(1)
    switchstack.require_kept(project.ports.web, writer.so_far())


def test_a_login_that_the_target_refuses(proxied: tuple[Proxied, switchstack.Writer]) -> None:
    project, writer = proxied
    settings, compose = project.root / "pyproject.toml", project.compose_file
    before = settings.read_text(), compose.read_text()
    settings.write_text(before[0].replace("start-timeout = 60", "start-timeout = 4"))
    own = f"SIDE: local\n          REDIS_URL: redis://:key@127.0.0.1:{project.ports.cache}/0"
    wrong = before[1].replace("redis://:key@cache", "redis://:wr0ng@cache")
    compose.write_text(wrong.replace("SIDE: local", own))
    done = project.inv(*SWITCH).exits(4)
    done.says("The step target failed: ", "web", "Everything is on local again, with all data")
    settings.write_text(before[0])
    compose.write_text(before[1])
    assert not switchstack.steps(project)["exposed"]
    project.inv("migrate.status").exits(0).says("went back to local: the step target failed")
    assert [] == project.containers()
    writer.until(1)
    switchstack.require_kept(project.ports.web, writer.so_far())


def test_traffic_is_led_by_the_proxy_of_the_page(
    proxied: tuple[Proxied, switchstack.Writer],
) -> None:
    project, writer = proxied
    done = project.inv(*SWITCH).exits(0)
    done.says("sh led the traffic to docker.")
    until(lambda: project.side_named() == "docker", "docker behind the proxy", 5)
    writer.until(2)
    project.inv("migrate.rollback").exits(0)
    until(lambda: project.side_named() == "local", "local behind the proxy", 5)
    writer.until(1)
    switchstack.require_kept(project.ports.web, writer.so_far())
