"""The shell lines of the pipelines, run for real with stand-ins for what they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pipelined import Pipelined, step
from tranship.errors import ExitCode

HYBRID = 'modes = ["local", "docker", "hybrid:api"]\n'


@pytest.fixture
def project(tmp_path: Path, no_docker: None) -> Pipelined:
    return Pipelined(tmp_path / "shop").set(HYBRID)


def fake(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def ran(text: str, folder: Path, *, gitlab: bool = False, **environment: str) -> tuple[int, str]:
    """Run a script as the provider's runner does: GitHub without pipefail, GitLab with it."""
    options = ["-e", "-o", "pipefail"] if gitlab else ["-e"]
    paths = [str(folder / "bin"), str(Path(sys.executable).parent), os.defpath]
    done = subprocess.run(
        ["bash", *options, "-c", text],
        cwd=folder,
        env={"PATH": os.pathsep.join(paths), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def suite(project: Pipelined, provider: str, job: str) -> str:
    document = project.read(provider)
    if provider == "gitlab":
        return str(document[job]["script"][0])
    name = {"modes": "Run the suite", "compare": "Compare"}[job]
    return str(step(document["jobs"][job], name)["run"])


CODES = [*(int(code) for code in ExitCode), 70]


@pytest.mark.parametrize("provider", ["github", "gitlab"])
@pytest.mark.parametrize("code", CODES)
def test_each_exit_code_of_a_mode_is_kept_and_said(
    code: int, provider: str, project: Pipelined, tmp_path: Path
) -> None:
    fake(tmp_path / "bin", "nox", f'#!/bin/sh\necho "$*"\nexit {code}\n')

    ended, said = ran(
        suite(project, provider, "modes"), tmp_path, gitlab=provider == "gitlab", MODE="docker"
    )

    assert code == ended
    assert said.startswith("-s docker\n")
    assert (f"exit code {code}" in said) == (code != 0)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("local", "-s local"),
        ("docker", "-s docker"),
        ("hybrid:api", "-s compare -- --modes docker,hybrid:api"),
    ],
)
@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_each_mode_is_run_by_a_session(
    provider: str, mode: str, expected: str, project: Pipelined, tmp_path: Path
) -> None:
    fake(tmp_path / "bin", "nox", '#!/bin/sh\necho "$*"\n')

    assert (0, f"{expected}\n") == ran(
        suite(project, provider, "modes"), tmp_path, gitlab=provider == "gitlab", MODE=mode
    )


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("code", CODES)
def test_on_github_an_inconclusive_comparison_warns_unless_strict(
    code: int, strict: bool, project: Pipelined, tmp_path: Path
) -> None:
    project.set(f"{HYBRID}strict = {str(strict).lower()}\n")
    fake(tmp_path / "bin", "nox", f"#!/bin/sh\nexit {code}\n")

    ended, said = ran(suite(project, "github", "compare"), tmp_path)

    lenient = code == ExitCode.INCONCLUSIVE and not strict
    assert (0 if lenient else code) == ended
    level = "warning" if lenient else "error"
    assert (said.startswith(f"::{level} title=Tranship::")) == (code != 0)


@pytest.mark.parametrize("strict", [False, True])
def test_on_gitlab_an_inconclusive_comparison_may_fail_unless_strict(
    strict: bool, project: Pipelined, tmp_path: Path
) -> None:
    project.set(f"{HYBRID}strict = {str(strict).lower()}\n")
    fake(tmp_path / "bin", "nox", "#!/bin/sh\nexit 5\n")

    assert 5 == ran(suite(project, "gitlab", "compare"), tmp_path, gitlab=True)[0]
    allowed = project.read("gitlab")["compare"].get("allow_failure")
    assert (None if strict else {"exit_codes": [5]}) == allowed


# --- the check


def test_gitlab_makes_every_check_and_fails_for_any(project: Pipelined, tmp_path: Path) -> None:
    fake(
        tmp_path / "bin",
        "inv",
        '#!/bin/sh\necho "$*"\ncase "$1" in env.check) exit 1 ;; esac\n',
    )
    text = project.read("gitlab")["check"]["script"][0]

    ended, said = ran(text, tmp_path, gitlab=True)

    assert 1 == ended
    assert [
        "env.check",
        "migrate.analyze --strict",
        "ci.generate --provider gitlab --check",
    ] == said.splitlines()


# --- the comment on GitHub

GH = """\
#!/bin/sh
echo "$*" >> calls
case "$*" in *--paginate*) cat ids ;; esac
for word in "$@"; do case "$word" in body=@*) cp "${word#body=@}" posted ;; esac; done
"""


def comment(project: Pipelined, folder: Path, ids: str = "") -> tuple[int, str]:
    fake(folder / "bin", "gh", GH)
    (folder / "ids").write_text(ids)
    text = step(project.read()["jobs"]["comment"], "Comment")["run"]
    return ran(text, folder, GITHUB_REPOSITORY="shop/shop", NUMBER="7", RUN="https://run")


