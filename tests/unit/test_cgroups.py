"""Figures of control groups, from trees made of plain files, and of process trees."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tranship.errors import EnvironmentFailed
from tranship.modes import cgroups
from tranship.modes.base import ServiceProcess
from tranship.modes.cgroups import Cgroup
from tranship.trials import probes
from tranship.trials.probes import Usage


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cgroup"
    root.mkdir()
    monkeypatch.setattr(cgroups, "ROOT", root)
    return root


@pytest.fixture
def version_1(root: Path) -> Path:
    for controller in ("memory", "cpuacct"):
        (root / controller).mkdir()
    return root


@pytest.fixture
def version_2(root: Path) -> Path:
    (root / "cgroup.subtree_control").write_text("cpu io memory pids\n")
    return root


def test_version_1_counts_in_two_trees(version_1: Path) -> None:
    group = cgroups.create("run-api")
    assert Cgroup(1, version_1 / "memory/run-api", version_1 / "cpuacct/run-api") == group
    assert group is not None
    (group.memory / "memory.stat").write_text("cache 9\nrss 5\ntotal_rss 4096\ntotal_cache 1\n")
    (group.cpu / "cpuacct.usage").write_text("1500000000\n")
    (group.cpu / "cgroup.procs").write_text("7\n8\n")

    assert (4096, 1.5, (7, 8)) == (group.memory_bytes(), group.cpu_seconds(), group.pids())
    assert "cgroup v1" == group.method
    assert (group.memory / "cgroup.procs", group.cpu / "cgroup.procs") == group.entries()


def test_a_limited_group_of_version_1_is_one_in_each_tree(version_1: Path) -> None:
    for controller in ("cpu", "pids"):
        (version_1 / controller).mkdir()

    joined = cgroups.limited("run-probe", {"cpus": "0.5", "pids": "9"})

    trees = [version_1 / name / "run-probe" for name in ("memory", "cpu", "pids")]
    assert [str(folder / "cgroup.procs") for folder in trees] == joined
    assert "50000" == (trees[1] / "cpu.cfs_quota_us").read_text()
    assert "9" == (trees[2] / "pids.max").read_text()
    assert ["run-probe"] == [group.memory.name for group in cgroups.named("run-")], "found again"


def test_a_limited_group_of_version_2_is_one(version_2: Path) -> None:
    joined = cgroups.limited("run-probe", {"cpus": "2", "memory": "4096"})

    group = version_2 / "run-probe"
    assert [str(group / "cgroup.procs")] == joined
    assert "200000 100000" == (group / "cpu.max").read_text()
    assert "4096" == (group / "memory.max").read_text()


def test_a_limited_group_that_cannot_be_made_leaves_nothing(version_1: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="No control group 'run-probe'"):
        cgroups.limited("run-probe", {"cpus": "0.5"})

    assert [] == list(version_1.glob("*/run-probe"))


def test_version_2_counts_in_one(version_2: Path) -> None:
    group = cgroups.create("run-api")
    assert Cgroup(2, version_2 / "run-api", version_2 / "run-api") == group
    assert group is not None
    (group.memory / "memory.stat").write_text("anon 8192\nfile 5\nanon_thp 3\n")
    (group.cpu / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")

    assert (8192, 2.5, ()) == (group.memory_bytes(), group.cpu_seconds(), group.pids())
    assert "cgroup v2" == group.method
    assert (version_2 / "run-api/cgroup.procs",) == group.entries()


def test_what_a_limit_cost_is_read_from_the_controller_that_counts_it(version_1: Path) -> None:
    group = cgroups.create("run-api")
    assert group is not None
    assert (None, None) == (group.throttled_seconds(), group.oom_kills())

    limited = version_1 / "cpu/run-api"
    limited.mkdir(parents=True)
    (limited / "cpu.stat").write_text("nr_periods 9\nnr_throttled 2\nthrottled_time 1500000000\n")
    (group.memory / "memory.oom_control").write_text("under_oom 0\noom_kill 3\n")

    assert (1.5, 3) == (group.throttled_seconds(), group.oom_kills())


def test_what_a_limit_cost_in_version_2(version_2: Path) -> None:
    group = cgroups.create("run-api")
    assert group is not None
    (group.cpu / "cpu.stat").write_text("usage_usec 5\nthrottled_usec 250000\n")
    (group.memory / "memory.events").write_text("oom 4\noom_kill 1\noom_group_kill 0\n")

    assert (0.25, 1) == (group.throttled_seconds(), group.oom_kills())


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("text", [None, "", "garbage\nanon x\ntotal_rss y\nusage_usec z\n"])
def test_what_cannot_be_read_is_none(tmp_path: Path, version: int, text: str | None) -> None:
    group = Cgroup(version, tmp_path, tmp_path)
    if text is not None:
        for name in ("memory.stat", "cpu.stat", "cpuacct.usage"):
            (tmp_path / name).write_text(text)

    assert (None, None) == (group.memory_bytes(), group.cpu_seconds())


def test_where_no_group_can_be_made_there_is_none(root: Path) -> None:
    assert cgroups.create("run") is None

    (root / "cgroup.subtree_control").write_text("cpu pids\n")
    assert cgroups.create("run") is None

    (root / "cgroup.subtree_control").write_text("memory\n")
    (root / "run").write_text("a file is in the way")
    assert cgroups.create("run") is None


def test_making_a_group_twice_gives_the_same(version_2: Path) -> None:
    assert cgroups.create("run") == cgroups.create("run")


def test_an_emptied_group_is_removed_and_a_used_one_stays(version_1: Path) -> None:
    empty, used = cgroups.create("empty"), cgroups.create("used")
    assert empty is not None
    assert used is not None
    (used.memory / "child").mkdir()

    for group in (empty, used, empty):
        group.remove()

    assert ["used"] == [path.name for path in (version_1 / "memory").iterdir()]


def test_groups_are_found_by_the_beginning_of_their_name(version_1: Path) -> None:
    made = [cgroups.create(name) for name in ("run-a-api", "run-a-db", "run-b-api")]

    assert tuple(made[:2]) == cgroups.named("run-a-")
    assert () == cgroups.named("other")


def test_groups_of_version_2_are_found_too(version_2: Path) -> None:
    made = cgroups.create("run-a-api")

    assert (made,) == cgroups.named("run-a-")


@pytest.mark.parametrize(
    ("text", "folders", "expected"),
    [
        ("0::/docker/abc\n", ["docker/abc"], (2, "docker/abc", "docker/abc")),
        (
            "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
            ["memory/docker/abc", "cpuacct/docker/abc"],
            (1, "memory/docker/abc", "cpuacct/docker/abc"),
        ),
        ("0::/docker/gone\n", [], None),
        ("5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n", [], None),
        ("7:pids:/x\n", [], None),
    ],
)
def test_the_group_of_a_process(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    folders: list[str],
    expected: tuple[int, str, str] | None,
) -> None:
    listing = root / "proc-cgroup"
    listing.write_text(text)
    for folder in folders:
        (root / folder).mkdir(parents=True)
    monkeypatch.setattr(cgroups, "Path", lambda path: listing)

    group = cgroups.of_process(1)

    if expected is None:
        assert group is None
    else:
        version, memory, cpu = expected
        assert Cgroup(version, root / memory, root / cpu) == group


def test_a_process_that_is_gone_has_no_group() -> None:
    with subprocess.Popen([sys.executable, "-IS", "-c", ""]) as process:
        pass

    assert cgroups.of_process(process.pid) is None


def test_usage_comes_from_the_group_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 10\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 20\n")
    process = ServiceProcess("api", "local", os.getpid(), 0.0, Cgroup(2, tmp_path, tmp_path))

    assert Usage(10, 2e-5, "cgroup v2") == probes.usage(process)


_BUSY = """
import subprocess, sys
block = bytearray(b"x") * (32 << 20)
sum(range(2_000_000))
if sys.argv[1:]:
    with subprocess.Popen([sys.executable, "-IS", *sys.argv[1:]], stdin=subprocess.PIPE):
        sys.stdin.read()
