"""`nox -s local`, `docker` and `compare` on a small project."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path

import pytest

from .conftest import NewProject
from .projects import Finished, Project, container, free_port, suite_of, web

CHECKS = f"""
    import json, os, socket, time, urllib.request
    from pathlib import Path

    def fetch(path):
        with urllib.request.urlopen(os.environ["WEB_URL"] + path, timeout=5) as answer:
            return json.load(answer)

    def test_health():
        assert fetch("/health") == {{"healthy": True}}

    def test_environment():
        assert fetch("/environment")["GREETING"] == "hello"

    def test_differs_by_host_name():
        assert socket.gethostname() == {socket.gethostname()!r}, "the host has another name"

    def test_broken_on_both_sides():
        assert 2 + 2 == 5, "arithmetic"

    def test_hangs():
        print("hanging")
        time.sleep(600)

    if Path.cwd() == Path("/project"):
        def test_only_in_a_container():
            pass
"""


@pytest.fixture(scope="module")
def project(module_project: NewProject, suite_packages: Path) -> Project:
    """Return a project whose suite has tests of every kind, to be chosen by -k."""
    project = module_project()
    service = web(free_port(), environment={"GREETING": "hello"})
    project.compose(
        {"web": service, "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"], "timeout": 20},
    )
    return project.checks(CHECKS)


@pytest.fixture(scope="module")
def same(project: Project) -> Finished:
    """Return a comparison in which nothing differs."""
    return project.nox("-s", "compare", "--", "-k", "health or environment")


def test_a_comparison_of_equal_trials_passes(same: Finished, project: Project) -> None:
    same.exits(0).says("no test differs (2 on both sides)")
    for mode in ("local", "docker"):
        assert [mode, "2", "0", "0", "0"] == same.row(mode)[:5]
        record = project.record(mode)
        assert ["passed", "passed"] == [test["outcome"] for test in record["suite"]["tests"]]
        assert 0 == record["suite"]["exit_code"]
        assert record["services"]["web"]["startup_seconds"] > 0
        assert record["services"]["web"]["cpu_seconds"] > 0
        assert record["services"]["web"]["memory_bytes"] > 0
        assert 50 == record["services"]["web"]["health"]["passed"]
    assert [] == project.left()


def test_a_figure_of_one_run_is_not_missed_and_not_passed(same: Finished, project: Project) -> None:
    """A service that starts in a tenth of a second: its container's start or CPU is beyond."""
    same.exits(0).says("beyond the limit, or noise: ").says(
        "beyond the limit in 1 of at least 3 runs, which may be noise"
    )
    project.nox("-s", "compare", "--", "--from-records", "--enforce").exits(5)


def test_records_are_shown_again_without_running(same: Finished, project: Project) -> None:
    began = time.monotonic()
    done = project.nox(
        "-s", "compare", "--", "--from-records", DOCKER_HOST="unix:///nowhere/docker.sock"
    )
    done.exits(0).says("no test differs (2 on both sides)")
    assert time.monotonic() - began < same.seconds
    shown = project.inv("compare.show", DOCKER_HOST="unix:///nowhere/docker.sock").exits(0)
    # The session also says where its report is.
    assert [] == [block for block in shown.out.strip().split("\n\n") if block not in done.out]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "not JSON"),
        ('{"format": "something else"}', "not a trial record"),
        ('{"format": "tranship-trial", "version": 99}', '"version" is 99'),
        ('{"format": "tranship-trial", "version": 1, "id": 5}', "Delete it"),
    ],
    ids=["cut short", "foreign", "newer", "malformed"],
)
def test_a_record_that_cannot_be_read_is_named(
    same: Finished, project: Project, content: str, part: str
) -> None:
    bad = project.root / ".tranship" / "trials" / "local-29990101T000000.000-bad.json"
    bad.write_text(content)
    try:
        project.nox("-s", "compare", "--", "--from-records").exits(2).says(str(bad), part)
        project.inv("compare.show").exits(2).says(str(bad), part)
    finally:
        bad.unlink()


def test_no_record_is_never_a_pass(new_project: NewProject) -> None:
    project = new_project()
    project.compose({"web": web(free_port())})
    done = project.nox("-s", "compare", "--", "--from-records").exits(2)
    done.says("No record of 'local' or 'docker'", str(project.root / ".tranship" / "trials"))


def test_a_difference_is_shown_and_fails(project: Project) -> None:
    done = project.nox("-s", "compare", "--", "-k", "health or host_name or only").exits(1)
    done.says("1 test differs", "1 test only on docker", "the host has another name")
    done.says("test_differs_by_host_name", "test_only_in_a_container")
    failed = next(it for it in project.record("docker")["suite"]["tests"] if it["details"])
    assert "test_differs_by_host_name" == failed["name"]
    assert "E       AssertionError: the host has another name" in failed["details"]
    assert [] == project.left()


