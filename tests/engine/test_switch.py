"""A switch with both kinds of store: sent back by a test and by a trigger."""

from __future__ import annotations

import json
from pathlib import Path

from . import switchstack, switchtasks
from .projects import Project

SMOKE = """
[tool.tranship.migrate]
smoke = ["-m", "smoke"]
move-traffic = ["sh", "-c", "echo {side} >> moved"]
[tool.tranship.migrate.triggers]
checks = 2
smoke = false
"""
CHECKS = """
import os, pathlib, urllib.request
import pytest

@pytest.mark.smoke
def test_it_answers():
    assert not pathlib.Path("broken").exists()
    assert urllib.request.urlopen(os.environ["WEB_URL"] + "/health").status == 200

def test_what_is_no_smoke_test():
    assert False
"""


def test_whatever_sends_it_back_every_count_is_there_once(project: Project) -> None:
    ports = switchstack.write(project, SMOKE, waived=False)
    without = ("--without", ",".join(switchstack.ASKED))
    project.checks(CHECKS)
    broken = project.root / "broken"
    project.inv("local.up").exits(0)
    with switchstack.Writer(ports.web) as writer:
        # A smoke test that fails: before traffic moves.
        broken.touch()
        done = project.inv("migrate.switch", "--to", "docker", *without).exits(4)
        done.says("The smoke tests failed on docker", "Everything is on local again")
        unproved = "Begun without proof of: docker-start (unknown: no record of mode docker)"
        project.inv("migrate.status").exits(0).says(unproved)
        broken.unlink()
        assert "local" == switchstack.side(ports.web)
        assert not switchstack.steps(project)["exposed"]
        assert [] == project.containers()
        writer.until(1)

        # A trigger, while it is watched; and before that a kill when neither side is up.
        switch = ("migrate.switch", "--interval", "0.3")
        killed = {"DURING": switchtasks.CLOSE_BESIDE, "DO": switchtasks.KILL}
        assert -9 == project.inv(*switch, "--to", "docker", *without, **killed).code
        assert not switchstack.steps(project)["exposed"]
        running = project.start_inv(*switch, "--resume", "--watch", "60")
        running.until("Watching docker")
        assert "docker" == switchstack.side(ports.web)
        writer.until(3)
        switchstack.call(ports.web, "POST", "/ill")
        done = running.finish().exits(4)
        done.says("health: 67% of the services were healthy", "Everything is back on local")
        assert "local" == switchstack.side(ports.web)
        writer.until(1)
    switchstack.require_all(ports.web, writer.acknowledged)
    assert ["docker", "local"] == (project.root / "moved").read_text().split()

    found = switchstack.steps(project)
    assert "back" == found["state"]
    assert "unknown: no record of mode docker" == found["options"]["unproved"]["docker-tests"]
    assert ["the switch", "the way back"] == [pause[0] for pause in found["pauses"]]
    report = Path(found["report"]).read_text()
    for part in (
        "* What fired: **health**",
        f"* {unproved}",
        "web did not answer",
        "| back: data |",
        "| web: healthy | yes | **no** |",
        "## Last lines of web",
        "serving on 8000",
        "Not known: no trial of both sides is recorded",
    ):
        assert part in report
    assert "s3cretly" not in report
    project.inv("migrate.status").exits(0).says("cache on docker, db on docker", "Report: ")
    project.inv("migrate.finish", "--yes").exits(0).says("The data of docker is removed.")
    assert [] == project.volumes()
    project.inv("migrate.rollback").exits(2).says("There is nothing to go back from")
    assert "local" == json.loads(switchstack.journal(project).read_text())["source"]