def report(folder: Path, name: str, text: str) -> None:
    path = folder / "found/reports" / name / "report.md"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_the_comment_is_made_where_there_is_none(project: Pipelined, tmp_path: Path) -> None:
    report(tmp_path, "a-local-docker", "## Same\n")

    assert 0 == comment(project, tmp_path)[0]

    posted = (tmp_path / "posted").read_text()
    assert posted.startswith("<!-- tranship -->\n## Same\n")
    assert posted.endswith("(https://run)\n")
    calls = (tmp_path / "calls").read_text()
    assert "--method POST repos/shop/shop/issues/7/comments" in calls
    assert "PATCH" not in calls


def test_the_comment_that_is_there_is_updated(project: Pipelined, tmp_path: Path) -> None:
    report(tmp_path, "a-local-docker", "## Same\n")

    assert 0 == comment(project, tmp_path, "41\n42\n")[0]

    calls = (tmp_path / "calls").read_text()
    assert "--method PATCH repos/shop/shop/issues/comments/41 " in calls
    assert "POST" not in calls


def test_no_comment_is_longer_than_github_takes(project: Pipelined, tmp_path: Path) -> None:
    for number in range(3):
        report(tmp_path, str(number), f"## {number}\n" + "x" * 30_000 + "\n")

    assert 0 == comment(project, tmp_path)[0]

    posted = (tmp_path / "posted").read_text()
    assert "## 0\n" in posted
    assert "## 1\n" in posted
    assert "## 2\n" not in posted
    assert "One more comparison is in the artefacts." in posted
    assert len(posted) < 65_536


def test_without_a_report_there_is_no_comment(project: Pipelined, tmp_path: Path) -> None:
    ended, said = comment(project, tmp_path)

    assert 0 == ended
    assert "No report" in said
    assert not (tmp_path / "calls").exists()


# --- the note on GitLab


class GitLab(ThreadingHTTPServer):
    """As much of GitLab as the note needs."""

    def __init__(self, notes: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.notes = notes
        self.changes: list[tuple[str, str, str, str | None]] = []


class _Answers(BaseHTTPRequestHandler):
    server: GitLab

    def do_GET(self) -> None:
        page = int(self.path.partition("&page=")[2] or 1)
        some = self.server.notes[(page - 1) * 100 : page * 100]
        self._answer({"id": 5} if self.path.endswith("/user") else some)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        token = self.headers["PRIVATE-TOKEN"]
        self.server.changes.append((self.command, self.path, body, token))
        self._answer({})

    do_PUT = do_POST  # noqa: N815 - what http.server calls

    def _answer(self, found: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with GitLab([]) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def note(project: Pipelined, folder: Path, server: GitLab, token: str) -> tuple[int, str]:
    return ran(
        project.read("gitlab")["note"]["script"][0],
        folder,
        gitlab=True,
        CI_API_V4_URL=f"http://127.0.0.1:{server.server_port}/api/v4",
        CI_PROJECT_ID="3",
        CI_MERGE_REQUEST_IID="9",
        CI_PIPELINE_URL="https://pipeline",
        TRANSHIP_NOTE_TOKEN=token,
    )


def noted(author: int, body: str, number: int) -> dict[str, Any]:
    return {"id": number, "author": {"id": author}, "body": body}


def test_the_note_is_made_and_then_updated(
    project: Pipelined, tmp_path: Path, gitlab: GitLab
) -> None:
    reports = tmp_path / ".tranship/reports"
    reports.mkdir(parents=True)
    (reports / "gitlab-note.md").write_text("## Ähnlich\n", encoding="utf-8")

    # A person may quote the mark: that note is not ours to change.
    gitlab.notes += [noted(6, "<!-- tranship --> as I said", 1)] + [noted(5, "x", 2)] * 120
    assert (0, "") == note(project, tmp_path, gitlab, "glpat-x")
    gitlab.notes.append(noted(5, "<!-- tranship -->\nold", 77))
    assert (0, "") == note(project, tmp_path, gitlab, "glpat-x")

    notes = "/api/v4/projects/3/merge_requests/9/notes"
    text = "<!-- tranship -->\n## Ähnlich\n\n[The pipeline](https://pipeline)"
    assert [
        ("POST", notes, text, "glpat-x"),
        ("PUT", f"{notes}/77", text, "glpat-x"),
    ] == gitlab.changes


@pytest.mark.parametrize(("token", "why"), [("", "TRANSHIP_NOTE_TOKEN"), ("glpat-x", "no report")])
def test_without_token_or_report_there_is_no_note(
    token: str, why: str, project: Pipelined, tmp_path: Path, gitlab: GitLab
) -> None:
    if not token:
        (tmp_path / ".tranship/reports").mkdir(parents=True)
        (tmp_path / ".tranship/reports/gitlab-note.md").write_text("## Same\n")

    ended, said = note(project, tmp_path, gitlab, token)

    assert 0 == ended
    assert why in said
    assert [] == gitlab.changes