def test_the_same_failure_is_no_difference_but_fails(project: Project) -> None:
    done = project.nox("-s", "compare", "--", "-k", "health or both_sides").exits(1)
    done.says("1 test fails in the same way on both sides", "test_broken_on_both_sides")
    assert "differs" not in done.out.splitlines()[-1]


@pytest.mark.parametrize("mode", ["local", "docker"])
def test_a_suite_that_hangs_ends_at_its_limit(
    new_project: NewProject, suite_packages: Path, mode: str
) -> None:
    project = new_project()
    project.compose(
        {"web": web(free_port()), "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"], "timeout": 5},
    ).checks(CHECKS)
    done = project.nox("-s", mode, "--", "-k", "health or hangs").exits(1)
    done.says("ended after 5 s", "test_checks.py::test_hangs")
    record = project.record(mode)["suite"]
    assert record["hung_in"].endswith("checks/test_checks.py::test_hangs")
    assert "passed" in [test["outcome"] for test in record["tests"]], "the report is kept"
    assert [] == project.left()


def test_no_tests_prove_nothing(project: Project) -> None:
    done = project.nox("-s", "compare", "--", "-k", "nothing_has_this_name").exits(5)
    done.says("no test ran on either side")
    project.nox("-s", "local", "--", "-k", "nothing_has_this_name").exits(5)


@pytest.mark.parametrize("broken", ["local", "docker"])
def test_a_mode_that_cannot_start_still_gives_a_table(
    new_project: NewProject, suite_packages: Path, broken: str
) -> None:
    project = new_project()
    service = web(free_port())
    if broken == "docker":
        service["command"] = container("exit", "6")["command"]
    else:
        service["x-tranship"]["local"]["command"] = "python service.py exit 6"
    project.compose(
        {"web": service, "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks("def test_nothing(): pass\n")
    done = project.nox("-s", "compare").exits(4)
    done.says(f"{broken} failed at start", "web exited with code 6", "the last words of it")
    assert {"local", "docker"} == {project.record(mode)["mode"] for mode in ("local", "docker")}
    assert "passed" in done.out
    assert [] == project.left()


def test_pytests_own_exit_code_is_kept_apart(new_project: NewProject, suite_packages: Path) -> None:
    project = new_project()
    project.compose(
        {"web": web(free_port()), "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    )
    project.checks("def test_nothing(): pass\n")
    project.checks("def pytest_sessionfinish(session): session.exitstatus = 9\n", "conftest.py")
    done = project.nox("-s", "compare").exits(1)
    done.says("pytest ended with exit code 9 on local although no test failed")
    for mode in ("local", "docker"):
        suite = project.record(mode)["suite"]
        assert 9 == suite["exit_code"]
        assert ["passed"] == [test["outcome"] for test in suite["tests"]]


def test_a_path_on_the_command_line_replaces_the_suites(project: Project) -> None:
    done = project.nox("-s", "local", "--", "checks/test_checks.py::test_health").exits(0)
    done.says("local: 1 passed")
    command = project.record("local")["suite"]["command"]
    assert json.dumps("checks") not in json.dumps(command)


def test_repeated_runs_are_one_batch_by_turns(project: Project) -> None:
    done = project.nox("-s", "compare", "--", "--repeat", "2", "-k", "health").exits(0)
    done.says("The modes ran 2 times each", "Intervals and stable differences need 3 runs of each.")
    records = {mode: project.record(mode) for mode in ("local", "docker")}
    assert [2, 2] == [it["repeat"] for it in records.values()]
    assert 1 == len({it["batch"] for it in records.values()})
    began = re.findall(r"^(\w+): preparing", done.text, flags=re.M)
    assert ["local", "docker"] * 2 == began
    assert [] == project.left()


def test_an_earlier_record_is_a_baseline(project: Project, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps(project.record("local")))
    again = project.nox("-s", "compare", "--", "--from-records", "--baseline", str(earlier)).exits(
        2
    )
    again.says("The baseline is the newest record of 'local' itself")
    done = project.nox("-s", "compare", "--", "--baseline", str(earlier), "-k", "health").exits(0)
    done.says("local (baseline)", "local (candidate)", "no test differs")
    assert "docker: " not in done.text


def test_a_gate_that_is_misspelled_stops_it_before_anything_runs(new_project: NewProject) -> None:
    project = new_project()
    project.compose({"web": web(free_port())})
    with (project.root / "pyproject.toml").open("a") as stream:
        stream.write('\n[tool.tranship.gates]\nstartupp = "ratio < 1.5"\n')
    done = project.nox("-s", "compare").exits(2)
    done.says("unknown figure 'startupp' (did you mean 'startup'?)")
    assert "preparing" not in done.text
