"""A difference found by applying it: in containers, on this host, and what is no difference."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import NewProject
from .projects import Finished, Project, free_port, suite_of, web

CHECKS = """
    import os
    import resource
    import time
    from pathlib import Path

    LOCAL = not os.path.isdir("/project")
    IN_CONTAINERS = {
        "region": "eu", "hour": 11, "files": 1234, "cpus": 1, "writable": False, "shared": True,
        "hosts": True,
    }


    def seen():
        try:
            open("written", "w").close()
            os.unlink("written")
            writable = True
        except OSError:
            writable = False
        shared = os.statvfs("/dev/shm")
        return {
            "region": os.environ.get("REGION"),
            "hour": time.localtime(1705314600).tm_hour,
            "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "cpus": len(os.sched_getaffinity(0)),
            "writable": writable,
            "shared": shared.f_blocks * shared.f_frsize == 64 << 20,
            "hosts": "pricing.internal" in Path("/etc/hosts").read_text(),
        }


    def test_all_as_on_this_host():
        found = seen()
        # A name that resolves cannot be taken away.
        assert ["hosts"] == [it for it in IN_CONTAINERS if found[it] == IN_CONTAINERS[it]] or LOCAL

    def test_all_as_in_containers():
        assert IN_CONTAINERS == seen()

    def test_needs_two():
        assert (os.environ["FIRST"], os.environ["SECOND"]) == ("1", "2")

    def test_user():
        assert os.getuid() == 0

    def test_breaks():
        if not LOCAL:
            os.environ["BROKEN"] = "1"

    def test_between():
        pass

    def test_depends():
        assert "BROKEN" not in os.environ

    def test_is_flaky():
        # Every other run in containers: luck would let the test of it fail now and then.
        marker = Path("/state/marker")
        if not LOCAL:
            known = marker.exists()
            marker.unlink() if known else marker.touch()
            assert known

    def test_of_the_system():
        assert LOCAL

    def test_same():
        pass
