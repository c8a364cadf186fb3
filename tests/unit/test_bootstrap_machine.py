"""The set-up's decisions about a machine: apt, the release, consent, the engine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bootstrap import apt, cli, daemon, engine, progress, venv
from bootstrap.apt import Plan, Source
from bootstrap.consent import Consent, in_ci
from bootstrap.errors import ENVIRONMENT, SetupError
from bootstrap.shared import EngineUse, exclusive

DEB822 = """\
Types: deb
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb deb-src
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main
"""
DEBIAN_12 = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
ALL = ["engine", "cli", "compose", "buildx"]


def consent(
    *,
    root: bool = False,
    ci: bool = False,
    terminal: bool = False,
    sudo: bool = False,
    says: str = "",
) -> Consent:
    return Consent(root=root, ci=ci, terminal=terminal, sudo=sudo, ask=lambda question: says)


def test_deb822_sources_leave_out_what_apt_does_not_use() -> None:
    found = apt.parse_deb822(DEB822)

    assert found == [
        Source(
            ("http://mirror.example/debian",),
            ("bookworm", "bookworm-updates"),
            ("main",),
            "/usr/share/keyrings/debian.gpg",
        ),
        Source(("http://mirror.example/security",), ("bookworm-security",), ("main",)),
    ]


def test_deb822_keeps_a_key_written_into_the_entry() -> None:
    text = "Types: deb\nURIs: http://m/\nSuites: bookworm\nSigned-By:\n -----BEGIN\n .\n abc\n"

    (found,) = apt.parse_deb822(text)

    assert found.signed_by == "\n -----BEGIN\n .\n abc"


def test_one_line_sources_with_and_without_options() -> None:
    text = (
        "# deb http://no.example/ bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main contrib # us\n"
        "deb http://m.example/debian bookworm-updates main\n"
        "deb-src http://m.example/debian bookworm main\n"
    )

    found = apt.parse_one_line(text)

    assert found == [
        Source(("http://m.example/debian",), ("bookworm",), ("main", "contrib"), "/k.gpg"),
        Source(("http://m.example/debian",), ("bookworm-updates",), ("main",)),
    ]


def test_sources_are_read_from_every_file_but_ours(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (tmp_path / "sources.list").write_text("deb http://one/ bookworm main\n")
    (folder / "two.sources").write_text(DEB822)
    (folder / "off.sources.disabled").write_text("deb http://off/ bookworm main\n")
    (folder / f"{apt.NAME}.sources").write_text("Types: deb\nURIs: http://ours/\nSuites: trixie\n")

    uris = [source.uris[0] for source in apt.read_sources(tmp_path)]

    assert uris == ["http://one/", "http://mirror.example/debian", "http://mirror.example/security"]


def test_the_next_release_comes_from_the_mirror_of_this_one() -> None:
    entry = apt.next_release_entry(apt.parse_deb822(DEB822), "bookworm")

    assert entry == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian.gpg\n"
    )


def test_no_mirror_of_this_release_is_one_clear_message() -> None:
    with pytest.raises(SetupError, match="name no mirror of bookworm main"):
        apt.next_release_entry([], "bookworm")


def test_os_release_values_lose_their_quotes() -> None:
    assert apt.parse_os_release("ID=debian\nVERSION_ID=\"12\"\nNAME='x y'\n\n") == {
        "ID": "debian",
        "VERSION_ID": "12",
        "NAME": "x y",
    }


@pytest.mark.parametrize(
    ("release", "missing", "expected"),
    [
        (
            DEBIAN_12,
            ALL,
            Plan(("docker.io", "docker-cli", "docker-compose", "docker-buildx"), "trixie"),
        ),
        (DEBIAN_12, ["compose"], Plan(("docker-compose",), "trixie")),
        ({"ID": "debian", "VERSION_ID": "13"}, ["compose"], Plan(("docker-compose",))),
        ({"ID": "debian", "VERSION_CODENAME": "forky"}, ["buildx"], Plan(("docker-buildx",))),
        (
            {"ID": "ubuntu", "VERSION_ID": "24.04"},
            ALL,
            Plan(("docker.io", "docker-compose-v2", "docker-buildx")),
        ),
    ],
)
def test_packages_by_release(release: dict[str, str], missing: list[str], expected: Plan) -> None:
    assert apt.plan(release, missing) == expected


@pytest.mark.parametrize(
    "release",
    [
        {"ID": "debian", "VERSION_ID": "11"},
        {"ID": "ubuntu", "VERSION_ID": "20.04"},
        {"ID": "arch"},
        {},
    ],
)
def test_an_unknown_release_is_refused_with_the_mend(release: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="Install Docker with Compose v2"):
        apt.plan(release, ALL)


def test_only_dockers_packages_come_from_the_next_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sources.list.d", "preferences.d"):
        (tmp_path / name).mkdir()
    sources = tmp_path / "sources.list"
    sources.write_text("deb http://m/ bookworm main\n")
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(apt, "apt_get", lambda steps, *words: asked.append(words))
    steps = progress.Progress(tmp_path / "log")
    wanted = apt.plan(DEBIAN_12, ALL)
    pin = tmp_path / "preferences.d" / apt.NAME

    apt.install(steps, wanted, "bookworm", tmp_path)

    assert pin.read_text() == apt.DOCKER_PIN + apt.LOW_PIN
    assert asked == [
        ("update",),
        ("install", "--yes", "--no-install-recommends", *wanted.packages),
    ]

    (tmp_path / "sources.list.d" / f"{apt.NAME}.sources").unlink()
    sources.write_text("deb http://m/ bookworm main\ndeb http://m/ trixie main\n")
    apt.install(steps, wanted, "bookworm", tmp_path)

    assert pin.read_text() == apt.DOCKER_PIN
    assert not list((tmp_path / "sources.list.d").iterdir())


def test_a_failed_install_leaves_apt_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sources.list.d", "preferences.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "sources.list").write_text("deb http://m/ bookworm main\n")
    seen: list[str] = []

    def fail(*_: object, **__: object) -> None:
        seen.extend(sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob(f"{apt.NAME}*")))
        raise SetupError("no network")

    monkeypatch.setattr(apt, "apt_get", fail)
    with pytest.raises(SetupError, match="no network"):
        apt.install(
            progress.Progress(tmp_path / "log"), apt.plan(DEBIAN_12, ALL), "bookworm", tmp_path
        )

    assert seen == ["preferences.d/tranship-trixie", "sources.list.d/tranship-trixie.sources"]
    assert list(tmp_path.rglob(f"{apt.NAME}*")) == []


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("false", False), ("", False)]
)
def test_ci_is_a_variable_that_is_not_an_explicit_no(value: str, expected: bool) -> None:
    assert in_ci({"CI": value}) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (consent(root=True), []),
        (consent(ci=True, sudo=True), ["sudo", "-n"]),
        (consent(terminal=True, sudo=True, says="y"), ["sudo"]),
    ],
)
def test_consent_is_given_as_root_in_ci_or_after_asking(
    given: Consent, expected: list[str]
) -> None:
    assert given.grant("May I?", "by hand") == expected


@pytest.mark.parametrize(
    "given",
    [
        consent(),
        consent(sudo=True),
        consent(ci=True),
        consent(terminal=True, sudo=True, says=""),
        consent(terminal=True, says="y"),
    ],
)
def test_without_consent_the_mend_is_the_message(given: Consent) -> None:
    with pytest.raises(SetupError, match="by hand") as raised:
        given.grant("May I?", "by hand")

    assert raised.value.exit_code == ENVIRONMENT


def answers(**given: tuple[int, str, str]) -> engine.State:
    def ask(argv: list[str]) -> tuple[int, str, str]:
        return given.get(argv[1], (1, "", "Cannot connect"))

    return engine.look(ask)


def test_an_engine_with_all_its_parts_is_ready() -> None:
    state = answers(
        version=(0, "26.1.5", ""),
        compose=(0, "v2.26.1", ""),
        buildx=(0, "github.com/docker/buildx v0.13.1 abc", ""),
    )

    assert state.ready
    assert state.note == "Docker 26.1.5, Compose 2.26.1, Buildx 0.13.1"


@pytest.mark.parametrize("compose", [(1, "", "unknown command"), (0, "1.29.2", "")])
def test_compose_v1_is_not_ready(compose: tuple[int, str, str]) -> None:
    state = answers(version=(0, "26.1", ""), compose=compose, buildx=(0, "b v0.13", ""))

    assert not state.ready
    assert "without Compose v2" in engine.otherwise(state)


def test_no_engine_and_no_rights_is_exit_4_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(cli, "consent_here", consent)
    monkeypatch.setattr(venv, "ensure", lambda *_: None)
    nothing = answers()
    monkeypatch.setattr(engine, "look", lambda: nothing)
    monkeypatch.setattr(daemon, "read_record", lambda: None)
    for name in ("pyproject.toml", "locks/dev.txt", "locks/stack.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    code = cli.main(["compare"], tmp_path)

    assert code == ENVIRONMENT
    error = capsys.readouterr().err
    assert error.startswith("scripts/run: No Docker engine answers.")
    assert error.count("\n") == 1


def test_a_socket_without_permission_is_never_answered_by_an_install() -> None:
    with pytest.raises(SetupError, match="usermod -aG docker"):
        engine.refuse_what_we_cannot_mend(
            answers(version=(1, "", "permission denied while trying"))
        )


def test_an_engine_elsewhere_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    with pytest.raises(SetupError, match="DOCKER_HOST"):
        engine.refuse_what_we_cannot_mend(answers())


def test_a_record_is_believed_only_while_that_very_process_lives(tmp_path: Path) -> None:
    mine = daemon.Record(os.getpid(), daemon.start_ticks(os.getpid()), kept=False)
    daemon.write_record(mine, tmp_path)
    assert daemon.read_record(tmp_path) == mine

    daemon.write_record(daemon.Record(os.getpid(), "1", kept=False), tmp_path)
    assert daemon.read_record(tmp_path) is None

    (tmp_path / "engine.json").write_text(json.dumps({"pid": "no"}))
    assert daemon.read_record(tmp_path) is None


def test_a_process_is_ended_only_if_it_is_the_one_meant() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        daemon.end_process(process.pid, "1")
        assert process.poll() is None

        daemon.end_process(process.pid, daemon.start_ticks(process.pid))
        process.wait(5)


def test_the_last_user_knows_that_it_is_alone(tmp_path: Path) -> None:
    first, second = EngineUse(tmp_path), EngineUse(tmp_path)
    first.begin()
    second.begin()

    first.end()
    with first.alone() as alone:
        assert not alone
    second.end()
    with second.alone() as alone:
        assert alone


def test_a_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock"), pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["flock", str(tmp_path / "lock"), "true"], timeout=0.2)
    assert subprocess.run(["flock", str(tmp_path / "lock"), "true"], timeout=5).returncode == 0


def test_a_failing_tool_shows_the_end_of_its_output_and_the_mend(tmp_path: Path) -> None:
    out = io.StringIO()
    steps = progress.Progress(tmp_path / "log", out)

    with pytest.raises(SetupError) as raised, steps.step("x", "trying"):
        steps.run(["sh", "-c", "seq 1 40; exit 3"], mend="Do this.")

    text = str(raised.value)
    assert "(exit 3). Do this." in text
    assert "    40\n" in text
    assert "    25\n" not in text
    assert out.getvalue() == ""


def test_a_tool_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="took longer than 0 s"):
        progress.Progress(tmp_path / "log").run(["sleep", "60"], mend="", timeout=0.05)


def test_private_files_are_whole_and_their_owners_alone(tmp_path: Path) -> None:
    target = tmp_path / "a/secret"
    progress.write_private(target, "one")
    progress.write_private(target, "two")

    assert target.read_text() == "two"
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["secret"]
