"""A rehearsal beside the stack that is in use, and a switch that leaves a service on this host."""

from __future__ import annotations

from . import switchstack
from .projects import Project

QUICK = ("--watch", "0.5", "--interval", "0.3")


def test_a_rehearsal_leaves_nothing_and_a_hybrid_goes_there_and_back(project: Project) -> None:
    ports = switchstack.write(project, database=False)
    project.inv("local.up").exits(0)
    with switchstack.Writer(ports.web) as writer:
        writer.until(3)
        done = project.start_inv("migrate.rehearse", "--watch", "0.5").finish(300).exits(0)
        done.says("Writes would be refused for", "The copy is removed.")
        report = project.root / done.out.rpartition("\nReport: ")[2].strip()
        assert "a rehearsal." in report.read_text()
        assert (report.with_suffix("") / "web.log").read_text()
        assert "done" in done.row("back: data")
        assert [] == project.containers()
        assert [] == project.volumes()
        assert [] == [item for item in project.left() if item.split()[0] in {"container", "volume"}]
        assert not list((project.root / ".tranship" / "runs").glob("*/"))
        project.inv("migrate.status").exits(0).says("No switch was begun here")
        assert "local" == switchstack.side(ports.web)

        watching = project.start_inv("migrate.switch", "--to", "hybrid:web", "--watch", "80")
        watching.until("Watching hybrid:web")
        assert "local" == switchstack.side(ports.web)
        assert "running" == project.container("cache")["State"]["Status"]
        writer.until(2)
        # Somebody else's terminal: the one that watches must not go on.
        project.inv("migrate.rollback").exits(0)
        watching.finish().exits(4).says("Another command has gone on with this switch")
        assert [] == project.containers()
        writer.until(2)
        # What the way back left in containers is a copy of ours: it needs no --replace.
        project.inv("migrate.switch", "--to", "hybrid:web", *QUICK).exits(0)
        project.inv("migrate.switch", "--to", "docker", *QUICK).exits(0)
        assert "docker" == switchstack.side(ports.web)
        writer.until(2)
        project.inv("migrate.switch", "--to", "local", *QUICK).exits(0)
        writer.until(1)
    assert "local" == switchstack.side(ports.web)
    switchstack.require_all(ports.web, writer.acknowledged)


def test_what_cannot_be_switched_says_why(project: Project) -> None:
    switchstack.write(project, database=False)
    project.inv("migrate.switch", "--to", "docker").exits(2).says("Nothing is up")
    project.inv("migrate.switch", "--resume").exits(2).says("No switch was begun here")
    resumed = project.inv("migrate.switch", "--resume", "--without", "docker-tests").exits(2)
    resumed.says("--without is for the begin of a switch")
    project.inv("migrate.rollback").exits(2).says("No switch was begun here")
    project.inv("migrate.finish", "--yes").exits(2).says("No switch was begun here")
    project.inv("local.up").exits(0)
    project.inv("migrate.switch", "--to", "local").exits(2).says("local is what is up already")
    project.inv("migrate.switch", "--to", "moon").exits(2).says("local, docker, or hybrid:SERVICE")
    project.inv("migrate.switch", "--to", "hybrid:webb").exits(2).says("webb")
    project.inv("migrate.status").exits(0).says("No switch was begun here", "On this host: cache")