else:
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_usage_of_a_process_is_that_of_its_tree() -> None:
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", _BUSY, "-c", _BUSY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = probes.usage(ServiceProcess("api", "local", process.pid, time.time()))
        share = probes.runtime_share([process.pid, process.pid])
        alone = psutil.Process(process.pid).memory_info().rss
        process.communicate()

    assert "psutil rss" == used.method
    assert used.memory_bytes is not None
    assert used.memory_bytes >= 64 << 20, "both processes hold 32 MiB"
    assert used.memory_bytes > alone
    assert used.cpu_seconds is not None
    assert used.cpu_seconds > 0
    assert (2, True) == (share.processes, (share.cpu_seconds or 0) > 0)
    assert share.memory_bytes is not None
    assert abs(share.memory_bytes - 2 * alone) <= alone / 10


def test_what_is_gone_or_elsewhere_has_no_usage() -> None:
    with subprocess.Popen([sys.executable, "-IS", "-c", ""]) as process:
        pass

    gone = probes.usage(ServiceProcess("api", "local", process.pid, None))
    elsewhere = probes.usage(ServiceProcess("api", "docker", None, None))
    share = probes.runtime_share([process.pid])

    assert [Usage(None, None, None)] * 2 == [gone, elsewhere]
    assert (0, None, None) == (share.processes, share.memory_bytes, share.cpu_seconds)
