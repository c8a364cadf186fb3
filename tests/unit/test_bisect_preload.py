"""What a process changes of itself before it becomes the suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tranship.comparison.bisect.privileges import is_root, may_mount, preload_text

SHOW = """
import json, os, resource, socket, sys
umask = os.umask(0)
print(json.dumps({
    "variables": dict(os.environ), "umask": umask, "cwd": os.getcwd(), "arguments": sys.argv[1:],
    "files": resource.getrlimit(resource.RLIMIT_NOFILE), "cpus": len(os.sched_getaffinity(0)),
    "uid": os.getuid(), "groups": os.getgroups(), "host": socket.gethostname(),
    "hosts": open("/etc/hosts").read(), "ports": open("/proc/net/tcp").read().count("\\n"),
    "writable": os.access(".", os.W_OK) and not os.statvfs(".").f_flag & os.ST_RDONLY,
}))
"""

needs_root = pytest.mark.skipif(not may_mount(), reason="only root has mounts of its own")


def seen(folder: Path, spec: dict[str, Any], *arguments: str, as_file: bool = False) -> Any:
    word = json.dumps(spec)
    if as_file:
        path = folder / "spec.json"
        path.write_text(word)
        word = str(path)
    done = subprocess.run(
        [sys.executable, "-c", preload_text(), word, sys.executable, "-c", SHOW, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.defpath, "OLD": "1", "KEPT": "1"},
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("as_file", [False, True])
def test_variables_umask_limits_and_cpus(tmp_path: Path, as_file: bool) -> None:
    spec = {
        "variables": {"NEW": "it's $x\n"},
        "unset": ["OLD", "NEVER"],
        "umask": "0077",
        "limits": {"nofile": ["64", "128"]},
        "cpus_usable": 1,
    }

    found = seen(tmp_path, spec, as_file=as_file)

    assert ("it's $x\n", "1") == (found["variables"]["NEW"], found["variables"]["KEPT"])
    assert "OLD" not in found["variables"]
    assert (0o077, [64, 128], 1) == (found["umask"], found["files"], found["cpus"])


def test_nothing_is_changed_by_nothing(tmp_path: Path) -> None:
    found = seen(tmp_path, {}, "-v")

    assert (str(tmp_path), ["-v"]) == (found["cwd"], found["arguments"])


def test_the_report_keeps_its_place_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()

    found = seen(tmp_path, {"directory": str(tmp_path / "sub")}, "--junitxml=out/report.xml", "-v")

    assert str(tmp_path / "sub") == found["cwd"]
    assert ["--junitxml=../out/report.xml", "-v"] == found["arguments"]


@needs_root
def test_files_mounts_and_the_name_are_the_process_s_own(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.9.8.7 pricing\n")
    (tmp_path / "kept").mkdir()
    spec = {
        "files": {"/etc/hosts": str(tmp_path / "hosts")},
        "hostname": "c0ffee",
        "mounts": [{"path": str(tmp_path), "kind": "read-only"}],
    }

    found = seen(tmp_path, spec)

    assert ("c0ffee", "10.9.8.7 pricing\n", False) == tuple(
        found[name] for name in ("host", "hosts", "writable")
    )
    assert "pricing" not in Path("/etc/hosts").read_text(), "nobody else sees it"
    (tmp_path / "written").touch()


@needs_root
def test_a_folder_is_kept_writable_in_a_read_only_one(tmp_path: Path) -> None:
    inner = tmp_path / "run"
    inner.mkdir()
    mounts = [
        {"path": str(inner), "kind": "kept"},
        {"path": str(tmp_path), "kind": "read-only"},
    ]

    assert not seen(tmp_path, {"mounts": mounts})["writable"]
    assert seen(tmp_path, {"mounts": mounts, "directory": str(inner)})["writable"]


@needs_root
def test_a_network_of_its_own_has_no_port_taken(tmp_path: Path) -> None:
    assert 1 == seen(tmp_path, {"network": "own"})["ports"], "the heading alone"


def test_only_root_on_linux_may_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert (False, False) == (is_root(), may_mount())
