"""A switch that is killed at every step of its journal, and gone on with: nothing is lost."""

from __future__ import annotations

from tranship.migration.switch.steps import STEPS

from . import switchstack
from .projects import Project

FORWARD = (*(step.name for step in STEPS), "watch")
BACK = ("evidence", "freeze", "data", "stop", "source", "traffic", "health", "report")
QUICK = ("--watch", "0.5", "--interval", "0.3")


def killed_at(project: Project, at: str, *words: str) -> None:
    """Run a command that is killed when the journal says so, and see that status tells it."""
    done = project.inv(*words, KILL_AT=at)
    assert -9 == done.code, done.text
    found = switchstack.steps(project)
    entry = (found["back"] or found["steps"])[-1]
    assert at == f"{'back ' if found['back'] else ''}{entry[0]} begun"
    assert entry[2] is None


def test_every_step_can_be_killed(project: Project) -> None:
    ports = switchstack.write(project, database=False)
    project.inv("local.up").exits(0)
    with switchstack.Writer(ports.web) as writer:
        switch = ["migrate.switch", "--to", "docker", *QUICK]
        for step in FORWARD:
            killed_at(project, f"{step} begun", *switch)
            switch = ["migrate.switch", "--resume", *QUICK]
        status = project.inv("migrate.status").exits(4)
        status.says("under way: last step watch (begun); traffic has moved", "--resume")
        project.inv(*switch).exits(0).says("docker is in use")
        writer.until(1)
        assert "docker" == switchstack.side(ports.web)
        switchstack.require_kept(ports.web, writer.so_far())
        for step in BACK:
            killed_at(project, f"back {step} begun", "migrate.rollback", "--reason", "tried")
        project.inv("migrate.status").exits(4).says("on its way back", "inv migrate.rollback")
        project.inv("migrate.rollback").exits(0).says("Everything is on local again", "Report: ")
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    switchstack.require_all(ports.web, writer.acknowledged)
    project.inv("migrate.status").exits(0).says("went back to local: tried")
