"""`inv docker.harden --prove` on the real engine: what each service needs, and no more."""

from __future__ import annotations

import yaml

from .projects import Project, base_image, docker, free_port, web


def test_each_service_gets_back_what_it_was_seen_to_need(project: Project) -> None:
    serve = "exec python /srv/service.py serve 8000"
    owner = web(free_port())
    writer = web(free_port())
    owner |= {"command": ["sh", "-c", f"echo 1 > /tmp/own && chown 65534 /tmp/own && {serve}"]}
    writer |= {"command": ["sh", "-c", f"echo 1 > /marker && {serve}"]}
    # Its server becomes another user, whom the init may signal only with KILL.
    cache = {"image": base_image("REDIS_IMAGE", "redis:7"), "init": True, "volumes": ["kept:/data"]}
    project.compose({"owner": owner, "writer": writer, "cache": cache}, volumes={"kept": {}})
    with (project.root / "pyproject.toml").open("a") as stream:
        stream.write('[tool.tranship.harden]\npublish = ["owner"]\n')
    override = project.root / "compose" / "production.hardened.yaml"

    project.inv("docker.harden", "--service", "owners").exits(2).says("No service named 'owners'")
    project.inv("docker.harden", "--prove").exits(0).says(
        "proved: without one of them it does not come up, or not stop",
        "writer: writes to /marker, which a tmpfs would hide: root left writable.",
        f"Written: {override}",
    )
    assert [] == project.left()

    written = override.read_text()
    text = written.replace("!reset", "")
    services = yaml.safe_load(text)["services"]
    assert (["ALL"], ["CHOWN"]) == (services["owner"]["cap_drop"], services["owner"]["cap_add"])
    assert (True, ["/tmp"]) == (services["owner"]["read_only"], services["owner"]["tmpfs"])
    assert ["ALL"] == services["writer"]["cap_drop"]
    assert not {"cap_add", "read_only"} & set(services["writer"])
    assert {"KILL", "SETUID"} <= set(services["cache"]["cap_add"])
    assert services["cache"]["read_only"] is True

    project.inv("docker.up", "--environment", "production").exits(0)
    hosts = {name: project.container(name)["HostConfig"] for name in ("owner", "writer")}
    assert (["CHOWN"], True) == (hosts["owner"]["CapAdd"], hosts["owner"]["ReadonlyRootfs"])
    assert (None, False) == (hosts["writer"]["CapAdd"], hosts["writer"]["ReadonlyRootfs"])
    assert all(host["CapDrop"] == ["ALL"] for host in hosts.values())
    assert {} == (hosts["writer"]["PortBindings"] or {})
    docker("stop", project.container("cache")["Id"])
    assert 0 == project.container("cache")["State"]["ExitCode"]

    # What it needs is taken from it: what runs meanwhile stays as it is, and the file too.
    running = project.containers()
    override.write_text(written.replace('"CHOWN"', '"KILL"'))
    project.inv("docker.harden").exits(2).says("was changed by hand, and stays as it is.")
    assert running == project.containers()
    project.inv("docker.down", "--environment", "production").exits(0)
    project.inv("docker.up", "--environment", "production").exits(4).says("owner")