"""


@pytest.fixture(scope="module")
def compared(module_project: NewProject, suite_packages: Path) -> Iterator[Project]:
    """Return a project with its two records."""
    project = module_project()
    for folder in (project.root, suite_packages):
        # pytest makes its folders for their owner alone, and the suite's user is another one.
        folder.chmod(0o755)
    suite = suite_of(
        suite_packages,
        REGION="eu",
        FIRST="0",
        SECOND="0",
        TZ="Europe/Berlin",
        API_TOKEN="s3cr3t-in-containers",
    )
    suite |= {
        "user": "10001",
        "mem_limit": "200m",
        "cpuset": "0",
        "ulimits": {"nofile": 1234},
        "extra_hosts": ["pricing.internal:10.9.8.7"],
        "x-tranship": {
            "local": {
                "command": ["true"],
                "environment": {
                    "REGION": "us",
                    "FIRST": "1",
                    "SECOND": "2",
                    "TZ": "UTC",
                    "API_TOKEN": "s3cr3t-on-this-host",
                },
            }
        },
    }
    state = project.root / "state"
    state.mkdir()
    state.chmod(0o777)
    suite["volumes"] = [*suite["volumes"], "./state:/state"]
    project.compose(
        {"web": web(free_port()), "tests": suite},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks(CHECKS)
    project.nox("-s", "compare").exits(1).says("test_needs_two", "tests differ")
    yield project
    assert [] == project.left()


def bisect(project: Project, *words: str) -> Finished:
    # Many probes, each of which a busy machine makes several times as long.
    done = project.start_inv("compare.bisect", *words).finish(300)
    assert "s3cr3t" not in done.text
    return done


def answer(done: Finished) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.out)
    return found


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has mounts of its own")
IN_BOTH = "env:REGION,tz,limit_nofile,cpus_usable,memory_limit,read_only_cwd,shared_memory"


def test_the_two_variables_that_decide_are_found_in_containers(compared: Project) -> None:
    done = bisect(compared, "needs_two", "--repeat", "1", "--format", "json").exits(0)

    found = answer(done)
    assert ("cause", "docker", "local") == tuple(
        found[it] for it in ("verdict", "failing", "passing")
    )
    assert ["env:FIRST", "env:SECOND"] == sorted(found["cause"])
    assert "checks.test_checks::test_needs_two" == found["test"]
    assert f"--apply {','.join(found['cause'])}" in found["reproduce"]
    assert found["probes"] == done.err.count("probe ")


def test_one_difference_is_shown_with_its_mend(compared: Project) -> None:
    done = bisect(compared, "checks/test_checks.py::test_user", "--repeat", "1").exits(0)

    done.says("docker alone: failed 1 of 1", "local alone: passed 1 of 1")
    done.says("  uid: 0 / 10001", '      user: "0:0"', "--apply uid")


def test_whatever_can_be_applied_in_containers_is(compared: Project) -> None:
    words = ("test_all_as_on_this_host", "--apply", f"{IN_BOTH},uid", "--repeat", "1")
    bisect(compared, *words).exits(0).says("It passes with these, and not without:")
    assert not (compared.root / "written").exists(), "the project's own folder is untouched"


@needs_root
def test_whatever_can_be_applied_on_this_host_is(compared: Project) -> None:
    words = ("test_all_as_in_containers", "--apply", f"{IN_BOTH},hosts", "--repeat", "1")
    bisect(compared, *words).exits(0).says(
        "local alone: failed 1 of 1", "  hosts: - / pricing.internal=10.9.8.7"
    )


def test_the_test_that_breaks_another_one_is_found(compared: Project) -> None:
    done = bisect(compared, "test_depends", "--repeat", "1", "--format", "json").exits(0)

    found = answer(done)
    assert ("order", []) == (found["verdict"], found["cause"])
    assert ["checks.test_checks::test_breaks"] == found["after"]
    assert "checks/test_checks.py::test_breaks checks/test_checks.py" in found["reproduce"]


def test_what_fails_now_and_then_is_flaky(compared: Project) -> None:
    bisect(compared, "test_is_flaky").exits(5).says("It is flaky: alone on docker")


def test_what_cannot_be_applied_is_said_when_the_probes_end(compared: Project) -> None:
    words = ("test_of_the_system", "--repeat", "1", "--limit", "4")
    bisect(compared, *words).exits(5).says("No answer within 4 probes")


def test_what_is_no_difference_cannot_be_applied(compared: Project) -> None:
    bisect(compared, "test_user", "--apply", "env:FIRTS").exits(2).says(
        "'env:FIRTS' is no difference of docker and local (did you mean 'env:FIRST'?)."
    )


@pytest.mark.parametrize(
    ("moment", "number"), [("probe 1", signal.SIGINT), ("docker: starting", signal.SIGTERM)]
)
def test_an_interrupted_bisection_leaves_nothing(
    compared: Project, moment: str, number: signal.Signals
) -> None:
    run = compared.start_inv("compare.bisect", "test_user")
    run.until(moment)
    run.signal(number, group=number == signal.SIGINT)
    run.finish(40).exits(130)
    assert [] == compared.left()


def test_what_a_killed_bisection_left_is_removed_by_the_next(compared: Project) -> None:
    run = compared.start_inv("compare.bisect", "test_all_as_in", "--apply", "memory_limit")
    run.until("probe 1")
    run.signal(signal.SIGKILL)
    run.finish()
    compared.inv("docker.down").exits(0)
    assert [] == compared.left()


SAYS_WHERE = """
    import pathlib

    def test_the_service_keeps_what_it_makes():
        assert "kept" == pathlib.Path("/shared/said").read_text().strip()
"""


def test_what_production_takes_from_a_service_is_found(
    project: Project, suite_packages: Path
) -> None:
    """The suite sees no difference of its own: the service's compose files are what differs."""
    suite_packages.chmod(0o755)
    keeps = "(touch /var/tmp/made && echo kept || echo lost) > /shared/said; exec python"
    service = web(free_port())
    service["command"] = ["sh", "-c", f"{keeps} /srv/service.py serve 8000"]
    service["volumes"] = [*service["volumes"], "shared:/shared"]
    suite = suite_of(suite_packages)
    suite["volumes"] = [*suite["volumes"], "shared:/shared"]
    project.compose(
        {"web": service, "tests": suite},
        suite={"service": "tests", "paths": ["checks"]},
        volumes={"shared": {}},
    ).checks(SAYS_WHERE)
    (project.root / "compose").mkdir(exist_ok=True)
    (project.root / "compose/production.yaml").write_text(
        "services: {web: {read_only: true, pids_limit: 50, cap_drop: [ALL]}}\n"
    )
    words = ("--baseline", "docker", "--candidate", "production")
    project.nox("-s", "compare", "--", "--modes", "docker,production").exits(1).says(
        "1 test differs"
    )

    done = bisect(project, "keeps_what", *words, "--repeat", "1").exits(0)

    done.says("  service:web:read_only: - / true", "      # no read_only")
    assert "hosts applied" not in done.err, "the other stack's addresses lead nowhere"
    assert [] == project.left()
