"""The browser for the report's page: had where it may be, and never in the way."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bootstrap import apt, browser, cli
from bootstrap.consent import Consent
from bootstrap.errors import SetupError
from bootstrap.progress import Progress

ROOT = Consent(root=True, ci=False, terminal=False, sudo=False)
NOBODY = Consent(root=False, ci=False, terminal=False, sudo=True)
DEBIAN = 'ID=debian\nVERSION_ID="12"\n'


class Machine:
    """What apt-get was asked for, and whether it brings the browser."""

    def __init__(self, folder: Path, release: str, *outcomes: bool) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.prefixes: list[tuple[str, ...]] = []
        self.there = False
        self.out = io.StringIO()
        self._outcomes = list(outcomes)
        self._release = folder / "os-release"
        self._release.write_text(release)
        self._progress = Progress(folder / "log", self.out)

    def apt_get(self, _: Progress, *words: str, prefix: list[str], mend: str) -> None:
        self.asked.append(words)
        self.prefixes.append(tuple(prefix))
        if not self._outcomes.pop(0):
            raise SetupError(f"`apt-get` failed. {mend}\n    its last lines")
        self.there = self.there or words[0] == "install"

    def ensure(self, consent: Consent) -> str:
        browser.ensure(
            self._progress,
            consent,
            os_release=self._release,
            which=lambda name: f"/usr/bin/{name}" if self.there else None,
        )
        return self.out.getvalue()


def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *outcomes: bool, release: str = DEBIAN
) -> Machine:
    made = Machine(tmp_path, release, *outcomes)
    monkeypatch.setattr(apt, "apt_get", made.apt_get)
    return made


INSTALL = ("install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core")


def test_one_that_is_there_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(tmp_path, monkeypatch)
    found.there = True

    assert found.ensure(NOBODY).split()[:2] == ["browser", "chromium"]
    assert found.asked == []


def test_root_gets_debians_and_one_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(tmp_path, monkeypatch, True)

    assert "chromium (installed)" in found.ensure(ROOT)
    assert found.asked == [INSTALL]


def test_ci_gets_it_by_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(tmp_path, monkeypatch, True)

    found.ensure(Consent(root=False, ci=True, terminal=False, sudo=True))

    assert found.prefixes == [("sudo", "-n")]


def test_lists_that_are_old_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine(tmp_path, monkeypatch, False, True, True)

    assert "chromium (installed)" in found.ensure(ROOT)
    assert found.asked == [INSTALL, ("update",), INSTALL]


def test_what_cannot_be_installed_is_a_line_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = machine(tmp_path, monkeypatch, False, False)

    said = found.ensure(ROOT)

    assert "none (`apt-get` failed" in said
    assert browser.WITHOUT in said
    assert said.count("\n") == 1
    assert "its last lines" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("consent", "release"), [(NOBODY, DEBIAN), (ROOT, "ID=ubuntu\n"), (ROOT, "")]
)
def test_where_it_may_not_nothing_is_asked_of_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, consent: Consent, release: str
) -> None:
    found = machine(tmp_path, monkeypatch, release=release)

    assert browser.WITHOUT in found.ensure(consent)
    assert found.asked == []


@pytest.mark.parametrize(("command", "times"), [("tests", 1), ("compare", 0), ("setup", 0)])
def test_only_the_tests_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, times: int
) -> None:
    calls = []
    for name in ("venv", "images", "buildfiles"):
        step = "write" if name == "buildfiles" else "ensure"
        monkeypatch.setattr(getattr(cli, name), step, lambda *a, **k: None)
    monkeypatch.setattr(browser, "ensure", lambda *a: calls.append(a))
    for name in ("pyproject.toml", "locks/dev.txt", "locks/stack.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    class Engine:
        def ensure(self, *, keep: bool) -> None:
            pass

    cli.prepare(tmp_path, Progress(tmp_path / "log"), ROOT, Engine(), cli.Order(command))  # type: ignore[arg-type]

    assert len(calls) == times


def test_the_tests_look_for_the_same_names() -> None:
    source = (Path(__file__).parents[1] / "engine/browser.py").read_text()

    assert f"NAMES = {browser.NAMES!r}".replace("'", '"') in source
