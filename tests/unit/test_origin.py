"""Which commit an image is from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tranship.modes.origin import GitOrigin, origin_of

WHO = ["-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "commit.gpgsign=false"]


def git(folder: Path, *words: str, when: str = "1700000000 +0000") -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *WHO, *words],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": when, "HOME": str(folder)},
    ).stdout.strip()


@pytest.fixture(autouse=True)
def no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "web").mkdir(parents=True)
    git(root, "init", "--quiet")
    (root / "web" / "Dockerfile").write_text("FROM scratch\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "web")
    return root


def test_it_is_the_last_commit_that_touched_the_context(shop: Path) -> None:
    first = git(shop, "rev-parse", "HEAD")
    (shop / "README").write_text("another\n")
    git(shop, "add", ".")
    git(shop, "commit", "--quiet", "--message", "readme", when="1800000000 +0000")
    git(shop, "remote", "add", "origin", "https://who:word@git.test/team/shop.git")

    found = origin_of({"context": str(shop / "web")})

    assert GitOrigin(first, "1700000000", "https://git.test/team/shop") == found
    assert {
        "org.opencontainers.image.revision": first,
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.source": "https://git.test/team/shop",
    } == found.labels


def test_files_that_are_in_no_commit_make_it_dirty(shop: Path) -> None:
    (shop / "web" / "new.py").touch()

    assert origin_of({"context": str(shop / "web")}).revision.endswith("-dirty")


def test_a_dockerfile_beside_the_context_counts(shop: Path) -> None:
    (shop / "Dockerfile").write_text("FROM scratch\n")

    build = {"context": str(shop / "web"), "dockerfile": str(shop / "Dockerfile")}

    assert origin_of(build).revision.endswith("-dirty")


def test_the_shells_moment_goes_before(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")

    found = origin_of({"context": str(shop / "web")})

    assert ("1", "1970-01-01T00:00:01Z") == (
        found.epoch,
        found.labels["org.opencontainers.image.created"],
    )


@pytest.mark.parametrize("context", ["https://git.test/a.git", "."])
def test_without_git_nothing_is_said(
    context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    found = origin_of({"context": context})

    assert (GitOrigin(), {}) == (found, dict(found.labels))


def test_without_the_git_command_nothing_is_said(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(shop))

    assert GitOrigin() == origin_of({"context": str(shop / "web")})
