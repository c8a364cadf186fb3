"""The one file that reads an environment: on every Python here, quick, and what it says."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tranship.trials import fingerprint as module

FILE = Path(module.__file__)
SOURCE = FILE.read_text("utf-8")
PARTS = {
    "python", "python_build", "python_config", "openssl", "sqlite", "zlib", "libc", "os", "kernel",
    "locale", "locale_collate", "collation", "encoding", "encoding_preferred", "tz", "utc_offset",
    "uid", "gid", "groups", "umask", "cwd", "hostname", "dns:localhost", "limit_nofile",
    "limit_nproc", "limit_as", "limit_core", "cpu_quota", "memory_limit", "cpus", "fs_cwd",
    "fs_tmp", "case_sensitive_cwd", "read_only_root", "clock", "pytest_plugins", "pytest_config",
}  # fmt: skip


def interpreters() -> Iterator[str]:
    """Yield each minor version of Python from 3.7 on that this machine has."""
    places = [Path(sys.executable), *sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))]
    named = (shutil.which(f"python3.{minor}") for minor in range(7, 16))
    seen: set[tuple[int, ...]] = set()
    for path in [*map(str, places), *filter(None, named)]:
        done = subprocess.run(
            [path, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
        )
        version = tuple(map(int, done.stdout.split()))
        if done.returncode == 0 and version not in seen and version >= (3, 7):
            seen.add(version)
            yield path


def read(
    *arguments: str,
    python: str = sys.executable,
    prefix: str = "",
    cwd: Path | None = None,
    **environment: str,
) -> dict[str, str]:
    done = subprocess.run(
        [python, "-c", prefix + SOURCE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_it_is_written_in_the_python_of_3_7() -> None:
    tree = ast.parse(SOURCE, feature_version=(3, 7))

    imports = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imports <= sys.stdlib_module_names


def test_it_reads_all_parts_on_every_python_here(tmp_path: Path) -> None:
    for python in interpreters():
        found = read("redis", python=python, cwd=tmp_path)

        assert set() == PARTS - set(found), python
        assert [] == [key for key in found if key.startswith("error:")], python
        assert {str} == {type(value) for value in found.values()}
        assert "dns:redis" in found


def test_it_costs_less_than_three_tenths_of_a_second() -> None:
    def seconds(source: str) -> float:
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", source, "no.such.name"], capture_output=True)
        return time.monotonic() - began

    # The least of several: what else the machine does only ever adds.
    assert min(seconds(SOURCE) for _ in range(4)) - min(seconds("pass") for _ in range(4)) < 0.3


def test_two_readings_agree(tmp_path: Path) -> None:
    assert read(cwd=tmp_path) == read(cwd=tmp_path)


def test_it_can_be_given_to_an_interpreter_that_reads_ascii_alone() -> None:
    ascii_alone = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    assert "ascii" == read(**ascii_alone)["encoding"]


def test_secrets_are_hashed_and_addresses_are_not() -> None:
    found = read(
        API_KEY="swordfish",
        PGPASSWORD_FILE="/run/x",
        DATABASE_URL="postgresql://ada:swordfish@db:5432/shop",
        REDIS_URL="redis://127.0.0.1:6379",
    )

    assert "sha256:b9f195c5" == found["env:API_KEY"]
    assert "/run/x" == found["env:PGPASSWORD_FILE"]
    assert "postgresql://ada:sha256:b9f195c5@db:5432/shop" == found["env:DATABASE_URL"]
    assert "redis://127.0.0.1:6379" == found["env:REDIS_URL"]
    assert "swordfish" not in json.dumps(found)


@pytest.mark.parametrize("way", ["prefix", "argument", "variable"])
def test_names_to_look_up(way: str) -> None:
    found = {
        "prefix": lambda: read(prefix="STACK_NAMES = ['127.0.0.9', 'no.such.name.invalid']\n"),
        "argument": lambda: read("127.0.0.9", "no.such.name.invalid"),
        "variable": lambda: read(TRANSHIP_NAMES="127.0.0.9,no.such.name.invalid"),
    }[way]()

    assert "127.0.0.9" == found["dns:127.0.0.9"]
    assert "no answer" == found["dns:no.such.name.invalid"]


def test_what_was_changed_is_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    prefix = (
        "import os, resource\nos.umask(0o027)\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    )

    found = read(prefix=prefix, cwd=tmp_path, TZ="Asia/Tokyo", TMPDIR="/var/tmp")

    expected = {
        "umask": "0027",
        "limit_core": "0/0",
        "tz": "JST",
        "utc_offset": "+0900 +0900",
        "tmp": "/var/tmp",
        "cwd": str(tmp_path),
        "pytest_rootdir": str(tmp_path),
        "env:TZ": "Asia/Tokyo",
    }
    assert expected == {key: found[key] for key in expected}
    assert found["pytest_config"].startswith("pytest.ini sha256:")


def test_distributions_of_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in (
        (first, "Odd_Name.x-1.2.dist-info"),
        (second, "odd_name_x-9.dist-info"),
        (second, "old-3.1-py3.7.egg-info"),
        (second, "bare.egg-info"),
    ):
        (folder / name).mkdir(parents=True)
    (second / "bare.egg-info/PKG-INFO").write_text("Name: bare\nVersion: 7\n")
    (first / "Odd_Name.x-1.2.dist-info/entry_points.txt").write_text(
        "[console_scripts]\nx = y\n\n[pytest11]\nodd = odd.plugin\n"
    )
    monkeypatch.setattr(sys, "path", [str(first), str(tmp_path / "missing"), str(second)])

    assert {
        "package:odd-name-x": "1.2",
        "package:old": "3.1",
        "package:bare": "7",
        "pytest_plugins": "odd",
    } == module._packages()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
                "/sys/fs/cgroup/a/cpu.max": "50000 100000",
                "/sys/fs/cgroup/memory.max": "268435456\n",
                "/sys/fs/cgroup/a/b/pids.max": "max",
            },
            {"cpu_quota": "0.5", "memory_limit": 268435456, "pids_limit": "none"},
        ),
        (
            {
                "/proc/self/cgroup": "3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n1:pids:/\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "9223372036854771712\n",
                "/sys/fs/cgroup/pids/pids.max": "99\n",
            },
            {"cpu_quota": "2", "memory_limit": "none", "pids_limit": 99},
        ),
    ],
)
def test_limits_of_control_groups(
    files: dict[str, str], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "_read", lambda path: files.get(str(path).replace("//", "/").rstrip("/"), "")
    )
    monkeypatch.setattr(module.os.path, "isdir", lambda path: "," not in str(path))

    assert expected == module._cgroup()


def test_one_part_that_breaks_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise KeyError("x")

    broken.__name__ = "_user"
    monkeypatch.setattr(module, "_user", broken)

    found = module.collect()

    assert "KeyError" == found["error:user"]
    assert {"python", "tz", "cwd"} <= set(found)
